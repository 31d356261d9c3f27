/* What the pipeline's files share. */
#ifndef EDUTALLY_PIPELINE_INTERNAL_H
#define EDUTALLY_PIPELINE_INTERNAL_H

#include "pipeline/pipeline.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "decode/decode.h"
#include "facts/facts.h"
#include "facts/streams.h"
#include "quota.h"
#include "store/store.h"

/* A stream touched since its last acknowledgement, with the names that an answer needs. Its stream is pinned. */
struct touched {
    struct stream *stream;
    bool changed; /* since the last commit: must be saved, must not be acknowledged yet */
    bool wants_ack;
    int64_t acked_ms; /* steady clock; 0: never in this list */
    char realm[65], centre[65], device[65], epoch[65];
};

/* What outputs left for the next commit, guarded by a lock. */
struct left_by_outputs;

struct pipeline {
    struct pipeline_parts parts;
    struct zone *zone;
    struct store *store;
    struct journal_reader *reader;
    struct keyer *keyer;
    struct facts *facts;
    struct streams *streams;
    struct arena arena; /* of the message in hand */
    struct buffer scratch, scratch2;
    struct quotas *quotas;
    int64_t unknown_devices; /* of centres that no registry ever held; -1: to be counted */

    struct touched *touched;
    size_t touched_count, touched_size;
    size_t touched_last; /* 1 + the place of the stream that the message in hand touched last; 0: none yet */
    int refused;         /* why the message in hand has its device refused, or `refused_epoch` of it; 0: it has not */
    char refused_epoch[65];

    uint32_t *centre_numbers; /* of the store, by the registry's index */
    uint32_t *centre_indexes; /* of the registry, by the store's number; REGISTRY_NONE: not registered */
    size_t centre_indexes_size;
    uint32_t activity_numbers[REGISTRY_MAX_ACTIVITIES];

    int64_t position;      /* after the last record that was handled */
    int64_t safe_position; /* up to which not even power loss takes anything back; -1: not known yet */
    bool in_batch;         /* a transaction is open */
    int64_t batch_events;  /* handled in it */
    int64_t batch_started_ms;
    int64_t evaluated_ms;       /* when indicators were evaluated last, steady clock */
    int64_t evaluated_revision; /* up to which revision, by this process; -1: rules or registry are new */
    int32_t evaluated_day;      /* and on which day: a new month is a new period */
    int64_t last_received_ms;
    int32_t sealed_day;            /* days before it can no longer change */
    int64_t kept_rows, kept_bytes; /* rejected and quarantined since their bounds were looked at */
    bool release_due;              /* a reload did not get to its quarantine */
    struct counters uncommitted;   /* what the open transaction adds to the figures, shown once it is committed */

    struct left_by_outputs *outputs;
    struct output_sink output_sink;
};

/* The device that a message came from. */
struct origin {
    const struct decode_topic *topic;
    int64_t position; /* of the record in the journal */
    int64_t received_ms;
    int32_t arrived_day;
    uint32_t centre; /* the registry's index or REGISTRY_NONE */
    uint64_t device_key;
};

/* count.c: one journal record into facts, streams and rejected rows of the open transaction. */
int count_record(struct pipeline *pipeline, const struct journal_record *record, struct error *error);
/* count.c: one event of a known centre into its facts. */
int count_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event, int32_t day,
                struct error *error);
/* count.c: tells an event that may count from its repeat, and notes it. 0 and whether it is new; why its device is
 * refused (a decode_reason); or an error. */
int count_note_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                     int32_t day, bool *is_new, struct error *error);
/* count.c: for events without a sequence: whether the id was seen before on the event's day; it is from now on. */
int count_seen_before(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                      int32_t day, bool *seen, struct error *error);
/* count.c: why an event may not count yet, or DECODE_REASONS if it may. `now_ms`: the time by which its clock is
 * judged. */
enum decode_reason count_judge(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                               int64_t now_ms, int32_t *day);

/* keep.c: a row for what is not counted, or a line in the ledger where the bounds leave no room for a row. Which of the
 * three became of it, or an error. */
enum kept { KEPT_NEW, KEPT_AGAIN, KEPT_NOT };
/* `origin`: NULL where the topic is none. */
int keep_malformed(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                   const struct decode_fault *fault, struct error *error);
/* `quarantined`: it may count later; otherwise its device keeps it. */
int keep_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
               enum decode_reason reason, bool quarantined, struct error *error);

/* acks.c: from now on acks_touch is about another message. */
void acks_begin_message(struct pipeline *pipeline);
/* acks.c: the device's stream, loaded and pinned; valid until the next call. 0; why the device is refused (a
 * decode_reason, above 0): it or its epoch would be one too many; or an error. */
int acks_touch(struct pipeline *pipeline, const struct origin *origin, const char *epoch, struct touched **touched,
               struct error *error);
int acks_save_streams(struct pipeline *pipeline, struct error *error);
void acks_send_due(struct pipeline *pipeline);
void acks_forget(struct pipeline *pipeline);

/* evaluate.c: brings verdicts and adoption rows up to the facts, in a transaction of its own. */
int evaluate_changed(struct pipeline *pipeline, struct error *error);

/* quarantine.c: counts quarantined events that may count now; `retry`: also those whose clock was off, judged by now.
 */
int quarantine_release(struct pipeline *pipeline, bool retry, int64_t *released, int64_t *kept, struct error *error);

/* outputs.c */
struct left_by_outputs *outputs_new(void);
void outputs_free(struct left_by_outputs **outputs);
bool outputs_left_something(struct left_by_outputs *outputs);
int outputs_save(struct left_by_outputs *outputs, struct store *store, struct error *error);
void outputs_saved(struct left_by_outputs *outputs);
void outputs_save_cursor(void *context, const char *output, const char *series, int64_t revision);
void outputs_refused(void *context, const char *output, const char *line, const char *reason);

/* tidy.c: removes what exceeds the bounds on rejected rows, in the open transaction. */
int tidy_rejected(struct pipeline *pipeline, struct error *error);
/* tidy.c: notes how far not even power loss takes anything back, as far as that can be said without waiting. */
void tidy_note_safe_position(struct pipeline *pipeline);

/* pipeline.c: opens the transaction of a batch if none is open. */
int pipeline_begin(struct pipeline *pipeline, struct error *error);
int pipeline_commit(struct pipeline *pipeline, struct error *error);
/* pipeline.c: rolls the batch back, forgets what is not committed. */
void pipeline_abandon(struct pipeline *pipeline);

#endif
