/*
 * Any bytes as what a client of the HTTP interface may send: lines of target, Host, Accept, Accept-Encoding,
 * If-None-Match, Authorization; what follows is a file of tokens. Promises: a target that is taken has a path and
 * parameters without control characters, inside their bounds; written out anew, it reads the same. A quality lies
 * between 0 and 1, and a token that lets somebody in is in the file. What is refused has a status.
 */
#include "fuzz.h"

#include "base/digest.h"
#include "internal.h"

#include <string.h>

enum { LINES = 6 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* The next line as a text of its own, so that a sanitizer sees a read past its end. Caller frees. */
static char *take_line(const uint8_t **at, size_t *left)
{
    const uint8_t *end = memchr(*at, '\n', *left);
    size_t length = end != NULL ? (size_t)(end - *at) : *left;
    char *line = malloc(length + 1);
    PROMISE(line != NULL);
    memcpy(line, *at, length);
    line[length] = '\0';
    *at += length + (end != NULL);
    *left -= length + (end != NULL);
    return line;
}

static void promise_plain(const char *text, size_t most)
{
    PROMISE(strlen(text) <= most);
    for (; *text != '\0'; text++) {
        PROMISE((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

static void add_escaped(struct buffer *out, const char *text, const char *plain)
{
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL) {
            buffer_add(out, text, 1);
        } else {
            buffer_print(out, "%%%02x", (unsigned)(unsigned char)*text);
        }
    }
}

/* The same request written by somebody else. */
static void promise_same_again(const struct request *request)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct request *again = calloc(1, sizeof *again);
    struct buffer target = {0};
    PROMISE(again != NULL);
    add_escaped(&target, request->path, "/abcdefghijklmnopqrstuvwxyz0123456789");
    for (size_t i = 0; i < request->parameter_count; i++) {
        buffer_add_text(&target, i == 0 ? "?" : "&");
        add_escaped(&target, request->parameters[i].name, plain);
        buffer_add_text(&target, "=");
        add_escaped(&target, request->parameters[i].value, plain);
    }
    if (target.used <= API_TARGET_BYTES) {
        PROMISE(target_parse(target.bytes, again));
        PROMISE(strcmp(again->path, request->path) == 0 && again->parameter_count == request->parameter_count);
        for (size_t i = 0; i < request->parameter_count; i++) {
            PROMISE(strcmp(again->parameters[i].name, request->parameters[i].name) == 0);
            PROMISE(strcmp(again->parameters[i].value, request->parameters[i].value) == 0);
        }
    }
    buffer_free(&target);
    free(again);
}

static void read_target(const char *raw)
{
    struct request *request = calloc(1, sizeof *request);
    PROMISE(request != NULL);
    bool taken = target_parse(raw, request);
    PROMISE(taken == (request->fault == NULL));
    PROMISE(taken ? request->fault_status == 0 : request->fault_status >= 400 && request->fault_status < 500);
    if (taken) {
        PROMISE(request->path[0] == '/');
        promise_plain(request->path, API_PATH_BYTES);
        PROMISE(request->parameter_count <= API_MAX_PARAMETERS);
        for (size_t i = 0; i < request->parameter_count; i++) {
            promise_plain(request->parameters[i].name, API_VALUE_BYTES);
            promise_plain(request->parameters[i].value, API_VALUE_BYTES);
        }
        promise_same_again(request);
    }
    free(request);
}

static void read_accept(const char *header)
{
    static const char *const wanted[] = {"text/csv", "application/json", "gzip"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        double quality = accept_quality(header, wanted[i]);
        PROMISE(quality >= 0 && quality <= 1);
    }
}

static void judge(const char *authorization, const uint8_t *file, size_t size)
{
    struct tokens tokens;
    struct error error = {0};
    int result = tokens_parse(&tokens, "tokens", (const char *)file, size, &error);
    PROMISE(result == 0 || (tokens.count == 0 && error.text[0] != '\0'));
    struct access_verdict verdict = access_judge(&tokens, authorization, TOKEN_READ);
    PROMISE((verdict.result == ACCESS_GRANTED) == (verdict.token != NULL));
    for (size_t i = 0; i < tokens.count; i++) {
        struct tokens one;
        struct buffer line = {0};
        token_print(&tokens.list[i], &line);
        PROMISE(tokens_parse(&one, "line", line.bytes, line.used, &error) == 0 && one.count == 1);
        PROMISE(digest_equal(one.list[0].hash, tokens.list[i].hash, TOKEN_HASH_BYTES));
        PROMISE(strcmp(one.list[0].name, tokens.list[i].name) == 0 && one.list[0].scope == tokens.list[i].scope);
        tokens_free(&one);
        buffer_free(&line);
    }
    tokens_free(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[LINES];
    for (size_t i = 0; i < LINES; i++) {
        lines[i] = take_line(&data, &size);
    }
    read_target(lines[0]);
    host_is_local_name(lines[1]);
    read_accept(lines[2]);
    read_accept(lines[3]);
    etag_matches(lines[4], "\"5f70bf18a0860070\"");
    judge(lines[5], data, size);
    for (size_t i = 0; i < LINES; i++) {
        free(lines[i]);
    }
    return 0;
}
