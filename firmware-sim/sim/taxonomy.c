/* The taxonomy as `truth` sees it. Looked up once per event type of a scenario, so a linear search does. */
#include "taxonomy.h"

#include "error.h"
#include "jsonc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_entry(const struct jsonc_node *node, struct taxonomy_entry *entry)
{
    const char *type = jsonc_key(node);
    size_t length = strlen(type);

    jsonc_string(node, entry->activity, sizeof entry->activity);
    if (length < 1 || length >= sizeof entry->type) {
        jsonc_fault(node, "is an event type of %zu bytes; use 1 to %zu", length, sizeof entry->type - 1);
        return;
    }
    if (length >= 2 && strcmp(type + length - 2, ".*") == 0) {
        length--;
        entry->pattern_length = length;
    }
    memcpy(entry->type, type, length);
}

int taxonomy_load(const char *path, struct jsonc_faults *faults, struct taxonomy *taxonomy)
{
    struct jsonc *file = NULL;
    struct jsonc_node root, types;
    int before = faults->count;
    size_t count = 0;

    *taxonomy = (struct taxonomy){0};
    if (jsonc_open(path, faults, &file)) {
        return ERROR_CONFIG;
    }
    root = jsonc_root(file);
    types = jsonc_member(&root, "types", true);
    for (struct jsonc_node node = jsonc_first(&types); node.value; node = jsonc_next(&node)) {
        count++;
    }
    taxonomy->entries = calloc(count ? count : 1, sizeof *taxonomy->entries);
    for (struct jsonc_node node = jsonc_first(&types); node.value && taxonomy->entries; node = jsonc_next(&node)) {
        read_entry(&node, &taxonomy->entries[taxonomy->count++]);
    }
    jsonc_close(&file);
    if (!taxonomy->entries || faults->count != before) {
        taxonomy_free(taxonomy);
        return ERROR_CONFIG;
    }
    return 0;
}

void taxonomy_free(struct taxonomy *taxonomy)
{
    free(taxonomy->entries);
    *taxonomy = (struct taxonomy){0};
}

const char *taxonomy_activity(const struct taxonomy *taxonomy, const char *type)
{
    const struct taxonomy_entry *best = NULL;

    for (size_t i = 0; i < taxonomy->count; i++) {
        const struct taxonomy_entry *entry = &taxonomy->entries[i];

        if (entry->pattern_length == 0 && strcmp(entry->type, type) == 0) {
            return entry->activity;
        }
        if (entry->pattern_length > (best ? best->pattern_length : 0) &&
            strncmp(entry->type, type, entry->pattern_length) == 0) {
            best = entry;
        }
    }
    return best ? best->activity : "other";
}
