/* Arena, buffer, errors and faults: what every room stands on. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/faults.h"
#include "base/word_distance.h"

#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void arena_gives_aligned_memory_that_does_not_overlap(void **state)
{
    struct arena arena;
    unsigned char *given[200];
    (void)state;
    arena_init(&arena, 256);
    for (size_t i = 0; i < 200; i++) {
        size_t bytes = i * 3 % 97;
        given[i] = arena_alloc(&arena, bytes);
        assert_non_null(given[i]);
        assert_int_equal((uintptr_t)given[i] % alignof(max_align_t), 0);
        memset(given[i], (int)i, bytes);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 3 % 97; k++) {
            assert_int_equal(given[i][k], i);
        }
    }
    arena_free(&arena);
}

static void arena_gives_one_piece_larger_than_its_blocks(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 64);
    char *large = arena_alloc(&arena, 100000);
    assert_non_null(large);
    memset(large, 1, 100000);
    assert_non_null(arena_alloc(&arena, 16));
    arena_free(&arena);
}

static void arena_reset_gives_the_same_memory_again(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024);
    void *first = arena_alloc(&arena, 10);
    for (int i = 0; i < 50; i++) {
        assert_non_null(arena_alloc(&arena, 500));
    }
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 10), first);
    arena_free(&arena);
    arena_reset(&arena);
    arena_free(&arena);
}

static void arena_refuses_sizes_that_no_memory_has(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 64);
    assert_null(arena_alloc(&arena, SIZE_MAX)); /* larger than any size once it is rounded, or has its head */
    assert_null(arena_alloc(&arena, SIZE_MAX - 20));
    assert_non_null(arena_alloc(&arena, 1));
    arena_free(&arena);
}

static void buffer_grows_and_always_ends_with_nul(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_add(&buffer, NULL, 0);
    assert_int_equal(buffer.used, 0);
    for (int i = 0; i < 1000; i++) {
        buffer_print(&buffer, "%d,", i);
        assert_int_equal(buffer.bytes[buffer.used], '\0');
    }
    buffer_add_text(&buffer, "end");
    assert_false(buffer.failed);
    assert_int_equal(buffer.used, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_string_equal(buffer.bytes + buffer.used - 8, "998,999,end" + 3);
    buffer_clear(&buffer);
    assert_string_equal(buffer.bytes, "");
    buffer_free(&buffer);
    assert_null(buffer.bytes);
}

static void words_are_as_far_apart_as_one_mistypes(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } table[] = {{"", "", 0},      {"", "abc", 3},     {"abc", "abc", 0}, {"abc", "abd", 1},
                 {"abc", "ac", 1}, {"abc", "xabc", 1}, {"abc", "acb", 1}, {"ca", "abc", 3}};
    char longer[WORD_DISTANCE_MOST + 2];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(word_distance(table[i].a, table[i].b), table[i].distance);
        assert_int_equal(word_distance(table[i].b, table[i].a), table[i].distance);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(word_distance(longer, "x"), WORD_DISTANCE_MOST);
    assert_int_equal(word_distance("", longer + 1), WORD_DISTANCE_MOST);
}

static void buffer_remembers_that_a_growth_failed(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_add_text(&buffer, "kept");
    buffer_add(&buffer, "", SIZE_MAX / 2);
    assert_true(buffer.failed);
    buffer_add_text(&buffer, "more");
    buffer_print(&buffer, "%d", 1);
    assert_true(buffer.failed);
    assert_string_equal(buffer.bytes, "kept");
    buffer_clear(&buffer);
    assert_false(buffer.failed);
    buffer_add_text(&buffer, "again");
    assert_string_equal(buffer.bytes, "again");
    buffer_free(&buffer);
}

static void an_error_names_code_place_and_reason(void **state)
{
    struct error error = {0};
    char path[400];
    (void)state;
    assert_int_equal(error_set(&error, ERROR_LIMIT, "%s is %d", "x", 7), ERROR_LIMIT);
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_string_equal(error.text, "x is 7");
    errno = ENOENT;
    assert_int_equal(error_errno(&error, "cannot open %s", "y"), ERROR_IO);
    assert_int_equal(error.code, ERROR_IO);
    assert_string_equal(error.text, "cannot open y: No such file or directory");
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    errno = EACCES;
    assert_int_equal(error_errno(&error, "cannot open %s", path), ERROR_IO);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_int_equal(error_set(NULL, ERROR_BUSY, "nobody listens"), ERROR_BUSY);
}

static void faults_are_kept_in_order_with_place_and_remedy(void **state)
{
    struct faults faults = {0};
    (void)state;
    faults_add(&faults, "collector.jsonc", 12, "write 1 to 5", "late_days is %d", 0);
    faults_add(&faults, "areas.csv", 0, "check the path", "cannot be read");
    assert_int_equal(faults.count, 2);
    assert_string_equal(faults.list[0].file, "collector.jsonc");
    assert_int_equal(faults.list[0].line, 12);
    assert_string_equal(faults.list[0].what, "late_days is 0");
    assert_string_equal(faults.list[0].remedy, "write 1 to 5");
    assert_string_equal(faults.list[1].file, "areas.csv");
    faults_clear(&faults);
    assert_int_equal(faults.count + faults.dropped, 0);
}

static void faults_past_the_bound_are_counted_not_kept(void **state)
{
    struct faults faults = {0};
    (void)state;
    for (int i = 0; i < FAULTS_KEPT + 50; i++) {
        faults_add(&faults, "centres.csv", (unsigned)i + 1, "mend it", "row %d", i);
    }
    assert_int_equal(faults.count, FAULTS_KEPT);
    assert_int_equal(faults.dropped, 50);
    assert_int_equal(faults.list[FAULTS_KEPT - 1].line, FAULTS_KEPT);
    faults_clear(&faults);
}

static void lack_of_memory_is_told_apart_from_faults(void **state)
{
    struct faults faults = {0};
    (void)state;
    assert_int_equal(faults_result(&faults, 0), 0);
    faults_add(&faults, "areas.csv", 3, "mend it", "wrong");
    assert_int_equal(faults_result(&faults, 0), ERROR_CONFIG);
    assert_int_equal(faults_result(&faults, 1), 0);
    faults_no_memory(&faults, "centres.csv");
    assert_true(faults.out_of_memory);
    assert_int_equal(faults_result(&faults, 0), ERROR_MEMORY);
    faults_clear(&faults);
    assert_false(faults.out_of_memory);
}

static void every_counter_has_a_name_of_its_own_and_a_help(void **state)
{
    static struct counters counters;
    (void)state;
    for (int i = 0; i < COUNTERS; i++) {
        const struct counter_info *info = counter_info((enum counter)i);
        assert_true(strlen(info->help) > 0);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(info->name, counter_info((enum counter)k)->name);
        }
        counter_add(&counters, (enum counter)i, i);
        counter_add(&counters, (enum counter)i, 1);
        assert_int_equal(counter_get(&counters, (enum counter)i), i + 1);
    }
    counter_set(&counters, COUNTER_revision, 5);
    assert_int_equal(counter_get(&counters, COUNTER_revision), 5);
    assert_true(counter_info(COUNTER_revision)->is_gauge);
    assert_false(counter_info(COUNTER_commits)->is_gauge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(arena_gives_one_piece_larger_than_its_blocks),
        cmocka_unit_test(arena_reset_gives_the_same_memory_again),
        cmocka_unit_test(arena_refuses_sizes_that_no_memory_has),
        cmocka_unit_test(buffer_grows_and_always_ends_with_nul),
        cmocka_unit_test(words_are_as_far_apart_as_one_mistypes),
        cmocka_unit_test(buffer_remembers_that_a_growth_failed),
        cmocka_unit_test(an_error_names_code_place_and_reason),
        cmocka_unit_test(faults_are_kept_in_order_with_place_and_remedy),
        cmocka_unit_test(faults_past_the_bound_are_counted_not_kept),
        cmocka_unit_test(lack_of_memory_is_told_apart_from_faults),
        cmocka_unit_test(every_counter_has_a_name_of_its_own_and_a_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
