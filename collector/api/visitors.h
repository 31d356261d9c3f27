/*
 * Who is connected, since when, and for how long yet. The library closes a connection that is silent; one that sends a
 * byte a second, or takes an answer byte by byte, it keeps for ever. So each connection has a time by which its request
 * must be whole, and then one by which it must have taken the answer; a thread closes those that are past it. When
 * connections get scarce, the one goes that has waited longest without having asked: whoever holds many open pushes out
 * his own. Where one address has all that it may, so it does among those of the address: who holds many open there
 * locks out nobody who shares it. All functions may be called by any thread.
 */
#ifndef EDUTALLY_API_VISITORS_H
#define EDUTALLY_API_VISITORS_H

#include "base/counters.h"
#include "peer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VISITOR_ASKS_MS = 10 * 1000,              /* for a whole request, from its connection or the last answer on */
    VISITOR_TAKES_MS = 30 * 1000,             /* for an answer, and a second more for each */
    VISITOR_BYTES_PER_SECOND = 64 * 1024,     /* of these, */
    VISITORS_ANSWER_BYTES = 256 * 1024 * 1024 /* and of all answers on their way together no more than these */
};

struct visitors;

struct visitor {
    struct visitors *visitors;
    int fd; /* -1: nobody */
    struct peer peer;
    bool asking;
    bool ending; /* was closed by us; the library has not noticed yet */
    int64_t since_ms;
    int64_t until_ms; /* INT64_MAX: the answer is being worked out */
    size_t answer_bytes;
};

struct visitors {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the thread's, on the steady clock */
    pthread_t thread;
    bool running, stopping;
    struct counters *counters;
    struct visitor *list;
    size_t size, present, crowd; /* from `crowd` on they are scarce */
    size_t per_address;          /* 0: no bound */
    size_t answer_bytes;
};

/* For as many connections as `most`, and `per_address` (0: no bound) of one address. ERROR_MEMORY. */
int visitors_open(struct visitors *visitors, size_t most, size_t per_address, struct counters *counters);
/* Starts the thread that closes what is past its time. Without it nothing does. */
int visitors_watch(struct visitors *visitors);
void visitors_close(struct visitors *visitors);

/* Remembers a connection. NULL if there is no room for it: then it is closed. */
struct visitor *visitor_enters(struct visitors *visitors, int fd, const struct peer *peer, int64_t now_ms);
/* Its request is whole. */
void visitor_has_asked(struct visitor *visitor);
/* It is sent an answer of `bytes`. False if there are too many bytes on their way already. */
bool visitor_is_answered(struct visitor *visitor, size_t bytes, int64_t now_ms);
/* The answer is out, or given up; the next request may come. */
void visitor_is_done(struct visitor *visitor, int64_t now_ms);
/* Before the library closes the descriptor: afterwards it may be another's. */
void visitor_leaves(struct visitor *visitor);

/* Closes those that are past their time; how many. */
size_t visitors_sweep(struct visitors *visitors, int64_t now_ms);
/* How many requests are being worked on or answered. */
size_t visitors_busy(struct visitors *visitors);
/* Of all answers that are on their way. */
size_t visitors_answer_bytes(struct visitors *visitors);

#endif
