/*
 * How the collector itself is: /healthz for a supervisor (restart me?), /readyz for those who would send work (am I
 * keeping up, and if not, what is it?), /api/v1/status for the page.
 */
#include "internal.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    READY_LAG_MS = 60 * 1000, /* a record that waits longer is late */
    STALLED_MS = 60 * 1000,   /* no commit for so long although records wait: not ready */
    DEAD_MS = 10 * 60 * 1000  /* and for so long: not healthy */
};

static struct progress look(struct call *call)
{
    return watch_look(&call->api->watch, call->api->counters, clock_steady_ms());
}

void answer_health(struct call *call)
{
    struct progress progress = look(call);
    if (progress.stalled_ms >= DEAD_MS) {
        call_problem(call, 503, "No progress", "records wait in the journal and none was committed for %lld s",
                     (long long)(progress.stalled_ms / 1000));
        return;
    }
    buffer_add_text(&call->answer->body, "{\"status\":\"ok\"}\n");
}

struct checks {
    struct rows rows;
    bool all_ok;
    bool detailed; /* strangers learn what fails, and nothing of paths and versions */
};

static void add_check(struct checks *checks, const char *name, bool ok, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

static void add_check(struct checks *checks, const char *name, bool ok, const char *detail, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, detail);
    vsnprintf(text, sizeof text, detail, arguments);
    va_end(arguments);
    rows_begin(&checks->rows);
    rows_text(&checks->rows, "name", name);
    rows_boolean(&checks->rows, "ok", ok);
    if (checks->detailed) {
        rows_text(&checks->rows, "detail", text);
    }
    rows_end(&checks->rows);
    checks->all_ok = checks->all_ok && ok;
}

static void check_store(struct call *call, struct checks *checks)
{
    struct desk *desk = call->desk;
    struct error error = {0};
    int64_t revision = 0;
    if (desk->reader == NULL && store_reader_open(&desk->reader, call->api->settings->data_dir, &error) != 0) {
        add_check(checks, "store", false, "%s", error.text);
    } else if (store_reader_revision(desk->reader, &revision, &error) != 0) {
        store_reader_close(&desk->reader);
        add_check(checks, "store", false, "%s", error.text);
    } else {
        add_check(checks, "store", true, "revision %lld", (long long)revision);
    }
}

static void check_mqtt(struct call *call, struct checks *checks)
{
    if (call->api->settings->mqtt_server == NULL) {
        add_check(checks, "mqtt", true, "not configured");
        return;
    }
    const struct counters *counters = call->api->counters;
    if (counter_get(counters, COUNTER_mqtt_connected) != 0) {
        add_check(checks, "mqtt", true, "connected and subscribed");
    } else if (counter_get(counters, COUNTER_journal_stuck) != 0) {
        add_check(checks, "mqtt", false,
                  "not connected while receiving waits for room on the disk; the broker keeps what comes");
    } else if (counter_get(counters, COUNTER_receive_behind) != 0) {
        add_check(
            checks, "mqtt", false,
            "not connected while receiving waits for counting to catch up (%lld bytes); the broker keeps what comes",
            (long long)counter_get(counters, COUNTER_journal_backlog_bytes));
    } else {
        add_check(checks, "mqtt", false, "no connection to the broker");
    }
}

static void check_journal(struct call *call, struct checks *checks, struct progress progress)
{
    if (counter_get(call->api->counters, COUNTER_journal_stuck) != 0) {
        add_check(checks, "journal", false, "it cannot be written: receiving waits; free some disk space");
    } else if (progress.stalled_ms > 0) {
        add_check(checks, "journal", progress.stalled_ms < STALLED_MS,
                  "records wait, and none was committed for %lld s", (long long)(progress.stalled_ms / 1000));
    } else {
        add_check(checks, "journal", true, "commits go on");
    }
    add_check(checks, "lag", progress.lag_ms < READY_LAG_MS, "%lld s behind the journal",
              (long long)(progress.lag_ms / 1000));
}

void answer_ready(struct call *call)
{
    struct buffer list = {0};
    struct checks checks = {.all_ok = true, .detailed = call->trusted};
    rows_open(&checks.rows, &list, ROWS_JSON, NULL);
    check_store(call, &checks);
    check_mqtt(call, &checks);
    check_journal(call, &checks, look(call));
    call->answer->status = checks.all_ok ? 200 : 503;
    buffer_print(&call->answer->body, "{\"ready\":%s,\"checks\":[", checks.all_ok ? "true" : "false");
    buffer_add(&call->answer->body, list.bytes, list.used);
    buffer_add_text(&call->answer->body, "]}\n");
    call->answer->body.failed = call->answer->body.failed || list.failed;
    buffer_free(&list);
}

static void add_counters(struct buffer *body, const struct counters *counters)
{
    struct rows object;
    rows_open(&object, body, ROWS_JSON, NULL);
    rows_begin(&object);
    for (int i = 0; i < COUNTERS; i++) {
        rows_integer(&object, counter_info((enum counter)i)->name, counter_get(counters, (enum counter)i));
    }
    rows_end(&object);
}

void answer_status(struct call *call)
{
    const struct counters *counters = call->api->counters;
    struct buffer *body = &call->answer->body;
    struct progress progress = look(call);
    int64_t started_ms = counter_get(counters, COUNTER_start_time_ms);
    struct rows object;
    rows_open(&object, body, ROWS_JSON, NULL);
    rows_begin(&object);
    rows_text(&object, "version", call->api->version);
    rows_integer(&object, "uptime_s", started_ms > 0 ? (call->now_ms - started_ms) / 1000 : 0);
    rows_boolean(&object, "connected", counter_get(counters, COUNTER_mqtt_connected) != 0);
    rows_json(&object, "last_message", "");
    call_add_time(call, body, counter_get(counters, COUNTER_mqtt_last_message_ms));
    if (progress.started) {
        rows_integer(&object, "lag_s", progress.lag_ms / 1000);
    } else {
        rows_null(&object, "lag_s");
    }
    rows_integer(&object, "revision", counter_get(counters, COUNTER_revision));
    rows_json(&object, "counters", "");
    add_counters(body, counters);
    rows_end(&object);
    buffer_add_text(body, "\n");
}
