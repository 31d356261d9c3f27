/* A server on a free loopback port that answers as the test says, and keeps what it took. */
#ifndef TESTS_OUTPUT_HTTP_SERVER_H
#define TESTS_OUTPUT_HTTP_SERVER_H

#include "base/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct http_request {
    int number;       /* from 1 */
    const char *head; /* request line and headers */
    const char *body; /* unpacked, ended by NUL */
    size_t length, lines;
};

struct http_answer {
    int status;
    const char *headers; /* whole lines, or NULL */
    const char *body;    /* or NULL */
    bool reset;          /* half of the answer, then a reset of the connection */
    bool silent;         /* no answer until the server is stopped */
    bool late;           /* no answer before the other side gave up */
};

struct http_server {
    struct http_answer (*rule)(void *context, const struct http_request *request);
    void *context;
    int port, listener;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int requests;
    pthread_mutex_t lock;
    struct buffer taken; /* bodies that were answered with 204 */
    char last_head[2048];
};

/* `rule` is called on the server's thread. */
void http_server_start(struct http_server *server,
                       struct http_answer (*rule)(void *context, const struct http_request *request), void *context);
void http_server_stop(struct http_server *server);

/* How many lines taken contain `text`, and how many there are. */
int http_server_count(struct http_server *server, const char *text);
int http_server_lines(struct http_server *server);
/* The last request's head contains `text`. */
bool http_server_head_has(struct http_server *server, const char *text);

/* A rule that takes everything. */
struct http_answer http_takes_all(void *context, const struct http_request *request);

#endif
