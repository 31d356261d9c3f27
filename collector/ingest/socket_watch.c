/*
 * Paho C 1.3 traces "20261005 083000.000 3 edutally-46 -> CONNECT version 5 clean: 0 (0)" right after the CONNECT was
 * written and so before any message can arrive; 3 is the socket. The trace has one callback per process and no context,
 * hence the one list here: of the watches that are on, usually none. Paho's own complaints come the same
 * way; most are about itself, so they show with log level debug only.
 */
#include "socket_watch.h"

#include "base/log.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct socket_watch *watches;

int socket_watch_read(const char *line, const char *client_id)
{
    const char *arrow = strstr(line, " -> CONNECT ");
    size_t length = strlen(client_id);
    if (arrow == NULL || (size_t)(arrow - line) < length + 2) {
        return -1;
    }
    const char *space = arrow - length - 1;
    if (memcmp(space + 1, client_id, length) != 0 || *space != ' ') {
        return -1;
    }
    const char *digits = space;
    while (digits > line && digits[-1] >= '0' && digits[-1] <= '9') {
        digits--;
    }
    return digits == space ? -1 : (int)strtol(digits, NULL, 10);
}

static void on_trace(enum MQTTASYNC_TRACE_LEVELS level, char *line)
{
    char safe[200];
    if (level >= MQTTASYNC_TRACE_ERROR) {
        log_debug("paho", "text=\"%s\"", log_safe(line, safe, sizeof safe));
        return;
    }
    pthread_mutex_lock(&lock);
    for (struct socket_watch *watch = watches; watch != NULL; watch = watch->next) {
        int number = socket_watch_read(line, watch->client_id);
        if (number >= 0) {
            atomic_store(&watch->number, number);
        }
    }
    pthread_mutex_unlock(&lock);
}

void socket_watch_init(struct socket_watch *watch)
{
    *watch = (struct socket_watch){.number = -1};
}

void socket_watch_begin(struct socket_watch *watch, const char *client_id)
{
    pthread_mutex_lock(&lock);
    watch->client_id = client_id;
    watch->next = watches;
    watches = watch;
    pthread_mutex_unlock(&lock);
    MQTTAsync_setTraceCallback(on_trace);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_PROTOCOL);
}

void socket_watch_end(struct socket_watch *watch)
{
    pthread_mutex_lock(&lock);
    for (struct socket_watch **at = &watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    }
    bool none_left = watches == NULL;
    pthread_mutex_unlock(&lock);
    if (none_left) { /* not under our lock: Paho calls on_trace under one of its own */
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    }
}

int socket_watch_number(const struct socket_watch *watch)
{
    return atomic_load(&watch->number);
}
