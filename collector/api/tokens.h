/*
 * Bearer tokens (RFC 6750): who may ask what. A token is 256 random bits; the file holds only its SHA-256, so that who
 * reads the file, or a backup of it, cannot ask with it. A slow hash (as for passwords) would add nothing: it makes
 * guessing a word that people chose dear, and 256 random bits cannot be guessed at any price. It would only let
 * strangers keep the processor busy.
 *
 * The file, a token a line; what follows '#' is ignored:
 *
 *     read grafana 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef 2026-11-24
 *
 * scope, name, SHA-256 of the token's text in hexadecimal, and (for people) the day on which it was made.
 */
#ifndef EDUTALLY_API_TOKENS_H
#define EDUTALLY_API_TOKENS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each may do what those before it may. */
enum token_scope { TOKEN_NOBODY, TOKEN_READ, TOKEN_ADMIN };

enum {
    TOKEN_NAME_SIZE = 65,
    TOKEN_HASH_BYTES = 32,
    TOKEN_TEXT_SIZE = 9 + 64 + 1, /* "edutally_" and 64 hexadecimal digits, by which a leaked one is found */
    TOKEN_MADE_SIZE = 11,
    TOKENS_MOST = 1000,
    TOKENS_FILE_BYTES = 1024 * 1024
};

struct token {
    enum token_scope scope;
    char name[TOKEN_NAME_SIZE];
    char made[TOKEN_MADE_SIZE]; /* "2026-11-24", or "" */
    unsigned char hash[TOKEN_HASH_BYTES];
};

struct tokens {
    struct token *list;
    size_t count;
};

/* Reads the file; one without a token is well and lets nobody in. ERROR_CONFIG (no such file, a line that is none of
 * the above, a name twice, others may write to it), ERROR_IO, ERROR_MEMORY. On failure `tokens` is empty. */
int tokens_load(struct tokens *tokens, const char *path, struct error *error);
/* The same of text in memory; `path` is for the error. Pure. */
int tokens_parse(struct tokens *tokens, const char *path, const char *text, size_t length, struct error *error);
void tokens_free(struct tokens *tokens);

/* Makes a token: `text` is to be shown once and forgotten, `hash` to be kept. ERROR_IO, ERROR_MEMORY. */
int token_make(char text[TOKEN_TEXT_SIZE], unsigned char hash[TOKEN_HASH_BYTES], struct error *error);

/* The token whose hash is that of `text`, or NULL. Compares in constant time with every token of the list, so that how
 * long it takes tells nothing of how close a guess was, or which token it met. */
const struct token *tokens_find(const struct tokens *tokens, const char *text, size_t length);

/* By name, or NULL. */
const struct token *tokens_named(const struct tokens *tokens, const char *name);

/* Appends the token's line, its end included. */
void token_print(const struct token *token, struct buffer *out);

/* "read", "admin"; TOKEN_NOBODY for any other word. */
const char *token_scope_word(enum token_scope scope);
enum token_scope token_scope_of(const char *word);
bool token_name_is_good(const char *name);

#endif
