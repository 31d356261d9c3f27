/*
 * The escapes: measurement ',' and ' '; keys and tag values ',' '=' ' '. All are a backslash in front, and since
 * readers disagree on what a backslash before a backslash is, none of the text's own gets through. Tags are sorted by
 * bytes, as InfluxDB advises, so that equal series are equal text.
 */
#include "output/line_protocol.h"

#include "indicator/period.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_escaped(struct buffer *out, const char *text, const char *specials)
{
    for (; *text != '\0'; text++) {
        char c = *text;
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            c = ' ';
        } else if (c == '\\') {
            c = '/';
        }
        if (strchr(specials, c) != NULL) {
            buffer_add(out, "\\", 1);
        }
        buffer_add(out, &c, 1);
    }
}

/* The shortest digits that read back as the same number, always with a '.', so that no reader takes it for an integer.
 */
static void add_float(struct buffer *out, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    const char *exponent = strchr(text, 'e');
    size_t mantissa = exponent == NULL ? strlen(text) : (size_t)(exponent - text);
    buffer_add(out, text, mantissa);
    if (memchr(text, '.', mantissa) == NULL) {
        buffer_add(out, ".0", 2);
    }
    buffer_add_text(out, text + mantissa);
}

static bool is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '_' && strcmp(name, "time") != 0;
}

static int check_fields(const struct line_point *point, struct error *error)
{
    if (point->field_count == 0) {
        return error_set(error, ERROR_INPUT, "a point of %s has no field", point->measurement);
    }
    for (size_t i = 0; i < point->field_count; i++) {
        const struct line_field *field = &point->fields[i];
        if (!is_name(field->key)) {
            return error_set(error, ERROR_INPUT, "\"%s\" cannot be the name of a field", field->key);
        }
        if (field->is_float && !isfinite(field->number)) {
            return error_set(error, ERROR_INPUT, "%s of %s is not a finite number", field->key, point->measurement);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(point->fields[k].key, field->key) == 0) {
                return error_set(error, ERROR_INPUT, "%s has two fields %s", point->measurement, field->key);
            }
        }
    }
    return 0;
}

static int check_tags(const struct line_point *point, struct error *error)
{
    for (size_t i = 0; i < point->tag_count; i++) {
        const char *key = point->tags[i].key;
        if (!is_name(key)) {
            return error_set(error, ERROR_INPUT, "\"%s\" cannot be the name of a tag", key);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(point->tags[k].key, key) == 0) {
                return error_set(error, ERROR_INPUT, "%s has two tags %s", point->measurement, key);
            }
        }
        for (size_t k = 0; k < point->field_count; k++) {
            if (strcmp(point->fields[k].key, key) == 0) {
                return error_set(error, ERROR_INPUT, "%s has %s both as a tag and as a field", point->measurement, key);
            }
        }
    }
    return 0;
}

static int by_key(const void *left, const void *right)
{
    return strcmp(((const struct line_tag *)left)->key, ((const struct line_tag *)right)->key);
}

static void add_tags(struct buffer *out, const struct line_point *point)
{
    struct line_tag sorted[LINE_TAGS];
    memcpy(sorted, point->tags, point->tag_count * sizeof sorted[0]);
    qsort(sorted, point->tag_count, sizeof sorted[0], by_key);
    for (size_t i = 0; i < point->tag_count; i++) {
        if (sorted[i].value != NULL && sorted[i].value[0] != '\0') {
            buffer_add(out, ",", 1);
            add_escaped(out, sorted[i].key, ",= ");
            buffer_add(out, "=", 1);
            add_escaped(out, sorted[i].value, ",= ");
        }
    }
}

static void add_fields(struct buffer *out, const struct line_point *point)
{
    for (size_t i = 0; i < point->field_count; i++) {
        const struct line_field *field = &point->fields[i];
        buffer_add(out, i == 0 ? " " : ",", 1);
        add_escaped(out, field->key, ",= ");
        buffer_add(out, "=", 1);
        if (field->is_float) {
            add_float(out, field->number);
        } else {
            buffer_print(out, "%" PRId64 "i", field->integer);
        }
    }
}

int line_protocol_encode(const struct line_point *point, struct buffer *out, struct error *error)
{
    if (!is_name(point->measurement) || point->measurement[0] == '#') {
        return error_set(error, ERROR_INPUT, "\"%s\" cannot be a measurement", point->measurement);
    }
    int result = check_fields(point, error);
    result = result == 0 ? check_tags(point, error) : result;
    if (result != 0) {
        return result;
    }
    add_escaped(out, point->measurement, ", ");
    add_tags(out, point);
    add_fields(out, point);
    buffer_print(out, " %" PRId64 "\n", point->time_s);
    return 0;
}

static void tag(struct line_point *point, const char *key, const char *value)
{
    point->tags[point->tag_count++] = (struct line_tag){.key = key, .value = value};
}

static void count(struct line_point *point, const char *key, int64_t value)
{
    point->fields[point->field_count++] = (struct line_field){.key = key, .integer = value};
}

static void share(struct line_point *point, const char *key, double value)
{
    point->fields[point->field_count++] = (struct line_field){.key = key, .is_float = true, .number = value};
}

static int64_t day_start_s(struct zone *zone, int32_t day)
{
    return zone_day_start_ms(zone, day) / 1000;
}

static void fill_usage(struct line_point *point, const struct change_row *row, struct zone *zone, int64_t small_cell)
{
    tag(point, "activity", row->activity);
    tag(point, "centre", row->centre);
    count(point, "events", row->events);
    count(point, "seconds", row->seconds);
    if (row->series == SERIES_USAGE) {
        if (row->users >= small_cell) {
            count(point, "users", row->users);
        }
        count(point, "devices", row->devices);
        point->time_s = day_start_s(zone, row->day);
    } else {
        point->time_s = row->hour_s;
    }
}

/* Lower bound: the silent do not adopt; upper bound: all of them do (design §6). A result that no longer stands has
 * written shares, which only other ones can replace. */
static void fill_shares(struct line_point *point, const struct change_row *row)
{
    double registered = (double)row->registered, silent = (double)(row->registered - row->reporting);
    if (row->withdrawn) {
        share(point, "rate", 0);
        share(point, "lower", 0);
        share(point, "upper", 0);
        share(point, "target", 0);
    } else if (row->registered > 0) {
        share(point, "rate", (double)row->adopting / registered);
        share(point, "lower", (double)row->adopting / registered);
        share(point, "upper", ((double)row->adopting + silent) / registered);
    }
    if (row->has_target) {
        share(point, "target", row->target);
    }
}

static int fill_adoption(struct line_point *point, const struct change_row *row, struct zone *zone, struct error *error)
{
    int kind = row->period_kind == NULL ? -1 : period_kind_of(row->period_kind);
    if (kind < 0) {
        return error_set(error, ERROR_INPUT, "\"%s\" is no kind of period",
                         row->period_kind == NULL ? "" : row->period_kind);
    }
    point->time_s = day_start_s(zone, period_first_day((enum period_kind)kind, row->period));
    tag(point, "indicator", row->indicator);
    if (row->series == SERIES_ADOPTION) {
        tag(point, "area", row->area);
        count(point, "registered", row->registered);
    } else {
        tag(point, "centre", row->centre);
    }
    count(point, "reporting", row->reporting);
    count(point, "adopting", row->adopting);
    if (row->series == SERIES_ADOPTION) {
        fill_shares(point, row);
    }
    return 0;
}

int line_protocol_change(const struct change_row *row, struct zone *zone, int64_t small_cell, struct buffer *out,
                         struct error *error)
{
    struct line_point point = {.measurement = store_series_name(row->series)};
    int result = 0;
    if (row->series == SERIES_USAGE || row->series == SERIES_USAGE_HOUR) {
        fill_usage(&point, row, zone, small_cell);
    } else {
        result = fill_adoption(&point, row, zone, error);
    }
    return result == 0 ? line_protocol_encode(&point, out, error) : result;
}
