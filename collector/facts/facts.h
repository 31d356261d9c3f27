/*
 * Facts in memory: what was counted per (centre, span, activity), where a span is a local day, a local hour or a month.
 * A cache before the store: the pipeline asks for a fact, loads it from the store where it is not held, counts into it,
 * and saves the changed ones with each commit. One thread.
 */
#ifndef EDUTALLY_FACTS_FACTS_H
#define EDUTALLY_FACTS_FACTS_H

#include "facts/distinct.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct facts;

struct fact_key {
    uint32_t centre;
    uint32_t activity;
    int32_t index; /* day, minute of the hour's beginning, or month: see store/store.h */
    uint32_t span;
};

/* Distinct users and devices: days and months have them, hours do not. */
struct fact_sets {
    struct distinct users;
    struct distinct devices;
    int64_t users_least; /* what was counted before, where the set that held it was lost; else 0 */
    int64_t devices_least;
    bool users_changed; /* since the fact was saved last */
    bool devices_changed;
};

struct fact {
    struct fact_key key;
    int64_t events;
    int64_t seconds;
    struct fact_sets *sets; /* NULL for hours */
    bool changed;           /* since it was saved last */
    bool touched;           /* since the last facts_shrink */
    size_t held_bytes;      /* as counted in facts_bytes */
};

/* NULL when out of memory. */
struct facts *facts_new(void);
void facts_free(struct facts **facts);

/* The fact, or NULL if it is not held. Valid until facts_shrink. */
struct fact *facts_find(struct facts *facts, const struct fact_key *key);

/* Holds a fact that was not held, zero or as loaded by the caller afterwards. NULL when out of memory. */
struct fact *facts_insert(struct facts *facts, const struct fact_key *key, bool with_sets);

/* The caller has filled a fact's sets (from the store): their memory is counted from now on. */
void facts_loaded(struct facts *facts, struct fact *fact);

/* Counts one event. 0 or ERROR_MEMORY. `has_user`: the event names a user. Sets are only told keys where the fact has
 * them. */
int fact_count(struct facts *facts, struct fact *fact, int64_t seconds, bool has_user, uint64_t user, uint64_t device);

/* The facts changed since facts_saved: in no particular order, or, after facts_sort_changed, in that of the store's
 * keys, so that saving them walks through its pages once. */
void facts_sort_changed(struct facts *facts);
size_t facts_changed_count(const struct facts *facts);
struct fact *facts_changed(struct facts *facts, size_t at);

/* All changed facts were committed. */
void facts_saved(struct facts *facts);

/* Forgets everything, saved or not: after a failed commit the pipeline starts again from the store. */
void facts_forget(struct facts *facts);

/* If more than `most` bytes are held, drops unchanged facts: first those that were not touched since the last call,
 * then all. */
void facts_shrink(struct facts *facts, size_t most);

/* Bytes held, sets included. */
size_t facts_bytes(const struct facts *facts);

#endif
