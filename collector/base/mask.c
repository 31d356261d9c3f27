/*
 * One walk over strings, bare words and what is between them. A string is one thing, to its closing quote or to the
 * end: a name inside a value is no name. A member's name opens the value behind its colon, and only that one.
 */
#include "base/mask.h"

#include <stdint.h>
#include <string.h>

enum form { HIDDEN, VERSION, SEQUENCE, SECONDS, TIME, TYPE, ROLE };

static const struct {
    const char *name;
    enum form form;
} members[] = {
    {"v", VERSION},  {"seq", SEQUENCE}, {"dur", SECONDS}, {"t", TIME},      {"type", TYPE},     {"role", ROLE},
    {"app", HIDDEN}, {"epoch", HIDDEN}, {"id", HIDDEN},   {"user", HIDDEN}, {"events", HIDDEN},
};

static const char *const roles[] = {"teacher", "learner", "student", "pupil",   "staff",
                                    "manager", "admin",   "parent",  "visitor", "system"};

/* The walk. */
struct mask {
    const char *bytes;
    size_t count, most; /* of what there is, and of what is looked at */
    mask_knows_type *knows;
    const void *context;
    struct buffer *out;
    enum form expected; /* of the value that comes next */
};

static bool equals(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

static bool all_digits(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
    }
    return length > 0;
}

/* RFC 3339: 2026-10-05T08:30:00+07:00, with or without a fraction, or Z. */
static bool is_time(const char *word, size_t length)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    size_t at = sizeof shape - 1;
    if (length < at) {
        return false;
    }
    for (size_t i = 0; i < at; i++) {
        if (shape[i] == 'd' ? word[i] < '0' || word[i] > '9' : word[i] != shape[i]) {
            return false;
        }
    }
    if (at < length && word[at] == '.') {
        size_t begin = ++at;
        while (at < length && at - begin < 9 && word[at] >= '0' && word[at] <= '9') {
            at++;
        }
    }
    size_t left = length - at;
    return (left == 1 && word[at] == 'Z') ||
           (left == 6 && (word[at] == '+' || word[at] == '-') && all_digits(word + at + 1, 2) && word[at + 3] == ':' &&
            all_digits(word + at + 4, 2));
}

static bool is_role(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (equals(word, length, roles[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a whole value looks as one of its member does. */
static bool may_be_seen(const struct mask *mask, const char *word, size_t length, bool quoted)
{
    switch (mask->expected) {
    case VERSION:
        return !quoted && all_digits(word, length) && length <= 2;
    case SEQUENCE:
        return !quoted && all_digits(word, length) && length <= 7;
    case SECONDS:
        return !quoted && all_digits(word, length) && length <= 5;
    case TIME:
        return quoted ? is_time(word, length) : all_digits(word, length) && length == 13;
    case TYPE:
        return quoted && mask->knows != NULL && mask->knows(mask->context, word, length);
    case ROLE:
        return quoted && is_role(word, length);
    case HIDDEN:
        break;
    }
    return false;
}

/* Bytes [from, to) that lie before the bound. */
static void show(const struct mask *mask, size_t from, size_t to, bool visible)
{
    for (size_t i = from; i < to && i < mask->most; i++) {
        buffer_add(mask->out, visible ? &mask->bytes[i] : "*", 1);
    }
}

/* A string from its opening quote on; where it ends. */
static size_t end_of_string(const struct mask *mask, size_t at)
{
    for (size_t i = at + 1; i < mask->count; i++) {
        if (mask->bytes[i] == '\\') {
            i++;
        } else if (mask->bytes[i] == '"') {
            return i;
        }
    }
    return mask->count; /* never closed */
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Whether a colon is the next thing behind `at`. */
static bool has_colon(const struct mask *mask, size_t at)
{
    while (at < mask->count && is_space(mask->bytes[at])) {
        at++;
    }
    return at < mask->count && mask->bytes[at] == ':';
}

static size_t mask_string(struct mask *mask, size_t at)
{
    size_t close = end_of_string(mask, at), length = close - at - 1;
    const char *word = mask->bytes + at + 1;
    bool is_name = close < mask->count && has_colon(mask, close + 1), visible = false;
    enum form behind = HIDDEN;
    if (is_name) {
        for (size_t i = 0; i < sizeof members / sizeof members[0] && !visible; i++) {
            visible = equals(word, length, members[i].name);
            behind = visible ? members[i].form : HIDDEN;
        }
    } else {
        visible = close < mask->count && may_be_seen(mask, word, length, true);
    }
    show(mask, at, at + 1, true);
    show(mask, at + 1, close, visible);
    show(mask, close, close < mask->count ? close + 1 : close, true);
    mask->expected = behind;
    return close < mask->count ? close + 1 : close;
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("_.-+", byte) != NULL) || (unsigned char)byte >= 0x80;
}

static size_t mask_word(struct mask *mask, size_t at)
{
    const char *word = mask->bytes + at;
    size_t length = 1;
    while (at + length < mask->count && is_word(word[length])) {
        length++;
    }
    bool is_constant = equals(word, length, "true") || equals(word, length, "false") || equals(word, length, "null");
    show(mask, at, at + length, is_constant || may_be_seen(mask, word, length, false));
    mask->expected = HIDDEN;
    return at + length;
}

void mask_message(const char *bytes, size_t count, size_t most, mask_knows_type *knows, const void *context,
                  struct buffer *out)
{
    struct mask mask = {.bytes = bytes,
                        .count = count,
                        .most = count < most ? count : most,
                        .knows = knows,
                        .context = context,
                        .out = out,
                        .expected = HIDDEN};
    for (size_t at = 0; at < mask.most;) {
        if (bytes[at] == '"') {
            at = mask_string(&mask, at);
        } else if (is_word(bytes[at])) {
            at = mask_word(&mask, at);
        } else {
            unsigned char byte = (unsigned char)bytes[at];
            show(&mask, at, at + 1, byte >= 0x20 && byte != 0x7f);
            mask.expected = bytes[at] == ':' || is_space(bytes[at]) ? mask.expected : HIDDEN;
            at++;
        }
    }
}
