/* Event type to activity, as the collector is told to count: an exact name wins over a pattern "prefix.*", the longest
 * pattern wins, what matches nothing is "other". Only `truth` needs it. */
#ifndef SIM_TAXONOMY_H
#define SIM_TAXONOMY_H

#include <stddef.h>

struct jsonc_faults;

struct taxonomy_entry {
    char type[129]; /* with the star cut off where it is a pattern */
    char activity[65];
    size_t pattern_length; /* 0: an exact name */
};

struct taxonomy {
    struct taxonomy_entry *entries;
    size_t count;
};

int taxonomy_load(const char *path, struct jsonc_faults *faults, struct taxonomy *taxonomy);
void taxonomy_free(struct taxonomy *taxonomy);

/* Borrowed from the taxonomy; never NULL. */
const char *taxonomy_activity(const struct taxonomy *taxonomy, const char *type);

#endif
