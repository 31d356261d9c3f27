/*
 * Any bytes as a birth or last will. Promises: it never fails for lack of memory; what is taken has a usable epoch
 * wherever it has a number; and it does not matter what stands beside it in memory.
 */
#include "fuzz.h"

#include "base/error.h"
#include "base/json_arena.h"
#include "decode/decode.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_arena_install();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct decode_state state;
    arena_init(&arena, 4096);
    int result = decode_state((const char *)data, size, &arena, &state);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result == 0) {
        PROMISE(state.seq >= -1 && state.seq <= DECODE_LARGEST_SEQ);
        PROMISE(state.seq == -1 || state.epoch.at != NULL);
        PROMISE(state.epoch.at == NULL ||
                (state.epoch.length >= 1 && state.epoch.length <= 64 && strlen(state.epoch.at) == state.epoch.length));
    }
    arena_free(&arena);
    return 0;
}
