/* What each test of ingest stands on: settings, counters, a directory for its state, and a sink that remembers. */
#ifndef TESTS_INGEST_BENCH_H
#define TESTS_INGEST_BENCH_H

#include "bounds.h"

#include "ingest/ingest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { BENCH_MESSAGES = 64, BENCH_TEXT = 128 };

struct bench {
    char directory[64];
    char server[128];
    char *realms[4];
    struct settings settings;
    struct counters counters;
    struct ingest_bounds bounds; /* the usual ones, until a test sets others */
    bool tells_room;             /* the sink says when it has room again */
    struct ingest *ingest;
    pthread_mutex_t lock;
    int count; /* messages that the sink took */
    char topics[BENCH_MESSAGES][BENCH_TEXT];
    char payloads[BENCH_MESSAGES][BENCH_TEXT];
    _Atomic bool refuses; /* the sink has no room */
    _Atomic int offers;   /* messages that the sink was asked to take */
};

/* A server on 127.0.0.1 for the realm "46", keep-alive 6 s (so that the sink may hold a message for 2 s). */
void bench_init(struct bench *bench, const char *scheme, int port);
void bench_free(struct bench *bench);

void bench_start(struct bench *bench);
void bench_start_and_wait(struct bench *bench);
void bench_stop(struct bench *bench);

int64_t bench_counter(const struct bench *bench, enum counter counter);
/* Times that the sink took a message with this payload. */
int bench_times(struct bench *bench, const char *payload);

/* Waits with a bound of 20 s. */
bool bench_wait_counter(struct bench *bench, enum counter counter, int64_t at_least);
bool bench_wait_payload(struct bench *bench, const char *payload);
bool bench_wait_offers(struct bench *bench, int at_least);
bool bench_wait_true(bool (*condition)(void *context), void *context);

/* Standard error of the program goes to a file from now on, where log lines can be looked for. */
void bench_capture_log(void);
bool bench_log_has(const char *text);
/* Shows the log if tests failed; returns `failed`. */
int bench_run_end(int failed);

#endif
