/*
 * The embedded store (SQLite, WAL mode), writing side: used by the pipeline's thread alone. One transaction holds
 * changed facts, device ranges, rejected rows and the journal position, so a restart resumes at the position and counts
 * nothing twice. Every changed row carries the transaction's revision; outputs and indicators follow by revision.
 * Reading: store/reader.h. Tables: store/schema.sql.
 */
#ifndef EDUTALLY_STORE_STORE_H
#define EDUTALLY_STORE_STORE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* What facts are counted by. A span is a local day (days since 1970), a local hour (minutes since 1970 UTC of its first
 * instant) or a month (year * 12 + month - 1). */
enum store_span { SPAN_DAY, SPAN_HOUR, SPAN_MONTH };

struct store_fact {
    enum store_span span;
    int32_t index;
    uint32_t centre;   /* store_centre's number */
    uint32_t activity; /* store_activity's number */
    int64_t events;
    int64_t seconds;
    int64_t users; /* day and month only; on load as they were saved */
    int64_t devices;
    const void *user_set;  /* distinct_write's bytes, NULL: leave as stored (on save), none (on load) */
    size_t user_set_bytes; /* on load: valid until the next call on this store */
    const void *device_set;
    size_t device_set_bytes;
};

struct store_rejected {
    bool quarantined; /* may still count; otherwise malformed for good */
    const char *reason;
    const char *detail;
    int64_t received_ms;
    const char *topic;
    size_t topic_length;
    const char *centre; /* from the topic, or NULL */
    const char *device; /* from the topic, or NULL */
    int64_t position;   /* of the record in the journal */
    const void *raw;    /* lies sealed in the store */
    size_t raw_length;
};

struct store_adoption_row {
    const char *indicator;
    const char *area;
    int32_t period;
    const char *period_kind;
    int64_t registered, reporting, adopting;
    bool has_target;
    double target;
    const char *rule_hash;
    const char *registry_hash;
};

struct store_verdict_row {
    const char *indicator;
    uint32_t centre;
    int32_t period;
    const char *period_kind;
    bool reporting, adopts;
    const char *conditions; /* JSON */
};

/* Opens or makes `data_dir`/edutally.db and migrates an older schema in a transaction, after a backup beside it. A
 * newer one, or another program's database, is refused and left untouched (ERROR_CONFIG), and so
 * is one that was made with another secret. ERROR_IO, ERROR_MEMORY.
 * `program` names the version that writes; rejected rows are sealed with `secret`. */
int store_open(struct store **store, const char *data_dir, const char *program, const struct secret *secret,
               struct error *error);
void store_close(struct store **store);

/* For those who write elsewhere with the same secret, before they do: ERROR_CONFIG if there is a store and it was made
 * with another one. Nothing is changed. */
int store_check_secret(const char *data_dir, const struct secret *secret, struct error *error);

/* A write transaction; its revision is the last one's plus 1, or the last one's again where `quietly`: for what nobody
 * follows, such as outputs' cursors, which would otherwise wake the outputs for ever. After a failure the caller rolls
 * back and starts again from the position that the store holds. */
int store_begin(struct store *store, bool quietly, struct error *error);
int store_commit(struct store *store, struct error *error);
void store_rollback(struct store *store);
int64_t store_revision(const struct store *store); /* of the open transaction, or of the last one */

/* Runs a write-ahead log checkpoint that waits for nobody for long; call when idle. True if everything committed is now
 * synced in the database itself, so that not even power loss takes it back. */
bool store_checkpoint(struct store *store);

/* True once a sync of the database failed: what is committed from then on may not survive power loss, and no checkpoint
 * is made any more. End the process and start again. */
bool store_is_broken(const struct store *store);

/* Numbers for names, made on first use. */
int store_centre(struct store *store, const char *id, uint32_t *number, struct error *error);
int store_activity(struct store *store, const char *name, uint32_t *number, struct error *error);

/* A device's number: 1, or 0 if it has none yet. */
int store_device_find(struct store *store, const char *realm, const char *centre, const char *device, uint32_t *number,
                      struct error *error);
/* A device's number, made on first use. */
int store_device(struct store *store, const char *realm, const char *centre, const char *device, uint32_t *number,
                 struct error *error);
/* How many devices a centre has; how many all those centres have that no registry ever held (a walk over the centres:
 * keep account of it); and how many epochs a device has: for the bounds on what outside input may create. */
int store_count_devices(struct store *store, const char *centre, int64_t *count, struct error *error);
int store_count_unknown_devices(struct store *store, int64_t *count, struct error *error);
int store_count_epochs(struct store *store, uint32_t device, int64_t *count, struct error *error);
/* Over all devices. */
struct store_totals {
    int64_t missing, streams, devices;
};
int store_count_totals(struct store *store, struct store_totals *totals, struct error *error);

/* What is known of one epoch of a device. */
struct store_ranges {
    uint32_t device;
    const char *epoch;
    const void *bytes; /* ranges_write's; on load valid until the next call on this store */
    size_t byte_count;
    int64_t received, repeated, missing;
    int64_t last_received_ms, last_event_ms;
    int64_t late;     /* received over 24 hours after their time */
    int64_t given_up; /* missing and not asked for any more */
};
/* Fills in the row of `ranges`' device and epoch: 1; 0 if there is none. */
int store_ranges_load(struct store *store, struct store_ranges *ranges, struct error *error);
int store_ranges_save(struct store *store, const struct store_ranges *ranges, struct error *error);

/* The fact of `fact`'s span, index, centre and activity. 1: filled in; 0: there is none (counts zero). */
int store_fact_load(struct store *store, struct store_fact *fact, struct error *error);
int store_fact_save(struct store *store, const struct store_fact *fact, struct error *error);

/* Remembers an event id within its day. 1: new; 0: seen before. store_seen_has only looks: 1: seen before. */
int store_seen_has(struct store *store, int32_t day, const unsigned char id[16], struct error *error);
int store_seen_add(struct store *store, int32_t day, const unsigned char id[16], struct error *error);

/* Keeps a rejected or quarantined row; the same content from the same topic for the same reason is one row with a
 * count. 1: a new row; 0: it came again. Of a topic longer than REJECTED_TOPIC bytes the beginning is kept, and its
 * length. */
enum { REJECTED_TOPIC = 300 };
int store_rejected_add(struct store *store, const struct store_rejected *row, struct error *error);
/* The same where no new row may be made: 1: it came again; 0: there is no such row. */
int store_rejected_again(struct store *store, const struct store_rejected *row, struct error *error);

/* Calls `each` for up to `limit` quarantined rows with an id above `after` and one of the reasons (comma-free words,
 * NULL ended); `each` returns 0 or an error code that stops. The number of rows, or an error. */
typedef int store_quarantined_each(void *context, int64_t id, const struct store_rejected *row);
int store_each_quarantined(struct store *store, const char *const *reasons, int64_t after, int limit,
                           store_quarantined_each *each, void *context, struct error *error);
int store_quarantined_remove(struct store *store, int64_t id, struct error *error);

struct store_rejected_bounds {
    int64_t max_rows, max_bytes; /* of malformed rows; bytes of `raw` */
    int64_t before_ms;           /* rows received before it are too old */
    int64_t ledger_before_ms;    /* and lines of the ledger that speak of nothing received after this */
};

/* Removes rows that are too old, and of the malformed ones those past the bounds: first of the centre that has the
 * most, there of the device that has the most, oldest first. All are noted in the ledger. Quarantined rows may still
 * count, so none of them ever makes room for another. `*removed`: how many rows. */
int store_rejected_trim(struct store *store, const struct store_rejected_bounds *bounds, int64_t *removed,
                        struct error *error);
int store_rejected_count(struct store *store, int64_t *rows, struct error *error);
/* How many quarantined rows a centre has, and with NULL all centres. One look-up. */
int store_quarantine_count(struct store *store, const char *centre, int64_t *rows, struct error *error);

/* Notes in the ledger an event that gets no row: how many, when, and where in the journal. `cause`: "rate" or "full".
 * Past LET_GO_MOST lines the device's name is left out, and past twice as many the centre's. */
enum { LET_GO_MOST = 10000 };
int store_let_go(struct store *store, const struct store_rejected *row, const char *cause, struct error *error);

/* Drops the sets of days before `day` and the event ids seen on them; turns the sets of months before `month` into
 * sketches without keys. The counts stay. */
int store_seal(struct store *store, int32_t day, int32_t month, struct error *error);

/* Small named values: the journal position ("journal_position"), how far indicators are evaluated, hashes. */
int store_value_get(struct store *store, const char *name, int64_t *value, struct error *error); /* 1, 0 (none) */
int store_value_set(struct store *store, const char *name, int64_t value, struct error *error);
int store_values_clear(struct store *store, const char *prefix, struct error *error);
int store_text_get(struct store *store, const char *name, struct buffer *value, struct error *error); /* 1, 0 (none) */
int store_text_set(struct store *store, const char *name, const char *value, struct error *error);

/* Results of indicators. A row that says what was stored already keeps its revision. */
int store_adoption_save(struct store *store, const struct store_adoption_row *row, struct error *error);
int store_verdict_save(struct store *store, const struct store_verdict_row *row, struct error *error);
/* Removes all results: rules or registry changed, and everything is computed again in the same transaction. */
int store_results_clear(struct store *store, struct error *error);
/* Removes an indicator's results of all periods but [first, last]. What is removed, and not saved again, outputs are
 * told of: struct change_row, `withdrawn`. */
int store_results_keep(struct store *store, const char *indicator, int32_t first, int32_t last, struct error *error);

/* The stored verdicts of an indicator and period, in no particular order. */
typedef int store_verdict_each(void *context, uint32_t centre, bool reporting, bool adopts);
int store_each_verdict(struct store *store, const char *indicator, int32_t period, store_verdict_each *each,
                       void *context, struct error *error);

/* (centre, month) pairs whose day facts changed after `revision`; `each` as above. */
typedef int store_changed_each(void *context, uint32_t centre, int32_t month);
int store_each_changed(struct store *store, int64_t revision, store_changed_each *each, void *context,
                       struct error *error);
/* Per activity of a centre over months [from, to] : active days and sums of the days, and distinct counts by union of
 * the months' sets (`users` of a single month is its own count even after its set was dropped). */
struct store_figures {
    const char *activity;
    int64_t active_days, events, seconds, users, devices;
};
typedef int store_figures_each(void *context, const struct store_figures *figures);
int store_each_figures(struct store *store, uint32_t centre, int32_t from_month, int32_t to_month,
                       store_figures_each *each, void *context, struct error *error);
/* The first and the last day that have any fact: 1; 0 if there is none. */
int store_day_bounds(struct store *store, int32_t *first, int32_t *last, struct error *error);

/* How far an output has come with a series; and a point that it refused for good. */
int store_cursor_save(struct store *store, const char *output, const char *series, int64_t revision,
                      struct error *error);
int store_refused_add(struct store *store, const char *output, const char *line, const char *reason, int64_t now_ms,
                      struct error *error);
/* Removes refused points from before `before_ms`, and the oldest past `max_rows`. */
int store_refused_trim(struct store *store, int64_t max_rows, int64_t before_ms, struct error *error);

/* SQLite's version. */
const char *store_library_version(void);

#endif
