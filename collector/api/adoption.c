/*
 * A stored row says how many centres are registered, report and adopt. Here it gets its area's name as of the period's
 * last day and its shares:
 *
 *     rate  = adopting / registered
 *     lower = adopting / registered                              no silent centre adopted
 *     upper = (adopting + registered - reporting) / registered   every silent centre did
 *
 * Rows of another kind of period than the indicator has now were made by a rule of before; they are not shown.
 */
#include "api/adoption.h"

#include <string.h>

struct reading {
    const struct adoption_question *question;
    const struct indicator *indicator;
    adoption_answer_each *each;
    void *context;
};

static void work_out_shares(struct adoption_answer *answer)
{
    answer->known = answer->registered > 0;
    if (!answer->known) {
        return;
    }
    double registered = (double)answer->registered;
    answer->rate = (double)answer->adopting / registered;
    answer->lower = answer->rate;
    answer->upper = (double)(answer->adopting + answer->registered - answer->reporting) / registered;
    answer->gap = answer->has_target ? answer->rate - answer->target : 0;
}

static void look_up_area(struct adoption_answer *answer, const struct registry *registry)
{
    uint32_t row = registry_find_area(registry, answer->area, answer->last_day);
    if (row == REGISTRY_NONE) {
        return;
    }
    const struct registry_area *area = registry_area(registry, row);
    answer->area_name = area->name;
    answer->area_level = area->level;
    uint32_t parent = registry_area_parent(registry, row, answer->last_day);
    answer->parent = parent == REGISTRY_NONE ? NULL : registry_area(registry, parent)->code;
}

static int on_row(void *context, const struct adoption_row *row)
{
    const struct reading *reading = context;
    const struct adoption_question *question = reading->question;
    enum period_kind kind = reading->indicator->period;
    if (strcmp(row->period_kind, period_kind_word(kind)) != 0) {
        return 0;
    }
    struct adoption_answer answer = {.indicator = reading->indicator,
                                     .area = row->area,
                                     .period = row->period,
                                     .first_day = period_first_day(kind, row->period),
                                     .last_day = period_last_day(kind, row->period),
                                     .registered = row->registered,
                                     .reporting = row->reporting,
                                     .adopting = row->adopting,
                                     .has_target = row->has_target,
                                     .target = row->target};
    look_up_area(&answer, question->registry);
    if (question->parent != NULL && (answer.parent == NULL || strcmp(answer.parent, question->parent) != 0)) {
        return 0;
    }
    period_label(kind, row->period, answer.label);
    answer.open = answer.last_day >= question->today;
    work_out_shares(&answer);
    return reading->each(reading->context, &answer);
}

/* The indicator whose id follows that of `last` in byte order; NULL after the last one. */
static const struct indicator *next_by_id(const struct indicators *indicators, const struct indicator *last)
{
    const struct indicator *next = NULL;
    for (size_t i = 0; i < indicators->count; i++) {
        const struct indicator *one = &indicators->list[i];
        if ((last == NULL || strcmp(one->id, last->id) > 0) && (next == NULL || strcmp(one->id, next->id) < 0)) {
            next = one;
        }
    }
    return next;
}

static int read_indicator(struct store_reader *reader, struct reading *reading, struct error *error)
{
    const struct adoption_question *question = reading->question;
    enum period_kind kind = reading->indicator->period;
    struct adoption_filter filter = {.indicator = reading->indicator->id,
                                     .area = question->area,
                                     .from_period = period_of_day(kind, question->from_day),
                                     .to_period = period_of_day(kind, question->to_day)};
    return store_read_adoption(reader, &filter, on_row, reading, error);
}

int adoption_read(struct store_reader *reader, const struct adoption_question *question, adoption_answer_each *each,
                  void *context, struct error *error)
{
    struct reading reading = {.question = question, .each = each, .context = context};
    while ((reading.indicator = next_by_id(question->indicators, reading.indicator)) != NULL) {
        if (question->indicator != NULL && strcmp(question->indicator, reading.indicator->id) != 0) {
            continue;
        }
        int result = read_indicator(reader, &reading, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

struct latest {
    bool found;
    bool heard; /* somebody reported in it */
    int32_t first_day;
    enum period_kind kind;
    int32_t period;
};

/* A period that has begun and of which nobody was heard yet says nothing: an earlier one that does goes before it. */
static int keep_latest(void *context, const struct adoption_answer *answer)
{
    struct latest *latest = context;
    bool heard = answer->reporting > 0;
    if (!latest->found || heard > latest->heard || (heard == latest->heard && answer->first_day > latest->first_day)) {
        *latest = (struct latest){true, heard, answer->first_day, answer->indicator->period, answer->period};
    }
    return 0;
}

int adoption_latest(struct store_reader *reader, const struct adoption_question *question, enum period_kind *kind,
                    int32_t *period, struct error *error)
{
    struct latest latest = {.found = false};
    struct adoption_question whole = *question;
    whole.area = registry_root(question->registry);
    whole.parent = NULL;
    int failed = adoption_read(reader, &whole, keep_latest, &latest, error);
    if (failed != 0) {
        return failed;
    }
    *kind = latest.kind;
    *period = latest.period;
    return latest.found ? 1 : 0;
}

void adoption_write_figures(struct rows *rows, const struct adoption_answer *answer)
{
    rows_integer(rows, "registered", answer->registered);
    rows_integer(rows, "reporting", answer->reporting);
    rows_integer(rows, "adopting", answer->adopting);
    rows_share(rows, "rate", answer->known, answer->rate);
    rows_share(rows, "lower", answer->known, answer->lower);
    rows_share(rows, "upper", answer->known, answer->upper);
    rows_share(rows, "target", answer->has_target, answer->target);
}

void adoption_write(struct rows *rows, const struct adoption_answer *answer)
{
    rows_begin(rows);
    rows_id(rows, "indicator", answer->indicator->id);
    rows_id(rows, "area", answer->area);
    rows_text(rows, "area_name", answer->area_name);
    rows_text(rows, "level", answer->area_level);
    rows_id(rows, "parent", answer->parent);
    rows_text(rows, "period", answer->label);
    rows_boolean(rows, "open", answer->open);
    adoption_write_figures(rows, answer);
    rows_share(rows, "gap", answer->known && answer->has_target, answer->gap);
    rows_end(rows);
}
