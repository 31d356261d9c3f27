#include "base/json_arena.h"

#include <cJSON.h>
#include <stdlib.h>

static _Thread_local struct arena *thread_arena; /* cJSON's hooks have no context argument */

static void *json_allocate(size_t bytes)
{
    return thread_arena != NULL ? arena_alloc(thread_arena, bytes) : malloc(bytes);
}

static void json_release(void *memory)
{
    if (thread_arena == NULL) {
        free(memory);
    }
}

void json_arena_install(void)
{
    cJSON_Hooks hooks = {.malloc_fn = json_allocate, .free_fn = json_release};
    cJSON_InitHooks(&hooks);
}

void json_arena_use(struct arena *arena)
{
    thread_arena = arena;
}
