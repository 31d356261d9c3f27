/*
 * A rule is read into a tree once and checked as it is read: what can never hold, or always holds, is a mistake of the
 * person who wrote it and not a rule. The tree is bounded (RULE_DEEPEST, INDICATOR_MAX_CONDITIONS), so that what walks
 * it may recurse, and a verdict has room for every condition.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const metric_names[METRICS] = {[METRIC_ACTIVE_DAYS] = "active_days", [METRIC_EVENTS] = "events",
                                           [METRIC_SECONDS] = "seconds",         [METRIC_USERS] = "users",
                                           [METRIC_DEVICES] = "devices",         [METRIC_USERS_SHARE] = "users_share"};

static const char *const combiners[] = {[RULE_ALL] = "all", [RULE_ANY] = "any", [RULE_NOT] = "not", NULL};

/* All, any and not lead elsewhere before a comparison is read; they are here to be suggested for a misspelt one. */
static const char *const comparison_keys[] = {"activity",    "active_days", "events", "seconds", "users", "devices",
                                              "users_share", "all",         "any",    "not",     NULL};

static const char rule_remedy[] = "write {\"all\": [rules]}, {\"any\": [rules]}, {\"not\": rule}, or a comparison such "
                                  "as {\"activity\": \"teaching\", "
                                  "\"active_days\": {\"min\": 8}}";

/* The rule being read: what its parts share. */
struct rule_reading {
    struct reading *reading;
    enum period_kind period;
    size_t conditions;
};

static bool read_bound(struct rule_reading *it, const cJSON *bounds, const char *key, enum metric metric, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(bounds, key);
    if (item == NULL) {
        return false;
    }
    const char *name = metric_names[metric];
    if (!cJSON_IsNumber(item)) {
        READING_FAULT(it->reading, item, "give a number without quotes", "%s: %s is not a number", name, key);
    } else if (item->valuedouble < 0) {
        READING_FAULT(it->reading, item, "give 0 or more", "%s: %s is %g, and nothing is counted below 0", name, key,
                      item->valuedouble);
    } else if (item->valuedouble > 1e15) {
        READING_FAULT(it->reading, item, "give a smaller number", "%s: %s is %g, more than can be counted", name, key,
                      item->valuedouble);
    } else if (metric != METRIC_USERS_SHARE && item->valuedouble != (double)(int64_t)item->valuedouble) {
        READING_FAULT(it->reading, item, "give a whole number", "%s: %s is %g, but they are counted in whole numbers",
                      name, key, item->valuedouble);
    } else {
        *value = item->valuedouble;
        return true;
    }
    return false;
}

static int longest_days(enum period_kind period)
{
    static const int days[] = {
        [PERIOD_MONTH] = 31, [PERIOD_QUARTER] = 92, [PERIOD_SCHOOL_YEAR] = 366, [PERIOD_YEAR] = 366};
    return days[period];
}

/* Bounds that no centre can meet, or none can miss. */
static void check_sense(struct rule_reading *it, const cJSON *node, enum metric metric,
                        const struct rule_bounds *bounds)
{
    const char *name = metric_names[metric];
    int longest = longest_days(it->period);
    const char *period = period_kind_word(it->period);
    if (bounds->has_min && bounds->has_max && bounds->min > bounds->max) {
        READING_FAULT(it->reading, node, "swap them, or leave one out",
                      "%s: min %g is above max %g: this can never hold", name, bounds->min, bounds->max);
    } else if (metric == METRIC_ACTIVE_DAYS && bounds->has_min && bounds->min > longest) {
        READING_FAULT(it->reading, node, "lower min, or choose a longer period",
                      "active_days: min is %g, but a %s has at most %d days: this can never hold", bounds->min, period,
                      longest);
    } else if (metric == METRIC_ACTIVE_DAYS && bounds->has_max && bounds->max >= longest && !(bounds->min > 0)) {
        READING_FAULT(it->reading, node, "lower max, or remove the metric",
                      "active_days: max is %g, and a %s has at most %d days: this always holds", bounds->max, period,
                      longest);
    } else if (metric == METRIC_USERS_SHARE && bounds->has_min && bounds->min > 1) {
        READING_FAULT(it->reading, node, "a share is between 0 and 1: 0.30 is 30 %",
                      "users_share: min is %g, more than all who are registered: this can never hold", bounds->min);
    } else if (bounds->has_min && bounds->min == 0 && !bounds->has_max) {
        READING_FAULT(it->reading, node, "give a min above 0, or remove the metric",
                      "%s: min is 0 and there is no max: this always holds", name);
    }
}

static void read_bounds(struct rule_reading *it, const cJSON *node, enum metric metric, struct rule *rule)
{
    static const char *const keys[] = {"min", "max", NULL};
    static const char remedy[] = "write {\"min\": number}, {\"max\": number} or both";
    struct rule_bounds *bounds = &rule->bounds[metric];
    char what[40];
    snprintf(what, sizeof what, "\"%s\"", metric_names[metric]);
    if (!read_object(it->reading, node, what, remedy)) {
        return;
    }
    bool spelt = read_keys(it->reading, node, what, keys);
    if (cJSON_GetObjectItemCaseSensitive(node, "min") == NULL &&
        cJSON_GetObjectItemCaseSensitive(node, "max") == NULL) {
        if (spelt) {
            READING_FAULT(it->reading, node, remedy, "%s has neither min nor max", what);
        }
        return;
    }
    bounds->used = true;
    bounds->has_min = read_bound(it, node, "min", metric, &bounds->min);
    bounds->has_max = read_bound(it, node, "max", metric, &bounds->max);
    check_sense(it, node, metric, bounds);
    if (++it->conditions == INDICATOR_MAX_CONDITIONS + 1) {
        READING_FAULT(it->reading, node, "a rule that nobody can survey convinces nobody: make it shorter",
                      "the rule has more than %d conditions", INDICATOR_MAX_CONDITIONS);
    }
}

static void read_activity(struct rule_reading *it, const cJSON *node, struct rule *rule)
{
    const struct registry *registry = it->reading->registry;
    if (!cJSON_IsString(node)) {
        READING_FAULT(it->reading, node, "name an activity of the taxonomy", "\"activity\" is not a string");
        return;
    }
    int activity = registry_find_activity(registry, node->valuestring);
    if (activity < 0) {
        const char *known[REGISTRY_MAX_ACTIVITIES];
        char remedy[400];
        size_t count = registry_activity_count(registry);
        for (size_t i = 0; i < count; i++) {
            known[i] = registry_activity_name(registry, (uint32_t)i);
        }
        READING_FAULT(it->reading, node, words_suggest(node->valuestring, known, count, remedy, sizeof remedy),
                      "unknown activity \"%.64s\": the taxonomy has none of that name", node->valuestring);
        return;
    }
    rule->activity = (uint32_t)activity;
}

static void read_comparison(struct rule_reading *it, const cJSON *node, struct rule *rule)
{
    bool any = false;
    rule->kind = RULE_COMPARISON;
    bool spelt = read_keys(it->reading, node, "a comparison", comparison_keys);
    const cJSON *activity = cJSON_GetObjectItemCaseSensitive(node, "activity");
    if (activity != NULL) {
        read_activity(it, activity, rule);
    } else if (spelt) {
        READING_FAULT(it->reading, node, rule_remedy,
                      "the rule is neither all, any, not nor a comparison of an activity");
    }
    for (enum metric metric = 0; metric < METRICS; metric++) {
        const cJSON *bounds = cJSON_GetObjectItemCaseSensitive(node, metric_names[metric]);
        if (bounds != NULL) {
            any = true;
            read_bounds(it, bounds, metric, rule);
        }
    }
    if (!any && activity != NULL && spelt) {
        READING_FAULT(
            it->reading, node,
            "add active_days, events, seconds, users, devices or users_share, as in \"active_days\": {\"min\": 8}",
            "the comparison names an activity and no metric");
    }
}

static void read_rule(struct rule_reading *it, const cJSON *node, int level, const char *path, struct rule *rule);

/* The path of a child: "all/2" below "". A faulty file may have one that does not fit; it is not used then. */
static void join_path(const char *path, const char *word, size_t index, bool numbered, char *out, size_t size)
{
    const char *slash = path[0] != '\0' ? "/" : "";
    if (numbered) {
        snprintf(out, size, "%s%s%s/%zu", path, slash, word, index);
    } else {
        snprintf(out, size, "%s%s%s", path, slash, word);
    }
}

/* `list` is the array of all or any, or the one rule of not. */
static void read_children(struct rule_reading *it, const cJSON *list, int level, const char *path, struct rule *rule)
{
    const char *word = combiners[rule->kind];
    const cJSON *item = list;
    size_t count = 1, index = 0;
    if (rule->kind != RULE_NOT) {
        if (!cJSON_IsArray(list) || list->child == NULL) {
            READING_FAULT(it->reading, list, "give an array with at least one rule", "\"%s\" is %s", word,
                          cJSON_IsArray(list) ? "empty" : "not an array of rules");
            return;
        }
        item = list->child;
        count = (size_t)cJSON_GetArraySize(list);
    }
    rule->children = calloc(count, sizeof *rule->children);
    if (rule->children == NULL) {
        read_no_memory(it->reading);
        return;
    }
    rule->child_count = count;
    for (; index < count; item = item->next, index++) {
        struct rule *child = &rule->children[index];
        join_path(path, word, index, rule->kind != RULE_NOT, child->path, sizeof child->path);
        read_rule(it, item, level + 1, child->path, child);
    }
}

/* One of all, any, not stands alone in its object. */
static void check_combiner(struct rule_reading *it, const cJSON *node, enum rule_kind kind)
{
    char what[24];
    snprintf(what, sizeof what, "an \"%s\" rule", combiners[kind]);
    read_keys(it->reading, node, what, combiners);
    for (enum rule_kind other = kind + 1; other < RULE_COMPARISON; other++) {
        const cJSON *beside = cJSON_GetObjectItemCaseSensitive(node, combiners[other]);
        if (beside != NULL) {
            READING_FAULT(it->reading, beside, "put one into the other: {\"all\": [rules, {\"any\": [rules]}]}",
                          "\"%s\" stands beside \"%s\"", combiners[other], combiners[kind]);
        }
    }
}

/* An empty comparison, which is what an incomplete rule is left as, is never evaluated: the file is refused. */
static void read_rule(struct rule_reading *it, const cJSON *node, int level, const char *path, struct rule *rule)
{
    rule->kind = RULE_COMPARISON;
    if (level > RULE_DEEPEST) {
        READING_FAULT(it->reading, node, "make the rule flatter", "the rule is nested more than %d deep", RULE_DEEPEST);
        return;
    }
    if (!read_object(it->reading, node, "a rule", rule_remedy)) {
        return;
    }
    for (enum rule_kind kind = RULE_ALL; kind < RULE_COMPARISON; kind++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(node, combiners[kind]);
        if (list != NULL) {
            rule->kind = kind;
            check_combiner(it, node, kind);
            read_children(it, list, level, path, rule);
            return;
        }
    }
    read_comparison(it, node, rule);
}

void rule_read(struct reading *reading, const cJSON *node, enum period_kind period, struct rule *rule)
{
    struct rule_reading it = {.reading = reading, .period = period};
    read_rule(&it, node, 1, "", rule);
}

void rule_free(struct rule *rule)
{
    for (size_t i = 0; i < rule->child_count; i++) {
        rule_free(&rule->children[i]);
    }
    free(rule->children);
}
