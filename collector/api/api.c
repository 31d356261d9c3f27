/*
 * From start to stop: what answers are made from is gathered here, and replaced as a whole when files are read again. A
 * reload happens under a lock that every call holds for reading, so that no answer mixes two worlds, and no request is
 * judged by half a list of tokens. The lock lets a waiting writer go first: readers come all the time.
 */
#include "transport.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_world_lock(struct api *api)
{
    pthread_rwlockattr_t kind;
    if (pthread_rwlockattr_init(&kind) != 0) {
        return ERROR_MEMORY;
    }
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int failed = pthread_rwlock_init(&api->world_lock, &kind);
    pthread_rwlockattr_destroy(&kind);
    return failed == 0 ? 0 : ERROR_MEMORY;
}

static void close_world_lock(struct api *api)
{
    pthread_rwlock_destroy(&api->world_lock);
}

static int open_desks(struct api *api)
{
    return desks_open(&api->desks, api->world.zone);
}

static void close_desks(struct api *api)
{
    desks_close(&api->desks);
}

static int open_watch(struct api *api)
{
    return watch_open(&api->watch);
}

static void close_watch(struct api *api)
{
    watch_close(&api->watch);
}

static int open_throttle(struct api *api)
{
    return throttle_open(&api->throttle);
}

static void close_throttle(struct api *api)
{
    throttle_close(&api->throttle);
}

static int open_visitors(struct api *api)
{
    const struct settings *settings = api->settings;
    return visitors_open(&api->visitors, (size_t)settings->http_connections,
                         (size_t)settings->http_connections_per_address, api->counters);
}

static void close_visitors(struct api *api)
{
    visitors_close(&api->visitors);
}

/* What the server's threads use. */
static const struct {
    int (*open)(struct api *api);
    void (*close)(struct api *api);
} parts[] = {{open_world_lock, close_world_lock},
             {open_desks, close_desks},
             {open_watch, close_watch},
             {open_throttle, close_throttle},
             {open_visitors, close_visitors}};

enum { PARTS = sizeof parts / sizeof parts[0] };

static void close_parts(struct api *api, size_t count)
{
    while (count > 0) {
        parts[--count].close(api);
    }
}

static int open_parts(struct api *api, struct error *error)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].open(api) != 0) {
            close_parts(api, i);
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
    }
    return 0;
}

/* A token that is asked for over plain HTTP is everybody's on the way. */
static void warn_of_plain_tokens(const struct api *api)
{
    if (!api->loopback && api->tls == NULL && api->settings->http_tokens_file != NULL) {
        log_warning("http_unencrypted",
                    "url=%s note=\"tokens can be read on their way: set http.tls, or let a web "
                    "server with TLS stand in front\"",
                    api->url);
    }
}

static int listen_and_serve(struct api *api, struct error *error)
{
    const char *scheme = api->tls != NULL ? "https" : "http";
    int fd = listen_on(api->settings->http_listen, scheme, api->url, sizeof api->url, &api->loopback, error);
    if (fd < 0) {
        return fd;
    }
    api->listen_fd = fd;
    if (visitors_watch(&api->visitors) != 0) {
        return error_set(error, ERROR_MEMORY, "cannot start a thread");
    }
    api->daemon = server_start(api, api->tls);
    if (api->daemon == NULL) {
        return error_set(error, ERROR_IO, "cannot start the HTTP server on %s", api->settings->http_listen);
    }
    return 0;
}

static int start(struct api *api, struct error *error)
{
    int result = credentials_load_tokens(api->settings, &api->tokens, error);
    if (result == 0) {
        result = credentials_load_tls(api->settings, &api->tls, error);
    }
    if (result == 0) {
        result = open_parts(api, error);
    }
    if (result == 0) {
        result = listen_and_serve(api, error);
        if (result != 0) {
            close_parts(api, PARTS);
        }
    }
    return result;
}

static void drop(struct api *api)
{
    tokens_free(&api->tokens);
    credentials_drop_tls(&api->tls);
    if (api->listen_fd >= 0) {
        close(api->listen_fd);
    }
    free(api);
}

int api_start(struct api **out, const struct settings *settings, const char *version, struct counters *counters,
              const struct api_world *world, struct error *error)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    api->listen_fd = -1;
    api->settings = settings;
    api->counters = counters;
    api->world = *world;
    snprintf(api->version, sizeof api->version, "%s", version);
    int failed = start(api, error);
    if (failed != 0) {
        drop(api);
        return failed;
    }
    log_info("http_listening", "url=%s tokens=%zu", api->url, api->tokens.count);
    warn_of_plain_tokens(api);
    *out = api;
    return 0;
}

const char *api_url(const struct api *api)
{
    return api->url;
}

void api_replace_world(struct api *api, const struct api_world *world)
{
    pthread_rwlock_wrlock(&api->world_lock);
    api->world = *world;
    pthread_rwlock_unlock(&api->world_lock);
}

static void reload_tokens(struct api *api)
{
    struct tokens fresh = {0}, old;
    struct error error = {0};
    if (api->settings->http_tokens_file == NULL) {
        return;
    }
    if (tokens_load(&fresh, api->settings->http_tokens_file, &error) != 0) {
        log_error("http_tokens_kept", "reason=\"%s\" note=\"the tokens of before stay in force\"", error.text);
        return;
    }
    pthread_rwlock_wrlock(&api->world_lock);
    old = api->tokens;
    api->tokens = fresh;
    pthread_rwlock_unlock(&api->world_lock);
    tokens_free(&old);
    log_info("http_tokens_read", "tokens=%zu", fresh.count);
}

static bool same_text(const struct buffer *one, const struct buffer *other)
{
    return one->used == other->used && memcmp(one->bytes, other->bytes, one->used) == 0;
}

/* libmicrohttpd takes its certificate when it starts, so another one is a second server on the same socket; the first
 * one answers what it was asked and goes. */
static void reload_certificate(struct api *api)
{
    struct tls_files *fresh = NULL;
    struct error error = {0};
    if (api->tls == NULL) {
        return;
    }
    if (credentials_load_tls(api->settings, &fresh, &error) != 0) {
        log_error("http_certificate_kept", "reason=\"%s\" note=\"the one of before stays in use\"", error.text);
        return;
    }
    if (same_text(&fresh->cert, &api->tls->cert) && same_text(&fresh->key, &api->tls->key)) {
        credentials_drop_tls(&fresh);
        return;
    }
    struct MHD_Daemon *daemon = server_start(api, fresh);
    if (daemon == NULL) {
        log_error("http_certificate_kept", "reason=\"the server does not start with it\"");
        credentials_drop_tls(&fresh);
        return;
    }
    server_stop(api, api->daemon, true);
    credentials_drop_tls(&api->tls);
    api->daemon = daemon;
    api->tls = fresh;
    log_info("http_certificate_read", "file=\"%s\"", api->settings->http_cert_file);
}

void api_reload(struct api *api)
{
    reload_tokens(api);
    reload_certificate(api);
}

void api_stop(struct api **out)
{
    struct api *api = *out;
    if (api == NULL) {
        return;
    }
    server_stop(api, api->daemon, false);
    close_parts(api, PARTS);
    drop(api);
    *out = NULL;
}

const char *api_library_version(void)
{
    return MHD_get_version();
}
