/*
 * cJSON's memory hooks are one pair per process. This pair gives out memory from the calling thread's arena while one
 * is set, and from malloc otherwise. What is parsed while an arena is set must be dropped with the arena and never be
 * given to cJSON_Delete outside of it.
 */
#ifndef EDUTALLY_BASE_JSON_ARENA_H
#define EDUTALLY_BASE_JSON_ARENA_H

#include "base/arena.h"

#include <stdbool.h>

/* Once, before the first thread starts and before the first call to cJSON. */
void json_arena_install(void);

/* From now on this thread's cJSON allocations come from `arena`, and its frees do nothing; NULL: malloc and free. */
void json_arena_use(struct arena *arena);

/* True if an allocation of cJSON failed on this thread since the last call: it says NULL for bad text and for lack of
 * memory alike. */
bool json_arena_lacked_memory(void);

#endif
