#include "base/json_arena.h"

#include <cJSON.h>
#include <stdlib.h>

/* cJSON's hooks have no context argument. */
static _Thread_local struct arena *thread_arena;
static _Thread_local bool lacked_memory;

static void *json_allocate(size_t bytes)
{
    void *memory = thread_arena != NULL ? arena_alloc(thread_arena, bytes) : malloc(bytes);
    lacked_memory |= memory == NULL;
    return memory;
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

bool json_arena_lacked_memory(void)
{
    bool lacked = lacked_memory;
    lacked_memory = false;
    return lacked;
}
