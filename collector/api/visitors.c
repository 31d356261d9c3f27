/*
 * A table with a lock. Closing is shutdown(): the library sees an end of the stream and cleans up as for any other. It
 * tells us before it closes the descriptor (visitor_leaves, under the same lock), so a descriptor in the table is never
 * one that was opened anew for something else.
 */
#include "visitors.h"

#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { SWEEP_EVERY_MS = 1000, SPARE = 16 };

int visitors_open(struct visitors *visitors, size_t most, size_t per_address, struct counters *counters)
{
    pthread_condattr_t steady;
    *visitors = (struct visitors){
        .counters = counters, .size = most + SPARE, .crowd = most - most / 4, .per_address = per_address};
    visitors->list = calloc(visitors->size, sizeof *visitors->list);
    if (visitors->list == NULL) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < visitors->size; i++) {
        visitors->list[i].fd = -1;
    }
    if (pthread_mutex_init(&visitors->lock, NULL) != 0) {
        free(visitors->list);
        return ERROR_MEMORY;
    }
    int failed = pthread_condattr_init(&steady);
    if (failed == 0) {
        pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
        failed = pthread_cond_init(&visitors->wake, &steady);
        pthread_condattr_destroy(&steady);
    }
    if (failed != 0) {
        pthread_mutex_destroy(&visitors->lock);
        free(visitors->list);
        return ERROR_MEMORY;
    }
    return 0;
}

void visitors_close(struct visitors *visitors)
{
    if (visitors->running) {
        pthread_mutex_lock(&visitors->lock);
        visitors->stopping = true;
        pthread_cond_signal(&visitors->wake);
        pthread_mutex_unlock(&visitors->lock);
        pthread_join(visitors->thread, NULL);
        visitors->running = false;
    }
    pthread_cond_destroy(&visitors->wake);
    pthread_mutex_destroy(&visitors->lock);
    free(visitors->list);
    visitors->list = NULL;
}

/* The lock is held. */
static void end(struct visitor *visitor)
{
    visitor->ending = true;
    shutdown(visitor->fd, SHUT_RDWR);
    counter_add(visitor->visitors->counters, COUNTER_http_cut_off, 1);
}

static bool is_here(const struct visitor *visitor, const struct peer *peer)
{
    return visitor->fd >= 0 && !visitor->ending &&
           (peer == NULL || memcmp(visitor->peer.bytes, peer->bytes, sizeof peer->bytes) == 0);
}

/* Of `peer`, or of all (NULL). False: all have asked. The lock is held. */
static bool end_longest_asking(struct visitors *visitors, const struct peer *peer)
{
    struct visitor *longest = NULL;
    for (size_t i = 0; i < visitors->size; i++) {
        struct visitor *one = &visitors->list[i];
        if (is_here(one, peer) && one->asking && (longest == NULL || one->since_ms < longest->since_ms)) {
            longest = one;
        }
    }
    if (longest != NULL) {
        end(longest);
    }
    return longest != NULL;
}

/* The lock is held. */
static bool address_is_full(const struct visitors *visitors, const struct peer *peer)
{
    size_t here = 0;
    for (size_t i = 0; i < visitors->size && visitors->per_address > 0; i++) {
        here += is_here(&visitors->list[i], peer);
    }
    return visitors->per_address > 0 && here >= visitors->per_address;
}

/* The lock is held. */
static struct visitor *find_place(struct visitors *visitors)
{
    for (size_t i = 0; i < visitors->size; i++) {
        if (visitors->list[i].fd < 0) {
            return &visitors->list[i];
        }
    }
    return NULL;
}

struct visitor *visitor_enters(struct visitors *visitors, int fd, const struct peer *peer, int64_t now_ms)
{
    pthread_mutex_lock(&visitors->lock);
    struct visitor *visitor = find_place(visitors);
    bool replaces = visitor != NULL && address_is_full(visitors, peer);
    if (replaces && !end_longest_asking(visitors, peer)) {
        visitor = NULL;
    }
    if (visitor == NULL) {
        shutdown(fd, SHUT_RDWR);
        counter_add(visitors->counters, COUNTER_http_cut_off, 1);
    } else {
        if (!replaces && visitors->present >= visitors->crowd) {
            end_longest_asking(visitors, NULL);
        }
        visitors->present++;
        *visitor = (struct visitor){.visitors = visitors,
                                    .fd = fd,
                                    .peer = *peer,
                                    .asking = true,
                                    .since_ms = now_ms,
                                    .until_ms = now_ms + VISITOR_ASKS_MS};
    }
    pthread_mutex_unlock(&visitors->lock);
    return visitor;
}

void visitor_has_asked(struct visitor *visitor)
{
    struct visitors *visitors = visitor->visitors;
    pthread_mutex_lock(&visitors->lock);
    visitor->asking = false;
    visitor->until_ms = INT64_MAX;
    pthread_mutex_unlock(&visitors->lock);
}

bool visitor_is_answered(struct visitor *visitor, size_t bytes, int64_t now_ms)
{
    struct visitors *visitors = visitor->visitors;
    pthread_mutex_lock(&visitors->lock);
    bool room = bytes <= VISITORS_ANSWER_BYTES - visitors->answer_bytes;
    if (room) {
        visitors->answer_bytes += bytes;
        visitor->answer_bytes += bytes;
        visitor->asking = false;
        visitor->until_ms = now_ms + VISITOR_TAKES_MS + (int64_t)(bytes / VISITOR_BYTES_PER_SECOND) * 1000;
    }
    pthread_mutex_unlock(&visitors->lock);
    return room;
}

void visitor_is_done(struct visitor *visitor, int64_t now_ms)
{
    struct visitors *visitors = visitor->visitors;
    pthread_mutex_lock(&visitors->lock);
    visitors->answer_bytes -= visitor->answer_bytes;
    visitor->answer_bytes = 0;
    visitor->asking = true;
    visitor->since_ms = now_ms;
    visitor->until_ms = now_ms + VISITOR_ASKS_MS;
    pthread_mutex_unlock(&visitors->lock);
}

void visitor_leaves(struct visitor *visitor)
{
    struct visitors *visitors = visitor->visitors;
    pthread_mutex_lock(&visitors->lock);
    visitors->answer_bytes -= visitor->answer_bytes;
    visitors->present--;
    visitor->answer_bytes = 0;
    visitor->fd = -1;
    pthread_mutex_unlock(&visitors->lock);
}

/* The lock is held. */
static size_t sweep(struct visitors *visitors, int64_t now_ms)
{
    size_t ended = 0;
    for (size_t i = 0; i < visitors->size; i++) {
        struct visitor *one = &visitors->list[i];
        if (one->fd >= 0 && !one->ending && one->until_ms <= now_ms) {
            end(one);
            ended++;
        }
    }
    return ended;
}

size_t visitors_sweep(struct visitors *visitors, int64_t now_ms)
{
    pthread_mutex_lock(&visitors->lock);
    size_t ended = sweep(visitors, now_ms);
    pthread_mutex_unlock(&visitors->lock);
    return ended;
}

size_t visitors_busy(struct visitors *visitors)
{
    size_t busy = 0;
    pthread_mutex_lock(&visitors->lock);
    for (size_t i = 0; i < visitors->size; i++) {
        busy += visitors->list[i].fd >= 0 && !visitors->list[i].asking && !visitors->list[i].ending;
    }
    pthread_mutex_unlock(&visitors->lock);
    return busy;
}

size_t visitors_answer_bytes(struct visitors *visitors)
{
    pthread_mutex_lock(&visitors->lock);
    size_t bytes = visitors->answer_bytes;
    pthread_mutex_unlock(&visitors->lock);
    return bytes;
}

static void *watch(void *context)
{
    struct visitors *visitors = context;
    prctl(PR_SET_NAME, "http-watch");
    pthread_mutex_lock(&visitors->lock);
    while (!visitors->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SWEEP_EVERY_MS / 1000;
        pthread_cond_timedwait(&visitors->wake, &visitors->lock, &until);
        sweep(visitors, clock_steady_ms());
    }
    pthread_mutex_unlock(&visitors->lock);
    return NULL;
}

int visitors_watch(struct visitors *visitors)
{
    visitors->running = pthread_create(&visitors->thread, NULL, watch, visitors) == 0;
    return visitors->running ? 0 : ERROR_MEMORY;
}
