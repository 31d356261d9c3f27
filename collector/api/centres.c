/*
 * GET /api/v1/centres: a page of centres in byte order of their ids, which is what the cursor is: the id of the last
 * centre given. A page stays right while centres come and go.
 */
#include "centres.h"

#include "base/civil.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct centres_question {
    const char *area; /* code; NULL: all */
    const char *type; /* NULL: all */
    const char *after;
    const struct indicator *indicator; /* NULL: no verdicts */
    int32_t period;
    int32_t day; /* of the areas */
    size_t limit;
};

static void add_date(struct rows *rows, const char *name, int32_t day, int32_t none)
{
    char date[CIVIL_DATE_SIZE];
    rows_text(rows, name, day == none ? NULL : civil_format_date(day, date));
}

void centres_write_fields(struct rows *rows, const struct registry *registry, const struct registry_centre *centre,
                          int32_t day)
{
    uint32_t row = registry_find_area(registry, centre->area, day);
    const struct registry_area *area = row != REGISTRY_NONE ? registry_area(registry, row) : NULL;
    rows_id(rows, "id", centre->id);
    rows_text(rows, "name", centre->name);
    rows_id(rows, "type", centre->type);
    rows_id(rows, "area", area != NULL ? area->code : centre->area);
    rows_text(rows, "area_name", area != NULL ? area->name : NULL);
    rows_integer(rows, "head_count", centre->head_count);
    add_date(rows, "opened", centre->opened_day, REGISTRY_NO_START);
    add_date(rows, "closed", centre->closed_day, REGISTRY_NO_END);
}

static int by_id(const void *left, const void *right)
{
    const struct registry_centre *const *a = left, *const *b = right;
    return strcmp((*a)->id, (*b)->id);
}

static bool belongs(const struct registry *registry, const struct centres_question *question,
                    const struct registry_centre *centre)
{
    if ((question->after != NULL && strcmp(centre->id, question->after) <= 0) ||
        (question->type != NULL && strcmp(centre->type, question->type) != 0)) {
        return false;
    }
    if (question->area == NULL) {
        return true;
    }
    uint32_t row = registry_find_area(registry, centre->area, question->day);
    return row != REGISTRY_NONE && registry_area_within(registry, row, question->area, question->day);
}

/* All centres that belong, by id. NULL when out of memory; the caller frees. */
static const struct registry_centre **select_centres(const struct registry *registry,
                                                     const struct centres_question *question, size_t *count)
{
    size_t all = registry_centre_count(registry);
    const struct registry_centre **list = malloc((all + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; list != NULL && i < all; i++) {
        const struct registry_centre *centre = registry_centre(registry, (uint32_t)i);
        if (belongs(registry, question, centre)) {
            list[(*count)++] = centre;
        }
    }
    if (*count > 1) {
        qsort(list, *count, sizeof *list, by_id);
    }
    return list;
}

struct verdict_seen {
    bool found, reporting, adopts;
};

static int keep_verdict(void *context, const struct verdict_row *row)
{
    struct verdict_seen *seen = context;
    *seen = (struct verdict_seen){true, row->reporting, row->adopts};
    return 0;
}

static void write_verdict(struct rows *rows, const struct verdict_seen *verdict)
{
    if (rows->format == ROWS_JSON) {
        buffer_print(rows->out, ",\"verdict\":");
        if (!verdict->found) {
            buffer_add_text(rows->out, "null");
        } else {
            buffer_print(rows->out, "{\"reporting\":%s,\"adopts\":%s}", verdict->reporting ? "true" : "false",
                         verdict->adopts ? "true" : "false");
        }
    } else if (verdict->found) {
        rows_boolean(rows, "reporting", verdict->reporting);
        rows_boolean(rows, "adopts", verdict->adopts);
    } else {
        rows_null(rows, "reporting");
        rows_null(rows, "adopts");
    }
}

static int write_centre(struct call *call, struct rows *rows, const struct centres_question *question,
                        const struct registry_centre *centre, struct error *error)
{
    struct verdict_seen verdict = {.found = false};
    if (question->indicator != NULL) {
        struct verdict_filter filter = {.indicator = question->indicator->id,
                                        .centre = centre->id,
                                        .from_period = question->period,
                                        .to_period = question->period};
        int failed = store_read_verdicts(call->desk->reader, &filter, keep_verdict, &verdict, error);
        if (failed != 0) {
            return failed;
        }
    }
    rows_begin(rows);
    centres_write_fields(rows, call->world->registry, centre, question->day);
    if (question->indicator != NULL) {
        write_verdict(rows, &verdict);
    }
    rows_end(rows);
    return 0;
}

/* The period of the verdicts, and the day as of which areas are meant: the period's last one, otherwise today. */
static bool read_period(struct call *call, struct centres_question *question)
{
    enum period_kind kind = PERIOD_MONTH;
    int32_t period = 0;
    question->day = call->today;
    if (!call_period(call, "period", &kind, &period)) {
        return false;
    }
    bool given = call_parameter(call, "period") != NULL;
    if (given) {
        question->day = period_last_day(kind, period);
    }
    if (question->indicator == NULL) {
        return true;
    }
    if (!given) {
        call_problem(call, 400, "A period is missing",
                     "verdicts of an indicator need a period, such as period=2026-10");
        return false;
    }
    question->period = period_of_day(question->indicator->period, question->day);
    return true;
}

static bool read_question(struct call *call, enum rows_format format, struct centres_question *question)
{
    question->indicator = call_indicator(call);
    if (call_has_failed(call)) {
        return false;
    }
    question->area = call_area(call, "area", NULL);
    question->type = call_parameter(call, "type");
    question->after = call_parameter(call, "after");
    /* A CSV file is one page of everything unless a limit is asked for; JSON comes in pages. */
    size_t usual = format == ROWS_JSON ? 200 : API_MAX_ROWS;
    return !call_has_failed(call) && call_limit(call, usual, &question->limit) && read_period(call, question);
}

static void write_page(struct call *call, enum rows_format format, const struct centres_question *question,
                       const struct registry_centre **list, size_t count)
{
    static const char plain[] = "id,name,type,area,area_name,head_count,opened,closed";
    static const char judged[] = "id,name,type,area,area_name,head_count,opened,closed,reporting,adopts";
    struct buffer *body = &call->answer->body;
    struct rows rows;
    struct error error = {0};
    size_t shown = count < question->limit ? count : question->limit;
    buffer_add_text(body, format == ROWS_JSON ? "{\"centres\":[" : "");
    rows_open(&rows, body, format, question->indicator != NULL ? judged : plain);
    for (size_t i = 0; i < shown; i++) {
        if (write_centre(call, &rows, question, list[i], &error) != 0) {
            call_store_failed(call, &error);
            return;
        }
    }
    if (format == ROWS_JSON) {
        buffer_add_text(body, "],\n\"next\":");
        rows_add_json_text(body, shown < count ? list[shown - 1]->id : NULL);
        buffer_add_text(body, "}\n");
    } else {
        call->answer->content_type = "text/csv; charset=utf-8";
    }
}

void answer_centres(struct call *call)
{
    struct centres_question question = {0};
    enum rows_format format = call_format(call);
    if (call_has_failed(call) || !read_question(call, format, &question)) {
        return;
    }
    if (question.indicator != NULL && !call_read_store(call)) {
        return;
    }
    size_t count;
    const struct registry_centre **list = select_centres(call->world->registry, &question, &count);
    if (list == NULL) {
        call_problem(call, 500, "Out of memory", "the answer needs more memory than there is");
        return;
    }
    write_page(call, format, &question, list, count);
    free(list);
}
