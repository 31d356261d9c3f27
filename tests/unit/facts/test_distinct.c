/* Distinct counts: exact up to the bound, then within the error of the sketch; a set is its keys, never their order. */
#include "facts/distinct.h"

#include "base/error.h"
#include "random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add_keys(struct distinct *set, uint64_t seed, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        assert_true(distinct_add(set, random_next(&seed)) >= 0);
    }
}

static void assert_same_bytes(const struct distinct *one, const struct distinct *other)
{
    struct buffer first = {0}, second = {0};
    distinct_write(one, &first);
    distinct_write(other, &second);
    assert_int_equal(first.used, second.used);
    assert_memory_equal(first.bytes, second.bytes, first.used);
    buffer_free(&first);
    buffer_free(&second);
}

static void counts_are_exact_up_to_the_bound(void **state)
{
    uint64_t seed = random_seed(), random = seed;
    struct distinct set = {0};
    (void)state;
    assert_int_equal(distinct_count(&set), 0);
    for (int64_t i = 1; i <= DISTINCT_EXACT; i++) {
        uint64_t key = random_next(&random);
        assert_int_equal(distinct_add(&set, key), 1);
        assert_int_equal(distinct_add(&set, key), 0);
        assert_int_equal(distinct_count(&set), i);
    }
    assert_null(set.registers);
    assert_int_equal(distinct_add(&set, random_next(&random)), 1);
    assert_non_null(set.registers);
    assert_null(set.keys);
    distinct_free(&set);
}

/* The standard error of 2^14 registers is 1.04 / sqrt(2^14) = 0.81 %. Over all 46 sets the root of the mean square must
 * be near it (1.5 times it has a chance below 1e-6), and no set may be five of them off (3e-5 for all of them). */
static void past_the_bound_errors_are_those_of_the_sketch(void **state)
{
    static const int64_t sizes[] = {5000, 10000, 30000, 100000, 300000, 1000000};
    static const double sigma = 0.0081;
    uint64_t seed = random_seed();
    double squares = 0;
    int all = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int sets = sizes[i] > 100000 ? 3 : 10;
        for (int k = 0; k < sets; k++) {
            struct distinct set = {0};
            add_keys(&set, seed + (uint64_t)k * 0x100000001u + i, sizes[i]);
            double error = ((double)distinct_count(&set) - (double)sizes[i]) / (double)sizes[i];
            assert_true(fabs(error) < 5 * sigma);
            squares += error * error;
            all++;
            distinct_free(&set);
        }
    }
    print_message("standard error over %d sets: %.2f %%\n", all, sqrt(squares / all) * 100);
    assert_true(sqrt(squares / all) < 1.5 * sigma);
}

static void a_sketch_of_few_keys_is_nearly_exact(void **state)
{
    uint64_t seed = random_seed();
    (void)state;
    for (int64_t keys = 0; keys <= 300; keys += 20) {
        struct distinct set = {0};
        add_keys(&set, seed + (uint64_t)keys, keys);
        assert_int_equal(distinct_forget_keys(&set), 0);
        assert_in_range(distinct_count(&set) - keys + 12, 0, 16); /* some keys share a register: 2.7 at 300 */
        distinct_free(&set);
    }
}

static void shuffle(uint64_t *keys, size_t count, uint64_t *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(random, i);
        uint64_t kept = keys[i - 1];
        keys[i - 1] = keys[other];
        keys[other] = kept;
    }
}

static void order_and_repeats_leave_no_trace(void **state)
{
    static const size_t sizes[] = {1, 50, 4096, 4097, 20000};
    uint64_t random = random_seed();
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t *keys = malloc(sizes[i] * sizeof *keys);
        struct distinct rising = {0}, shuffled = {0};
        for (size_t k = 0; k < sizes[i]; k++) {
            keys[k] = random_next(&random);
            assert_int_not_equal(distinct_add(&rising, keys[k]), ERROR_MEMORY);
        }
        for (int times = 0; times < 2; times++) {
            shuffle(keys, sizes[i], &random);
            for (size_t k = 0; k < sizes[i]; k++) {
                assert_int_not_equal(distinct_add(&shuffled, keys[k]), ERROR_MEMORY);
            }
        }
        assert_same_bytes(&rising, &shuffled);
        distinct_free(&rising);
        distinct_free(&shuffled);
        free(keys);
    }
}

/* Both sides exact, one past the bound, the union past the bound, both past it. */
static void merging_is_a_union(void **state)
{
    static const struct {
        int64_t left, right, both;
    } cases[] = {{100, 50, 20},      {0, 30, 0},       {30, 0, 0},       {4000, 4000, 3000},
                 {4000, 200, 0},     {10000, 100, 50}, {100, 10000, 50}, {20000, 20000, 10000},
                 {4096, 4096, 4096}, {0, 0, 0}};
    uint64_t seed = random_seed();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct distinct left = {0}, right = {0}, both = {0};
        add_keys(&left, seed + 1, cases[i].both);
        add_keys(&right, seed + 1, cases[i].both);
        add_keys(&both, seed + 1, cases[i].both);
        add_keys(&left, seed + 1000003, cases[i].left - cases[i].both);
        add_keys(&both, seed + 1000003, cases[i].left - cases[i].both);
        add_keys(&right, seed + 2000003, cases[i].right - cases[i].both);
        add_keys(&both, seed + 2000003, cases[i].right - cases[i].both);

        assert_int_equal(distinct_merge(&left, &right), 0);

        assert_same_bytes(&left, &both);
        assert_int_equal(distinct_merge(&left, &right), 0);
        assert_same_bytes(&left, &both);
        distinct_free(&left);
        distinct_free(&right);
        distinct_free(&both);
    }
}

static void forgetting_keys_keeps_the_union_with_later_ones(void **state)
{
    uint64_t seed = random_seed();
    struct distinct sealed = {0}, later = {0}, all = {0};
    (void)state;
    add_keys(&sealed, seed, 1000);
    add_keys(&all, seed, 1000);
    add_keys(&later, seed + 77, 500);
    add_keys(&all, seed + 77, 500);
    assert_int_equal(distinct_forget_keys(&sealed), 0);
    assert_int_equal(distinct_forget_keys(&sealed), 0);
    assert_null(sealed.keys);
    assert_int_equal(distinct_forget_keys(&all), 0);

    assert_int_equal(distinct_merge(&sealed, &later), 0);

    assert_same_bytes(&sealed, &all);
    assert_in_range(distinct_count(&sealed), 1450, 1550);
    distinct_free(&sealed);
    distinct_free(&later);
    distinct_free(&all);
}

static void all_three_kinds_are_read_as_they_were_written(void **state)
{
    static const struct {
        int64_t keys;
        int forget, kind;
    } cases[] = {{0, 0, 1}, {1, 0, 1}, {4096, 0, 1}, {0, 1, 3}, {100, 1, 3}, {5000, 0, 2}, {100000, 0, 2}};
    uint64_t seed = random_seed();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct distinct set = {0}, again = {0};
        struct buffer bytes = {0};
        add_keys(&set, seed, cases[i].keys);
        assert_int_equal(cases[i].forget ? distinct_forget_keys(&set) : 0, 0);
        distinct_write(&set, &bytes);
        assert_int_equal(bytes.bytes[0], cases[i].kind);
        assert_int_equal(distinct_read(&again, bytes.bytes, bytes.used), 0);
        assert_same_bytes(&set, &again);
        assert_int_equal(distinct_count(&set), distinct_count(&again));
        add_keys(&set, seed + 5, 10);
        add_keys(&again, seed + 5, 10);
        assert_same_bytes(&set, &again);
        distinct_free(&set);
        distinct_free(&again);
        buffer_free(&bytes);
    }
}

static void must_refuse(const void *bytes, size_t count)
{
    struct distinct set = {0};
    assert_int_equal(distinct_read(&set, bytes, count), ERROR_INPUT);
    assert_null(set.keys);
    assert_null(set.registers);
}

static void damaged_bytes_are_refused(void **state)
{
    static unsigned char registers[1 + DISTINCT_REGISTERS], keys[1 + 8 * (DISTINCT_EXACT + 1)];
    (void)state;
    must_refuse("", 0);
    must_refuse("\0", 1);
    must_refuse("\4", 1);
    must_refuse("\1abcdefg", 8);                           /* not whole keys */
    must_refuse("\1\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 17); /* not ascending */
    must_refuse("\1\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 17); /* twice the same */
    must_refuse("\3\1\0", 3);                              /* not whole entries */
    must_refuse("\3\0\100\1", 4);                          /* register 16384 */
    must_refuse("\3\1\0\64", 4);                           /* a rank of 52 */
    must_refuse("\3\1\0\0", 4);                            /* an entry that says nothing */
    must_refuse("\3\2\0\1\1\0\1", 7);                      /* not ascending */
    must_refuse("\3\2\0\1\2\0\3", 7);                      /* twice the same */
    keys[0] = 1;
    for (size_t i = 0; i <= DISTINCT_EXACT; i++) {
        keys[1 + 8 * i] = (unsigned char)i;
        keys[2 + 8 * i] = (unsigned char)(i >> 8);
    }
    must_refuse(keys, sizeof keys);
    struct distinct set = {0};
    registers[0] = 2;
    must_refuse(registers, sizeof registers - 1);
    registers[500] = 51;
    assert_int_equal(distinct_read(&set, registers, sizeof registers), 0);
    distinct_free(&set);
    registers[500] = 52;
    must_refuse(registers, sizeof registers);
}

static void memory_held_is_told(void **state)
{
    struct distinct set = {0};
    (void)state;
    assert_int_equal(distinct_bytes(&set), 0);
    add_keys(&set, 1, 100);
    assert_in_range(distinct_bytes(&set), 800, 1600);
    assert_int_equal(distinct_forget_keys(&set), 0);
    assert_int_equal(distinct_bytes(&set), DISTINCT_REGISTERS);
    distinct_free(&set);
    assert_int_equal(distinct_bytes(&set), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_exact_up_to_the_bound),
        cmocka_unit_test(past_the_bound_errors_are_those_of_the_sketch),
        cmocka_unit_test(a_sketch_of_few_keys_is_nearly_exact),
        cmocka_unit_test(order_and_repeats_leave_no_trace),
        cmocka_unit_test(merging_is_a_union),
        cmocka_unit_test(forgetting_keys_keeps_the_union_with_later_ones),
        cmocka_unit_test(all_three_kinds_are_read_as_they_were_written),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(memory_held_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
