/*
 * A small deployment of a test's own: config, registry, taxonomy and indicators in a temporary directory, an open
 * journal and a pipeline on it. Messages go into the journal as if the broker had just brought them.
 */
#ifndef EDUTALLY_TESTS_PIPELINE_WORLD_H
#define EDUTALLY_TESTS_PIPELINE_WORLD_H

#include "base/buffer.h"
#include "pipeline/pipeline.h"
#include "store/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct ack {
    char topic[300];
    char payload[1400];
    int64_t at_ms; /* steady clock */
};

struct world {
    char directory[64];
    struct settings settings;
    struct registry *registry;
    struct indicators indicators;
    struct zone *zone;
    struct counters counters;
    struct secret *secret;
    struct secret *journal_secret; /* the same, for as long as the journal is open */
    struct journal *journal;
    struct pipeline *pipeline;
    struct error error;

    bool listens; /* acknowledgements are taken */
    int refuse;   /* what publish returns */
    struct ack acks[64];
    int ack_count;
    void (*on_ack)(struct world *world, const char *payload);
};

int world_setup(void **state);
int world_teardown(void **state);

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

#define MUST(world, call)                                                                                              \
    do {                                                                                                               \
        if ((call) < 0) {                                                                                              \
            fail_msg("%s: %s", #call, (world)->error.text);                                                            \
        }                                                                                                              \
    } while (0)

/* world_setup is these two; a second world of a test is made and freed by hand. */
struct world *world_new(void);
void world_free(struct world **world);

/* Ends journal and pipeline without a commit, as a crash would (what was appended survives). */
void world_crash(struct world *world);
void world_start(struct world *world);
/* Opens secret and pipeline, and gives what came of it. The journal is open. */
int world_try_pipeline(struct world *world);

/* Replaces one of the world's files ("centres.csv", …) and reads registry and indicators again, into new snapshots that
 * the pipeline is told about if `reload`. */
void world_write(const struct world *world, const char *file, const char *text);
void world_load_again(struct world *world, bool reload);

/* Appends a message of 46/{centre}/{device} on …/event that came at `received` (RFC 3339). */
void world_send(struct world *world, const char *received, const char *centre, const char *device, const char *payload);
void world_send_to(struct world *world, const char *received, const char *topic, const char *payload);
/* One event by sequence: seq, time, type, user ("" for none), 60 seconds. */
void world_send_event(struct world *world, const char *received, const char *centre, const char *device, int64_t seq,
                      const char *t, const char *type, const char *user);

void world_count(struct world *world);  /* pipeline_catch_up */
void world_finish(struct world *world); /* pipeline_finish */

int64_t world_counter(const struct world *world, enum counter counter);
int64_t time_of(const char *text);

/* Everything that readers see, as text: facts by day, month and hour, devices, and with `results` what indicators say.
 * The caller frees. */
char *world_dump(struct world *world, bool results);
/* "centre day activity events seconds users devices|…" of all days. Valid until the next call. */
const char *world_usage(struct world *world);
/* "reason xN|…", newest first. Valid until the next call. */
const char *world_rejected(struct world *world);

#endif
