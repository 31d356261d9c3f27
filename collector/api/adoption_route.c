/* GET /api/v1/adoption: registered, reporting and adopting centres by indicator, area and period, with rate and bounds.
 */
#include "internal.h"

enum { TOO_MANY_ROWS = 1 };

static int add_row(void *context, const struct adoption_answer *answer)
{
    struct rows *rows = context;
    if (rows->count >= API_MAX_ROWS) {
        return TOO_MANY_ROWS;
    }
    adoption_write(rows, answer);
    return 0;
}

/* period=, or from= and to=: the days from the first one's first to the last one's last. */
static bool read_span(struct call *call, struct adoption_question *question)
{
    if (call_parameter(call, "period") != NULL &&
        (call_parameter(call, "from") != NULL || call_parameter(call, "to") != NULL)) {
        call_problem(call, 400, "Contradicting periods", "ask for a period, or for a span by from and to, not both");
        return false;
    }
    const char *first = call_parameter(call, "period") != NULL ? "period" : "from";
    const char *last = call_parameter(call, "period") != NULL ? "period" : "to";
    enum period_kind kind = PERIOD_MONTH;
    int32_t period = 0;
    if (!call_period(call, first, &kind, &period)) {
        return false;
    }
    if (call_parameter(call, first) != NULL) {
        question->from_day = period_first_day(kind, period);
    }
    if (!call_period(call, last, &kind, &period)) {
        return false;
    }
    if (call_parameter(call, last) != NULL) {
        question->to_day = period_last_day(kind, period);
    }
    if (question->from_day > question->to_day) {
        call_problem(call, 400, "An empty span", "from lies after to");
        return false;
    }
    return true;
}

static bool read_place(struct call *call, struct adoption_question *question)
{
    bool by_parent = call_parameter(call, "parent") != NULL;
    if (by_parent && call_parameter(call, "area") != NULL) {
        call_problem(call, 400, "Contradicting areas", "ask for an area or for the children of a parent, not both");
        return false;
    }
    if (by_parent) {
        question->parent = call_area(call, "parent", NULL);
    } else {
        question->area = call_area(call, "area", registry_root(call->world->registry));
    }
    return !call_has_failed(call);
}

void answer_adoption(struct call *call)
{
    struct adoption_question question = call_question(call);
    enum rows_format format = call_format(call);
    const struct indicator *indicator = call_indicator(call);
    if (call_has_failed(call) || !read_place(call, &question) || !read_span(call, &question) ||
        !call_read_store(call)) {
        return;
    }
    question.indicator = indicator != NULL ? indicator->id : NULL;
    struct buffer *body = &call->answer->body;
    struct rows rows;
    buffer_add_text(body, format == ROWS_JSON ? "{\"rows\":[" : "");
    rows_open(&rows, body, format, ADOPTION_COLUMNS);
    struct error error = {0};
    int result = adoption_read(call->desk->reader, &question, add_row, &rows, &error);
    if (result == TOO_MANY_ROWS) {
        call_problem(call, 400, "Too many rows", "more than %d rows: ask for a shorter span, one indicator or one area",
                     API_MAX_ROWS);
    } else if (result != 0) {
        call_store_failed(call, &error);
    } else {
        call->answer->content_type = format == ROWS_JSON ? "application/json" : "text/csv; charset=utf-8";
        buffer_add_text(body, format == ROWS_JSON ? "]}\n" : "");
    }
}
