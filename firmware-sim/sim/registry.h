/* The registry of centres, read from centres.csv. Immutable once loaded. */
#ifndef SIM_REGISTRY_H
#define SIM_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

struct jsonc_faults;

struct centre {
    const char *id, *type; /* borrowed from the registry */
    uint32_t head_count;
    int32_t opened, closed; /* days; closed is the first day that it is not open, or CIVIL_NEVER */
};

struct registry {
    struct centre *centres;
    size_t count;
    char *text; /* owns the strings */
};

/* Columns are found by their names; `id` and `type` must be there, further ones are ignored. Lines that begin with
 * `#` before the line of column names are comments. On 0 the caller frees with registry_free. */
int registry_load(const char *path, struct jsonc_faults *faults, struct registry *registry);
void registry_free(struct registry *registry);

#endif
