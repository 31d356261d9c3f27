/* The snapshot's inside, and what the files of this room share. */
#ifndef EDUTALLY_REGISTRY_INTERNAL_H
#define EDUTALLY_REGISTRY_INTERNAL_H

#include "registry/registry.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/digest.h"

/* Text -> number, by open addressing; the seed is random, so that nobody can choose keys that collide. */
struct index_entry {
    const char *key; /* NULL: free */
    uint32_t length;
    uint32_t value;
};

struct index {
    struct index_entry *entries;
    size_t size; /* a power of two, at most half of it is taken */
    size_t used;
    uint64_t seed;
};

/* NULL if the key is unknown. */
const struct index_entry *index_find(const struct index *index, const char *key, size_t length);
/* Borrows `key`, which must not be there yet. 0 or ERROR_MEMORY. */
int index_add(struct index *index, const char *key, size_t length, uint32_t value);
void index_free(struct index *index);

/* The rows of one area code: areas[first] to areas[first + count - 1], by valid_from. */
struct area_run {
    uint32_t first, count;
};

struct registry {
    struct arena texts;
    struct registry_centre *centres;
    size_t centre_count, centre_room;
    struct index centre_index; /* id -> centre */
    struct index type_index;   /* centre type, for interning */
    struct registry_area *areas;
    size_t area_count;
    struct area_run *runs;
    size_t run_count;
    struct index run_index; /* code -> run */
    const char *root;
    bool areas_incomplete; /* while loading: rows were left out, so an unknown code may be one of theirs */
    const char *activities[REGISTRY_MAX_ACTIVITIES];
    size_t activity_count;
    struct index types;      /* "lesson.delivered", and "lesson." for the pattern "lesson.*" -> activity */
    struct index verbs;      /* xAPI verb -> verb_types */
    const char **verb_types; /* event types */
    size_t verb_count;
    char hash[DIGEST_HEX_SIZE];
};

enum { TEXT_MOST = 400, REGISTRY_MOST_ROWS = 1000000, REGISTRY_MOST_BYTES = 256 * 1024 * 1024 };

/* registry.c */
/* A copy in the snapshot's arena; NULL when out of memory. */
const char *registry_keep(struct registry *registry, const char *text);
/* The one copy of `text` among those of `index`; NULL when out of memory. */
const char *registry_intern(struct registry *registry, struct index *index, const char *text);
bool registry_is_identifier(const char *text); /* [A-Za-z0-9._-]{1,64} */
bool registry_is_word(const char *text);       /* [a-z][a-z0-9_]{0,31} */
bool registry_is_name(const char *text);       /* not empty, at most TEXT_MOST bytes, no control characters */
/* Reads a date, or `empty` from an empty text. False if it is neither. */
bool registry_read_date(const char *text, int32_t empty, int32_t *day);
void registry_no_memory(struct faults *faults, const char *path);

/* areas.c, centres.c, taxonomy.c: from the file's bytes into the snapshot; every mistake is a fault of `path`. */
void areas_read(struct registry *registry, const char *path, struct buffer *content, struct faults *faults);
void centres_read(struct registry *registry, const char *path, struct buffer *content, struct faults *faults);
void taxonomy_read(struct registry *registry, const char *path, const struct buffer *content, struct faults *faults);

/* areas_check.c: what rows say together. `lines` by area: where each stands; `sound` by area: its own fields are. */
void areas_check(const struct registry *registry, const char *path, const unsigned *lines, const bool *sound,
                 struct faults *faults);
/* areas.c: the last row of a run that began by `day`, ended or not; REGISTRY_NONE if all begin later. */
uint32_t area_begun(const struct registry *registry, const struct area_run *run, int32_t day);

#endif
