/*
 * Records wait in the journal; a batch of them is handled inside one transaction of the store, which also takes the
 * journal position; after the commit acknowledgements go out and outputs wake up. Before the commit the journal is
 * synced, so what the store knows, the journal holds for good. Any failure rolls the batch back and forgets what is
 * held in memory: the store and its position are the truth, and the journal still has every record after it.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* BULK_EVENTS: a commit writes each page that it changed once, however many events changed it. */
enum { BULK_EVENTS = 300000, EVALUATE_INTERVAL_MS = 1000, ARENA_BLOCK = 256 * 1024, STREAMS_BYTES = 16 * 1024 * 1024 };

static const char POSITION[] = "journal_position";

/* Numbers of the store for every registered centre, and back. */
static int number_centres(struct pipeline *pipeline, struct error *error)
{
    size_t count = registry_centre_count(pipeline->parts.registry);
    uint32_t *numbers = calloc(count + 1, sizeof *numbers), highest = 0;
    if (numbers == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int result = store_begin(pipeline->store, true, error);
    for (uint32_t i = 0; i < count && result == 0; i++) {
        result = store_centre(pipeline->store, registry_centre(pipeline->parts.registry, i)->id, &numbers[i], error);
        highest = numbers[i] > highest ? numbers[i] : highest;
    }
    result = result == 0 ? store_commit(pipeline->store, error) : result;
    if (result != 0) {
        store_rollback(pipeline->store);
    }
    uint32_t *indexes = result == 0 ? malloc(((size_t)highest + 1) * sizeof *indexes) : NULL;
    if (indexes == NULL) {
        free(numbers);
        return result != 0 ? result : error_set(error, ERROR_MEMORY, "out of memory");
    }
    memset(indexes, 0xff, ((size_t)highest + 1) * sizeof *indexes); /* REGISTRY_NONE */
    for (uint32_t i = 0; i < count; i++) {
        indexes[numbers[i]] = i;
    }
    free(pipeline->centre_numbers);
    free(pipeline->centre_indexes);
    pipeline->centre_numbers = numbers;
    pipeline->centre_indexes = indexes;
    pipeline->centre_indexes_size = (size_t)highest + 1;
    pipeline->unknown_devices = -1;
    memset(pipeline->activity_numbers, 0, sizeof pipeline->activity_numbers);
    return 0;
}

/* Forgets all that is not committed and stands where the store stands. */
static int stand_at_store(struct pipeline *pipeline, struct error *error)
{
    int64_t sealed = INT32_MIN;
    facts_forget(pipeline->facts);
    acks_forget(pipeline);
    quotas_abandon(pipeline->quotas);
    memset(pipeline->activity_numbers, 0, sizeof pipeline->activity_numbers);
    memset(&pipeline->uncommitted, 0, sizeof pipeline->uncommitted);
    pipeline->in_batch = false;
    pipeline->batch_events = 0;
    pipeline->position = 0;
    pipeline->unknown_devices = -1;
    int result = store_value_get(pipeline->store, POSITION, &pipeline->position, error);
    if (result >= 0) {
        result = store_value_get(pipeline->store, "sealed_day", &sealed, error);
    }
    pipeline->sealed_day = (int32_t)sealed;
    journal_reader_close(&pipeline->reader);
    return result < 0 ? result
                      : journal_reader_open(&pipeline->reader, pipeline->parts.journal, pipeline->position, error);
}

void pipeline_abandon(struct pipeline *pipeline)
{
    struct error again = {0};
    store_rollback(pipeline->store);
    if (stand_at_store(pipeline, &again) != 0) {
        log_error("pipeline_cannot_restart", "reason=\"%s\"", again.text);
    }
}

int pipeline_begin(struct pipeline *pipeline, struct error *error)
{
    if (pipeline->in_batch) {
        return 0;
    }
    int result = store_begin(pipeline->store, false, error);
    if (result == 0) {
        pipeline->in_batch = true;
        pipeline->batch_started_ms = clock_steady_ms();
    }
    return result;
}

static int64_t at_least(int64_t count, int64_t least)
{
    return count > least ? count : least;
}

static int save_fact(struct pipeline *pipeline, struct fact *fact, struct error *error)
{
    struct store_fact row = {.span = (enum store_span)fact->key.span,
                             .index = fact->key.index,
                             .centre = fact->key.centre,
                             .activity = fact->key.activity,
                             .events = fact->events,
                             .seconds = fact->seconds};
    struct fact_sets *sets = fact->sets;
    if (sets != NULL) {
        buffer_clear(&pipeline->scratch);
        buffer_clear(&pipeline->scratch2);
        row.users = at_least(distinct_count(&sets->users), sets->users_least);
        row.devices = at_least(distinct_count(&sets->devices), sets->devices_least);
        if (sets->users_changed) {
            distinct_write(&sets->users, &pipeline->scratch);
            row.user_set = pipeline->scratch.bytes;
            row.user_set_bytes = pipeline->scratch.used;
        }
        if (sets->devices_changed) {
            distinct_write(&sets->devices, &pipeline->scratch2);
            row.device_set = pipeline->scratch2.bytes;
            row.device_set_bytes = pipeline->scratch2.used;
        }
        if (pipeline->scratch.failed || pipeline->scratch2.failed) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
    }
    return store_fact_save(pipeline->store, &row, error);
}

/* A flood of garbage must not wait for the hourly tidying: the bounds are looked at after each tenth of them. */
static bool rejected_are_due(const struct pipeline *pipeline)
{
    return pipeline->kept_rows > pipeline->parts.settings->rejected_max_rows / 10 ||
           pipeline->kept_bytes > pipeline->parts.settings->rejected_max_bytes / 10;
}

static int save_batch(struct pipeline *pipeline, struct error *error)
{
    int result = journal_sync(pipeline->parts.journal, error);
    facts_sort_changed(pipeline->facts);
    for (size_t i = 0; i < facts_changed_count(pipeline->facts) && result == 0; i++) {
        result = save_fact(pipeline, facts_changed(pipeline->facts, i), error);
    }
    if (result == 0) {
        result = acks_save_streams(pipeline, error);
    }
    if (result == 0) {
        result = outputs_save(pipeline->outputs, pipeline->store, error);
    }
    if (result == 0 && rejected_are_due(pipeline)) {
        result = tidy_rejected(pipeline, error);
    }
    if (result == 0) {
        result = store_value_set(pipeline->store, POSITION, pipeline->position, error);
    }
    return result == 0 ? store_commit(pipeline->store, error) : result;
}

/* The figures of a batch that was rolled back would count its events twice. */
static void show_committed(struct pipeline *pipeline)
{
    for (int i = 0; i < COUNTERS; i++) {
        int64_t count = counter_get(&pipeline->uncommitted, (enum counter)i);
        if (count != 0) {
            counter_add(pipeline->parts.counters, (enum counter)i, count);
            counter_set(&pipeline->uncommitted, (enum counter)i, 0);
        }
    }
}

static void after_commit(struct pipeline *pipeline, int64_t started_ms)
{
    struct counters *counters = pipeline->parts.counters;
    show_committed(pipeline);
    facts_saved(pipeline->facts);
    for (size_t i = 0; i < pipeline->touched_count; i++) {
        pipeline->touched[i].changed = false;
    }
    outputs_saved(pipeline->outputs);
    quotas_commit(pipeline->quotas);
    pipeline->in_batch = false;
    pipeline->batch_events = 0;
    acks_send_due(pipeline);
    /* Half, so that the next batch has room to grow in. */
    facts_shrink(pipeline->facts, (size_t)pipeline->parts.settings->memory_facts_bytes / 2);
    streams_shrink(pipeline->streams, STREAMS_BYTES);
    counter_add(counters, COUNTER_commits, 1);
    counter_add(counters, COUNTER_commit_ms, clock_steady_ms() - started_ms);
    counter_set(counters, COUNTER_journal_committed, pipeline->position);
    counter_set(counters, COUNTER_revision, store_revision(pipeline->store));
    counter_set(counters, COUNTER_facts_held_bytes, (int64_t)facts_bytes(pipeline->facts));
}

int pipeline_commit(struct pipeline *pipeline, struct error *error)
{
    if (!pipeline->in_batch) {
        return 0;
    }
    int64_t started_ms = clock_steady_ms();
    int result = save_batch(pipeline, error);
    if (result != 0) {
        pipeline_abandon(pipeline);
        return result;
    }
    after_commit(pipeline, started_ms);
    return 0;
}

/* Large enough that nothing is gained by more, or so large that facts or streams fill their memory, or that what it
 * rejects must be looked at: a backlog of garbage would otherwise go into the database before any of it is removed. */
static bool batch_is_full(const struct pipeline *pipeline, int64_t most_events)
{
    return pipeline->in_batch && /* one record always goes in: the table of facts itself may fill a small bound */
           (pipeline->batch_events >= most_events || rejected_are_due(pipeline) ||
            streams_bytes(pipeline->streams) + pipeline->touched_count * sizeof *pipeline->touched >
                (size_t)2 * STREAMS_BYTES ||
            facts_bytes(pipeline->facts) > (size_t)pipeline->parts.settings->memory_facts_bytes);
}

static bool batch_is_due(const struct pipeline *pipeline)
{
    const struct settings *settings = pipeline->parts.settings;
    return pipeline->in_batch && (batch_is_full(pipeline, settings->commit_max_events) ||
                                  clock_steady_ms() - pipeline->batch_started_ms >= settings->commit_interval_ms);
}

static int handle_record(struct pipeline *pipeline, const struct journal_record *record, struct error *error)
{
    int result = pipeline_begin(pipeline, error);
    if (result == 0) {
        result = count_record(pipeline, record, error);
    }
    if (result == 0) {
        pipeline->position = record->next;
    }
    return result;
}

/* Makes good what a failure kept a reload, or a batch that was abandoned, from doing. */
static int make_good(struct pipeline *pipeline, struct error *error)
{
    int64_t released, kept;
    int result = pipeline->centre_numbers == NULL ? number_centres(pipeline, error) : 0;
    if (result == 0 && pipeline->reader == NULL) {
        result = stand_at_store(pipeline, error);
    }
    if (result == 0 && pipeline->release_due) {
        result = quarantine_release(pipeline, false, &released, &kept, error);
        pipeline->release_due = result != 0;
    }
    return result;
}

/* All was read. What could not be read is passed over for good: waiting for the journal to go past it would be
 * waiting for nothing, without a pause. */
static void stand_at_reader(struct pipeline *pipeline)
{
    pipeline->position = journal_reader_position(pipeline->reader);
    if (!pipeline->in_batch) {
        counter_set(pipeline->parts.counters, COUNTER_journal_committed, pipeline->position);
    }
}

/* Handles what the journal holds now, until the batch is full, or due where somebody waits for it. 1: there may be
 * more; 0: all of it. */
static int handle_records(struct pipeline *pipeline, bool somebody_waits, struct error *error)
{
    struct journal_record record;
    int64_t most = somebody_waits ? pipeline->parts.settings->commit_max_events : BULK_EVENTS;
    int result = make_good(pipeline, error);
    if (result != 0) {
        return result;
    }
    for (int64_t handled = 1; !batch_is_full(pipeline, most); handled++) {
        result = journal_read(pipeline->reader, &record, error);
        if (result == 0) {
            stand_at_reader(pipeline);
            return 0;
        }
        if (result > 0) {
            result = handle_record(pipeline, &record, error);
        }
        if (result != 0) {
            pipeline_abandon(pipeline);
            return result;
        }
        if (somebody_waits && handled % 64 == 0 && batch_is_due(pipeline)) {
            return 1;
        }
    }
    return 1;
}

int pipeline_catch_up(struct pipeline *pipeline, struct error *error)
{
    int64_t end = journal_end(pipeline->parts.journal); /* what comes meanwhile could keep it here for ever */
    int result;
    do {
        result = handle_records(pipeline, false, error);
        if (result == 1) {
            int committed = pipeline_commit(pipeline, error);
            result = committed != 0 ? committed : 1;
        }
    } while (result == 1 && pipeline->position < end);
    return result >= 0 ? pipeline_commit(pipeline, error) : result;
}

int pipeline_finish(struct pipeline *pipeline, struct error *error)
{
    int result = pipeline_catch_up(pipeline, error);
    return result == 0 ? evaluate_changed(pipeline, error) : result;
}

/* How long there is nothing to do even if no record comes. */
static int64_t wait_time(const struct pipeline *pipeline, int64_t wait_ms)
{
    if (pipeline->in_batch) {
        int64_t left = pipeline->batch_started_ms + pipeline->parts.settings->commit_interval_ms - clock_steady_ms();
        wait_ms = left < wait_ms ? left : wait_ms;
    }
    return wait_ms > 0 ? wait_ms : 0;
}

/* Cursors that outputs left while no batch came: a transaction of their own. */
static int save_outputs(struct pipeline *pipeline, struct error *error)
{
    int result = store_begin(pipeline->store, true, error);
    if (result == 0) {
        result = outputs_save(pipeline->outputs, pipeline->store, error);
    }
    if (result == 0) {
        result = store_commit(pipeline->store, error);
    }
    if (result != 0) {
        pipeline_abandon(pipeline);
        return result;
    }
    outputs_saved(pipeline->outputs);
    return 0;
}

int pipeline_turn(struct pipeline *pipeline, int64_t wait_ms, int64_t *revision, struct error *error)
{
    journal_wait(pipeline->parts.journal, pipeline->position, wait_time(pipeline, wait_ms));
    int result = handle_records(pipeline, true, error);
    if (result >= 0 && batch_is_due(pipeline)) {
        result = pipeline_commit(pipeline, error);
    }
    if (result >= 0 && !pipeline->in_batch && outputs_left_something(pipeline->outputs)) {
        result = save_outputs(pipeline, error);
    }
    if (result >= 0 && !pipeline->in_batch) {
        acks_send_due(pipeline);
        if (clock_steady_ms() - pipeline->evaluated_ms >= EVALUATE_INTERVAL_MS) {
            result = evaluate_changed(pipeline, error);
        }
    }
    *revision = store_revision(pipeline->store) - pipeline->in_batch; /* of what readers can see */
    return result < 0 ? result : 0;
}

int pipeline_retry_quarantine(struct pipeline *pipeline, int64_t *released, int64_t *kept, struct error *error)
{
    return quarantine_release(pipeline, true, released, kept, error);
}

int pipeline_reload(struct pipeline *pipeline, const struct registry *registry, const struct indicators *indicators,
                    struct error *error)
{
    int result = pipeline_catch_up(pipeline, error);
    if (result != 0) { /* those records will be counted with the new registry */
        log_warning("reload_before_catching_up", "reason=\"%s\"", error->text);
    }
    pipeline->parts.registry = registry;
    pipeline->parts.indicators = indicators;
    pipeline->evaluated_revision = -1;
    free(pipeline->centre_numbers);
    pipeline->centre_numbers = NULL;
    pipeline->release_due = true;
    result = make_good(pipeline, error);
    return result == 0 ? evaluate_changed(pipeline, error) : result;
}

bool pipeline_is_broken(const struct pipeline *pipeline)
{
    return store_is_broken(pipeline->store);
}

const struct output_sink *pipeline_output_sink(struct pipeline *pipeline)
{
    return &pipeline->output_sink;
}

/* From here on the figures over all devices are kept up by what changes. */
static int show_totals(struct pipeline *pipeline, struct error *error)
{
    struct store_totals totals = {0};
    int64_t rows = 0;
    int result = store_count_totals(pipeline->store, &totals, error);
    if (result == 0) {
        result = store_rejected_count(pipeline->store, &rows, error);
    }
    counter_set(pipeline->parts.counters, COUNTER_events_missing, totals.missing);
    counter_set(pipeline->parts.counters, COUNTER_epochs_known, totals.streams);
    counter_set(pipeline->parts.counters, COUNTER_devices_known, totals.devices);
    counter_set(pipeline->parts.counters, COUNTER_rejected_rows, rows);
    return result;
}

static int open_parts(struct pipeline *pipeline, struct error *error)
{
    pipeline->zone = zone_copy(pipeline->parts.zone);
    pipeline->facts = facts_new();
    pipeline->streams = streams_new();
    pipeline->outputs = outputs_new();
    pipeline->quotas = quotas_new(pipeline->parts.settings->rejected_device_rows_per_hour,
                                  pipeline->parts.settings->rejected_device_quarantined_per_day);
    if (pipeline->zone == NULL || pipeline->facts == NULL || pipeline->streams == NULL || pipeline->outputs == NULL ||
        pipeline->quotas == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    pipeline->output_sink = (struct output_sink){
        .context = pipeline->outputs, .save_cursor = outputs_save_cursor, .refused = outputs_refused};
    int result = store_open(&pipeline->store, pipeline->parts.settings->data_dir, pipeline->parts.version,
                            pipeline->parts.secret, error);
    if (result == 0) {
        result = secret_keyer(pipeline->parts.secret, &pipeline->keyer, error);
    }
    if (result == 0) {
        result = number_centres(pipeline, error);
    }
    if (result == 0) {
        result = stand_at_store(pipeline, error);
    }
    if (result == 0) {
        tidy_note_safe_position(pipeline);
    }
    return result == 0 ? show_totals(pipeline, error) : result;
}

int pipeline_open(struct pipeline **out, const struct pipeline_parts *parts, struct error *error)
{
    int64_t released = 0, kept = 0;
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    pipeline->parts = *parts;
    arena_init(&pipeline->arena, ARENA_BLOCK);
    int result = open_parts(pipeline, error);
    if (result == 0) {
        result = quarantine_release(pipeline, false, &released, &kept, error);
    }
    if (result != 0) {
        pipeline_close(&pipeline);
        return result;
    }
    if (released > 0) {
        log_info("quarantine_released", "events=%lld", (long long)released);
    }
    counter_set(parts->counters, COUNTER_journal_committed, pipeline->position);
    counter_set(parts->counters, COUNTER_revision, store_revision(pipeline->store));
    *out = pipeline;
    return 0;
}

void pipeline_close(struct pipeline **out)
{
    struct pipeline *pipeline = *out;
    if (pipeline == NULL) {
        return;
    }
    journal_reader_close(&pipeline->reader);
    store_close(&pipeline->store);
    keyer_free(&pipeline->keyer);
    facts_free(&pipeline->facts);
    streams_free(&pipeline->streams);
    outputs_free(&pipeline->outputs);
    quotas_free(&pipeline->quotas);
    zone_close(&pipeline->zone);
    arena_free(&pipeline->arena);
    buffer_free(&pipeline->scratch);
    buffer_free(&pipeline->scratch2);
    free(pipeline->touched);
    free(pipeline->centre_numbers);
    free(pipeline->centre_indexes);
    free(pipeline);
    *out = NULL;
}
