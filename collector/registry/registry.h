/*
 * Centres, areas and the taxonomy: files -> one immutable snapshot. A snapshot can be read by any thread; a reload
 * makes a new one, all or nothing. Formats: design §6 and §7, docs/registry.md.
 *
 * Areas change: the same code may stand in several rows, each valid from a day (inclusive) to a day (exclusive), and a
 * row that ended names its successor. So every question about areas names the day for which it is asked.
 */
#ifndef EDUTALLY_REGISTRY_REGISTRY_H
#define EDUTALLY_REGISTRY_REGISTRY_H

#include "base/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTRY_NONE UINT32_MAX

enum { REGISTRY_NO_START = INT32_MIN, REGISTRY_NO_END = INT32_MAX, REGISTRY_OTHER = 0, REGISTRY_MAX_ACTIVITIES = 64 };

struct registry;

struct registry_centre {
    const char *id;   /* [A-Za-z0-9._-]{1,64}, unique */
    const char *name; /* UTF-8 */
    const char *type; /* interned: equal types are the same pointer within a snapshot */
    const char *area; /* the code as the file gives it */
    int32_t head_count;
    int32_t opened_day; /* REGISTRY_NO_START if empty */
    int32_t closed_day; /* first day on which it is no longer open; REGISTRY_NO_END while open */
};

struct registry_area {
    const char *code;
    const char *name;
    const char *level;     /* province, city, district, commune, … */
    const char *parent;    /* code, NULL for a root row */
    const char *successor; /* code, or NULL */
    int32_t valid_from;    /* inclusive; REGISTRY_NO_START */
    int32_t valid_to;      /* exclusive; REGISTRY_NO_END */
};

struct registry_files {
    const char *centres;
    const char *areas;
    const char *taxonomy;
};

/* Reads all three files; adds a fault for every mistake. Returns 0, or ERROR_CONFIG and no snapshot. The caller frees
 * it with registry_free. */
int registry_load(struct registry **registry, const struct registry_files *files, struct faults *faults);
/* As registry_load, but with faults the snapshot is given out too, for one use: to judge other files by it, so that
 * their faults are seen in the same run. No snapshot where the taxonomy has faults or there is no table of centres,
 * since then every activity or type would seem unknown. */
int registry_load_to_check(struct registry **registry, const struct registry_files *files, struct faults *faults);
void registry_free(struct registry **registry);

/* Hexadecimal SHA-256 over the SHA-256 of each of the three files: names the snapshot that a result was computed with.
 */
const char *registry_hash(const struct registry *registry);

size_t registry_centre_count(const struct registry *registry);
const struct registry_centre *registry_centre(const struct registry *registry, uint32_t index);
/* Constant time; REGISTRY_NONE if unknown. `id` need not end with NUL. */
uint32_t registry_find_centre(const struct registry *registry, const char *id, size_t length);
bool registry_centre_open_on(const struct registry_centre *centre, int32_t day);

/* Areas are numbered by code (bytes), then valid_from. */
size_t registry_area_count(const struct registry *registry);
const struct registry_area *registry_area(const struct registry *registry, uint32_t index);
/* The code of all root rows (rows without parent). */
const char *registry_root(const struct registry *registry);
/* The row of `code` that is valid on `day`. Where the code ended before, its successors are followed, and the last row
 * is taken where there is none; where it begins only later, the earliest row of the code is taken. REGISTRY_NONE for a
 * code that is unknown. */
uint32_t registry_find_area(const struct registry *registry, const char *code, int32_t day);
/* The row of the parent on `day`; REGISTRY_NONE for a root. */
uint32_t registry_area_parent(const struct registry *registry, uint32_t area, int32_t day);
/* True if `area` is the area with `code` or lies below it on `day`. */
bool registry_area_within(const struct registry *registry, uint32_t area, const char *code, int32_t day);

/* Activities are numbered from 0 in order of first appearance in the taxonomy; number 0 is always "other". */
size_t registry_activity_count(const struct registry *registry);
const char *registry_activity_name(const struct registry *registry, uint32_t activity);
/* -1 if no type maps to this name (and it is not "other"). */
int registry_find_activity(const struct registry *registry, const char *name);
/* The activity of an event type: an exact name wins over a pattern ("lesson.*"), a longer pattern over a shorter one;
 * REGISTRY_OTHER otherwise. */
uint32_t registry_activity_of(const struct registry *registry, const char *type, size_t length);
/* The event type that an xAPI verb (an IRI) becomes; NULL if the taxonomy does not know the verb. */
const char *registry_type_of_verb(const struct registry *registry, const char *verb, size_t length);

#endif
