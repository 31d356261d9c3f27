/*
 * The server: libmicrohttpd's threads take connections, each request is copied out into a struct request, answered by
 * route_request without knowing about HTTP's transport, and queued. Reading only: GET and HEAD. Everything that a
 * client can make grow is bounded: connections, time, header bytes, parameters, rows.
 *
 * A reload replaces the world under a lock that every call holds for reading, so that no answer mixes two worlds.
 */
#include "transport.h"

#include "base/log.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_line(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void log_line(void *context, const char *format, va_list arguments)
{
    char text[256], safe[256];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_warning("http_server", "detail=\"%s\"", log_safe(text, safe, sizeof safe));
}

static enum MHD_Result add_parameter(void *context, enum MHD_ValueKind kind, const char *name, size_t name_bytes,
                                     const char *value, size_t value_bytes)
{
    struct request *request = context;
    (void)kind;
    if (request->parameter_count == API_MAX_PARAMETERS) {
        request->fault = "too many parameters";
        return MHD_NO;
    }
    if (strlen(name) != name_bytes || (value != NULL && strlen(value) != value_bytes)) {
        request->fault = "a parameter holds a NUL byte";
        return MHD_NO;
    }
    if (name_bytes > API_VALUE_BYTES || value_bytes > API_VALUE_BYTES) {
        request->fault = "a parameter is too long";
        return MHD_NO;
    }
    request->parameters[request->parameter_count++] = (struct request_parameter){name, value != NULL ? value : ""};
    return MHD_YES;
}

static void read_request(struct MHD_Connection *connection, const char *path, struct request *request)
{
    const char *if_none_match = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
    *request = (struct request){
        .path = path,
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"),
        .accept_encoding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding"),
        .if_none_match = if_none_match,
    };
    if (strlen(path) > API_PATH_BYTES) {
        request->fault = "the path is too long";
    }
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_parameter, request);
}

static enum MHD_Result refuse_method(struct api *api, struct MHD_Connection *connection)
{
    struct answer answer = {.status = 405, .content_type = "application/problem+json", .cache_control = "no-store"};
    buffer_add_text(&answer.body, "{\"title\":\"Method not allowed\",\"status\":405,"
                                  "\"detail\":\"this interface is for reading: GET and HEAD\"}\n");
    counter_add(api->counters, COUNTER_http_requests, 1);
    counter_add(api->counters, COUNTER_http_errors, 1);
    return transport_respond(connection, &answer);
}

/* libmicrohttpd calls once when the headers are there, once per piece of a body, and once at its end; a GET is answered
 * in the last of them, a body is thrown away. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
    struct api *api = context;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        if (*state == NULL) {
            *state = api;
            return refuse_method(api, connection);
        }
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (*state == NULL || *upload_bytes > 0) {
        *state = api;
        *upload_bytes = 0;
        return MHD_YES;
    }
    struct request request;
    struct answer answer;
    read_request(connection, url, &request);
    route_request(api, &request, &answer);
    return transport_respond(connection, &answer);
}

/* Signals are the main thread's: the server's threads are started with all of them blocked. */
static struct MHD_Daemon *start_daemon(struct api *api, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, NULL, NULL, on_request, api,
        MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)API_WORKERS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)API_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEADER_BYTES * 2,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

static int start(struct api *api, struct error *error)
{
    int fd = listen_on(api->settings->http_listen, api->url, sizeof api->url, error);
    if (fd < 0) {
        return fd;
    }
    api->daemon = start_daemon(api, fd);
    if (api->daemon == NULL) {
        return error_set(error, ERROR_IO, "cannot start the HTTP server on %s", api->settings->http_listen);
    }
    return 0;
}

int api_start(struct api **out, const struct settings *settings, const char *version, struct counters *counters,
              const struct api_world *world, struct error *error)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    api->settings = settings;
    api->counters = counters;
    api->world = *world;
    snprintf(api->version, sizeof api->version, "%s", version);
    bool locked = pthread_rwlock_init(&api->world_lock, NULL) == 0;
    bool watching = locked && watch_open(&api->watch) == 0;
    bool desks = watching && desks_open(&api->desks, world->zone) == 0;
    int failed = desks ? start(api, error) : error_set(error, ERROR_MEMORY, "out of memory");
    if (failed != 0) {
        if (desks) {
            desks_close(&api->desks);
        }
        if (watching) {
            watch_close(&api->watch);
        }
        if (locked) {
            pthread_rwlock_destroy(&api->world_lock);
        }
        free(api);
        return failed;
    }
    log_info("http_listening", "url=%s", api->url);
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

void api_stop(struct api **out)
{
    struct api *api = *out;
    if (api == NULL) {
        return;
    }
    MHD_stop_daemon(api->daemon);
    desks_close(&api->desks);
    watch_close(&api->watch);
    pthread_rwlock_destroy(&api->world_lock);
    free(api);
    *out = NULL;
}

const char *api_library_version(void)
{
    return MHD_get_version();
}
