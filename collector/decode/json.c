/*
 * cJSON is fast and lenient: it skips control characters between tokens, reads "01", "1." and "-.5" as numbers, takes a
 * bad \u escape for a NUL character and cuts the string there, and says NULL for bad text and for lack of memory alike.
 * So the text is checked first, by a strict reader of RFC 8259 that keeps nothing but a bit for each open bracket (is
 * it an object?). It also gives the place of a fault, which helps the author of a device.
 *
 * The invariant that the rest relies on: what json_check accepts, cJSON parses. So a parse that fails afterwards lacked
 * memory, and no message is rejected for a reason that is not its own. The fuzz target for messages tests it.
 */
#include "internal.h"

#include "base/error.h"
#include "base/json_arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

/* cJSON's own bounds: CJSON_NESTING_LIMIT, and the buffer in its parse_number less the NUL. */
enum { DEEPEST = 1000, LONGEST_NUMBER = 63 };

enum expected { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END };

struct reader {
    const unsigned char *text;
    size_t length;
    size_t at;
    size_t depth;
    size_t most_depth;
    unsigned char is_object[DEEPEST / 8 + 1]; /* a bit for each open bracket */
    struct refusal *refusal;
};

bool refuse(struct refusal *refusal, enum decode_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    refusal->reason = reason;
    vsnprintf(refusal->detail, sizeof refusal->detail, format, arguments);
    va_end(arguments);
    return false;
}

static bool fail(const struct reader *reader, const char *what)
{
    if (reader->at >= reader->length) {
        return refuse(reader->refusal, DECODE_BAD_JSON, "cut off after byte %zu: %s", reader->length, what);
    }
    return refuse(reader->refusal, DECODE_BAD_JSON, "at byte %zu: %s", reader->at, what);
}

/* NUL past the end: no token begins with it, and UTF-8 with a NUL was refused before. */
static unsigned char look(const struct reader *reader, size_t ahead)
{
    return reader->at + ahead < reader->length ? reader->text[reader->at + ahead] : '\0';
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->length) {
        unsigned char c = reader->text[reader->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            return;
        }
        reader->at++;
    }
}

static int hex_value(unsigned char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape, `ahead` of the reader; -1 if they are none. */
static int unit_at(const struct reader *reader, size_t ahead)
{
    int unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(look(reader, ahead + i));
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* The reader stands on a backslash. */
static bool read_escape(struct reader *reader)
{
    unsigned char c = look(reader, 1);
    if (c != 'u') {
        if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
            return fail(reader, "not an escape of JSON");
        }
        reader->at += 2;
        return true;
    }
    int unit = unit_at(reader, 2);
    if (unit < 0) {
        return fail(reader, "\\u needs four hexadecimal digits");
    }
    if (unit == 0) {
        return refuse(reader->refusal, DECODE_BAD_UTF8, "at byte %zu: an escaped NUL character", reader->at);
    }
    if (unit >= 0xd800 && unit <= 0xdfff) {
        int low = look(reader, 6) == '\\' && look(reader, 7) == 'u' ? unit_at(reader, 8) : -1;
        if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff) {
            return fail(reader, "half of a surrogate pair");
        }
        reader->at += 6;
    }
    reader->at += 6;
    return true;
}

/* The reader stands on the opening quote. */
static bool read_string(struct reader *reader)
{
    reader->at++;
    for (;;) {
        const unsigned char *at = reader->text + reader->at, *end = reader->text + reader->length;
        while (at < end && *at != '"' && *at != '\\' && *at >= 0x20) {
            at++;
        }
        reader->at = (size_t)(at - reader->text);
        if (at == end) {
            return fail(reader, "the string does not end");
        }
        if (*at == '"') {
            reader->at++;
            return true;
        }
        if (*at != '\\') {
            return fail(reader, "a control character inside a string");
        }
        if (!read_escape(reader)) {
            return false;
        }
    }
}

static bool read_digits(struct reader *reader)
{
    size_t from = reader->at;
    while (is_digit(look(reader, 0))) {
        reader->at++;
    }
    return reader->at > from || fail(reader, "a digit is missing in the number");
}

static bool read_number(struct reader *reader)
{
    size_t from = reader->at;
    reader->at += look(reader, 0) == '-';
    if (look(reader, 0) == '0') {
        reader->at++;
    } else if (!read_digits(reader)) {
        return false;
    }
    if (look(reader, 0) == '.') {
        reader->at++;
        if (!read_digits(reader)) {
            return false;
        }
    }
    if (look(reader, 0) == 'e' || look(reader, 0) == 'E') {
        reader->at++;
        reader->at += look(reader, 0) == '+' || look(reader, 0) == '-';
        if (!read_digits(reader)) {
            return false;
        }
    }
    return reader->at - from <= LONGEST_NUMBER || fail(reader, "a number of more than 63 characters");
}

static bool read_literal(struct reader *reader)
{
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        size_t length = strlen(literals[i]);
        if (reader->length - reader->at >= length && memcmp(reader->text + reader->at, literals[i], length) == 0) {
            reader->at += length;
            return true;
        }
    }
    return fail(reader, "not a value");
}

static bool inside_object(const struct reader *reader)
{
    size_t level = reader->depth - 1;
    return (reader->is_object[level / 8] >> level % 8 & 1) != 0;
}

static bool open_bracket(struct reader *reader, enum expected *expected)
{
    if (reader->depth == reader->most_depth) {
        return refuse(reader->refusal, DECODE_TOO_DEEP, "at byte %zu: nested more than %zu deep", reader->at,
                      reader->most_depth);
    }
    bool object = reader->text[reader->at++] == '{';
    unsigned char bit = (unsigned char)(1u << reader->depth % 8);
    unsigned char *bits = &reader->is_object[reader->depth / 8];
    *bits = (unsigned char)(object ? *bits | bit : *bits & ~bit);
    reader->depth++;
    *expected = object ? KEY_OR_END : VALUE_OR_END;
    return true;
}

static bool read_value(struct reader *reader, enum expected *expected)
{
    unsigned char c = reader->text[reader->at];
    if (c == '{' || c == '[') {
        return open_bracket(reader, expected);
    }
    *expected = COMMA_OR_END;
    if (c == '"') {
        return read_string(reader);
    }
    return is_digit(c) || c == '-' ? read_number(reader) : read_literal(reader);
}

static bool read_key(struct reader *reader, enum expected *expected)
{
    if (look(reader, 0) != '"') {
        return fail(reader, "a key in quotes should stand here");
    }
    if (!read_string(reader)) {
        return false;
    }
    skip_space(reader);
    if (look(reader, 0) != ':') {
        return fail(reader, "a colon should stand here");
    }
    reader->at++;
    *expected = VALUE;
    return true;
}

/* The reader stands on what follows a value, or on what may be the end of an empty array or object. */
static bool read_comma_or_end(struct reader *reader, enum expected *expected)
{
    if (reader->depth == 0) {
        return fail(reader, "something follows the JSON value");
    }
    unsigned char c = look(reader, 0);
    bool object = inside_object(reader);
    if (c == (object ? '}' : ']')) {
        reader->depth--;
        *expected = COMMA_OR_END;
    } else if (c == ',' && *expected == COMMA_OR_END) {
        *expected = object ? KEY : VALUE;
    } else {
        return fail(reader, object ? "a comma or } should stand here" : "a comma or ] should stand here");
    }
    reader->at++;
    return true;
}

static bool read_token(struct reader *reader, enum expected *expected)
{
    unsigned char c = reader->text[reader->at];
    switch (*expected) {
    case KEY:
        return read_key(reader, expected);
    case KEY_OR_END:
        return c == '}' ? read_comma_or_end(reader, expected) : read_key(reader, expected);
    case VALUE:
        return read_value(reader, expected);
    case VALUE_OR_END:
        return c == ']' ? read_comma_or_end(reader, expected) : read_value(reader, expected);
    case COMMA_OR_END:
        break;
    }
    return read_comma_or_end(reader, expected);
}

/* The bytes in front that are ASCII, in whole words: most messages are ASCII alone, and this is ten times as fast. */
static size_t skip_ascii(const char *text, size_t length)
{
    size_t at = 0;
    for (uint64_t word; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    return at;
}

bool json_check(const char *text, size_t length, size_t depth, struct refusal *refusal)
{
    struct reader reader = {.text = (const unsigned char *)text,
                            .length = length,
                            .most_depth = depth < DEEPEST ? depth : DEEPEST,
                            .refusal = refusal};
    const char *nul = memchr(text, '\0', length);
    if (nul != NULL) {
        return refuse(refusal, DECODE_BAD_UTF8, "at byte %zu: a NUL character", (size_t)(nul - text));
    }
    size_t ascii = skip_ascii(text, length);
    const unsigned char *bad = u8_check(reader.text + ascii, length - ascii);
    if (bad != NULL) {
        return refuse(refusal, DECODE_BAD_UTF8, "at byte %zu: not UTF-8", (size_t)(bad - reader.text));
    }
    enum expected expected = VALUE;
    for (skip_space(&reader); reader.at < length; skip_space(&reader)) {
        if (!read_token(&reader, &expected)) {
            return false;
        }
    }
    if (reader.depth > 0 || expected != COMMA_OR_END) {
        return fail(&reader, "the value does not end");
    }
    return true;
}

int json_parse(const char *text, size_t length, size_t depth, struct arena *arena, cJSON **root,
               struct refusal *refusal)
{
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (!json_check(text + mark, length - mark, depth, refusal)) {
        return ERROR_INPUT;
    }
    json_arena_use(arena);
    *root = cJSON_ParseWithLengthOpts(text + mark, length - mark, NULL, false);
    json_arena_use(NULL);
    return *root == NULL ? ERROR_MEMORY : 0;
}
