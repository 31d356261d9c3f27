/*
 * A cursor over the bytes and one function for each kind of token. A failure moves the cursor to the end and is
 * sticky, so the reader asks once at the end whether all went well. Values under unknown keys are skipped by counting
 * brackets, not by recursion: depth costs nothing.
 */
#include "device/ack.h"

#include <string.h>

struct cursor {
    const char *at, *end;
    bool failed;
};

static void fail(struct cursor *cursor)
{
    cursor->failed = true;
    cursor->at = cursor->end;
}

/* The next byte that is no space, or NUL at the end. */
static char peek(struct cursor *cursor)
{
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r' || *cursor->at == '\n')) {
        cursor->at++;
    }
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool take(struct cursor *cursor, char wanted)
{
    if (peek(cursor) != wanted) {
        return false;
    }
    cursor->at++;
    return true;
}

static void expect(struct cursor *cursor, char wanted)
{
    if (!take(cursor, wanted)) {
        fail(cursor);
    }
}

/* Reads a string; its content between the quotes, escapes not undone, is *text .. *text + *length. */
static bool read_string(struct cursor *cursor, const char **text, size_t *length)
{
    if (!take(cursor, '"')) {
        return false;
    }
    *text = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        if ((unsigned char)*cursor->at < 0x20) {
            fail(cursor);
            return false;
        }
        cursor->at += *cursor->at == '\\' && cursor->at + 1 < cursor->end ? 2 : 1;
    }
    if (cursor->at >= cursor->end) {
        fail(cursor);
        return false;
    }
    *length = (size_t)(cursor->at - *text);
    cursor->at++;
    return true;
}

/* A whole number from 0 to `maximum`. */
static bool read_number(struct cursor *cursor, uint64_t maximum, uint64_t *number)
{
    uint64_t value = 0;
    char first = peek(cursor);
    const char *start = cursor->at;

    if (first < '0' || first > '9') {
        return false;
    }
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        uint64_t digit = (uint64_t)(*cursor->at - '0');

        if (value > (maximum - digit) / 10U) {
            return false;
        }
        value = value * 10U + digit;
        cursor->at++;
    }
    if ((first == '0' && cursor->at - start > 1) ||
        (cursor->at < cursor->end && (*cursor->at == '.' || *cursor->at == 'e' || *cursor->at == 'E'))) {
        return false;
    }
    *number = value;
    return true;
}

/* Past a value that is of no interest. */
static void skip_value(struct cursor *cursor)
{
    uint32_t depth = 0;

    do {
        const char *text;
        size_t length;
        char next = peek(cursor);

        if (next == '"') {
            (void)read_string(cursor, &text, &length);
        } else if (next == '{' || next == '[') {
            depth++;
            cursor->at++;
        } else if (next == '}' || next == ']') {
            if (depth == 0U) {
                fail(cursor);
                return;
            }
            depth--;
            cursor->at++;
        } else if (next == '\0') {
            fail(cursor);
        } else {
            cursor->at++;
        }
        next = peek(cursor);
        if (depth == 0U && (next == ',' || next == '}')) {
            return;
        }
    } while (!cursor->failed);
}

/* Where a range finds no room, nothing from its first on is claimed. */
static void add_missing(struct ack *ack, uint32_t first, uint32_t last, uint32_t *claimed)
{
    if (ack->missing_count < ACK_MISSING_MAX) {
        ack->missing[ack->missing_count].first = first;
        ack->missing[ack->missing_count].last = last;
        ack->missing_count++;
    } else if (first - 1U < *claimed) {
        *claimed = first - 1U;
    }
}

static enum ack_result read_missing(struct cursor *cursor, struct ack *ack, uint32_t *claimed)
{
    expect(cursor, '[');
    if (take(cursor, ']')) {
        return ACK_OK;
    }
    do {
        uint64_t first = 0, last = 0;

        if (!take(cursor, '[') || !read_number(cursor, UINT32_MAX, &first) || !take(cursor, ',') ||
            !read_number(cursor, UINT32_MAX, &last) || !take(cursor, ']') || first < 1U || first > last) {
            return ACK_BAD_MISSING;
        }
        add_missing(ack, (uint32_t)first, (uint32_t)last, claimed);
    } while (take(cursor, ','));
    expect(cursor, ']');
    return cursor->failed ? ACK_BAD_MISSING : ACK_OK;
}

static enum ack_result read_epoch(struct cursor *cursor, struct ack *ack)
{
    const char *text;
    size_t length;

    if (!read_string(cursor, &text, &length) || length < 1U || length >= (size_t)ACK_EPOCH_MAX ||
        memchr(text, '\\', length) != NULL) {
        return ACK_BAD_EPOCH;
    }
    memcpy(ack->epoch, text, length);
    ack->epoch[length] = '\0';
    return ACK_OK;
}

struct found {
    bool upto;
    uint32_t claimed;
};

static bool is_key(const char *key, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(key, name, length) == 0;
}

static enum ack_result read_member(struct cursor *cursor, struct ack *ack, struct found *found)
{
    const char *key;
    size_t length;
    uint64_t number = 0;

    if (!read_string(cursor, &key, &length) || !take(cursor, ':')) {
        return ACK_NOT_JSON;
    }
    /* Escapes are not undone, so a key with one could be "missing" in disguise: too much would count as covered. */
    if (memchr(key, '\\', length) != NULL) {
        return ACK_NOT_JSON;
    }
    if (is_key(key, length, "epoch")) {
        return read_epoch(cursor, ack);
    }
    if (is_key(key, length, "upto")) {
        if (!read_number(cursor, UINT32_MAX, &number)) {
            return ACK_BAD_UPTO;
        }
        ack->upto = (uint32_t)number;
        found->upto = true;
        return ACK_OK;
    }
    if (is_key(key, length, "missing")) {
        return read_missing(cursor, ack, &found->claimed);
    }
    if (is_key(key, length, "now")) {
        if (!read_number(cursor, INT64_MAX, &number)) {
            return ACK_BAD_NOW;
        }
        ack->now_ms = (int64_t)number;
        return ACK_OK;
    }
    skip_value(cursor);
    return cursor->failed ? ACK_NOT_JSON : ACK_OK;
}

enum ack_result ack_parse(const char *bytes, size_t length, struct ack *ack)
{
    struct cursor cursor = {bytes, bytes + length, false};
    struct found found = {false, UINT32_MAX};

    memset(ack, 0, sizeof *ack);
    if (!take(&cursor, '{')) {
        return ACK_NOT_JSON;
    }
    if (!take(&cursor, '}')) {
        do {
            enum ack_result result = read_member(&cursor, ack, &found);

            if (result != ACK_OK) {
                return result;
            }
        } while (take(&cursor, ','));
        expect(&cursor, '}');
    }
    if (cursor.failed || peek(&cursor) != '\0' || cursor.at != cursor.end) {
        return ACK_NOT_JSON;
    }
    if (ack->epoch[0] == '\0') {
        return ACK_BAD_EPOCH;
    }
    if (!found.upto) {
        return ACK_BAD_UPTO;
    }
    if (found.claimed < ack->upto) {
        ack->upto = found.claimed;
    }
    return ACK_OK;
}

bool ack_covers(const struct ack *ack, uint32_t seq)
{
    if (seq > ack->upto) {
        return false;
    }
    for (uint32_t i = 0; i < ack->missing_count; i++) {
        if (seq >= ack->missing[i].first && seq <= ack->missing[i].last) {
            return false;
        }
    }
    return true;
}
