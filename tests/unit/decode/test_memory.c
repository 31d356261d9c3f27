/*
 * Lack of memory at every allocation there is: it is reported as such and never taken for a fault of the message, which
 * would reject what was well. The linker puts the wrapper below before malloc.
 */
#include "base/error.h"
#include "base/json_arena.h"
#include "decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct decode_limits limits = {.payload_bytes = 1 << 20, .batch_events = 100, .depth = 16};

static long mallocs_left = -1; /* until the one that fails; below 0: none does */

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    return mallocs_left >= 0 && mallocs_left-- == 0 ? NULL : __real_malloc(bytes);
}

static const char payload[] = "{\"v\":1,\"epoch\":\"5f3a90c1\",\"events\":["
                              "{\"seq\":1,\"t\":1,\"type\":\"lesson.delivered\",\"user\":\"9f8a3c1d77e0b2aa\"},"
                              "{\"seq\":2,\"t\":1,\"type\":5},{\"seq\":3,\"t\":1,\"type\":\"b\"},[],"
                              "{\"seq\":4,\"t\":1,\"type\":\"a\",\"app\":\"\"}]}";

static void lack_of_memory_is_never_a_fault_of_the_message(void **state)
{
    (void)state;
    int result = ERROR_MEMORY;
    long failed_at;
    for (failed_at = 0; result != 0; failed_at++) {
        struct arena arena;
        struct decode_result decoded;
        arena_init(&arena, 64); /* so small that nearly every allocation asks for a block */
        mallocs_left = failed_at;
        result = decode_native(payload, sizeof payload - 1, &limits, &arena, &decoded);
        mallocs_left = -1;
        if (result != 0) {
            assert_int_equal(result, ERROR_MEMORY);
        } else {
            assert_int_equal(decoded.event_count, 2);
            assert_int_equal(decoded.fault_count, 3);
        }
        arena_free(&arena);
    }
    assert_true(failed_at > 20);
}

static void a_state_message_without_memory_is_not_refused(void **state)
{
    (void)state;
    const char birth[] = "{\"v\":1,\"status\":\"online\",\"epoch\":\"5f3a90c1\",\"seq\":1041}";
    int result = ERROR_MEMORY;
    for (long failed_at = 0; result != 0; failed_at++) {
        struct arena arena;
        struct decode_state read;
        arena_init(&arena, 64);
        mallocs_left = failed_at;
        result = decode_state(birth, sizeof birth - 1, &arena, &read);
        mallocs_left = -1;
        assert_true(result == 0 || result == ERROR_MEMORY);
        arena_free(&arena);
    }
}

int main(void)
{
    json_arena_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lack_of_memory_is_never_a_fault_of_the_message),
        cmocka_unit_test(a_state_message_without_memory_is_not_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
