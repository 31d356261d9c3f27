/*
 * Indicators follow the facts by revision, as an output does: the store says which (centre, month) changed since the
 * last time, the centres' verdicts for the periods that hold those months are made anew, and the areas of those periods
 * are added up again from the verdicts. A period that comes new (the first fact of a month, or a month that begins) is
 * evaluated for every centre, silent ones too. When rules or registry change, everything is evaluated again.
 */
#include "internal.h"

#include "base/civil.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    uint32_t centre;
    int32_t month;
};

struct pairs {
    struct pair *list;
    size_t count, size;
};

static int no_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory evaluating indicators");
}

/* Periods of one indicator that must be added up: a short list. */
struct periods {
    int32_t *list;
    size_t count, size;
};

struct evaluation {
    struct pipeline *pipeline;
    const struct indicator *indicator;
    struct pairs changed;
    struct periods touched;
    struct buffer conditions;
    struct error *error;
};

static int gather_pair(void *context, uint32_t centre, int32_t month)
{
    struct evaluation *evaluation = context;
    struct pairs *pairs = &evaluation->changed;
    if (pairs->count == pairs->size) {
        size_t size = pairs->size == 0 ? 1024 : pairs->size * 2;
        struct pair *grown = realloc(pairs->list, size * sizeof *grown);
        if (grown == NULL) {
            return no_memory(evaluation->error);
        }
        pairs->list = grown;
        pairs->size = size;
    }
    pairs->list[pairs->count++] = (struct pair){centre, month};
    return 0;
}

/* True if the period is one of the first `count`. */
static bool is_noted(const struct periods *periods, size_t count, int32_t period)
{
    for (size_t i = 0; i < count; i++) {
        if (periods->list[i] == period) {
            return true;
        }
    }
    return false;
}

static int note_period(struct evaluation *evaluation, int32_t period)
{
    struct periods *periods = &evaluation->touched;
    if (is_noted(periods, periods->count, period)) {
        return 0;
    }
    if (periods->count == periods->size) {
        size_t size = periods->size == 0 ? 16 : periods->size * 2;
        int32_t *grown = realloc(periods->list, size * sizeof *grown);
        if (grown == NULL) {
            return no_memory(evaluation->error);
        }
        periods->list = grown;
        periods->size = size;
    }
    periods->list[periods->count++] = period;
    return 0;
}

struct figures_context {
    const struct registry *registry;
    struct indicator_figures *figures;
};

static int add_figures(void *context, const struct store_figures *stored)
{
    struct figures_context *to = context;
    to->figures->reporting = true;
    int activity = registry_find_activity(to->registry, stored->activity);
    if (activity >= 0) { /* an activity that the taxonomy no longer knows still counts as reporting */
        to->figures->active_days[activity] = stored->active_days;
        to->figures->events[activity] = stored->events;
        to->figures->seconds[activity] = stored->seconds;
        to->figures->users[activity] = stored->users;
        to->figures->devices[activity] = stored->devices;
    }
    return 0;
}

/* The verdict of one centre for one period, if it is covered and registered then. */
static int evaluate_centre(struct evaluation *evaluation, uint32_t index, int32_t period)
{
    struct pipeline *pipeline = evaluation->pipeline;
    const struct indicator *indicator = evaluation->indicator;
    const struct registry *registry = pipeline->parts.registry;
    const struct registry_centre *centre = registry_centre(registry, index);
    int32_t first_day = period_first_day(indicator->period, period);
    int32_t last_day = period_last_day(indicator->period, period);
    if (!indicator_covers(indicator, centre) || !registry_centre_open_on(centre, last_day)) {
        return 0;
    }
    struct indicator_figures figures = {.head_count = centre->head_count};
    struct figures_context context = {registry, &figures};
    int result =
        store_each_figures(pipeline->store, pipeline->centre_numbers[index], period_of_day(PERIOD_MONTH, first_day),
                           period_of_day(PERIOD_MONTH, last_day), add_figures, &context, evaluation->error);
    if (result != 0) {
        return result;
    }
    struct indicator_verdict verdict;
    indicator_evaluate(indicator, registry, &figures, &verdict);
    buffer_clear(&evaluation->conditions);
    indicator_print_conditions(&verdict, &evaluation->conditions);
    if (evaluation->conditions.failed) {
        return no_memory(evaluation->error);
    }
    counter_add(&pipeline->uncommitted, COUNTER_evaluations, 1);
    const struct store_verdict_row row = {
        .indicator = indicator->id,
        .centre = pipeline->centre_numbers[index],
        .period = period,
        .period_kind = period_kind_word(indicator->period),
        .reporting = verdict.reporting,
        .adopts = verdict.adopts,
        .conditions = evaluation->conditions.bytes != NULL ? evaluation->conditions.bytes : "[]",
    };
    return store_verdict_save(pipeline->store, &row, evaluation->error);
}

static int evaluate_all_centres(struct evaluation *evaluation, int32_t period)
{
    int result = note_period(evaluation, period);
    for (uint32_t i = 0; i < registry_centre_count(evaluation->pipeline->parts.registry) && result == 0; i++) {
        result = evaluate_centre(evaluation, i, period);
    }
    return result;
}

/* Sums of one period by row of the areas' table. */
struct area_sums {
    struct pipeline *pipeline;
    int32_t day; /* areas are as on the period's last day */
    struct sum {
        int64_t registered, reporting, adopting;
    } * sums;
};

static int add_verdict(void *context, uint32_t number, bool reporting, bool adopts)
{
    struct area_sums *sums = context;
    const struct registry *registry = sums->pipeline->parts.registry;
    uint32_t index =
        number < sums->pipeline->centre_indexes_size ? sums->pipeline->centre_indexes[number] : REGISTRY_NONE;
    if (index == REGISTRY_NONE) {
        return 0;
    }
    uint32_t area = registry_find_area(registry, registry_centre(registry, index)->area, sums->day);
    for (int depth = 0; area != REGISTRY_NONE && depth < 32; depth++) {
        sums->sums[area].registered++;
        sums->sums[area].reporting += reporting;
        sums->sums[area].adopting += adopts;
        area = registry_area_parent(registry, area, sums->day);
    }
    return 0;
}

static int save_sums(struct evaluation *evaluation, int32_t period, const struct area_sums *sums,
                     const char *registry_name)
{
    const struct indicator *indicator = evaluation->indicator;
    const struct registry *registry = evaluation->pipeline->parts.registry;
    struct store_adoption_row row = {.indicator = indicator->id,
                                     .period = period,
                                     .period_kind = period_kind_word(indicator->period),
                                     .rule_hash = indicator->rule_hash,
                                     .registry_hash = registry_name};
    row.has_target = indicator_target_on(indicator, sums->day, &row.target);
    int result = 0;
    for (uint32_t area = 0; area < registry_area_count(registry) && result == 0; area++) {
        if (sums->sums[area].registered == 0) {
            continue;
        }
        row.area = registry_area(registry, area)->code;
        row.registered = sums->sums[area].registered;
        row.reporting = sums->sums[area].reporting;
        row.adopting = sums->sums[area].adopting;
        result = store_adoption_save(evaluation->pipeline->store, &row, evaluation->error);
    }
    return result;
}

static int add_up_areas(struct evaluation *evaluation, int32_t period)
{
    struct pipeline *pipeline = evaluation->pipeline;
    struct area_sums sums = {.pipeline = pipeline, .day = period_last_day(evaluation->indicator->period, period)};
    sums.sums = calloc(registry_area_count(pipeline->parts.registry) + 1, sizeof *sums.sums);
    if (sums.sums == NULL) {
        return no_memory(evaluation->error);
    }
    int result =
        store_each_verdict(pipeline->store, evaluation->indicator->id, period, add_verdict, &sums, evaluation->error);
    if (result == 0) {
        result = save_sums(evaluation, period, &sums, registry_hash(pipeline->parts.registry));
    }
    free(sums.sums);
    return result;
}

/* Periods [*from, *to] of this indicator are evaluated for all centres; names of the stored values. */
static void range_names(const struct indicator *indicator, char from[96], char to[96])
{
    snprintf(from, 96, "evaluated_from:%s", indicator->id);
    snprintf(to, 96, "evaluated_to:%s", indicator->id);
}

/* Makes [first, last] the evaluated periods: those that are new are evaluated for every centre, others are withdrawn.
 */
static int widen(struct evaluation *evaluation, int32_t first, int32_t last)
{
    char from_name[96], to_name[96];
    int64_t from = first, to = (int64_t)first - 1;
    struct store *store = evaluation->pipeline->store;
    range_names(evaluation->indicator, from_name, to_name);
    int result = store_value_get(store, from_name, &from, evaluation->error);
    if (result >= 0) {
        result = store_value_get(store, to_name, &to, evaluation->error);
    }
    if (result == 1 && (from < first || to > last)) { /* our own clock was wrong then */
        result = store_results_keep(store, evaluation->indicator->id, first, last, evaluation->error);
        bool disjoint = from > last || to < first;
        from = disjoint || from < first ? first : from;
        to = disjoint ? (int64_t)first - 1 : to > last ? last : to;
    }
    for (int64_t period = from - 1; period >= first && result >= 0; period--) {
        result = evaluate_all_centres(evaluation, (int32_t)period);
        from = period;
    }
    for (int64_t period = to + 1; period <= last && result >= 0; period++) {
        result = evaluate_all_centres(evaluation, (int32_t)period);
        to = period;
    }
    if (result >= 0) {
        result = store_value_set(store, from_name, from, evaluation->error);
    }
    return result >= 0 ? store_value_set(store, to_name, to, evaluation->error) : result;
}

static int month_day(int32_t month)
{
    return civil_to_day((struct civil){month / 12, month % 12 + 1, 1});
}

/* The changed centres' verdicts; periods that are new were just evaluated whole by widen. */
static int evaluate_pairs(struct evaluation *evaluation)
{
    const struct pipeline *pipeline = evaluation->pipeline;
    size_t whole = evaluation->touched.count;
    int result = 0;
    for (size_t i = 0; i < evaluation->changed.count && result == 0; i++) {
        const struct pair *pair = &evaluation->changed.list[i];
        uint32_t index =
            pair->centre < pipeline->centre_indexes_size ? pipeline->centre_indexes[pair->centre] : REGISTRY_NONE;
        int32_t period = period_of_day(evaluation->indicator->period, month_day(pair->month));
        if (index == REGISTRY_NONE || is_noted(&evaluation->touched, whole, period)) {
            continue;
        }
        result = note_period(evaluation, period);
        if (result == 0) {
            result = evaluate_centre(evaluation, index, period);
        }
    }
    return result;
}

static int evaluate_indicator(struct evaluation *evaluation, int32_t first_day, int32_t last_day)
{
    enum period_kind kind = evaluation->indicator->period;
    evaluation->touched.count = 0;
    int result = widen(evaluation, period_of_day(kind, first_day), period_of_day(kind, last_day));
    if (result == 0) {
        result = evaluate_pairs(evaluation);
    }
    for (size_t i = 0; i < evaluation->touched.count && result == 0; i++) {
        result = add_up_areas(evaluation, evaluation->touched.list[i]);
    }
    return result;
}

/* If rules or registry are not those of the stored results: clears them, so that widen makes all periods anew. */
static int clear_if_outdated(struct evaluation *evaluation)
{
    struct pipeline *pipeline = evaluation->pipeline;
    char rules[DIGEST_HEX_SIZE], basis[2 * DIGEST_HEX_SIZE + 2];
    struct buffer stored = {0};
    indicators_hash(pipeline->parts.indicators, rules);
    snprintf(basis, sizeof basis, "%s %s", rules, registry_hash(pipeline->parts.registry));
    int result = store_text_get(pipeline->store, "evaluated_basis", &stored, evaluation->error);
    bool same = result == 1 && strcmp(stored.bytes, basis) == 0;
    buffer_free(&stored);
    if (result < 0 || same) {
        return result < 0 ? result : 0;
    }
    result = store_results_clear(pipeline->store, evaluation->error);
    if (result == 0) {
        result = store_values_clear(pipeline->store, "evaluated_", evaluation->error);
    }
    return result == 0 ? store_text_set(pipeline->store, "evaluated_basis", basis, evaluation->error) : result;
}

/* The days from and to which periods must exist: the first fact, and today or the last fact. 1; 0 if there are none:
 * without a fact and with a clock that was never set. */
static int bounds(const struct evaluation *evaluation, int32_t *first_day, int32_t *last_day)
{
    static const int32_t earliest = 18262; /* 2020-01-01, as for events (design §4.4) */
    struct pipeline *pipeline = evaluation->pipeline;
    int32_t first, last;
    *first_day = *last_day = zone_day(pipeline->zone, clock_wall_ms());
    int result = store_day_bounds(pipeline->store, &first, &last, evaluation->error);
    if (result == 1) {
        *first_day = first;
        *last_day = last > *last_day ? last : *last_day;
    }
    return result == 0 ? *first_day >= earliest : result;
}

static int evaluate_everything_due(struct evaluation *evaluation, int64_t evaluated)
{
    struct pipeline *pipeline = evaluation->pipeline;
    int32_t first_day = 0, last_day = 0;
    int result = clear_if_outdated(evaluation);
    if (result == 0) {
        result = store_each_changed(pipeline->store, evaluated, gather_pair, evaluation, evaluation->error);
    }
    int any = result == 0 ? bounds(evaluation, &first_day, &last_day) : result;
    result = any < 0 ? any : 0;
    size_t count = any == 1 ? pipeline->parts.indicators->count : 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        evaluation->indicator = &pipeline->parts.indicators->list[i];
        result = evaluate_indicator(evaluation, first_day, last_day);
    }
    if (result == 0) {
        result =
            store_value_set(pipeline->store, "evaluated_revision", store_revision(pipeline->store), evaluation->error);
    }
    return result;
}

int evaluate_changed(struct pipeline *pipeline, struct error *error)
{
    int64_t evaluated = 0;
    int32_t today = zone_day(pipeline->zone, clock_wall_ms());
    int result = store_value_get(pipeline->store, "evaluated_revision", &evaluated, error);
    if (result < 0) {
        return result;
    }
    if (result == 1 && evaluated == pipeline->evaluated_revision && evaluated == store_revision(pipeline->store) &&
        pipeline->evaluated_day == today) {
        return 0;
    }
    struct evaluation evaluation = {.pipeline = pipeline, .error = error};
    result = pipeline_begin(pipeline, error);
    if (result == 0) {
        result = evaluate_everything_due(&evaluation, evaluated);
    }
    free(evaluation.changed.list);
    free(evaluation.touched.list);
    buffer_free(&evaluation.conditions);
    if (result == 0) {
        result = pipeline_commit(pipeline, error);
    } else {
        pipeline_abandon(pipeline);
    }
    if (result == 0) {
        pipeline->evaluated_ms = clock_steady_ms();
        pipeline->evaluated_day = today;
        pipeline->evaluated_revision = store_revision(pipeline->store);
        counter_set(pipeline->parts.counters, COUNTER_evaluated_revision, pipeline->evaluated_revision);
    }
    return result;
}
