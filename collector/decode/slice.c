/*
 * The bytes of a batch's bad event, as they came. Printing the parsed tree again would not give them back: cJSON 1.7.15
 * prints with 15 digits what it believes to be close enough, and 9007199254740991 is a sequence number here.
 *
 * The text was checked before, so brackets match and strings end; the walk looks at nothing else.
 */
#include "internal.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(const char *text, size_t at)
{
    while (is_space(text[at])) {
        at++;
    }
    return at;
}

/* Just past the number, true, false or null at `at`: inside an array or object something always follows. */
static size_t skip_scalar(const char *text, size_t at)
{
    while (!is_space(text[at]) && text[at] != ',' && text[at] != ']' && text[at] != '}') {
        at++;
    }
    return at;
}

/* Just past the string that begins at `at`. */
static size_t skip_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++) {
        at += text[at] == '\\';
    }
    return at + 1;
}

/* Just past the value that begins at `at`. */
static size_t skip_value(const char *text, size_t at)
{
    size_t depth = 0;
    do {
        char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 0) {
            return skip_scalar(text, at);
        }
        at++;
    } while (depth > 0);
    return at;
}

void slice_begin(struct slice *slice, const char *text, size_t member)
{
    size_t at = 0;
    while (text[at] != '{') { /* white space, a byte order mark */
        at++;
    }
    at++;
    for (size_t i = 0;; i++) {
        at = skip_string(text, skip_space(text, at));
        at = skip_space(text, skip_space(text, at) + 1); /* the colon */
        if (i == member) {
            break;
        }
        at = skip_space(text, skip_value(text, at)) + 1; /* the comma */
    }
    *slice = (struct slice){.text = text, .at = skip_space(text, at + 1)};
}

struct decode_text slice_take(struct slice *slice, int64_t index)
{
    while (slice->index < index) {
        size_t end = skip_space(slice->text, skip_value(slice->text, slice->at));
        slice->at = skip_space(slice->text, end + 1); /* past the comma */
        slice->index++;
    }
    return (struct decode_text){.at = slice->text + slice->at,
                                .length = skip_value(slice->text, slice->at) - slice->at};
}
