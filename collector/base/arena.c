#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t block_bytes)
{
    *arena = (struct arena){.block_bytes = block_bytes};
}

static struct arena_block *block_new(struct arena *arena, size_t least)
{
    size_t size = least > arena->block_bytes ? least : arena->block_bytes;
    if (size > SIZE_MAX - sizeof(struct arena_block)) {
        return NULL;
    }
    struct arena_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct arena_block){.size = size};
    if (arena->current == NULL) {
        arena->first = block;
    } else {
        arena->current->next = block;
    }
    arena->current = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t unit = alignof(max_align_t);
    if (bytes > SIZE_MAX - unit) {
        return NULL;
    }
    size_t rounded = (bytes + unit - 1) / unit * unit;
    struct arena_block *block = arena->current;
    if (block == NULL || block->size - block->used < rounded) {
        block = block_new(arena, rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *result = block->bytes + block->used;
    block->used += rounded;
    return result;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *first = arena->first;
    if (first == NULL) {
        return;
    }
    for (struct arena_block *block = first->next, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    first->next = NULL;
    first->used = 0;
    arena->current = first;
}

void arena_free(struct arena *arena)
{
    arena_reset(arena);
    free(arena->first);
    arena->first = arena->current = NULL;
}
