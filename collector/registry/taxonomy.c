/*
 * taxonomy.jsonc: event type -> activity. A pattern "lesson.*" is kept under its prefix "lesson.", so an exact type and
 * the prefixes of a type that end in a dot are looked up in the same index, longest first: an event type costs as many
 * lookups as it has dots, however many patterns there are.
 */
#include "internal.h"

#include "base/error.h"
#include "base/jsonc.h"

#include <stdlib.h>
#include <string.h>

enum { VERB_MOST = 2048 };

struct taxonomy_reading {
    struct registry *registry;
    struct jsonc file;
    struct faults *faults;
    bool out_of_memory;
};

/* The number of an activity; a new one for a name that is new. REGISTRY_NONE if that is not possible. */
static uint32_t number_activity(struct taxonomy_reading *reading, const cJSON *node)
{
    struct registry *registry = reading->registry;
    const char *name = cJSON_GetStringValue(node);
    int known = registry_find_activity(registry, name);
    if (known >= 0) {
        return (uint32_t)known;
    }
    if (registry->activity_count == REGISTRY_MAX_ACTIVITIES) {
        jsonc_fault(&reading->file, node, reading->faults, "use one of the activities that stand above",
                    "\"%s\" is one activity too many: at most %d, \"other\" included", name, REGISTRY_MAX_ACTIVITIES);
        return REGISTRY_NONE;
    }
    const char *kept = registry_keep(registry, name);
    if (kept == NULL) {
        reading->out_of_memory = true;
        return REGISTRY_NONE;
    }
    registry->activities[registry->activity_count] = kept;
    return (uint32_t)registry->activity_count++;
}

/* What is wrong with a type or pattern; NULL if nothing. `*length` is what to look it up by. */
static const char *type_fault(const char *type, bool may_be_pattern, size_t *length)
{
    const char *star = strchr(type, '*');
    *length = star != NULL ? (size_t)(star - type) : strlen(type);
    if (star != NULL && !may_be_pattern) {
        return "a pattern cannot stand here";
    }
    if (star != NULL && star[1] != '\0') {
        return "the * is not at the end";
    }
    if (star != NULL && (star - type < 2 || star[-1] != '.')) {
        return "the * does not come after a word and a dot";
    }
    if (*length == 0 || *length > 64) {
        return "it has no or more than 64 characters";
    }
    if (strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != *length) {
        return "it has a character that no event type has";
    }
    return star == NULL && type[*length - 1] == '.' ? "it ends in a dot" : NULL;
}

static void read_type(struct taxonomy_reading *reading, const cJSON *node)
{
    struct registry *registry = reading->registry;
    size_t length;
    const char *wrong = type_fault(node->string, true, &length), *activity = cJSON_GetStringValue(node);
    if (wrong != NULL) {
        jsonc_fault(&reading->file, node, reading->faults,
                    "write an event type as lesson.delivered, or a pattern as lesson.*", "bad event type \"%.80s\": %s",
                    node->string, wrong);
    } else if (activity == NULL || !registry_is_word(activity)) {
        jsonc_fault(&reading->file, node, reading->faults,
                    "name an activity in quotes: a lower-case letter, then up to 31 of a-z 0-9 _",
                    "bad activity \"%.80s\" of \"%s\"", activity != NULL ? activity : "", node->string);
    } else if (index_find(&registry->types, node->string, length) != NULL) {
        jsonc_fault(&reading->file, node, reading->faults, "remove one of the two", "\"%s\" stands here twice",
                    node->string);
    } else {
        uint32_t number = number_activity(reading, node);
        const char *kept = number != REGISTRY_NONE ? registry_keep(registry, node->string) : NULL;
        if (number != REGISTRY_NONE && (kept == NULL || index_add(&registry->types, kept, length, number) != 0)) {
            reading->out_of_memory = true;
        }
    }
}

/* The entry that decides about an event type: its own, or that of the longest pattern; NULL if there is none. */
static const struct index_entry *deciding_entry(const struct registry *registry, const char *type, size_t length)
{
    const struct index_entry *entry = index_find(&registry->types, type, length);
    for (size_t prefix = length; entry == NULL && prefix > 1; prefix--) {
        if (type[prefix - 1] == '.') {
            entry = index_find(&registry->types, type, prefix);
        }
    }
    return entry;
}

static void read_verb(struct taxonomy_reading *reading, const cJSON *node)
{
    struct registry *registry = reading->registry;
    const char *type = cJSON_GetStringValue(node);
    size_t length, verb_length = strlen(node->string);
    if (strchr(node->string, ':') == NULL || verb_length > VERB_MOST) {
        jsonc_fault(&reading->file, node, reading->faults,
                    "write the verb's whole IRI: http://adlnet.gov/expapi/verbs/completed", "bad xAPI verb \"%.80s\"",
                    node->string);
    } else if (type == NULL || type_fault(type, false, &length) != NULL) {
        jsonc_fault(&reading->file, node, reading->faults, "write an event type in quotes, as lesson.completed",
                    "bad event type \"%.80s\" of the verb \"%.120s\"", type != NULL ? type : "", node->string);
    } else if (deciding_entry(registry, type, length) == NULL) {
        jsonc_fault(&reading->file, node, reading->faults, "add the type, or a pattern that covers it, to types",
                    "no entry of types matches \"%s\", which the verb \"%.120s\" becomes", type, node->string);
    } else if (index_find(&registry->verbs, node->string, verb_length) != NULL) {
        jsonc_fault(&reading->file, node, reading->faults, "remove one of the two", "\"%.120s\" stands here twice",
                    node->string);
    } else {
        const char *verb = registry_keep(registry, node->string), *kept = registry_keep(registry, type);
        if (verb == NULL || kept == NULL ||
            index_add(&registry->verbs, verb, verb_length, (uint32_t)registry->verb_count) != 0) {
            reading->out_of_memory = true;
            return;
        }
        registry->verb_types[registry->verb_count++] = kept;
    }
}

static void read_types(struct taxonomy_reading *reading, const cJSON *types)
{
    const cJSON *node;
    if (types == NULL || !cJSON_IsObject(types) || types->child == NULL) {
        jsonc_fault(&reading->file, types != NULL ? types : reading->file.root, reading->faults,
                    "write \"types\": {\"lesson.*\": \"teaching\", …}",
                    types == NULL ? "\"types\" is missing" : "\"types\" is empty or no object");
        return;
    }
    cJSON_ArrayForEach (node, types) {
        read_type(reading, node);
    }
}

static void read_verbs(struct taxonomy_reading *reading, const cJSON *verbs)
{
    const cJSON *node;
    if (verbs == NULL) {
        return;
    }
    if (!cJSON_IsObject(verbs)) {
        jsonc_fault(&reading->file, verbs, reading->faults,
                    "write \"xapi\": {\"http://…/completed\": \"session.completed\"}", "\"xapi\" is no object");
        return;
    }
    reading->registry->verb_types =
        calloc((size_t)cJSON_GetArraySize(verbs) + 1, sizeof *reading->registry->verb_types);
    if (reading->registry->verb_types == NULL) {
        reading->out_of_memory = true;
        return;
    }
    cJSON_ArrayForEach (node, verbs) {
        read_verb(reading, node);
    }
}

/* Types first, wherever they stand: verbs are judged by them. */
static void read_root(struct taxonomy_reading *reading, const cJSON *root)
{
    const cJSON *node, *types = NULL, *verbs = NULL;
    cJSON_ArrayForEach (node, root) {
        const cJSON **place = strcmp(node->string, "types") == 0  ? &types
                              : strcmp(node->string, "xapi") == 0 ? &verbs
                                                                  : NULL;
        if (place == NULL && strcmp(node->string, "$schema") != 0) {
            jsonc_fault(&reading->file, node, reading->faults, "remove it; known here: types xapi",
                        "unknown key \"%.80s\"", node->string);
        } else if (place != NULL && *place != NULL) {
            jsonc_fault(&reading->file, node, reading->faults, "remove one of the two", "\"%s\" stands here twice",
                        node->string);
        } else if (place != NULL) {
            *place = node;
        }
    }
    read_types(reading, types);
    read_verbs(reading, verbs);
}

void taxonomy_read(struct registry *registry, const char *path, const struct buffer *content, struct faults *faults)
{
    struct taxonomy_reading reading = {.registry = registry, .faults = faults};
    if (jsonc_parse(&reading.file, path, content->used > 0 ? content->bytes : "", content->used, faults) == 0) {
        if (cJSON_IsObject(reading.file.root)) {
            read_root(&reading, reading.file.root);
        } else {
            jsonc_fault(&reading.file, reading.file.root, faults, "write an object: {\"types\": {…}}",
                        "the file holds no object");
        }
    }
    if (reading.out_of_memory) {
        registry_no_memory(faults, path);
    }
    jsonc_free(&reading.file);
}

size_t registry_activity_count(const struct registry *registry)
{
    return registry->activity_count;
}

const char *registry_activity_name(const struct registry *registry, uint32_t activity)
{
    return registry->activities[activity];
}

int registry_find_activity(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->activity_count; i++) {
        if (strcmp(registry->activities[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t registry_activity_of(const struct registry *registry, const char *type, size_t length)
{
    const struct index_entry *entry = deciding_entry(registry, type, length);
    return entry != NULL ? entry->value : REGISTRY_OTHER;
}

const char *registry_type_of_verb(const struct registry *registry, const char *verb, size_t length)
{
    const struct index_entry *entry = index_find(&registry->verbs, verb, length);
    return entry != NULL ? registry->verb_types[entry->value] : NULL;
}
