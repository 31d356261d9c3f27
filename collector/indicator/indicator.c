/*
 * indicators.jsonc -> indicators. One run finds every mistake: a part that is wrong is left out and the reading goes
 * on, and whatever was wrong, the file as a whole is refused.
 *
 * A rule's hash covers what decides a result (types, period, rule) and nothing else: a better name or a further target
 * leaves stored results valid. It is taken over canonical text, so that a comment or another order of keys does not
 * count as a change.
 */
#include "internal.h"

#include "base/civil.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { CENTRE_TYPES_MOST = 64 };

static const char *const top_keys[] = {"indicators", "$schema", NULL};
static const char *const indicator_keys[] = {"id", "name", "source", "centre_types", "period", "targets", "rule", NULL};
static const char *const name_keys[] = {"vi", "en", NULL};
static const char *const target_keys[] = {"from", "value", NULL};

/* A copy of the string at `node`, or NULL after a fault. */
static char *copy_text(struct reading *reading, const cJSON *node, const char *what)
{
    if (!cJSON_IsString(node) || node->valuestring[0] == '\0') {
        READING_FAULT(reading, node, "give a text in quotes", "%s is %s", what,
                      cJSON_IsString(node) ? "empty" : "not a string");
        return NULL;
    }
    char *copy = strdup(node->valuestring);
    if (copy == NULL) {
        read_no_memory(reading);
    }
    return copy;
}

static void read_id(struct reading *reading, const cJSON *node, const struct indicators *before, struct indicator *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const cJSON *item =
        read_member(reading, node, "id", "the indicator", "give it one: \"id\": \"institutions-digital\"");
    out->id = item != NULL ? copy_text(reading, item, "\"id\"") : NULL;
    if (out->id == NULL) {
        return;
    }
    size_t length = strspn(out->id, letters);
    if (length > 64 || out->id[length] != '\0') {
        READING_FAULT(reading, item, "use 1 to 64 characters of A-Z a-z 0-9 . _ -", "bad id \"%.100s\"", out->id);
    }
    for (size_t i = 0; i < before->count; i++) {
        if (before->list[i].id != NULL && strcmp(before->list[i].id, out->id) == 0) {
            READING_FAULT(reading, item, "give each indicator an id of its own",
                          "the id \"%s\" is taken by indicator %zu", out->id, i + 1);
        }
    }
}

static char *read_name_in(struct reading *reading, const cJSON *node, const char *language)
{
    const cJSON *item = read_member(reading, node, language, "\"name\"", "give the name in Vietnamese and in English");
    return item != NULL ? copy_text(reading, item, "the name") : NULL;
}

static void read_names(struct reading *reading, const cJSON *node, struct indicator *out)
{
    static const char remedy[] = "give it one: \"name\": {\"vi\": \"…\", \"en\": \"…\"}";
    const cJSON *item = read_member(reading, node, "name", "the indicator", remedy);
    if (item == NULL || !read_object(reading, item, "\"name\"", remedy)) {
        return;
    }
    read_keys(reading, item, "\"name\"", name_keys);
    out->name_vi = read_name_in(reading, item, "vi");
    out->name_en = read_name_in(reading, item, "en");
}

static void read_source(struct reading *reading, const cJSON *node, struct indicator *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, "source");
    if (item != NULL && !cJSON_IsString(item)) {
        READING_FAULT(reading, item, "give the legal text in quotes, or leave it out", "\"source\" is not a string");
        return;
    }
    out->source = strdup(item != NULL ? item->valuestring : "");
    if (out->source == NULL) {
        read_no_memory(reading);
    }
}

/* The registry's pointer for a type, NULL if no centre has it. */
static const char *intern_type(const struct registry *registry, const char *type)
{
    for (uint32_t i = 0; i < registry_centre_count(registry); i++) {
        const char *known = registry_centre(registry, i)->type;
        if (strcmp(known, type) == 0) {
            return known;
        }
    }
    return NULL;
}

static size_t list_types(const struct registry *registry, const char *known[CENTRE_TYPES_MOST])
{
    size_t count = 0;
    for (uint32_t i = 0; i < registry_centre_count(registry) && count < CENTRE_TYPES_MOST; i++) {
        const char *type = registry_centre(registry, i)->type;
        size_t at = 0;
        while (at < count && known[at] != type) {
            at++;
        }
        if (at == count) {
            known[count++] = type;
        }
    }
    return count;
}

static void read_type(struct reading *reading, const cJSON *node, struct indicator *out)
{
    if (!cJSON_IsString(node)) {
        READING_FAULT(reading, node, "give a type of centres.csv in quotes", "a centre type is not a string");
        return;
    }
    const char *type = intern_type(reading->registry, node->valuestring);
    if (type == NULL) {
        const char *known[CENTRE_TYPES_MOST];
        char remedy[400];
        size_t count = list_types(reading->registry, known);
        READING_FAULT(reading, node, words_suggest(node->valuestring, known, count, remedy, sizeof remedy),
                      "no centre of the registry has the type \"%.64s\"", node->valuestring);
        return;
    }
    for (size_t i = 0; i < out->centre_type_count; i++) {
        if (out->centre_types[i] == type) {
            READING_FAULT(reading, node, "remove one of them", "the centre type \"%s\" stands there twice", type);
            return;
        }
    }
    out->centre_types[out->centre_type_count++] = type;
}

static void read_types(struct reading *reading, const cJSON *node, struct indicator *out)
{
    static const char remedy[] = "list the types of centres.csv that it covers: \"centre_types\": [\"primary\"]";
    const cJSON *list = read_member(reading, node, "centre_types", "the indicator", remedy);
    if (list == NULL) {
        return;
    }
    if (!cJSON_IsArray(list) || list->child == NULL) {
        READING_FAULT(reading, list, remedy, "\"centre_types\" is %s", cJSON_IsArray(list) ? "empty" : "not an array");
        return;
    }
    out->centre_types = calloc((size_t)cJSON_GetArraySize(list), sizeof *out->centre_types);
    if (out->centre_types == NULL) {
        read_no_memory(reading);
        return;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        read_type(reading, item, out);
    }
}

static void read_period(struct reading *reading, const cJSON *node, struct indicator *out)
{
    static const char remedy[] = "use \"month\", \"quarter\", \"school_year\" or \"year\"";
    const cJSON *item = read_member(reading, node, "period", "the indicator", remedy);
    int kind = cJSON_IsString(item) ? period_kind_of(item->valuestring) : -1;
    if (kind >= 0) {
        out->period = (enum period_kind)kind;
    } else if (item != NULL) {
        READING_FAULT(reading, item, remedy, "bad period \"%.64s\"", cJSON_IsString(item) ? item->valuestring : "");
    }
}

static bool read_target_values(struct reading *reading, const cJSON *node, struct indicator_target *target)
{
    static const char remedy[] = "write a target as {\"from\": \"2024-05-02\", \"value\": 0.60}";
    if (!read_object(reading, node, "a target", remedy)) {
        return false;
    }
    read_keys(reading, node, "a target", target_keys);
    const cJSON *from = read_member(reading, node, "from", "the target", remedy);
    const cJSON *value = read_member(reading, node, "value", "the target", remedy);
    if (from == NULL || value == NULL) {
        return false;
    }
    if (!cJSON_IsString(from) ||
        civil_parse_date(from->valuestring, strlen(from->valuestring), &target->from_day) != 0) {
        READING_FAULT(reading, from, "write a day of the calendar as \"2024-05-02\"", "bad date \"%.40s\"",
                      cJSON_IsString(from) ? from->valuestring : "");
        return false;
    }
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= 1)) {
        READING_FAULT(reading, value, "give a share between 0 and 1: 0.60 is 60 %", "bad target value %g",
                      cJSON_IsNumber(value) ? value->valuedouble : 0.0);
        return false;
    }
    target->value = value->valuedouble;
    return true;
}

static void read_targets(struct reading *reading, const cJSON *node, struct indicator *out)
{
    static const char remedy[] =
        "list them: \"targets\": [{\"from\": \"2024-05-02\", \"value\": 0.60}]; [] if there is none";
    const cJSON *list = read_member(reading, node, "targets", "the indicator", remedy);
    if (list == NULL || (cJSON_IsArray(list) && list->child == NULL)) {
        return;
    }
    if (!cJSON_IsArray(list)) {
        READING_FAULT(reading, list, remedy, "\"targets\" is not an array");
        return;
    }
    out->targets = calloc((size_t)cJSON_GetArraySize(list), sizeof *out->targets);
    if (out->targets == NULL) {
        read_no_memory(reading);
        return;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        struct indicator_target *target = &out->targets[out->target_count];
        if (!read_target_values(reading, item, target)) {
            continue;
        }
        if (out->target_count > 0 && target->from_day <= target[-1].from_day) {
            READING_FAULT(reading, item, "order the targets by date, each date once",
                          "the target does not begin after the one before it");
        }
        out->target_count++;
    }
}

static void read_rule_of(struct reading *reading, const cJSON *node, struct indicator *out)
{
    const cJSON *item =
        read_member(reading, node, "rule", "the indicator",
                    "give it one: \"rule\": {\"activity\": \"teaching\", \"active_days\": {\"min\": 8}}");
    if (item == NULL) {
        return;
    }
    out->rule = calloc(1, sizeof *out->rule);
    if (out->rule == NULL) {
        read_no_memory(reading);
        return;
    }
    rule_read(reading, item, out->period, out->rule);
    if (!reading->wrong) { /* bounded in depth only then */
        struct buffer text = {0};
        canonical_print(item, &text);
        out->rule_json = text.failed ? NULL : strdup(text.bytes);
        buffer_free(&text);
        if (out->rule_json == NULL) {
            read_no_memory(reading);
        }
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* {"centre_types":[…],"period":"month","rule":{…}}, the types sorted. */
static void hash_rule(struct reading *reading, struct indicator *it)
{
    struct buffer text = {0};
    qsort(it->centre_types, it->centre_type_count, sizeof *it->centre_types, compare_texts);
    for (size_t i = 0; i < it->centre_type_count; i++) {
        buffer_print(&text, "%s\"%s\"", i == 0 ? "{\"centre_types\":[" : ",", it->centre_types[i]);
    }
    buffer_print(&text, "],\"period\":\"%s\",\"rule\":%s}", period_kind_word(it->period), it->rule_json);
    if (text.failed || digest_sha256_hex(text.bytes, text.used, it->rule_hash) != 0) {
        read_no_memory(reading);
    }
    buffer_free(&text);
}

static void read_indicator(struct reading *reading, const cJSON *node, const struct indicators *before,
                           struct indicator *out)
{
    if (!read_object(reading, node, "an indicator", "write {\"id\": …, \"name\": …, \"rule\": …}")) {
        return;
    }
    read_keys(reading, node, "the indicator", indicator_keys);
    read_id(reading, node, before, out);
    read_names(reading, node, out);
    read_source(reading, node, out);
    read_types(reading, node, out);
    read_period(reading, node, out);
    read_targets(reading, node, out);
    read_rule_of(reading, node, out);
    if (!reading->wrong) {
        hash_rule(reading, out);
    }
}

static int compare_lines(const void *a, const void *b)
{
    const struct indicator *const *left = a, *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

static void hash_set(struct reading *reading, struct indicators *indicators)
{
    struct buffer text = {0};
    const struct indicator *sorted[INDICATORS_MOST];
    buffer_add(&text, "", 0);
    for (size_t i = 0; i < indicators->count; i++) {
        sorted[i] = &indicators->list[i];
    }
    qsort(sorted, indicators->count, sizeof *sorted, compare_lines);
    for (size_t i = 0; i < indicators->count; i++) {
        buffer_print(&text, "%s %s\n", sorted[i]->id, sorted[i]->rule_hash);
    }
    if (text.failed || digest_sha256_hex(text.bytes, text.used, indicators->hash) != 0) {
        read_no_memory(reading);
    }
    buffer_free(&text);
}

static void read_root(struct reading *reading, const cJSON *root, struct indicators *indicators)
{
    static const char remedy[] = "write {\"indicators\": [ … ]}";
    if (!read_object(reading, root, "the file", remedy)) {
        return;
    }
    read_keys(reading, root, "the file", top_keys);
    const cJSON *list = read_member(reading, root, "indicators", "the file", remedy);
    if (list == NULL) {
        return;
    }
    if (!cJSON_IsArray(list)) {
        READING_FAULT(reading, list, remedy, "\"indicators\" is not an array");
        return;
    }
    size_t count = (size_t)cJSON_GetArraySize(list);
    if (count > INDICATORS_MOST) {
        READING_FAULT(reading, list, "remove some", "%zu indicators, at most %d", count, INDICATORS_MOST);
        return;
    }
    indicators->list = calloc(count > 0 ? count : 1, sizeof *indicators->list);
    if (indicators->list == NULL) {
        read_no_memory(reading);
        return;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        struct indicator *out = &indicators->list[indicators->count];
        read_indicator(reading, item, indicators, out);
        indicators->count++;
    }
}

static int read_file(struct indicators *indicators, const struct jsonc *file, const struct registry *registry,
                     struct faults *faults)
{
    struct reading reading = {.file = file, .registry = registry, .faults = faults};
    read_root(&reading, file->root, indicators);
    if (!reading.wrong) {
        hash_set(&reading, indicators);
    }
    return !reading.wrong ? 0 : faults->out_of_memory ? ERROR_MEMORY : ERROR_CONFIG;
}

int indicators_load(struct indicators *indicators, const char *path, const struct registry *registry,
                    struct faults *faults)
{
    struct jsonc file;
    *indicators = (struct indicators){0};
    int result = jsonc_load(&file, path, faults);
    if (result == 0) {
        result = read_file(indicators, &file, registry, faults);
    }
    jsonc_free(&file);
    return result;
}

int indicators_parse(struct indicators *indicators, const char *name, const char *text, size_t length,
                     const struct registry *registry, struct faults *faults)
{
    struct jsonc file;
    *indicators = (struct indicators){0};
    int result = jsonc_parse(&file, name, text, length, faults);
    if (result == 0) {
        result = read_file(indicators, &file, registry, faults);
    }
    jsonc_free(&file);
    return result;
}

void indicators_free(struct indicators *indicators)
{
    for (size_t i = 0; i < indicators->count; i++) {
        struct indicator *it = &indicators->list[i];
        free(it->id);
        free(it->name_vi);
        free(it->name_en);
        free(it->source);
        free(it->centre_types);
        free(it->targets);
        free(it->rule_json);
        if (it->rule != NULL) {
            rule_free(it->rule);
            free(it->rule);
        }
    }
    free(indicators->list);
    *indicators = (struct indicators){0};
}

const struct indicator *indicators_find(const struct indicators *indicators, const char *id)
{
    for (size_t i = 0; i < indicators->count; i++) {
        if (strcmp(indicators->list[i].id, id) == 0) {
            return &indicators->list[i];
        }
    }
    return NULL;
}

void indicators_hash(const struct indicators *indicators, char out[DIGEST_HEX_SIZE])
{
    memcpy(out, indicators->hash, DIGEST_HEX_SIZE);
}

bool indicator_covers(const struct indicator *indicator, const struct registry_centre *centre)
{
    for (size_t i = 0; i < indicator->centre_type_count; i++) {
        if (indicator->centre_types[i] == centre->type) {
            return true;
        }
    }
    return false;
}

bool indicator_target_on(const struct indicator *indicator, int32_t day, double *value)
{
    bool found = false;
    for (size_t i = 0; i < indicator->target_count && indicator->targets[i].from_day <= day; i++) {
        *value = indicator->targets[i].value;
        found = true;
    }
    return found;
}
