/*
 * What the rows of areas.csv say together: validity without overlap, parents and successors that exist, one root, no
 * cycle.
 *
 * Cycles depend on the day, because parents resolve through validity and successors. The parents of all rows stay the
 * same between two days on which some row begins or ends. So a cycle that exists on any day also exists on the first
 * day of some row, with that row in it, or on the day on which a row ends, with the row that continues it in it: it is
 * enough to walk up from each row on its first day, and from each ended row's continuation on the day of the end.
 */
#include "internal.h"

#include "base/civil.h"

#include <stdio.h>
#include <string.h>

enum { DEEPEST = 64 };

struct areas_checking {
    const struct registry *registry;
    const char *path;
    const unsigned *lines;
    const bool *sound;
    struct faults *faults;
};

static void check_validity(const struct areas_checking *checking, uint32_t i)
{
    const struct registry_area *earlier = &checking->registry->areas[i - 1], *area = &checking->registry->areas[i];
    char date[CIVIL_DATE_SIZE];
    if (earlier->code != area->code || !checking->sound[i - 1] || !checking->sound[i]) {
        return;
    }
    if (earlier->valid_from == area->valid_from) {
        faults_add(checking->faults, checking->path, checking->lines[i], "remove one of the two rows",
                   "\"%s\" begins on the same day in line %u already", area->code, checking->lines[i - 1]);
    } else if (earlier->valid_to > area->valid_from) {
        char remedy[200];
        snprintf(remedy, sizeof remedy, "end the row in line %u by valid_to %s", checking->lines[i - 1],
                 civil_format_date(area->valid_from, date));
        faults_add(checking->faults, checking->path, checking->lines[i], remedy,
                   "\"%s\" overlaps the validity of its row in line %u", area->code, checking->lines[i - 1]);
    }
}

static const struct area_run *run_of(const struct registry *registry, const char *code)
{
    const struct index_entry *entry = index_find(&registry->run_index, code, strlen(code));
    return entry != NULL ? &registry->runs[entry->value] : NULL;
}

static void check_references(const struct areas_checking *checking, uint32_t i)
{
    const struct registry *registry = checking->registry;
    const struct registry_area *area = &registry->areas[i];
    if (area->parent != NULL && !registry->areas_incomplete && run_of(registry, area->parent) == NULL) {
        faults_add(checking->faults, checking->path, checking->lines[i],
                   "use a code of this file, or leave parent empty for the root", "unknown parent \"%.80s\" of \"%s\"",
                   area->parent, area->code);
    }
    if (area->successor == NULL || !checking->sound[i]) {
        return;
    }
    const struct area_run *run = run_of(registry, area->successor);
    if (run == NULL && registry->areas_incomplete) {
        return;
    }
    if (run == NULL) {
        faults_add(checking->faults, checking->path, checking->lines[i],
                   "use the code of this file that continues the area, or leave successor empty",
                   "unknown successor \"%.80s\" of \"%s\"", area->successor, area->code);
        return;
    }
    uint32_t next = area_begun(registry, run, area->valid_to);
    if (next != REGISTRY_NONE && registry->areas[next].valid_to <= area->valid_to) {
        faults_add(checking->faults, checking->path, checking->lines[i],
                   "name a successor that is valid from valid_to on, or add its row",
                   "the successor \"%s\" of \"%s\" has itself ended by then (line %u)", area->successor, area->code,
                   checking->lines[next]);
    }
}

static void check_roots(const struct areas_checking *checking)
{
    const struct registry *registry = checking->registry;
    for (uint32_t i = 0; i < registry->area_count; i++) {
        const struct registry_area *area = &registry->areas[i];
        if (area->parent == NULL && area->code != registry->root) {
            faults_add(checking->faults, checking->path, checking->lines[i],
                       "give it a parent: one area stands above all others",
                       "\"%s\" has no parent, but the root is \"%s\"", area->code, registry->root);
        }
    }
    if (registry->areas_incomplete) {
        return; /* the root may be among the rows that were left out */
    }
    if (registry->area_count == 0) {
        faults_add(checking->faults, checking->path, 0, "add a row for each area", "the file holds no area");
    } else if (registry->root == NULL) {
        faults_add(checking->faults, checking->path, 0,
                   "leave the parent of the area that stands above all others empty", "no area is the root");
    }
}

enum walk { WALK_ENDS, WALK_RETURNS, WALK_TOO_DEEP };

/* From a row up through its parents, as they are on `day`. */
static enum walk walk_up(const struct registry *registry, uint32_t start, int32_t day)
{
    uint32_t area = start;
    for (int depth = 0; depth < DEEPEST; depth++) {
        area = registry_area_parent(registry, area, day);
        if (area == REGISTRY_NONE) {
            return WALK_ENDS;
        }
        if (area == start) {
            return WALK_RETURNS;
        }
    }
    return WALK_TOO_DEEP; /* or it leads into a cycle without being part of it */
}

static enum walk walk_from(const struct registry *registry, uint32_t i)
{
    const struct registry_area *area = &registry->areas[i];
    enum walk walk = walk_up(registry, i, area->valid_from);
    if (walk != WALK_RETURNS && area->valid_to != REGISTRY_NO_END) {
        uint32_t next = registry_find_area(registry, area->code, area->valid_to);
        enum walk later = walk_up(registry, next, area->valid_to);
        walk = later != WALK_ENDS ? later : walk;
    }
    return walk;
}

static void check_cycles(const struct areas_checking *checking)
{
    const struct registry *registry = checking->registry;
    uint32_t too_deep = REGISTRY_NONE;
    bool cycles = false;
    for (uint32_t i = 0; i < registry->area_count; i++) {
        enum walk walk = walk_from(registry, i);
        if (walk == WALK_RETURNS) {
            faults_add(checking->faults, checking->path, checking->lines[i],
                       "follow the column parent upwards and mend the row that leads back down",
                       "\"%s\" is in a parent cycle: it lies below itself", registry->areas[i].code);
            cycles = true;
        } else if (walk == WALK_TOO_DEEP && too_deep == REGISTRY_NONE) {
            too_deep = i;
        }
    }
    if (!cycles && too_deep != REGISTRY_NONE) {
        faults_add(checking->faults, checking->path, checking->lines[too_deep], "use fewer levels",
                   "\"%s\" lies more than %d levels deep", registry->areas[too_deep].code, DEEPEST);
    }
}

void areas_check(const struct registry *registry, const char *path, const unsigned *lines, const bool *sound,
                 struct faults *faults)
{
    struct areas_checking checking = {
        .registry = registry, .path = path, .lines = lines, .sound = sound, .faults = faults};
    for (uint32_t i = 0; i < registry->area_count; i++) {
        if (i > 0) {
            check_validity(&checking, i);
        }
        check_references(&checking, i);
    }
    check_roots(&checking);
    check_cycles(&checking);
}
