/*
 * One curl handle for the life of the output, so that its connection is used again. Nothing of curl's conveniences that
 * would hurt here: no redirects (a token must not follow one), no "Expect: 100-continue" (a round trip, and servers
 * that do not know it), no signals, an end to every request. Secrets live in the handle and in one header; they are in
 * no log line, and the answer's text, which is logged, is the server's own.
 */
#include "influx.h"
#include "output/output.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CONNECT_TIMEOUT_MS = 10000, BODY_MOST = 64 << 10, GZIP_BITS = 15 + 16, GZIP_LEVEL = 5, PACK_BLOCK = 64 << 10 };

struct influx {
    const struct settings_output *settings;
    CURL *curl;
    struct buffer write_url;
    struct curl_slist *write_headers;
    struct curl_slist *read_headers;
    struct buffer secret; /* in force: password or token */
    z_stream packer;
    bool packs;
    struct buffer packed;
    const _Atomic int64_t *abort_at_ms;
    char curl_error[CURL_ERROR_SIZE];
    size_t body_bytes; /* of the answer in hand */
    char body[INFLUX_TEXT_SIZE];
    size_t body_kept;
};

static int add_parameter(struct influx *influx, const char *name, const char *value)
{
    if (value == NULL) {
        return 0;
    }
    char *escaped = curl_easy_escape(influx->curl, value, 0);
    if (escaped == NULL) {
        return ERROR_MEMORY;
    }
    buffer_print(&influx->write_url, "&%s=%s", name, escaped);
    curl_free(escaped);
    return 0;
}

/* precision=s is always said: the servers' defaults differ, and a wrong unit lands in 1970 without a word. */
static int make_url(struct influx *influx)
{
    const struct settings_output *settings = influx->settings;
    const char *path = settings->type == OUTPUT_INFLUXDB2 ? "/api/v2/write" : "/write";
    buffer_print(&influx->write_url, "%s%s?precision=s", settings->url, path);
    int result = 0;
    if (settings->type == OUTPUT_INFLUXDB2) {
        result = add_parameter(influx, "org", settings->org);
        result = result == 0 ? add_parameter(influx, "bucket", settings->bucket) : result;
    } else {
        result = add_parameter(influx, "db", settings->database);
        result = result == 0 ? add_parameter(influx, "rp", settings->retention_policy) : result;
    }
    return influx->write_url.failed ? ERROR_MEMORY : result;
}

static int append_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL) {
        return ERROR_MEMORY;
    }
    *list = longer;
    return 0;
}

/* `authorization` may be NULL. */
static int make_headers(struct curl_slist **out, const char *authorization, bool writes, bool packs)
{
    struct curl_slist *list = NULL;
    int result = append_header(&list, "Expect:");
    if (result == 0 && writes) {
        result = append_header(&list, "Content-Type: text/plain; charset=utf-8");
    }
    if (result == 0 && writes && packs) {
        result = append_header(&list, "Content-Encoding: gzip");
    }
    if (result == 0 && authorization != NULL) {
        result = append_header(&list, authorization);
    }
    if (result != 0) {
        curl_slist_free_all(list);
        return result;
    }
    *out = list;
    return 0;
}

static void wipe_headers(struct curl_slist **list)
{
    for (struct curl_slist *at = *list; at != NULL; at = at->next) {
        memset(at->data, '.', strlen(at->data));
    }
    curl_slist_free_all(*list);
    *list = NULL;
}

static int use_headers(struct influx *influx, const char *authorization)
{
    struct curl_slist *write_headers = NULL, *read_headers = NULL;
    int result = make_headers(&write_headers, authorization, true, influx->packs);
    result = result == 0 ? make_headers(&read_headers, authorization, false, false) : result;
    if (result != 0) {
        wipe_headers(&write_headers);
        return result;
    }
    wipe_headers(&influx->write_headers);
    wipe_headers(&influx->read_headers);
    influx->write_headers = write_headers;
    influx->read_headers = read_headers;
    return 0;
}

static int use_token(struct influx *influx, const char *token)
{
    struct buffer header = {0};
    buffer_print(&header, "Authorization: %s %s", influx->settings->type == OUTPUT_INFLUXDB2 ? "Token" : "Bearer",
                 token);
    int result = header.failed ? ERROR_MEMORY : use_headers(influx, header.bytes);
    buffer_wipe(&header);
    return result;
}

/* Puts a secret in force. It is remembered last: what failed half-way is done again with the next look. */
static int use_secret(struct influx *influx, const struct buffer *secret)
{
    int result = 0;
    if (influx->settings->token_file != NULL) {
        result = use_token(influx, secret->bytes);
    } else if (curl_easy_setopt(influx->curl, CURLOPT_PASSWORD, secret->bytes) != CURLE_OK) {
        result = ERROR_MEMORY;
    }
    if (result == 0) {
        buffer_wipe(&influx->secret);
        buffer_add(&influx->secret, secret->bytes, secret->used);
        result = influx->secret.failed ? ERROR_MEMORY : 0;
    }
    return result;
}

int influx_read_secrets(struct influx *influx, struct error *error)
{
    const struct settings_output *settings = influx->settings;
    const char *file = settings->token_file != NULL ? settings->token_file : settings->password_file;
    struct buffer secret = {0};
    if (file == NULL) {
        return 0;
    }
    int result = file_read_secret(file, &secret, error) != 0 ? ERROR_CONFIG : 0;
    bool same = result == 0 && secret.used == influx->secret.used &&
                memcmp(secret.bytes, influx->secret.bytes, secret.used) == 0;
    if (result == 0 && !same) {
        result = use_secret(influx, &secret) == 0 ? 1 : error_set(error, ERROR_MEMORY, "out of memory");
    }
    buffer_wipe(&secret);
    return result;
}

/* Keeps the beginning for the log and takes the rest up to a bound: a server that sends without end is cut off. */
static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct influx *influx = context;
    size_t room = sizeof influx->body - 1 - influx->body_kept;
    size_t kept = count < room ? count : room;
    (void)one;
    memcpy(influx->body + influx->body_kept, bytes, kept);
    influx->body_kept += kept;
    influx->body_bytes += count;
    return influx->body_bytes > BODY_MOST ? 0 : count;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct influx *influx = context;
    (void)a, (void)b, (void)c, (void)d;
    return influx->abort_at_ms != NULL && clock_steady_ms() >= atomic_load(influx->abort_at_ms);
}

static int set_options(struct influx *influx)
{
    const struct settings_output *settings = influx->settings;
    CURL *curl = influx->curl;
    bool failed = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, influx->curl_error) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_WRITEDATA, influx) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, influx) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) != CURLE_OK ||
                  curl_easy_setopt(curl, CURLOPT_USERAGENT, "edutally") != CURLE_OK;
    if (settings->ca_file != NULL) {
        failed = failed || curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file) != CURLE_OK;
    }
    if (settings->username != NULL) {
        failed = failed || curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
                 curl_easy_setopt(curl, CURLOPT_USERNAME, settings->username) != CURLE_OK;
    }
    return failed ? ERROR_MEMORY : 0;
}

static int prepare(struct influx *influx, struct error *error)
{
    influx->curl = curl_easy_init();
    influx->packs = influx->settings->gzip &&
                    deflateInit2(&influx->packer, GZIP_LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (influx->curl == NULL || influx->packs != influx->settings->gzip || set_options(influx) != 0 ||
        make_url(influx) != 0 || use_headers(influx, NULL) != 0) {
        return error_set(error, ERROR_MEMORY, "out of memory for the output %s", influx->settings->name);
    }
    int result = influx_read_secrets(influx, error);
    return result > 0 ? 0 : result;
}

int influx_open(struct influx **out, const struct settings_output *settings, struct error *error)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { /* counted by curl; undone in influx_close */
        return error_set(error, ERROR_MEMORY, "curl cannot be started");
    }
    struct influx *influx = calloc(1, sizeof *influx);
    if (influx == NULL) {
        curl_global_cleanup();
        return error_set(error, ERROR_MEMORY, "out of memory for the output %s", settings->name);
    }
    influx->settings = settings;
    int result = prepare(influx, error);
    if (result != 0) {
        influx_close(&influx);
        return result;
    }
    *out = influx;
    return 0;
}

void influx_close(struct influx **at)
{
    struct influx *influx = *at;
    *at = NULL;
    if (influx == NULL) {
        return;
    }
    curl_easy_cleanup(influx->curl);
    wipe_headers(&influx->write_headers);
    wipe_headers(&influx->read_headers);
    if (influx->packs) {
        deflateEnd(&influx->packer);
    }
    buffer_wipe(&influx->secret);
    buffer_free(&influx->write_url);
    buffer_free(&influx->packed);
    free(influx);
    curl_global_cleanup();
}

void influx_set_abort(struct influx *influx, const _Atomic int64_t *abort_at_ms)
{
    influx->abort_at_ms = abort_at_ms;
}

static int pack(struct influx *influx, const char *bytes, size_t length)
{
    unsigned char block[PACK_BLOCK];
    z_stream *packer = &influx->packer;
    buffer_clear(&influx->packed);
    deflateReset(packer);
    /* zlib reads only; its pointer is not const unless ZLIB_CONST is defined. */
    packer->next_in = (unsigned char *)(uintptr_t)bytes;
    packer->avail_in = (uInt)length;
    int state = Z_OK;
    while (state == Z_OK) {
        packer->next_out = block;
        packer->avail_out = sizeof block;
        state = deflate(packer, Z_FINISH);
        buffer_add(&influx->packed, block, sizeof block - packer->avail_out);
    }
    return state == Z_STREAM_END && !influx->packed.failed ? 0 : ERROR_MEMORY;
}

/* Time does not heal these: somebody has to change the settings or the certificate. */
static bool is_ours_to_mend(CURLcode code)
{
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR;
}

/* Servers answer in JSON; between the quotes of a log line it reads better with other ones. */
static void make_readable(const char *text, char out[INFLUX_TEXT_SIZE])
{
    size_t used = 0;
    for (; *text != '\0' && used + 1 < INFLUX_TEXT_SIZE; text++) {
        if (*text != '\\') {
            out[used++] = *text == '"' ? '\'' : *text;
        }
    }
    while (used > 0 && (out[used - 1] == '\n' || out[used - 1] == '\r')) {
        used--;
    }
    out[used] = '\0';
    log_safe(out, out, INFLUX_TEXT_SIZE);
}

static void perform(struct influx *influx, struct influx_reply *reply)
{
    curl_off_t retry_after_s = 0, sent = 0;
    *reply = (struct influx_reply){0};
    influx->body_bytes = influx->body_kept = 0;
    influx->curl_error[0] = '\0';
    CURLcode code = curl_easy_perform(influx->curl);
    influx->body[influx->body_kept] = '\0';
    curl_easy_getinfo(influx->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(influx->curl, CURLINFO_RETRY_AFTER, &retry_after_s); /* seconds, also where it was a date */
    reply->retry_after_s = retry_after_s > 0 ? (int64_t)retry_after_s : 0;
    reply->has_body = influx->body_bytes > 0;
    reply->answered = code == CURLE_OK;
    if (code == CURLE_OK) {
        make_readable(influx->body, reply->text);
    } else {
        curl_easy_getinfo(influx->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
        reply->ours_to_mend = is_ours_to_mend(code);
        reply->timed_out = code == CURLE_OPERATION_TIMEDOUT && sent > 0;
        make_readable(influx->curl_error[0] == '\0' ? curl_easy_strerror(code) : influx->curl_error, reply->text);
    }
}

int influx_write(struct influx *influx, const char *lines, size_t length, struct influx_reply *reply)
{
    const char *body = lines;
    size_t body_length = length;
    if (influx->packs) {
        if (pack(influx, lines, length) != 0) {
            return ERROR_MEMORY;
        }
        body = influx->packed.bytes;
        body_length = influx->packed.used;
    }
    curl_easy_setopt(influx->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(influx->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(influx->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_length);
    curl_easy_setopt(influx->curl, CURLOPT_HTTPHEADER, influx->write_headers);
    if (curl_easy_setopt(influx->curl, CURLOPT_URL, influx->write_url.bytes) != CURLE_OK) {
        return ERROR_MEMORY;
    }
    perform(influx, reply);
    return 0;
}

int influx_get(struct influx *influx, const char *path, struct influx_reply *reply)
{
    struct buffer url = {0};
    buffer_print(&url, "%s%s", influx->settings->url, path);
    int result = url.failed || curl_easy_setopt(influx->curl, CURLOPT_URL, url.bytes) != CURLE_OK ? ERROR_MEMORY : 0;
    if (result == 0) {
        curl_easy_setopt(influx->curl, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(influx->curl, CURLOPT_HTTPHEADER, influx->read_headers);
        perform(influx, reply);
    }
    buffer_free(&url);
    return result;
}

const char *output_library_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}
