/*
 * An open-addressing table of pointers (linear probing, a power of two, at most two thirds full). Facts keep their
 * address while they are held, so the list of changed ones can point at them. Memory is bounded by facts_shrink, which
 * the pipeline calls after each commit; between two commits it can grow by what one commit may change.
 */
#include "facts/facts.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_SIZE = 1024, LAST_FACTS = 4 };

struct facts {
    struct fact **slots;
    size_t size; /* a power of two */
    size_t count;
    struct fact **changed;
    size_t changed_count;
    size_t changed_size;
    size_t bytes;
    struct fact *last[LAST_FACTS]; /* by span: events of a message mostly fall into the same facts */
};

struct facts *facts_new(void)
{
    struct facts *facts = calloc(1, sizeof *facts);
    if (facts == NULL) {
        return NULL;
    }
    facts->slots = calloc(FIRST_SIZE, sizeof(struct fact *));
    facts->size = FIRST_SIZE;
    if (facts->slots == NULL) {
        free(facts);
        return NULL;
    }
    return facts;
}

static size_t fact_bytes(const struct fact *fact)
{
    size_t bytes = sizeof *fact;
    if (fact->sets != NULL) {
        bytes += sizeof *fact->sets + distinct_bytes(&fact->sets->users) + distinct_bytes(&fact->sets->devices);
    }
    return bytes;
}

void facts_loaded(struct facts *facts, struct fact *fact)
{
    size_t bytes = fact_bytes(fact);
    facts->bytes += bytes - fact->held_bytes;
    fact->held_bytes = bytes;
}

static void fact_free(struct facts *facts, struct fact *fact)
{
    facts->bytes -= fact->held_bytes;
    if (fact->sets != NULL) {
        distinct_free(&fact->sets->users);
        distinct_free(&fact->sets->devices);
        free(fact->sets);
    }
    free(fact);
}

void facts_forget(struct facts *facts)
{
    for (size_t i = 0; i < facts->size; i++) {
        if (facts->slots[i] != NULL) {
            fact_free(facts, facts->slots[i]);
            facts->slots[i] = NULL;
        }
    }
    facts->count = facts->changed_count = facts->bytes = 0;
    memset(facts->last, 0, sizeof facts->last);
}

void facts_free(struct facts **facts)
{
    if (*facts != NULL) {
        facts_forget(*facts);
        free((*facts)->slots);
        free((*facts)->changed);
        free(*facts);
        *facts = NULL;
    }
}

/* The slot that holds the key, or the empty one where it belongs. Keys are the program's own numbers: no seed needed.
 */
static size_t slot_of(const struct facts *facts, const struct fact_key *key)
{
    size_t slot = (size_t)XXH3_64bits(key, sizeof *key) & (facts->size - 1);
    while (facts->slots[slot] != NULL && memcmp(&facts->slots[slot]->key, key, sizeof *key) != 0) {
        slot = (slot + 1) & (facts->size - 1);
    }
    return slot;
}

struct fact *facts_find(struct facts *facts, const struct fact_key *key)
{
    struct fact **last = &facts->last[key->span % LAST_FACTS];
    if (*last != NULL && memcmp(&(*last)->key, key, sizeof *key) == 0) {
        return *last;
    }
    struct fact *fact = facts->slots[slot_of(facts, key)];
    if (fact != NULL) {
        fact->touched = true;
        *last = fact;
    }
    return fact;
}

static int grow(struct facts *facts)
{
    struct facts wider = {.size = facts->size * 2};
    wider.slots = calloc(wider.size, sizeof(struct fact *));
    if (wider.slots == NULL) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < facts->size; i++) {
        if (facts->slots[i] != NULL) {
            wider.slots[slot_of(&wider, &facts->slots[i]->key)] = facts->slots[i];
        }
    }
    free(facts->slots);
    facts->slots = wider.slots;
    facts->size = wider.size;
    return 0;
}

struct fact *facts_insert(struct facts *facts, const struct fact_key *key, bool with_sets)
{
    if (facts->count * 3 >= facts->size * 2 && grow(facts) != 0) {
        return NULL;
    }
    struct fact *fact = calloc(1, sizeof *fact);
    if (fact == NULL) {
        return NULL;
    }
    if (with_sets) {
        fact->sets = calloc(1, sizeof *fact->sets);
        if (fact->sets == NULL) {
            free(fact);
            return NULL;
        }
    }
    fact->key = *key;
    fact->touched = true;
    facts->slots[slot_of(facts, key)] = fact;
    facts->count++;
    facts_loaded(facts, fact);
    return fact;
}

static int note_changed(struct facts *facts, struct fact *fact)
{
    if (fact->changed) {
        return 0;
    }
    if (facts->changed_count == facts->changed_size) {
        size_t size = facts->changed_size == 0 ? 1024 : facts->changed_size * 2;
        struct fact **grown = realloc(facts->changed, size * sizeof(struct fact *));
        if (grown == NULL) {
            return ERROR_MEMORY;
        }
        facts->changed = grown;
        facts->changed_size = size;
    }
    fact->changed = true;
    facts->changed[facts->changed_count++] = fact;
    return 0;
}

int fact_count(struct facts *facts, struct fact *fact, int64_t seconds, bool has_user, uint64_t user, uint64_t device)
{
    if (note_changed(facts, fact) != 0) {
        return ERROR_MEMORY;
    }
    if (fact->sets != NULL) {
        int users = has_user ? distinct_add(&fact->sets->users, user) : 0;
        int devices = distinct_add(&fact->sets->devices, device);
        facts_loaded(facts, fact);
        if (users < 0 || devices < 0) {
            return ERROR_MEMORY;
        }
        fact->sets->users_changed |= users == 1;
        fact->sets->devices_changed |= devices == 1;
    }
    fact->events++;
    fact->seconds += seconds;
    return 0;
}

size_t facts_changed_count(const struct facts *facts)
{
    return facts->changed_count;
}

/* What is sorted: the key in two words that compare as the store's keys do, so that no fact is touched meanwhile. */
struct sortable {
    uint64_t high, low;
    struct fact *fact;
};

static int compare_sortables(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return a->low < b->low ? -1 : a->low > b->low;
}

void facts_sort_changed(struct facts *facts)
{
    struct sortable *list = malloc((facts->changed_count + 1) * sizeof *list);
    if (list == NULL) {
        return; /* any order is right, this one is only faster */
    }
    for (size_t i = 0; i < facts->changed_count; i++) {
        const struct fact_key *key = &facts->changed[i]->key;
        list[i] = (struct sortable){.high = (uint64_t)key->span << 32 | key->centre,
                                    .low = (uint64_t)((uint32_t)key->index ^ 0x80000000u) << 32 | key->activity,
                                    .fact = facts->changed[i]};
    }
    qsort(list, facts->changed_count, sizeof *list, compare_sortables);
    for (size_t i = 0; i < facts->changed_count; i++) {
        facts->changed[i] = list[i].fact;
    }
    free(list);
}

struct fact *facts_changed(struct facts *facts, size_t at)
{
    return facts->changed[at];
}

void facts_saved(struct facts *facts)
{
    for (size_t i = 0; i < facts->changed_count; i++) {
        struct fact *fact = facts->changed[i];
        fact->changed = false;
        if (fact->sets != NULL) {
            fact->sets->users_changed = fact->sets->devices_changed = false;
        }
    }
    facts->changed_count = 0;
}

/* Rebuilds the table without the unchanged facts that `all` or their age condemns. */
static void drop_unchanged(struct facts *facts, bool all)
{
    struct fact **kept = malloc((facts->count + 1) * sizeof(struct fact *));
    if (kept == NULL) {
        return; /* nothing is dropped: the next call tries again */
    }
    size_t count = 0;
    memset(facts->last, 0, sizeof facts->last);
    for (size_t i = 0; i < facts->size; i++) {
        struct fact *fact = facts->slots[i];
        facts->slots[i] = NULL;
        if (fact == NULL) {
            continue;
        }
        if (!fact->changed && (all || !fact->touched)) {
            fact_free(facts, fact);
            continue;
        }
        fact->touched = false;
        kept[count++] = fact;
    }
    for (size_t i = 0; i < count; i++) {
        facts->slots[slot_of(facts, &kept[i]->key)] = kept[i];
    }
    facts->count = count;
    free(kept);
}

void facts_shrink(struct facts *facts, size_t most)
{
    if (facts->bytes > most) {
        drop_unchanged(facts, false);
    }
    if (facts->bytes > most) {
        drop_unchanged(facts, true);
    }
}

size_t facts_bytes(const struct facts *facts)
{
    return facts->bytes + facts->size * sizeof(struct fact *);
}
