/*
 * One writer for all rows. JSON strings are escaped and made valid UTF-8 whatever the store holds; CSV fields are
 * quoted when they need it. Shares are rounded to 6 decimals in both, so that a number read from the API equals the
 * number in an exported file.
 */
#include "api/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_csv(const struct rows *rows)
{
    return rows->format == ROWS_CSV || rows->format == ROWS_CSV_UNIX;
}

static const char *line_end(const struct rows *rows)
{
    return rows->format == ROWS_CSV ? "\r\n" : "\n";
}

void rows_open(struct rows *rows, struct buffer *out, enum rows_format format, const char *columns)
{
    *rows = (struct rows){.out = out, .format = format};
    if (is_csv(rows)) {
        buffer_add_text(out, columns);
        buffer_add_text(out, line_end(rows));
    }
}

void rows_begin(struct rows *rows)
{
    if (rows->format == ROWS_JSON && rows->count > 0) {
        buffer_add_text(rows->out, ",\n");
    }
    if (!is_csv(rows)) {
        buffer_add_text(rows->out, "{");
    }
    rows->fields = 0;
}

void rows_end(struct rows *rows)
{
    if (!is_csv(rows)) {
        buffer_add_text(rows->out, "}");
    }
    if (rows->format != ROWS_JSON) {
        buffer_add_text(rows->out, line_end(rows));
    }
    rows->count++;
}

/* The separator, and in JSON the key; what is added next is the value. */
static void begin_field(struct rows *rows, const char *name)
{
    if (rows->fields++ > 0) {
        buffer_add_text(rows->out, ",");
    }
    if (!is_csv(rows)) {
        rows_add_json_text(rows->out, name);
        buffer_add_text(rows->out, ":");
    }
}

/* How many bytes the UTF-8 character at `text` has (RFC 3629); 0 if there is none. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char a = text[0];
    if (a < 0x80) {
        return 1;
    }
    size_t length = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
    if (a < 0xc2 || a > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (a == 0xe0 && text[1] < 0xa0) || (a == 0xf0 && text[1] < 0x90);
    bool surrogate_or_past = (a == 0xed && text[1] > 0x9f) || (a == 0xf4 && text[1] > 0x8f);
    return overlong || surrogate_or_past ? 0 : length;
}

static void add_json_character(struct buffer *out, const unsigned char *text, size_t length)
{
    if (length == 0) {
        buffer_add_text(out, "\xef\xbf\xbd");
    } else if (*text == '"' || *text == '\\') {
        buffer_print(out, "\\%c", *text);
    } else if (*text < 0x20 || *text == 0x7f) {
        buffer_print(out, "\\u%04x", *text);
    } else {
        buffer_add(out, text, length);
    }
}

void rows_add_json_text(struct buffer *out, const char *text)
{
    if (text == NULL) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_text(out, "\"");
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        const unsigned char *plain = at;
        while (*at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\') {
            at++;
        }
        buffer_add(out, plain, (size_t)(at - plain));
        if (*at != '\0') {
            size_t length = utf8_length(at);
            add_json_character(out, at, length);
            at += length > 0 ? length : 1;
        }
    }
    buffer_add_text(out, "\"");
}

enum { SHARE_SIZE = 400 }; /* the longest double has 309 digits before the point */

/* "0.600000"; zero is never negative. Returns `text` or the place behind its sign. */
static const char *six_decimals(double value, char text[SHARE_SIZE])
{
    snprintf(text, SHARE_SIZE, "%.6f", value);
    return strcmp(text, "-0.000000") == 0 ? text + 1 : text;
}

void rows_add_json_number(struct buffer *out, double value)
{
    if (!isfinite(value)) {
        buffer_add_text(out, "null");
        return;
    }
    char memory[SHARE_SIZE];
    const char *text = six_decimals(value, memory);
    size_t length = strlen(text);
    while (text[length - 1] == '0') {
        length--;
    }
    if (text[length - 1] == '.') {
        length--;
    }
    buffer_add(out, text, length);
}

/* The full-width signs too, which spreadsheets take for the plain ones where Chinese or Japanese is written. */
static bool begins_a_formula(const char *text)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    bool found = *text != '\0' && strchr("=+-@\t\r\n", *text) != NULL;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        found = found || strncmp(text, wide[i], 3) == 0;
    }
    return found;
}

static void add_csv_text(struct buffer *out, const char *text, bool guard)
{
    const char *prefix = guard && begins_a_formula(text) ? "'" : "";
    if (strpbrk(text, ",\"\r\n") == NULL) {
        buffer_add_text(out, prefix);
        buffer_add_text(out, text);
        return;
    }
    buffer_add_text(out, "\"");
    buffer_add_text(out, prefix);
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        buffer_add(out, text, (size_t)(quote - text));
        buffer_add_text(out, "\"\"");
    }
    buffer_add_text(out, text);
    buffer_add_text(out, "\"");
}

static void add_text_field(struct rows *rows, const char *name, const char *text, bool guard)
{
    begin_field(rows, name);
    if (!is_csv(rows)) {
        rows_add_json_text(rows->out, text);
    } else if (text != NULL) {
        add_csv_text(rows->out, text, guard);
    }
}

void rows_text(struct rows *rows, const char *name, const char *text)
{
    add_text_field(rows, name, text, true);
}

void rows_id(struct rows *rows, const char *name, const char *text)
{
    add_text_field(rows, name, text, false);
}

void rows_integer(struct rows *rows, const char *name, int64_t value)
{
    begin_field(rows, name);
    buffer_print(rows->out, "%lld", (long long)value);
}

void rows_boolean(struct rows *rows, const char *name, bool value)
{
    begin_field(rows, name);
    buffer_add_text(rows->out, value ? "true" : "false");
}

void rows_null(struct rows *rows, const char *name)
{
    begin_field(rows, name);
    buffer_add_text(rows->out, is_csv(rows) ? "" : "null");
}

void rows_share(struct rows *rows, const char *name, bool known, double value)
{
    if (!known) {
        rows_null(rows, name);
    } else if (is_csv(rows)) {
        char memory[SHARE_SIZE];
        begin_field(rows, name);
        buffer_add_text(rows->out, six_decimals(value, memory));
    } else {
        begin_field(rows, name);
        rows_add_json_number(rows->out, value);
    }
}

void rows_json(struct rows *rows, const char *name, const char *json)
{
    begin_field(rows, name);
    buffer_add_text(rows->out, json);
}

void rows_people(struct rows *rows, const char *name, int64_t value, int64_t small_cell)
{
    if (value < small_cell) {
        rows_null(rows, name);
    } else {
        rows_integer(rows, name, value);
    }
}
