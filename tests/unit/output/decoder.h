/*
 * A reader of line protocol that shares nothing with the writer: written after InfluxDB's description of the format, to
 * be the second opinion in the tests.
 */
#ifndef TESTS_OUTPUT_DECODER_H
#define TESTS_OUTPUT_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECODER_TEXT = 256, DECODER_PAIRS = 16 };

struct decoded_pair {
    char key[DECODER_TEXT];
    char value[DECODER_TEXT]; /* of a field: as written, with its "i" */
};

struct decoded_point {
    char measurement[DECODER_TEXT];
    struct decoded_pair tags[DECODER_PAIRS], fields[DECODER_PAIRS];
    size_t tag_count, field_count;
    int64_t time;
};

/* Reads one line, without its line feed. False with a reason if it is none. */
bool decode_line(const char *line, size_t length, struct decoded_point *point, const char **reason);

/* NULL if there is none. */
const char *decoded_tag(const struct decoded_point *point, const char *key);
const char *decoded_field(const struct decoded_point *point, const char *key);

#endif
