/*
 * libmicrohttpd's threads take connections and read headers; here each request becomes a struct request, is answered by
 * route_request, which knows nothing of HTTP's transport, and is queued. Reading only: GET and HEAD, without a body.
 * Everything that a client can make grow is bounded: connections, time, header bytes, parameters, rows.
 *
 * The library's order of calls: connection started; then for each request on_target (the raw target, before it reads
 * the headers), on_request when they are there, on_request again at the end of the (empty) body, on_completed; at last
 * connection closed. A request belongs to on_target and on_completed.
 */
#include "transport.h"

#include "base/file.h"
#include "base/log.h"
#include "head.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STOP_WAITS_MS = 2000, STOP_LOOKS_MS = 5 };

static void log_line(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void log_line(void *context, const char *format, va_list arguments)
{
    char text[256], safe[256];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_warning("http_server", "detail=\"%s\"", log_safe(text, safe, sizeof safe));
}

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static struct peer peer_at(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct peer peer;
    peer_of(info != NULL ? info->client_addr : NULL, &peer);
    return peer;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **visitor,
                          enum MHD_ConnectionNotificationCode what)
{
    struct api *api = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (what == MHD_CONNECTION_NOTIFY_STARTED && info != NULL) {
        const struct peer peer = peer_at(connection);
        *visitor = visitor_enters(&api->visitors, info->connect_fd, &peer, clock_steady_ms());
    } else if (what == MHD_CONNECTION_NOTIFY_CLOSED && *visitor != NULL) {
        visitor_leaves(*visitor);
        *visitor = NULL;
    }
}

/* Its result is what on_request and on_completed get as `state`. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof *request);
    (void)context;
    (void)connection;
    if (request != NULL) {
        request->target = target;
        request->target_length = strlen(target);
        target_parse(target, request);
    }
    return request;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct visitor *visitor = visitor_of(connection);
    (void)context;
    (void)how;
    if (visitor != NULL) {
        visitor_is_done(visitor, clock_steady_ms());
    }
    free(*state);
    *state = NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void read_headers(struct MHD_Connection *connection, struct request *request)
{
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    request->host = header(connection, "Host");
    request->accept = header(connection, "Accept");
    request->accept_encoding = header(connection, "Accept-Encoding");
    request->authorization = header(connection, "Authorization");
    request->if_none_match = header(connection, "If-None-Match");
    request->peer = peer_at(connection);
    if (size != NULL && size->header_size > API_HEADER_BYTES) {
        request->fault = "the headers are too large";
        request->fault_status = 431;
    }
}

/* Before anything of a body is read. */
static enum MHD_Result refuse(struct api *api, struct MHD_Connection *connection, unsigned status, const char *title,
                              const char *detail)
{
    struct answer answer = {
        .status = status, .content_type = "application/problem+json", .cache_control = "no-store", .closes = true};
    buffer_print(&answer.body, "{\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}\n", title, status, detail);
    counter_add(api->counters, COUNTER_http_requests, 1);
    counter_add(api->counters, COUNTER_http_errors, 1);
    return transport_respond(api, connection, &answer);
}

static enum MHD_Result add_to_head(void *head, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    head_add(head, name, value);
    return MHD_YES;
}

/* What is refused is the connection's last request, so that what follows is not taken for another one. */
static enum MHD_Result begin(struct api *api, struct MHD_Connection *connection, const struct request *request,
                             const char *method, const char *version)
{
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct visitor *visitor = visitor_of(connection);
    struct head head;
    if (visitor != NULL) {
        visitor_has_asked(visitor);
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(api, connection, 405, "Method not allowed", "this interface is for reading: GET and HEAD");
    }
    head_begin(&head, method, request->target, request->target_length, version);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_to_head, &head);
    if (head_end(&head, size != NULL ? size->header_size : 0) != 0) {
        return refuse(api, connection, head.status, head.status == 413 ? "Content too large" : "Bad request",
                      head.fault);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
    struct api *api = context;
    struct request *request = *state;
    struct answer answer;
    (void)url;
    (void)upload;
    if (request == NULL) {
        return MHD_NO; /* there was no memory for it: the connection is closed */
    }
    if (!request->begun) {
        request->begun = true;
        return begin(api, connection, request, method, version);
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0; /* of a body that was refused */
        return MHD_YES;
    }
    read_headers(connection, request);
    route_request(api, request, &answer);
    answer.closes = answer.closes || request->fault != NULL;
    return transport_respond(api, connection, &answer);
}

/* Where the library fails to start, for want of memory or descriptors, it has shut down the socket that it got, and has
 * closed it or not. So it gets a duplicate, which is left alone then: a descriptor may be lost, but none is closed that
 * is another's by now. And the socket is made to listen again, for the server of before goes on with it; the port stays
 * the same unless the system chose it. */
struct MHD_Daemon *server_start(struct api *api, const struct tls_files *tls)
{
    const struct settings *settings = api->settings;
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem with_tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, tls != NULL ? tls->cert.bytes : NULL},
                                              {MHD_OPTION_HTTPS_MEM_KEY, 0, tls != NULL ? tls->key.bytes : NULL},
                                              {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
                                              {MHD_OPTION_END, 0, NULL}};
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC | (tls != NULL ? MHD_USE_TLS : 0u);
    sigset_t all, before;
    int listen_fd = fcntl(api->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (listen_fd < 0) {
        return NULL;
    }
    /* Signals are the main thread's: the server's threads are started with all of them blocked. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
                         MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)API_WORKERS,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)settings->http_connections,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)API_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)API_HEADER_BYTES * 2, MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_URI_LOG_CALLBACK,
                         on_target, api, MHD_OPTION_NOTIFY_COMPLETED, on_completed, api, MHD_OPTION_NOTIFY_CONNECTION,
                         on_connection, api, MHD_OPTION_ARRAY, tls != NULL ? with_tls : plain, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (daemon == NULL && listen(api->listen_fd, SOMAXCONN) != 0) {
        log_error("http_deaf", "reason=\"%s\"", strerror(errno));
    }
    return daemon;
}

void server_stop(struct api *api, struct MHD_Daemon *daemon, bool keeps)
{
    const struct timespec look = {.tv_nsec = STOP_LOOKS_MS * 1000000L};
    MHD_socket listening = MHD_INVALID_SOCKET; /* once it is quiet, its duplicate of the socket is ours to close */
    if (keeps) {
        listening = MHD_quiesce_daemon(daemon);
        for (int waited = 0; waited < STOP_WAITS_MS && visitors_busy(&api->visitors) > 0; waited += STOP_LOOKS_MS) {
            nanosleep(&look, NULL);
        }
    }
    MHD_stop_daemon(daemon);
    if (listening != MHD_INVALID_SOCKET) {
        close(listening);
    }
}
