/*
 * What is done once in a while, when idle: days that can no longer change are sealed, rejected rows and journal
 * segments past their bounds go. All of it is judged by what was received, and by our own clock only where that says
 * less: what is removed stays so, and a clock may be years ahead for an hour after a start without a network.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

/* The time that ages are measured by: of what was received, so that a backlog or a file of last year is judged as it
 * would have been in time; but never ahead of our own clock, for one record may come from a clock years ahead. */
static int64_t received_until_ms(const struct pipeline *pipeline)
{
    int64_t now_ms = clock_wall_ms();
    return pipeline->last_received_ms < now_ms ? pipeline->last_received_ms : now_ms;
}

/* What is removed or sealed stays so, and our own clock may be years ahead for an hour after a start without a network.
 * So nothing ages further than the events say, which come from many clocks: to the end of the last day that has any.
 * 0 while there are none. */
static int aged_until(struct pipeline *pipeline, int64_t now_ms, int64_t *until_ms, struct error *error)
{
    int32_t first, last;
    int result = store_day_bounds(pipeline->store, &first, &last, error);
    *until_ms = 0;
    if (result == 1) {
        int64_t end_ms = zone_day_start_ms(pipeline->zone, last + 1);
        *until_ms = now_ms < end_ms ? now_ms : end_ms;
    }
    return result < 0 ? result : 0;
}

/* Removes what exceeds the bounds on rejected rows. */
int tidy_rejected(struct pipeline *pipeline, struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    int64_t removed = 0, rows = 0, until_ms, keep_ms = settings->rejected_keep_days * 86400000;
    int result = aged_until(pipeline, received_until_ms(pipeline), &until_ms, error);
    if (result == 0) {
        /* A row that goes by its age leaves a line in the ledger, which is kept as long again. */
        const struct store_rejected_bounds bounds = {.max_rows = settings->rejected_max_rows,
                                                     .max_bytes = settings->rejected_max_bytes,
                                                     .before_ms = until_ms - keep_ms,
                                                     .ledger_before_ms = until_ms - 2 * keep_ms};
        result = store_rejected_trim(pipeline->store, &bounds, &removed, error);
    }
    if (result == 0) {
        result = store_rejected_count(pipeline->store, &rows, error);
    }
    if (result == 0) {
        pipeline->kept_rows = pipeline->kept_bytes = 0;
        counter_add(&pipeline->uncommitted, COUNTER_rejected_evicted, removed);
        counter_set(pipeline->parts.counters, COUNTER_rejected_rows, rows);
    }
    return result;
}

static int seal(struct pipeline *pipeline, struct error *error)
{
    int32_t first, last;
    int result = pipeline->last_received_ms == 0 ? 0 : store_day_bounds(pipeline->store, &first, &last, error);
    if (result != 1) {
        return result;
    }
    /* Not ahead of what the events say: our own clock may have been wrong for an hour after a start without a network,
     * and what is sealed stays sealed. A day more, because receive times of one batch may lie on both sides of
     * midnight. */
    int32_t today = zone_day(pipeline->zone, received_until_ms(pipeline));
    int32_t day = (today < last ? today : last) - (int32_t)pipeline->parts.settings->late_days - 1;
    if (day <= pipeline->sealed_day) {
        return 0;
    }
    result = store_seal(pipeline->store, day, period_of_day(PERIOD_MONTH, day), error);
    if (result == 0) {
        result = store_value_set(pipeline->store, "sealed_day", day, error);
        pipeline->sealed_day = day;
    }
    return result;
}

/* Power loss may take back what is not checkpointed, position and all: its segments must still be there then. */
void tidy_note_safe_position(struct pipeline *pipeline)
{
    if (!pipeline->in_batch && store_checkpoint(pipeline->store)) {
        pipeline->safe_position = pipeline->position;
    }
}

static int trim_journal(struct pipeline *pipeline, struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    int64_t now_ms = clock_wall_ms(), until_ms;
    int result = aged_until(pipeline, now_ms, &until_ms, error);
    if (result != 0) {
        return result;
    }
    int64_t days_ahead = (now_ms - until_ms) / 86400000; /* of our clock, or without an event: they do not count */
    return journal_trim(pipeline->parts.journal, pipeline->safe_position, settings->journal_keep_days + days_ahead,
                        settings->journal_keep_bytes, error);
}

int pipeline_tidy(struct pipeline *pipeline, struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    /* First, for on a full disk nothing else here can be done, and this makes room: a checkpoint lets the database
     * begin its log anew, and frees the journal's segments before it. */
    tidy_note_safe_position(pipeline);
    int result = trim_journal(pipeline, error);
    if (result == 0) {
        result = pipeline_catch_up(pipeline, error);
    }
    if (result == 0) {
        result = pipeline_begin(pipeline, error);
    }
    if (result == 0) {
        facts_shrink(pipeline->facts, 0); /* sets that the store now drops must not live on here */
        result = seal(pipeline, error);
    }
    if (result == 0) {
        result = tidy_rejected(pipeline, error);
    }
    if (result == 0) {
        result = store_refused_trim(pipeline->store, settings->rejected_max_rows,
                                    clock_wall_ms() - settings->rejected_keep_days * 86400000, error);
    }
    if (result != 0) {
        pipeline_abandon(pipeline);
        return result;
    }
    result = pipeline_commit(pipeline, error);
    if (result != 0) {
        return result;
    }
    tidy_note_safe_position(pipeline);
    return trim_journal(pipeline, error);
}

int64_t pipeline_safe_position(const struct pipeline *pipeline)
{
    return pipeline->safe_position;
}
