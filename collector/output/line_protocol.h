/*
 * InfluxDB line protocol, as InfluxDB 1, 2, 3 and VictoriaMetrics read it. Pure. A point is one line:
 *
 *     usage,activity=teaching,centre=c1 events=12i,seconds=5400i,users=3i,devices=1i 1759597200
 *
 * Time stamps are in seconds: whoever sends lines must say precision=s. What the format cannot hold is mapped, never
 * let through: control characters (a line feed ends a line even inside quotes) become spaces, a backslash, which has no
 * escape of its own, becomes '/'; a tag without a value is left out.
 */
#ifndef EDUTALLY_OUTPUT_LINE_PROTOCOL_H
#define EDUTALLY_OUTPUT_LINE_PROTOCOL_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/zone.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_TAGS = 8, LINE_FIELDS = 16 };

struct line_tag {
    const char *key;
    const char *value; /* NULL or "": left out */
};

/* A field keeps its type for ever: counts are integers ("12i"), shares are floats (always with a '.'). */
struct line_field {
    const char *key;
    bool is_float;
    int64_t integer;
    double number;
};

struct line_point {
    const char *measurement;
    struct line_tag tags[LINE_TAGS]; /* in any order: they are written in the order of their bytes */
    size_t tag_count;
    struct line_field fields[LINE_FIELDS];
    size_t field_count;
    int64_t time_s;
};

/* Appends the point and a line feed to `out`. ERROR_INPUT, with nothing appended: no field, a number that is not
 * finite, an empty or reserved name ("time", a leading '_' or, of a measurement, '#'), or one name twice. */
int line_protocol_encode(const struct line_point *point, struct buffer *out, struct error *error);

/* Appends a row of the store as its point: the measurements are listed in output.h. A count of people below
 * `small_cell` is left out, and the point has the other fields. ERROR_INPUT as above, and for a kind of period that is
 * none. */
int line_protocol_change(const struct change_row *row, struct zone *zone, int64_t small_cell, struct buffer *out,
                         struct error *error);

#endif
