/*
 * The file of tokens, line by line, and the search in it. The whole file is read or none of it: one line that cannot be
 * read might be the one that somebody took out by hand.
 */
#include "api/tokens.h"

#include "base/civil.h"
#include "base/digest.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static const char prefix[] = "edutally_";

enum { FIELDS = 4 };

struct field {
    const char *text;
    size_t length;
};

const char *token_scope_word(enum token_scope scope)
{
    return scope == TOKEN_ADMIN ? "admin" : scope == TOKEN_READ ? "read" : "nobody";
}

enum token_scope token_scope_of(const char *word)
{
    return strcmp(word, "admin") == 0 ? TOKEN_ADMIN : strcmp(word, "read") == 0 ? TOKEN_READ : TOKEN_NOBODY;
}

bool token_name_is_good(const char *name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length < TOKEN_NAME_SIZE && strspn(name, good) == length;
}

/* Splits at blanks; FIELDS + 1 means too many. A line ends at '#'. */
static size_t split_line(const char *line, size_t length, struct field fields[FIELDS])
{
    size_t count = 0, at = 0;
    const char *comment = memchr(line, '#', length);
    length = comment != NULL ? (size_t)(comment - line) : length;
    for (;;) {
        while (at < length && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r')) {
            at++;
        }
        if (at == length) {
            return count;
        }
        if (count == FIELDS) {
            return FIELDS + 1;
        }
        size_t start = at;
        while (at < length && line[at] != ' ' && line[at] != '\t' && line[at] != '\r') {
            at++;
        }
        fields[count++] = (struct field){line + start, at - start};
    }
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool read_hash(struct field field, unsigned char hash[TOKEN_HASH_BYTES])
{
    if (field.length != (size_t)TOKEN_HASH_BYTES * 2) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
        int high = hex_digit(field.text[2 * i]), low = hex_digit(field.text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        hash[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static bool copy_field(struct field field, char *out, size_t size)
{
    if (field.length >= size || memchr(field.text, '\0', field.length) != NULL) {
        return false;
    }
    memcpy(out, field.text, field.length);
    out[field.length] = '\0';
    return true;
}

/* What is wrong with the line, or NULL. */
static const char *read_token(const struct field *fields, size_t count, struct token *token)
{
    char scope[8];
    int32_t day;
    *token = (struct token){0};
    if (count != 3 && count != 4) {
        return "a line is: scope name sha256 [date]";
    }
    token->scope = copy_field(fields[0], scope, sizeof scope) ? token_scope_of(scope) : TOKEN_NOBODY;
    if (token->scope == TOKEN_NOBODY) {
        return "the scope is read or admin";
    }
    if (!copy_field(fields[1], token->name, sizeof token->name) || !token_name_is_good(token->name)) {
        return "the name is 1 to 64 characters of A-Z a-z 0-9 . _ -";
    }
    if (!read_hash(fields[2], token->hash)) {
        return "the third word is the token's SHA-256, 64 hexadecimal digits, and not the token itself";
    }
    if (count == 4 && (!copy_field(fields[3], token->made, sizeof token->made) ||
                       civil_parse_date(fields[3].text, fields[3].length, &day) != 0)) {
        return "the fourth word is the day on which it was made, as 2026-11-24";
    }
    return NULL;
}

static int add_token(struct tokens *tokens, const struct token *token)
{
    /* Doubles at every power of two. */
    if ((tokens->count & (tokens->count - 1)) == 0) {
        size_t room = tokens->count == 0 ? 1 : tokens->count * 2;
        struct token *grown = realloc(tokens->list, room * sizeof *grown);
        if (grown == NULL) {
            return ERROR_MEMORY;
        }
        tokens->list = grown;
    }
    tokens->list[tokens->count++] = *token;
    return 0;
}

static int take_line(struct tokens *tokens, const char *path, unsigned number, const struct field *fields, size_t count,
                     struct error *error)
{
    struct token token;
    const char *fault = read_token(fields, count, &token);
    if (fault == NULL && tokens_named(tokens, token.name) != NULL) {
        fault = "the name is there already: each token has its own, to be removed by";
    }
    if (fault == NULL && tokens->count == TOKENS_MOST) {
        fault = "there are more than 1000 tokens";
    }
    if (fault != NULL) {
        return error_set(error, ERROR_CONFIG, "%.100s:%u: %s; `edutally token` writes this file", path, number, fault);
    }
    return add_token(tokens, &token) == 0 ? 0 : error_set(error, ERROR_MEMORY, "out of memory reading %s", path);
}

int tokens_parse(struct tokens *tokens, const char *path, const char *text, size_t length, struct error *error)
{
    unsigned number = 0;
    *tokens = (struct tokens){0};
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end != NULL ? (size_t)(end - text) - at : length - at;
        struct field fields[FIELDS];
        size_t count = split_line(text + at, line, fields);
        number++;
        at += line + 1;
        int failed = count > 0 ? take_line(tokens, path, number, fields, count, error) : 0;
        if (failed != 0) {
            tokens_free(tokens);
            return failed;
        }
    }
    return 0;
}

int tokens_load(struct tokens *tokens, const char *path, struct error *error)
{
    struct buffer text = {0};
    struct stat status;
    *tokens = (struct tokens){0};
    if (stat(path, &status) != 0) {
        return error_set(error, ERROR_CONFIG, "%.120s: %s; `edutally token new` makes it", path, strerror(errno));
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        return error_set(error, ERROR_CONFIG, "%.120s: anybody may write to it; chmod 0640", path);
    }
    int result = file_read(path, TOKENS_FILE_BYTES, &text, error);
    if (result == 0) {
        result = tokens_parse(tokens, path, text.bytes, text.used, error);
    }
    buffer_free(&text);
    return result;
}

void tokens_free(struct tokens *tokens)
{
    free(tokens->list);
    *tokens = (struct tokens){0};
}

int token_make(char text[TOKEN_TEXT_SIZE], unsigned char hash[TOKEN_HASH_BYTES], struct error *error)
{
    unsigned char random[32];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return error_errno(error, "cannot get random bytes");
    }
    snprintf(text, TOKEN_TEXT_SIZE, "%s", prefix);
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(text + sizeof prefix - 1 + 2 * i, 3, "%02x", random[i]);
    }
    return digest_sha256(text, strlen(text), hash) == 0 ? 0 : error_set(error, ERROR_MEMORY, "cannot make a SHA-256");
}

const struct token *tokens_find(const struct tokens *tokens, const char *text, size_t length)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    const struct token *found = NULL;
    if (digest_sha256(text, length, hash) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < tokens->count; i++) {
        bool same = digest_equal(hash, tokens->list[i].hash, sizeof hash);
        found = same ? &tokens->list[i] : found;
    }
    return found;
}

const struct token *tokens_named(const struct tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (strcmp(tokens->list[i].name, name) == 0) {
            return &tokens->list[i];
        }
    }
    return NULL;
}

void token_print(const struct token *token, struct buffer *out)
{
    buffer_print(out, "%s %s ", token_scope_word(token->scope), token->name);
    for (size_t i = 0; i < sizeof token->hash; i++) {
        buffer_print(out, "%02x", token->hash[i]);
    }
    buffer_print(out, "%s%s\n", token->made[0] != '\0' ? " " : "", token->made);
}
