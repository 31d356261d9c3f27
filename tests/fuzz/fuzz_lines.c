/*
 * Any texts and numbers as a point of line protocol. The bytes are pieces that end in NUL: the measurement; then, by
 * their first character, tags ("t" key, 0x01, value), counts and shares ("i" or "f" key, 0x01, number). Promises: what
 * is encoded is one line, and a decoder that shares nothing with the encoder reads the same point out of it, but for
 * what line_protocol.h says is mapped; what is refused leaves nothing behind.
 */
#include "fuzz.h"

#include "../unit/output/decoder.h"

#include "base/buffer.h"
#include "output/line_protocol.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 200 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Names are the program's own, so they have no control characters and backslashes; values come from anywhere. */
static bool is_name(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f || *text == '\\') {
            return false;
        }
    }
    return true;
}

static void add_piece(struct line_point *point, char *piece)
{
    char *value = strchr(piece, 0x01);
    if (value == NULL || piece[0] == '\0') {
        return;
    }
    *value++ = '\0';
    const char *key = piece + 1;
    if (!is_name(key)) {
        return;
    }
    if (piece[0] == 't' && point->tag_count < LINE_TAGS) {
        point->tags[point->tag_count++] = (struct line_tag){.key = key, .value = value};
    } else if (piece[0] == 'i' && point->field_count < LINE_FIELDS) {
        point->fields[point->field_count++] = (struct line_field){.key = key, .integer = strtoll(value, NULL, 10)};
    } else if (piece[0] == 'f' && point->field_count < LINE_FIELDS) {
        point->fields[point->field_count++] =
            (struct line_field){.key = key, .is_float = true, .number = strtod(value, NULL)};
    }
}

static void read_point(char *text, size_t size, struct line_point *point)
{
    point->measurement = text;
    point->time_s = (int64_t)size * 1000003 - 500;
    for (size_t at = strlen(text) + 1; at < size; at += strlen(text + at) + 1) {
        if (strlen(text + at) < LONGEST) {
            add_piece(point, text + at);
        }
    }
}

/* The text as the format can hold it. */
static void map(const char *text, char *out)
{
    for (; *text != '\0'; text++, out++) {
        *out = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text == '\\' ? '/' : *text;
    }
    *out = '\0';
}

static void check_tags(const struct line_point *point, const struct decoded_point *decoded)
{
    size_t tags = 0;
    for (size_t i = 0; i < point->tag_count; i++) {
        char mapped[LONGEST + 1];
        map(point->tags[i].value, mapped);
        const char *read = decoded_tag(decoded, point->tags[i].key);
        PROMISE(mapped[0] == '\0' ? read == NULL : read != NULL && strcmp(read, mapped) == 0);
        tags += mapped[0] != '\0';
    }
    PROMISE(decoded->tag_count == tags);
    for (size_t i = 1; i < decoded->tag_count; i++) {
        PROMISE(strcmp(decoded->tags[i - 1].key, decoded->tags[i].key) < 0);
    }
}

static void check_fields(const struct line_point *point, const struct decoded_point *decoded)
{
    PROMISE(decoded->field_count == point->field_count);
    for (size_t i = 0; i < point->field_count; i++) {
        const struct line_field *field = &point->fields[i];
        const char *read = decoded_field(decoded, field->key);
        PROMISE(read != NULL);
        if (field->is_float) {
            PROMISE(strtod(read, NULL) == field->number && strchr(read, 'i') == NULL);
        } else {
            PROMISE(strtoll(read, NULL, 10) == field->integer && read[strlen(read) - 1] == 'i');
        }
    }
}

static void check_line(const struct line_point *point, const struct buffer *line)
{
    static struct decoded_point decoded; /* large */
    char mapped[LONGEST + 1];
    const char *reason = NULL;
    PROMISE(line->used > 0 && line->bytes[line->used - 1] == '\n');
    PROMISE(memchr(line->bytes, '\n', line->used - 1) == NULL);
    PROMISE(decode_line(line->bytes, line->used - 1, &decoded, &reason));
    map(point->measurement, mapped);
    PROMISE(strcmp(decoded.measurement, mapped) == 0);
    PROMISE(decoded.time == point->time_s);
    check_tags(point, &decoded);
    check_fields(point, &decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line_point point = {0};
    struct buffer line = {0};
    struct error error = {0};
    char *text = malloc(size + 1);
    PROMISE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (strlen(text) < LONGEST) {
        read_point(text, size, &point);
        if (line_protocol_encode(&point, &line, &error) == 0) {
            PROMISE(!line.failed);
            check_line(&point, &line);
        } else {
            PROMISE(line.used == 0 && error.text[0] != '\0');
        }
    }
    buffer_free(&line);
    free(text);
    return 0;
}
