/*
 * A condition says what was found ("actual"), and for people that may be a number small enough to point at somebody.
 * The bound that hides small counts of people in exports holds here too; whether the condition is met stays.
 */
#include "api/conditions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool shows_too_few(const cJSON *condition, const cJSON *actual, int64_t small_cell, int64_t head_count)
{
    const char *metric = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(condition, "metric"));
    if (metric == NULL || !cJSON_IsNumber(actual)) {
        return false;
    }
    if (strcmp(metric, "users") == 0) {
        return actual->valuedouble < (double)small_cell;
    }
    /* The share times the heads is the count again, but for rounding: half a person of tolerance. */
    return strcmp(metric, "users_share") == 0 && actual->valuedouble * (double)head_count < (double)small_cell - 0.5;
}

cJSON *conditions_parse(const char *stored, int64_t small_cell, int64_t head_count)
{
    cJSON *list = cJSON_Parse(stored);
    if (!cJSON_IsArray(list)) {
        cJSON_Delete(list);
        return NULL;
    }
    cJSON *condition;
    cJSON_ArrayForEach (condition, list) {
        const cJSON *actual = cJSON_GetObjectItemCaseSensitive(condition, "actual");
        if (!shows_too_few(condition, actual, small_cell, head_count)) {
            continue;
        }
        cJSON *hidden = cJSON_CreateNull();
        if (hidden == NULL || !cJSON_ReplaceItemInObjectCaseSensitive(condition, "actual", hidden)) {
            cJSON_Delete(hidden);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

void conditions_add(struct buffer *out, const char *stored, int64_t small_cell, int64_t head_count)
{
    if (small_cell <= 0 && stored[0] == '[') {
        buffer_add_text(out, stored);
        return;
    }
    cJSON *list = conditions_parse(stored, small_cell, head_count);
    char *text = list != NULL ? cJSON_PrintUnformatted(list) : NULL;
    buffer_add_text(out, text != NULL ? text : "[]");
    cJSON_free(text);
    cJSON_Delete(list);
}
