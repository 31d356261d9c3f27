/*
 * One thread per output. It asks the store, series by series and a page at a time, for the rows that changed after its
 * cursor, sends them, and only then lets the cursor be kept: a crash in between writes the same points again, no more.
 * Pages of the four series take turns, so that a long catch-up of one does not hold up the rates. While a server is
 * away the thread waits inside delivery_send; what changes meanwhile waits in the store, as rows, each once.
 *
 * A cursor is kept only as far as it is whole: up to its revision if the page was the last, one less if not.
 */
#include "output/output.h"

#include "delivery.h"
#include "influx.h"

#include "base/file.h"
#include "base/log.h"
#include "output/line_protocol.h"
#include "store/reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    IDLE_MS = 30000,       /* output_wake comes sooner; this bounds the wait for one that was lost */
    STORE_RETRY_MS = 5000, /* when the store cannot be read */
    MEASURE_MS = 5000,     /* between two looks at how far behind a waiting output is */
    STOP_GRACE_MS = 2000   /* for the request in hand */
};

struct follower {
    struct change_cursor cursor;
    int64_t saved;
};

struct output {
    const struct settings_output *settings;
    const struct output_sink *sink;
    struct counters *counters;
    char *data_dir;
    struct zone *zone;
    struct influx *influx;
    struct delivery delivery;
    struct lines lines;
    struct store_reader *reader; /* NULL while the store is not there */
    struct follower followers[STORE_SERIES];
    pthread_t thread;
    _Atomic int64_t abort_at_ms;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool stopping, woken;
    struct output_status status;
};

/* ---- waiting ---- */

/* Waits for `ms`, or until stopping, or (if `wakes`) until woken. False: stopping. */
static bool wait_for(struct output *output, int64_t ms, bool wakes)
{
    int64_t until_ms = clock_steady_ms() + ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&output->lock);
    while (!output->stopping && !(wakes && output->woken) && clock_steady_ms() < until_ms) {
        pthread_cond_timedwait(&output->changed, &output->lock, &until);
    }
    bool goes_on = !output->stopping;
    output->woken = wakes ? false : output->woken;
    pthread_mutex_unlock(&output->lock);
    return goes_on;
}

static bool is_stopping(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    bool stopping = output->stopping;
    pthread_mutex_unlock(&output->lock);
    return stopping;
}

/* ---- what delivery tells ---- */

static void set_health(struct output *output, bool healthy, const char *reason)
{
    pthread_mutex_lock(&output->lock);
    bool recovered = healthy && !output->status.healthy;
    output->status.healthy = healthy;
    snprintf(output->status.last_error, sizeof output->status.last_error, "%s", reason);
    pthread_mutex_unlock(&output->lock);
    if (recovered) {
        log_info("output_recovered", "output=%s", output->settings->name);
    }
}

static void on_note(void *context, enum delivery_verdict verdict, const struct influx_reply *reply, size_t lines,
                    int64_t wait_ms)
{
    struct output *output = context;
    char reason[200];
    if (reply->answered) {
        snprintf(reason, sizeof reason, "HTTP %ld %.150s", reply->status, reply->text);
    } else {
        snprintf(reason, sizeof reason, "%.190s", reply->text);
    }
    counter_add(output->counters, COUNTER_output_requests, 1);
    counter_add(output->counters, COUNTER_output_points, (int64_t)lines);
    pthread_mutex_lock(&output->lock);
    output->status.points += (int64_t)lines;
    output->status.retries += wait_ms > 0 ? 1 : 0;
    pthread_mutex_unlock(&output->lock);
    if (wait_ms == 0) {
        set_health(output, true, "");
        return;
    }
    counter_add(output->counters, COUNTER_output_retries, 1);
    set_health(output, false, reason);
    if (verdict == DELIVERY_HOLD) {
        log_error("output_held",
                  "output=%s in_ms=%lld reason=\"%s\" effect=\"nothing is lost\" "
                  "remedy=\"check url, database or bucket, and credentials\"",
                  output->settings->name, (long long)wait_ms, reason);
    } else {
        log_warning("output_retry", "output=%s in_ms=%lld reason=\"%s\"", output->settings->name, (long long)wait_ms,
                    reason);
    }
}

static void on_refused(void *context, const char *line, const char *reason)
{
    struct output *output = context;
    char safe[300];
    counter_add(output->counters, COUNTER_output_refused, 1);
    pthread_mutex_lock(&output->lock);
    output->status.refused++;
    pthread_mutex_unlock(&output->lock);
    log_warning("output_refused", "output=%s line=\"%s\" reason=\"%s\"", output->settings->name,
                log_safe(line, safe, sizeof safe), reason);
    output->sink->refused(output->sink->context, output->settings->name, line, reason);
}

/* ---- following the store ---- */

static void show_behind(struct output *output, int64_t behind)
{
    pthread_mutex_lock(&output->lock);
    output->status.behind = behind;
    pthread_mutex_unlock(&output->lock);
}

static int64_t revision_done(const struct change_cursor *cursor)
{
    return cursor->complete ? cursor->revision : cursor->revision - 1;
}

static int measure_behind(struct output *output, struct error *error)
{
    int64_t latest = 0, done = INT64_MAX;
    int result = store_reader_revision(output->reader, &latest, error);
    if (result != 0) {
        return result;
    }
    for (int i = 0; i < STORE_SERIES; i++) {
        int64_t one = revision_done(&output->followers[i].cursor);
        done = one < done ? one : done;
    }
    show_behind(output, latest > done ? latest - done : 0);
    return 0;
}

/* A server may be away for hours: what it is behind is measured all the while. */
static bool wait_in_delivery(void *context, int64_t ms)
{
    struct output *output = context;
    int64_t until_ms = clock_steady_ms() + ms, left_ms = ms;
    while (left_ms > 0) {
        struct error ignored; /* the store is read again when the wait is over, and then it is logged */
        if (!wait_for(output, left_ms < MEASURE_MS ? left_ms : MEASURE_MS, false)) {
            return false;
        }
        measure_behind(output, &ignored);
        left_ms = until_ms - clock_steady_ms();
    }
    return true;
}

static int take_row(void *context, const struct change_row *row)
{
    struct output *output = context;
    struct error error = {0};
    int result = line_protocol_change(row, output->zone, output->settings->small_cell, &output->lines.text, &error);
    if (result == 0) {
        return lines_end_line(&output->lines);
    }
    char what[160];
    snprintf(what, sizeof what, "%s centre=%s area=%s revision=%lld", store_series_name(row->series),
             row->centre == NULL ? "" : row->centre, row->area == NULL ? "" : row->area, (long long)row->revision);
    on_refused(output, what, error.text);
    return 0;
}

/* Reads and delivers the next page of a series; `*more` tells if there may be another. */
static int follow_page(struct output *output, enum store_series series, bool *more, struct error *error)
{
    struct follower *follower = &output->followers[series];
    struct change_cursor cursor = follower->cursor;
    lines_clear(&output->lines);
    int result = store_read_changes(output->reader, series, &cursor, (int)output->settings->batch_points, take_row,
                                    output, error);
    if (result != 0) {
        return result;
    }
    bool any = output->lines.count > 0;
    result = delivery_send(&output->delivery, &output->lines);
    if (result != 0) {
        return error_set(error, result, result == ERROR_BUSY ? "stopping" : "out of memory");
    }
    follower->cursor = cursor;
    *more = !cursor.complete;
    /* Only with rows: keeping a cursor is a commit, which is a revision, which would wake us to keep a cursor. */
    if (any && revision_done(&cursor) > follower->saved) {
        follower->saved = revision_done(&cursor);
        output->sink->save_cursor(output->sink->context, output->settings->name, store_series_name(series),
                                  follower->saved);
    }
    return 0;
}

/* All there is, the series taking turns. */
static int catch_up(struct output *output, struct error *error)
{
    bool more[STORE_SERIES], any = true;
    for (int i = 0; i < STORE_SERIES; i++) {
        more[i] = true;
    }
    while (any) {
        any = false;
        for (int i = 0; i < STORE_SERIES; i++) {
            if (is_stopping(output)) {
                return ERROR_BUSY;
            }
            int result = more[i] ? follow_page(output, (enum store_series)i, &more[i], error) : 0;
            if (result != 0) {
                return result;
            }
            any = any || more[i];
        }
        int result = measure_behind(output, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int open_store(struct output *output, struct error *error)
{
    int result = store_reader_open(&output->reader, output->data_dir, error);
    for (int i = 0; i < STORE_SERIES && result == 0; i++) {
        int64_t revision = 0;
        result = store_read_cursor(output->reader, output->settings->name, (enum store_series)i, &revision, error);
        output->followers[i] = (struct follower){.cursor = {.revision = revision, .complete = true}, .saved = revision};
    }
    if (result != 0) {
        store_reader_close(&output->reader);
    }
    return result;
}

static void *run(void *argument)
{
    struct output *output = argument;
    int64_t pause_ms = 0;
    while (wait_for(output, pause_ms, true)) {
        struct error error = {0};
        int result = output->reader == NULL ? open_store(output, &error) : 0;
        if (result == 0) {
            result = catch_up(output, &error);
        }
        pause_ms = IDLE_MS;
        if (result != 0 && result != ERROR_BUSY) {
            char safe[sizeof error.text];
            if (result != ERROR_MISSING) {
                log_error("output_store_unreadable", "output=%s reason=\"%s\"", output->settings->name,
                          log_safe(error.text, safe, sizeof safe));
                set_health(output, false, error.text);
            }
            store_reader_close(&output->reader);
            pause_ms = STORE_RETRY_MS;
        }
    }
    store_reader_close(&output->reader);
    return NULL;
}

/* ---- any thread ---- */

static void free_output(struct output *output)
{
    pthread_cond_destroy(&output->changed);
    pthread_mutex_destroy(&output->lock);
    influx_close(&output->influx);
    zone_close(&output->zone);
    lines_free(&output->lines);
    free(output->data_dir);
    free(output);
}

static int init_lock(struct output *output)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return ERROR_MEMORY;
    }
    bool failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
                  pthread_cond_init(&output->changed, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    return failed || pthread_mutex_init(&output->lock, NULL) != 0 ? ERROR_MEMORY : 0;
}

static int prepare(struct output *output, const char *data_dir, const struct zone *zone, struct error *error)
{
    output->data_dir = strdup(data_dir);
    output->zone = zone_copy(zone);
    if (output->data_dir == NULL || output->zone == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the output %s", output->settings->name);
    }
    int result = influx_open(&output->influx, output->settings, error);
    if (result != 0) {
        return result;
    }
    influx_set_abort(output->influx, &output->abort_at_ms);
    output->delivery = (struct delivery){.influx = output->influx,
                                         .influxdb2 = output->settings->type == OUTPUT_INFLUXDB2,
                                         .most_lines = (size_t)output->settings->batch_points,
                                         .context = output,
                                         .wait = wait_in_delivery,
                                         .note = on_note,
                                         .refused = on_refused};
    return 0;
}

int output_start(struct output **out, const struct settings_output *settings, const char *data_dir,
                 const struct zone *zone, struct counters *counters, const struct output_sink *sink,
                 struct error *error)
{
    *out = NULL;
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL || init_lock(output) != 0) {
        free(output);
        return error_set(error, ERROR_MEMORY, "out of memory for the output %s", settings->name);
    }
    output->settings = settings;
    output->counters = counters;
    output->sink = sink;
    output->status.healthy = true;
    atomic_init(&output->abort_at_ms, INT64_MAX);
    int result = prepare(output, data_dir, zone, error);
    if (result == 0 && pthread_create(&output->thread, NULL, run, output) != 0) {
        result = error_set(error, ERROR_MEMORY, "cannot start the thread of the output %s", settings->name);
    }
    if (result != 0) {
        free_output(output);
        return result;
    }
    *out = output;
    return 0;
}

void output_wake(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    output->woken = true;
    pthread_cond_signal(&output->changed);
    pthread_mutex_unlock(&output->lock);
}

void output_get_status(struct output *output, struct output_status *status)
{
    pthread_mutex_lock(&output->lock);
    *status = output->status;
    pthread_mutex_unlock(&output->lock);
}

void output_stop(struct output **at)
{
    struct output *output = *at;
    *at = NULL;
    if (output == NULL) {
        return;
    }
    atomic_store(&output->abort_at_ms, clock_steady_ms() + STOP_GRACE_MS);
    pthread_mutex_lock(&output->lock);
    output->stopping = true;
    pthread_cond_signal(&output->changed);
    pthread_mutex_unlock(&output->lock);
    pthread_join(output->thread, NULL);
    free_output(output);
}
