/*
 * GET /api/v1/centres/{id}: why this centre counts or does not: each indicator's verdict with its conditions, a year of
 * use by activity, and its devices with what is missing of their sequences.
 */
#include "centres.h"

#include "api/conditions.h"

#include <string.h>

enum { USAGE_MONTHS = 12 };

struct detail {
    struct call *call;
    const struct registry_centre *centre;
    enum period_kind kind;
    int32_t period;
    struct rows rows; /* of the array in hand */
    int64_t last_event_ms;
};

static int add_verdict(void *context, const struct verdict_row *row)
{
    struct detail *detail = context;
    const struct indicator *indicator = indicators_find(detail->call->world->indicators, row->indicator);
    if (indicator == NULL || strcmp(row->period_kind, period_kind_word(indicator->period)) != 0) {
        return 0;
    }
    struct buffer conditions = {0};
    char label[PERIOD_LABEL_SIZE];
    conditions_add(&conditions, row->conditions, detail->call->api->settings->small_cell, detail->centre->head_count);
    rows_begin(&detail->rows);
    rows_text(&detail->rows, "indicator", row->indicator);
    rows_text(&detail->rows, "period", period_label(indicator->period, row->period, label));
    rows_boolean(&detail->rows, "reporting", row->reporting);
    rows_boolean(&detail->rows, "adopts", row->adopts);
    rows_json(&detail->rows, "conditions", conditions.failed ? "[]" : conditions.bytes);
    rows_end(&detail->rows);
    bool failed = conditions.failed;
    buffer_free(&conditions);
    return failed ? ERROR_MEMORY : 0;
}

/* For each indicator its own period that holds the asked period's last day. */
static int add_verdicts(struct detail *detail, struct error *error)
{
    const struct indicators *indicators = detail->call->world->indicators;
    rows_open(&detail->rows, &detail->call->answer->body, ROWS_JSON, NULL);
    for (size_t i = 0; i < indicators->count; i++) {
        int32_t day = period_last_day(detail->kind, detail->period);
        int32_t period = period_of_day(indicators->list[i].period, day);
        struct verdict_filter filter = {.indicator = indicators->list[i].id,
                                        .centre = detail->centre->id,
                                        .from_period = period,
                                        .to_period = period};
        int failed = store_read_verdicts(detail->call->desk->reader, &filter, add_verdict, detail, error);
        if (failed != 0) {
            return failed;
        }
    }
    return 0;
}

#define USAGE_COLUMNS "period,activity,active_days,events,seconds,users,devices"

static int add_month(void *context, const struct month_row *row)
{
    struct detail *detail = context;
    char label[PERIOD_LABEL_SIZE];
    rows_begin(&detail->rows);
    rows_text(&detail->rows, "period", period_label(PERIOD_MONTH, row->month, label));
    rows_id(&detail->rows, "activity", row->activity);
    rows_integer(&detail->rows, "active_days", row->active_days);
    rows_integer(&detail->rows, "events", row->events);
    rows_integer(&detail->rows, "seconds", row->seconds);
    rows_people(&detail->rows, "users", row->users, detail->call->api->settings->small_cell);
    rows_integer(&detail->rows, "devices", row->devices);
    rows_end(&detail->rows);
    return 0;
}

static int add_usage(struct detail *detail, enum rows_format format, struct error *error)
{
    int32_t last = period_of_day(PERIOD_MONTH, period_last_day(detail->kind, detail->period));
    rows_open(&detail->rows, &detail->call->answer->body, format, USAGE_COLUMNS);
    return store_read_months(detail->call->desk->reader, detail->centre->id, last - USAGE_MONTHS + 1, last, add_month,
                             detail, error);
}

static int add_device(void *context, const struct device_row *row)
{
    struct detail *detail = context;
    struct rows *rows = &detail->rows;
    if (row->last_event_ms > detail->last_event_ms) {
        detail->last_event_ms = row->last_event_ms;
    }
    if (rows->count >= API_MAX_ROWS) {
        return 0;
    }
    rows_begin(rows);
    rows_text(rows, "device", row->device);
    rows_text(rows, "epoch", row->epoch);
    rows_integer(rows, "expected", row->received + row->missing + row->given_up);
    rows_integer(rows, "received", row->received);
    rows_integer(rows, "repeated", row->repeated);
    rows_integer(rows, "missing", row->missing);
    rows_integer(rows, "given_up", row->given_up);
    rows_integer(rows, "late", row->late);
    rows_json(rows, "last_received", "");
    call_add_time(detail->call, rows->out, row->last_received_ms);
    rows_json(rows, "last_event", "");
    call_add_time(detail->call, rows->out, row->last_event_ms);
    rows_end(rows);
    return 0;
}

static int add_devices(struct detail *detail, struct error *error)
{
    rows_open(&detail->rows, &detail->call->answer->body, ROWS_JSON, NULL);
    return store_read_devices(detail->call->desk->reader, detail->centre->id, add_device, detail, error);
}

static int add_quality(void *context, const struct quality_row *row)
{
    struct rows *rows = context;
    rows_begin(rows);
    rows_integer(rows, "devices", row->devices);
    rows_integer(rows, "expected", row->expected);
    rows_integer(rows, "received", row->received);
    rows_integer(rows, "repeated", row->repeated);
    rows_integer(rows, "missing", row->missing);
    rows_integer(rows, "given_up", row->given_up);
    rows_integer(rows, "late", row->late);
    rows_integer(rows, "rejected", row->rejected);
    rows_integer(rows, "quarantined", row->quarantined);
    rows_integer(rows, "let_go", row->let_go);
    rows_end(rows);
    return 0;
}

/* What came of all that its devices sent; null if nothing ever did. */
static int write_quality(struct detail *detail, struct error *error)
{
    struct buffer *body = &detail->call->answer->body;
    rows_open(&detail->rows, body, ROWS_JSON, NULL);
    int failed = store_read_quality(detail->call->desk->reader, detail->centre->id, add_quality, &detail->rows, error);
    buffer_add_text(body, detail->rows.count == 0 ? "null" : "");
    return failed;
}

static int write_detail(struct detail *detail, struct error *error)
{
    struct call *call = detail->call;
    struct buffer *body = &call->answer->body;
    struct rows object;
    char label[PERIOD_LABEL_SIZE];
    rows_open(&object, body, ROWS_JSON, NULL);
    rows_begin(&object);
    centres_write_fields(&object, call->world->registry, detail->centre, call->today);
    rows_text(&object, "period", period_label(detail->kind, detail->period, label));
    rows_json(&object, "verdicts", "[");
    int failed = add_verdicts(detail, error);
    buffer_add_text(body, "]");
    rows_json(&object, "usage", "[");
    failed = failed != 0 ? failed : add_usage(detail, ROWS_JSON, error);
    buffer_add_text(body, "]");
    rows_json(&object, "devices", "[");
    failed = failed != 0 ? failed : add_devices(detail, error);
    buffer_add_text(body, "]");
    rows_json(&object, "quality", "");
    failed = failed != 0 ? failed : write_quality(detail, error);
    rows_json(&object, "last_event", "");
    call_add_time(call, body, detail->last_event_ms);
    rows_end(&object);
    buffer_add_text(body, "\n");
    return failed;
}

/* The asked period; otherwise the latest with results; before there are any, this month. */
static bool choose_period(struct detail *detail)
{
    struct call *call = detail->call;
    struct error error = {0};
    if (!call_period(call, "period", &detail->kind, &detail->period)) {
        return false;
    }
    if (!call_read_store(call)) {
        return false;
    }
    if (call_parameter(call, "period") != NULL) {
        return true;
    }
    struct adoption_question question = call_question(call);
    int found = adoption_latest(call->desk->reader, &question, &detail->kind, &detail->period, &error);
    if (found < 0) {
        call_store_failed(call, &error);
        return false;
    }
    if (found == 0) {
        detail->kind = PERIOD_MONTH;
        detail->period = period_of_day(PERIOD_MONTH, call->today);
    }
    return true;
}

void answer_centre(struct call *call)
{
    const struct registry *registry = call->world->registry;
    uint32_t index = registry_find_centre(registry, call->tail, strlen(call->tail));
    enum rows_format format = call_format(call);
    if (call_has_failed(call)) {
        return;
    }
    if (index == REGISTRY_NONE) {
        call_problem(call, 404, "Unknown centre", "no centre '%.64s' is in the registry (centres.csv)", call->tail);
        return;
    }
    struct detail detail = {.call = call, .centre = registry_centre(registry, index)};
    if (!choose_period(&detail)) {
        return;
    }
    struct error error = {.text = "out of memory"};
    int failed = format == ROWS_JSON ? write_detail(&detail, &error) : add_usage(&detail, format, &error);
    if (failed != 0) {
        call_store_failed(call, &error);
    } else if (format == ROWS_CSV) {
        call->answer->content_type = "text/csv; charset=utf-8";
    }
}
