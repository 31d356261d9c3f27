/* GET /api/v1/indicators: what is measured and by which rule, the whole deployment's area, and which periods have
 * results. */
#include "internal.h"

#include "base/civil.h"

#include <stdlib.h>
#include <string.h>

struct period_seen {
    int32_t first_day;
    char label[PERIOD_LABEL_SIZE];
};

struct periods_seen {
    struct period_seen *list;
    size_t count, size;
};

static int by_day(const void *left, const void *right)
{
    const struct period_seen *a = left, *b = right;
    return a->first_day != b->first_day ? (a->first_day < b->first_day ? -1 : 1) : strcmp(a->label, b->label);
}

static int add_period(void *context, const struct adoption_answer *answer)
{
    struct periods_seen *seen = context;
    if (seen->count == seen->size) {
        size_t size = seen->size == 0 ? 64 : seen->size * 2;
        struct period_seen *list = size <= API_MAX_ROWS ? realloc(seen->list, size * sizeof *list) : NULL;
        if (list == NULL) {
            return ERROR_MEMORY;
        }
        seen->list = list;
        seen->size = size;
    }
    struct period_seen *one = &seen->list[seen->count++];
    one->first_day = answer->first_day;
    memcpy(one->label, answer->label, sizeof one->label);
    return 0;
}

/* All periods of the whole deployment, each once, ascending. */
static void add_periods(struct call *call)
{
    struct adoption_question question = call_question(call);
    struct periods_seen seen = {0};
    struct error error = {.text = "out of memory"};
    question.area = registry_root(call->world->registry);
    if (adoption_read(call->desk->reader, &question, add_period, &seen, &error) != 0) {
        call_store_failed(call, &error);
        free(seen.list);
        return;
    }
    if (seen.count > 0) {
        qsort(seen.list, seen.count, sizeof *seen.list, by_day);
    }
    struct buffer *body = &call->answer->body;
    const char *last = "";
    for (size_t i = 0; i < seen.count; i++) {
        if (strcmp(seen.list[i].label, last) != 0) {
            buffer_add_text(body, *last != '\0' ? "," : "");
            rows_add_json_text(body, seen.list[i].label);
        }
        last = seen.list[i].label;
    }
    free(seen.list);
}

static void add_list(struct rows *rows, const struct indicator *indicator)
{
    struct buffer list = {0};
    buffer_add_text(&list, "[");
    for (size_t i = 0; i < indicator->centre_type_count; i++) {
        buffer_add_text(&list, i > 0 ? "," : "");
        rows_add_json_text(&list, indicator->centre_types[i]);
    }
    buffer_add_text(&list, "]");
    rows_json(rows, "centre_types", list.failed ? "null" : list.bytes);
    buffer_clear(&list);
    buffer_add_text(&list, "[");
    for (size_t i = 0; i < indicator->target_count; i++) {
        char date[CIVIL_DATE_SIZE];
        buffer_print(&list, "%s{\"from\":\"%s\",\"value\":", i > 0 ? "," : "",
                     civil_format_date(indicator->targets[i].from_day, date));
        rows_add_json_number(&list, indicator->targets[i].value);
        buffer_add_text(&list, "}");
    }
    buffer_add_text(&list, "]");
    rows_json(rows, "targets", list.failed ? "null" : list.bytes);
    buffer_free(&list);
}

static void add_names(struct rows *rows, const struct indicator *indicator)
{
    struct buffer names = {0};
    buffer_add_text(&names, "{\"vi\":");
    rows_add_json_text(&names, indicator->name_vi);
    buffer_add_text(&names, ",\"en\":");
    rows_add_json_text(&names, indicator->name_en);
    buffer_add_text(&names, "}");
    rows_json(rows, "name", names.failed ? "null" : names.bytes);
    buffer_free(&names);
}

static void write_json_row(struct rows *rows, const struct indicator *indicator)
{
    rows_begin(rows);
    rows_text(rows, "id", indicator->id);
    add_names(rows, indicator);
    rows_text(rows, "source", indicator->source);
    rows_text(rows, "period", period_kind_word(indicator->period));
    add_list(rows, indicator);
    rows_json(rows, "rule", indicator->rule_json);
    rows_text(rows, "rule_hash", indicator->rule_hash);
    rows_end(rows);
}

#define INDICATOR_COLUMNS "id,name_vi,name_en,source,period,centre_types,target,rule,rule_hash"

static void write_csv_row(struct rows *rows, const struct indicator *indicator, int32_t today)
{
    struct buffer types = {0};
    buffer_add_text(&types, "");
    for (size_t i = 0; i < indicator->centre_type_count; i++) {
        buffer_print(&types, "%s%s", i > 0 ? " " : "", indicator->centre_types[i]);
    }
    double target = 0;
    bool has_target = indicator_target_on(indicator, today, &target);
    rows_begin(rows);
    rows_id(rows, "id", indicator->id);
    rows_text(rows, "name_vi", indicator->name_vi);
    rows_text(rows, "name_en", indicator->name_en);
    rows_text(rows, "source", indicator->source);
    rows_text(rows, "period", period_kind_word(indicator->period));
    rows_text(rows, "centre_types", types.bytes);
    rows_share(rows, "target", has_target, target);
    rows_text(rows, "rule", indicator->rule_json);
    rows_text(rows, "rule_hash", indicator->rule_hash);
    rows_end(rows);
    buffer_free(&types);
}

static void write_csv(struct call *call)
{
    struct rows rows;
    const struct indicators *indicators = call->world->indicators;
    rows_open(&rows, &call->answer->body, ROWS_CSV, INDICATOR_COLUMNS);
    for (size_t i = 0; i < indicators->count; i++) {
        write_csv_row(&rows, &indicators->list[i], call->today);
    }
    call->answer->content_type = "text/csv; charset=utf-8";
}

static void add_root(struct call *call)
{
    const struct registry *registry = call->world->registry;
    uint32_t row = registry_find_area(registry, registry_root(registry), call->today);
    struct buffer *body = &call->answer->body;
    buffer_add_text(body, "],\n\"root\":{\"code\":");
    rows_add_json_text(body, registry_root(registry));
    buffer_add_text(body, ",\"name\":");
    rows_add_json_text(body, row != REGISTRY_NONE ? registry_area(registry, row)->name : NULL);
    buffer_add_text(body, "}");
}

void answer_indicators(struct call *call)
{
    enum rows_format format = call_format(call);
    if (call_has_failed(call)) {
        return;
    }
    if (format == ROWS_CSV) {
        write_csv(call);
        return;
    }
    if (!call_read_store(call)) {
        return;
    }
    struct rows rows;
    struct buffer *body = &call->answer->body;
    const struct indicators *indicators = call->world->indicators;
    buffer_add_text(body, "{\"indicators\":[");
    rows_open(&rows, body, ROWS_JSON, NULL);
    for (size_t i = 0; i < indicators->count; i++) {
        write_json_row(&rows, &indicators->list[i]);
    }
    add_root(call);
    buffer_add_text(body, ",\n\"periods\":[");
    add_periods(call);
    if (call_has_failed(call)) {
        return;
    }
    buffer_add_text(body, "],\n\"time_zone\":");
    rows_add_json_text(body, zone_name(call->desk->zone));
    buffer_add_text(body, ",\"now\":");
    call_add_time(call, body, call->now_ms);
    buffer_add_text(body, "}\n");
}
