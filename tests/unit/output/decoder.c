#include "decoder.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at, *end;
    const char *reason;
};

/* Reads up to an unescaped byte of `stops`. A backslash escapes only what is in `stops`, as in InfluxDB. */
static bool read_name(struct reader *reader, const char *stops, char *out)
{
    size_t used = 0;
    while (reader->at < reader->end && strchr(stops, *reader->at) == NULL) {
        if (*reader->at == '\\') {
            if (reader->at + 1 == reader->end) {
                reader->reason = "a backslash at the end";
                return false;
            }
            reader->at += strchr(stops, reader->at[1]) != NULL ? 1 : 0;
        }
        if (used + 1 == DECODER_TEXT || (unsigned char)*reader->at < 0x20) {
            reader->reason = "too long, or a control character";
            return false;
        }
        out[used++] = *reader->at++;
    }
    out[used] = '\0';
    reader->reason = used == 0 ? "an empty name or value" : reader->reason;
    return used > 0;
}

static bool read_pair(struct reader *reader, struct decoded_pair *pair)
{
    if (!read_name(reader, "=, ", pair->key)) {
        return false;
    }
    if (reader->at == reader->end || *reader->at != '=') {
        reader->reason = "a key without '='";
        return false;
    }
    reader->at++;
    return read_name(reader, "=, ", pair->value);
}

static bool read_pairs(struct reader *reader, struct decoded_pair *pairs, size_t *count)
{
    *count = 0;
    do {
        if (*count == DECODER_PAIRS) {
            reader->reason = "too many pairs";
            return false;
        }
        if (!read_pair(reader, &pairs[(*count)++])) {
            return false;
        }
    } while (reader->at < reader->end && *reader->at == ',' && reader->at++ != NULL);
    return true;
}

/* An integer with "i", or a float that strtod takes and that has a point. */
static bool is_number(const char *value)
{
    char *end = NULL;
    size_t length = strlen(value);
    if (value[length - 1] == 'i') {
        strtoll(value, &end, 10);
        return end == value + length - 1 && length > 1;
    }
    strtod(value, &end);
    return *end == '\0' && strchr(value, '.') != NULL && strpbrk(value, "nN") == NULL;
}

static bool expect_space(struct reader *reader)
{
    if (reader->at == reader->end || *reader->at != ' ') {
        reader->reason = "a space is missing";
        return false;
    }
    reader->at++;
    return true;
}

bool decode_line(const char *line, size_t length, struct decoded_point *point, const char **reason)
{
    struct reader reader = {.at = line, .end = line + length};
    char *end = NULL;
    memset(point, 0, sizeof *point);
    bool good = line[0] != '#' && read_name(&reader, ", ", point->measurement);
    if (good && reader.at < reader.end && *reader.at == ',') {
        reader.at++;
        good = read_pairs(&reader, point->tags, &point->tag_count);
    }
    good = good && expect_space(&reader) && read_pairs(&reader, point->fields, &point->field_count);
    good = good && expect_space(&reader);
    for (size_t i = 0; good && i < point->field_count; i++) {
        good = is_number(point->fields[i].value);
        reader.reason = good ? NULL : "a value that is no number";
    }
    if (good) {
        point->time = strtoll(reader.at, &end, 10);
        good = end == reader.end && end > reader.at;
        reader.reason = good ? NULL : "the time is none";
    }
    *reason = reader.reason;
    return good;
}

static const char *find(const struct decoded_pair *pairs, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pairs[i].key, key) == 0) {
            return pairs[i].value;
        }
    }
    return NULL;
}

const char *decoded_tag(const struct decoded_point *point, const char *key)
{
    return find(point->tags, point->tag_count, key);
}

const char *decoded_field(const struct decoded_point *point, const char *key)
{
    return find(point->fields, point->field_count, key);
}
