/* Four centres in two areas, two indicators, and what the fake store holds of them: the world of the component tests,
 * in files of a temporary directory as people would write them. */
#ifndef EDUTALLY_TESTS_SMALL_WORLD_H
#define EDUTALLY_TESTS_SMALL_WORLD_H

#include "fake_store.h"

struct small_world {
    char directory[64];
    char config[96]; /* path of collector.jsonc */
};

/* Makes the directory and its files. `more` is added to the config, ", \"small_cell\": 5" for instance. */
void small_world_make(struct small_world *world, const char *more);
void small_world_remove(struct small_world *world);

/* The path of one of its files; valid until the next call. */
const char *small_world_path(const struct small_world *world, const char *name);

/* October and November 2025 of the four centres. */
extern const struct fake_store small_world_rows;

#endif
