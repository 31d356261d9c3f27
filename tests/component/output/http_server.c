#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { POLL_MS = 20, BODY_MOST = 4 << 20 };

/* Appends what comes; false at the end of the connection or when stopping. */
static bool receive(struct http_server *server, int fd, struct buffer *in)
{
    char chunk[8192];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&server->stopping)) {
        if (poll(&wait, 1, POLL_MS) > 0) {
            ssize_t got = recv(fd, chunk, sizeof chunk, 0);
            if (got > 0) {
                buffer_add(in, chunk, (size_t)got);
            }
            return got > 0;
        }
    }
    return false;
}

/* The value of a header; NULL if the head has none. */
static const char *header(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            return line + 3 + length + strspn(line + 3 + length, " ");
        }
    }
    return NULL;
}

static void unpack(struct buffer *body, const char *bytes, size_t length)
{
    z_stream stream = {0};
    unsigned char block[8192];
    int state = Z_OK;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)bytes;
    stream.avail_in = (uInt)length;
    while (state == Z_OK) {
        stream.next_out = block;
        stream.avail_out = sizeof block;
        state = inflate(&stream, Z_NO_FLUSH);
        buffer_add(body, block, sizeof block - stream.avail_out);
    }
    assert_int_equal(state, Z_STREAM_END);
    inflateEnd(&stream);
}

/* Reads one request into `head` and `body`; false if there is none any more. */
static bool read_request(struct http_server *server, int fd, struct buffer *head, struct buffer *body)
{
    struct buffer in = {0};
    char *end = NULL;
    buffer_clear(head);
    buffer_clear(body);
    while (end == NULL && receive(server, fd, &in)) {
        end = strstr(in.bytes, "\r\n\r\n");
    }
    if (end == NULL) {
        buffer_free(&in);
        return false;
    }
    size_t head_length = (size_t)(end - in.bytes) + 4;
    buffer_add(head, in.bytes, head_length);
    const char *length_text = header(head->bytes, "Content-Length");
    size_t length = length_text == NULL ? 0 : (size_t)strtoul(length_text, NULL, 10);
    bool whole = length <= BODY_MOST;
    while (whole && in.used < head_length + length) {
        whole = receive(server, fd, &in);
    }
    if (whole && header(head->bytes, "Content-Encoding") != NULL) {
        unpack(body, in.bytes + head_length, length);
    } else if (whole) {
        buffer_add(body, in.bytes + head_length, length);
    }
    buffer_free(&in);
    return whole;
}

static size_t count_lines(const char *text, size_t length)
{
    size_t lines = 0;
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void wait_until_stopped(struct http_server *server)
{
    while (!atomic_load(&server->stopping)) {
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}

/* Until the other side hangs up: nothing else can come from it now. */
static void wait_until_given_up(struct http_server *server, int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&server->stopping) && poll(&wait, 1, POLL_MS) == 0) {
    }
}

/* False: the connection is to be closed. */
static bool reply(int fd, const struct http_answer *answer)
{
    struct buffer out = {0};
    const char *body = answer->body == NULL ? "" : answer->body;
    buffer_print(&out, "HTTP/1.1 %d Said\r\n%s", answer->status, answer->headers == NULL ? "" : answer->headers);
    if (answer->status != 204) {
        buffer_print(&out, "Content-Length: %zu\r\n", strlen(body));
    }
    buffer_print(&out, "\r\n%s", body);
    size_t length = answer->reset ? out.used / 2 : out.used;
    bool sent = send(fd, out.bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
    buffer_free(&out);
    if (answer->reset) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1, .l_linger = 0}, sizeof(struct linger));
    }
    return sent && !answer->reset;
}

static void converse(struct http_server *server, int fd)
{
    struct buffer head = {0}, body = {0};
    bool goes_on = true;
    while (goes_on && read_request(server, fd, &head, &body)) {
        struct http_request request = {.number = atomic_fetch_add(&server->requests, 1) + 1,
                                       .head = head.bytes,
                                       .body = body.bytes == NULL ? "" : body.bytes,
                                       .length = body.used,
                                       .lines = count_lines(body.bytes, body.used)};
        struct http_answer answer = server->rule(server->context, &request);
        pthread_mutex_lock(&server->lock);
        snprintf(server->last_head, sizeof server->last_head, "%s", head.bytes);
        if (answer.status == 204 && !answer.silent && !answer.late) {
            buffer_add(&server->taken, request.body, request.length);
        }
        pthread_mutex_unlock(&server->lock);
        if (answer.silent) {
            wait_until_stopped(server);
        }
        if (answer.late) {
            wait_until_given_up(server, fd);
        }
        goes_on = !answer.silent && !answer.late && reply(fd, &answer);
    }
    buffer_free(&head);
    buffer_free(&body);
    close(fd);
}

static void *serve(void *argument)
{
    struct http_server *server = argument;
    struct pollfd wait = {.fd = server->listener, .events = POLLIN};
    while (!atomic_load(&server->stopping)) {
        int fd = poll(&wait, 1, POLL_MS) > 0 ? accept(server->listener, NULL, NULL) : -1;
        if (fd >= 0) {
            converse(server, fd);
        }
    }
    return NULL;
}

void http_server_start(struct http_server *server,
                       struct http_answer (*rule)(void *context, const struct http_request *request), void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *server = (struct http_server){.rule = rule, .context = context};
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    close(server->listener);
    buffer_free(&server->taken);
    pthread_mutex_destroy(&server->lock);
}

int http_server_count(struct http_server *server, const char *text)
{
    int count = 0;
    pthread_mutex_lock(&server->lock);
    for (const char *at = server->taken.bytes; at != NULL && (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    pthread_mutex_unlock(&server->lock);
    return count;
}

int http_server_lines(struct http_server *server)
{
    return http_server_count(server, "\n");
}

bool http_server_head_has(struct http_server *server, const char *text)
{
    pthread_mutex_lock(&server->lock);
    bool has = strstr(server->last_head, text) != NULL;
    pthread_mutex_unlock(&server->lock);
    return has;
}

struct http_answer http_takes_all(void *context, const struct http_request *request)
{
    (void)context;
    (void)request;
    return (struct http_answer){.status = 204};
}
