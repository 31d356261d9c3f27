/* Open addressing with linear probing over XXH3 (seeded). Entries are never removed: a snapshot is immutable. */
#include "internal.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SMALLEST = 16 };

/* The entry of `key`, or the free one in which it belongs. */
static struct index_entry *entry_of(const struct index *index, const char *key, size_t length)
{
    size_t mask = index->size - 1, i = (size_t)XXH3_64bits_withSeed(key, length, index->seed) & mask;
    for (;; i = (i + 1) & mask) {
        struct index_entry *entry = &index->entries[i];
        if (entry->key == NULL || (entry->length == length && memcmp(entry->key, key, length) == 0)) {
            return entry;
        }
    }
}

const struct index_entry *index_find(const struct index *index, const char *key, size_t length)
{
    if (index->size == 0) {
        return NULL;
    }
    const struct index_entry *entry = entry_of(index, key, length);
    return entry->key != NULL ? entry : NULL;
}

static int grow(struct index *index)
{
    struct index larger = {
        .size = index->size > 0 ? index->size * 2 : SMALLEST, .used = index->used, .seed = index->seed};
    larger.entries = calloc(larger.size, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < index->size; i++) {
        const struct index_entry *entry = &index->entries[i];
        if (entry->key != NULL) {
            *entry_of(&larger, entry->key, entry->length) = *entry;
        }
    }
    free(index->entries);
    *index = larger;
    return 0;
}

int index_add(struct index *index, const char *key, size_t length, uint32_t value)
{
    if (index->used >= index->size / 2 && grow(index) != 0) {
        return ERROR_MEMORY;
    }
    *entry_of(index, key, length) = (struct index_entry){.key = key, .length = (uint32_t)length, .value = value};
    index->used++;
    return 0;
}

void index_free(struct index *index)
{
    free(index->entries);
    *index = (struct index){.seed = index->seed};
}
