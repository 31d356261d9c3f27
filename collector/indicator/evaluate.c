/*
 * A rule over figures. Every condition is looked at, also where the result is clear before: a centre wants to know all
 * that it lacks. The order is that of the rule, so that two verdicts compare line by line.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

struct evaluation {
    const struct registry *registry;
    const struct indicator_figures *figures;
    struct indicator_verdict *verdict;
};

static double actual_of(const struct indicator_figures *figures, enum metric metric, uint32_t activity)
{
    switch (metric) {
    case METRIC_ACTIVE_DAYS:
        return (double)figures->active_days[activity];
    case METRIC_EVENTS:
        return (double)figures->events[activity];
    case METRIC_SECONDS:
        return (double)figures->seconds[activity];
    case METRIC_USERS:
        return (double)figures->users[activity];
    case METRIC_DEVICES:
        return (double)figures->devices[activity];
    case METRIC_USERS_SHARE:
    case METRICS:
        break;
    }
    return figures->head_count > 0 ? (double)figures->users[activity] / (double)figures->head_count : 0;
}

static bool compare(struct evaluation *it, const struct rule *rule, bool negated)
{
    bool all = true;
    for (enum metric metric = 0; metric < METRICS; metric++) {
        const struct rule_bounds *bounds = &rule->bounds[metric];
        if (!bounds->used) {
            continue;
        }
        double actual = actual_of(it->figures, metric, rule->activity);
        bool within = (!bounds->has_min || actual >= bounds->min) && (!bounds->has_max || actual <= bounds->max);
        all = all && within;
        struct indicator_condition *condition = &it->verdict->conditions[it->verdict->condition_count++];
        *condition = (struct indicator_condition){.activity = registry_activity_name(it->registry, rule->activity),
                                                  .metric = metric_names[metric],
                                                  .has_min = bounds->has_min,
                                                  .has_max = bounds->has_max,
                                                  .negated = negated,
                                                  .met = within != negated,
                                                  .min = bounds->min,
                                                  .max = bounds->max,
                                                  .actual = actual};
        memcpy(condition->path, rule->path, sizeof condition->path);
    }
    return all;
}

/* Whether the rule holds; `negated` is for the conditions' record alone. */
static bool holds(struct evaluation *it, const struct rule *rule, bool negated)
{
    bool all = true, any = false;
    if (rule->kind == RULE_COMPARISON) {
        return compare(it, rule, negated);
    }
    for (size_t i = 0; i < rule->child_count; i++) {
        bool child = holds(it, &rule->children[i], rule->kind == RULE_NOT ? !negated : negated);
        all = all && child;
        any = any || child;
    }
    return rule->kind == RULE_NOT ? !all : rule->kind == RULE_ALL ? all : any;
}

void indicator_evaluate(const struct indicator *indicator, const struct registry *registry,
                        const struct indicator_figures *figures, struct indicator_verdict *verdict)
{
    struct evaluation it = {.registry = registry, .figures = figures, .verdict = verdict};
    verdict->condition_count = 0;
    bool rule_holds = holds(&it, indicator->rule, false);
    verdict->reporting = figures->reporting;
    verdict->adopts = figures->reporting && rule_holds;
}

static void print_bound(const char *name, bool has, double value, struct buffer *out)
{
    buffer_print(out, ",\"%s\":", name);
    if (has) {
        canonical_number(value, out);
    } else {
        buffer_add_text(out, "null");
    }
}

/* Activities are words of the taxonomy and paths are our own: nothing needs an escape. */
void indicator_print_conditions(const struct indicator_verdict *verdict, struct buffer *out)
{
    buffer_add(out, "[", 1);
    for (size_t i = 0; i < verdict->condition_count; i++) {
        const struct indicator_condition *condition = &verdict->conditions[i];
        buffer_print(out, "%s{\"path\":\"%s\",\"activity\":\"%s\",\"metric\":\"%s\"", i > 0 ? "," : "", condition->path,
                     condition->activity, condition->metric);
        print_bound("min", condition->has_min, condition->min, out);
        print_bound("max", condition->has_max, condition->max, out);
        print_bound("actual", true, condition->actual, out);
        buffer_print(out, ",\"negated\":%s,\"met\":%s}", condition->negated ? "true" : "false",
                     condition->met ? "true" : "false");
    }
    buffer_add(out, "]", 1);
}
