/*
 * Memory that is given back all at once: a chain of blocks, filled from the front. What a message needs while it is
 * decoded lives here, so that the hot path never calls malloc once the blocks are there.
 */
#ifndef EDUTALLY_BASE_ARENA_H
#define EDUTALLY_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first;
    struct arena_block *current;
    size_t block_bytes;
};

/* No memory is taken before the first arena_alloc. */
void arena_init(struct arena *arena, size_t block_bytes);

/* Aligned for any type, not zeroed; NULL when out of memory. Valid until arena_reset or arena_free. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* Forgets everything given out; keeps the first block, gives larger growth back to the system. */
void arena_reset(struct arena *arena);

void arena_free(struct arena *arena);

#endif
