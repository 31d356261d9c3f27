/*
 * The flow of design §3, the only place that knows the order of the rooms:
 *
 *   journal -> decode -> dedupe -> facts -> commit -> indicators -> acknowledgements
 *
 * One thread owns a pipeline and calls it; outputs leave their cursors from their own threads (pipeline_output_sink).
 */
#ifndef EDUTALLY_PIPELINE_PIPELINE_H
#define EDUTALLY_PIPELINE_PIPELINE_H

#include "base/counters.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/zone.h"
#include "indicator/indicator.h"
#include "journal/journal.h"
#include "output/output.h"
#include "registry/registry.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipeline;

struct pipeline_parts {
    const struct settings *settings;
    const struct registry *registry;
    const struct indicators *indicators;
    const struct zone *zone;
    const char *version;
    const struct secret *secret;
    struct journal *journal;
    struct counters *counters;
    /* End-to-end acknowledgements go here; NULL: nobody waits for any. 0, or not 0: not now, dropped. */
    int (*publish)(void *context, const char *topic, const void *payload, size_t length);
    void *publish_context;
};

/* Opens the store in settings->data_dir, counts what the quarantine can now release, and stands at the position where
 * the store left off. All parts must outlive it. ERROR_CONFIG (store of another program, secret that does not fit),
 * ERROR_IO. */
int pipeline_open(struct pipeline **pipeline, const struct pipeline_parts *parts, struct error *error);
void pipeline_close(struct pipeline **pipeline);

/* One turn: waits up to `wait_ms` for something to do, counts, commits when due (settings->commit_…), evaluates at most
 * once a second, sends acknowledgements. `*revision` is the store's after it. After ERROR_IO the pipeline stands where
 * the store does and the call may be repeated: nothing is lost, nothing counted twice. */
int pipeline_turn(struct pipeline *pipeline, int64_t wait_ms, int64_t *revision, struct error *error);

/* Counts everything that the journal holds now and commits, without evaluating; for bulk input between two pieces. */
int pipeline_catch_up(struct pipeline *pipeline, struct error *error);

/* Counts everything, commits, evaluates. */
int pipeline_finish(struct pipeline *pipeline, struct error *error);

/* From now on another registry and other indicators hold: releases quarantined events of centres that are new,
 * evaluates everything again where rules or registry changed. The old ones may be freed after it. */
int pipeline_reload(struct pipeline *pipeline, const struct registry *registry, const struct indicators *indicators,
                    struct error *error);

/* Judges quarantined events again, those of unknown centres and those whose clock was off, as if they had come now.
 * `*released` were counted, `*kept` stay. */
int pipeline_retry_quarantine(struct pipeline *pipeline, int64_t *released, int64_t *kept, struct error *error);

/* True once a sync of the store failed (store.h): end the process and start again. What was acknowledged is safe, for
 * the journal holds it. */
bool pipeline_is_broken(const struct pipeline *pipeline);

/* Up to where the journal may go: what lies before is counted, and not even power loss takes that back. -1: not known.
 */
int64_t pipeline_safe_position(const struct pipeline *pipeline);

/* Once in a while, when idle: drops what can no longer change, old rejected rows and old journal segments. */
int pipeline_tidy(struct pipeline *pipeline, struct error *error);

/* For output_start: cursors and refused points are saved with the next commit. Valid until pipeline_close. */
const struct output_sink *pipeline_output_sink(struct pipeline *pipeline);

#endif
