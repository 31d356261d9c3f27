/* Dedupe by sequence number: against a bitmap, at its bound, on disk, and what it says is missing. */
#include "facts/ranges.h"

#include "base/error.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_sorted_and_apart(const struct ranges *ranges)
{
    assert_true(ranges->count <= RANGES_MOST && ranges->count <= ranges->size);
    for (uint32_t i = 0; i < ranges->count; i++) {
        assert_true(ranges->list[i].first <= ranges->list[i].last);
        assert_true(i == 0 || ranges->list[i - 1].last + 1 < ranges->list[i].first);
    }
}

static void assert_holds_exactly(const struct ranges *ranges, const unsigned char *came, int64_t numbers)
{
    int64_t highest = 0, missing = 0;
    uint32_t at = 0;
    for (int64_t seq = 0; seq < numbers; seq++) {
        while (at < ranges->count && ranges->list[at].last < seq) {
            at++;
        }
        assert_int_equal(at < ranges->count && ranges->list[at].first <= seq, came[seq]);
        highest = came[seq] ? seq : highest;
    }
    for (int64_t seq = 1; seq <= highest; seq++) {
        missing += !came[seq];
    }
    assert_int_equal(ranges_missing(ranges), missing);
}

/* Numbers drawn at random with repeats; fewer gaps than the bound can ever be needed. */
static void any_order_and_any_repeats_agree_with_a_bitmap(void **state)
{
    enum { NUMBERS = 32768, ROUNDS = 40 };
    uint64_t random = random_seed();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char came[NUMBERS] = {0};
        struct ranges ranges = {0};
        uint64_t spread = 1 + random_below(&random, NUMBERS), draws = random_below(&random, 3 * NUMBERS);
        for (uint64_t i = 0; i < draws; i++) {
            int64_t seq = (int64_t)random_below(&random, spread);
            assert_int_equal(ranges_add(&ranges, seq), !came[seq]);
            came[seq] = 1;
        }
        assert_sorted_and_apart(&ranges);
        assert_holds_exactly(&ranges, came, NUMBERS);
        assert_int_equal(ranges.given_up, 0);
        ranges_free(&ranges);
    }
}

/* A large file of one device, its lines in no order at all. */
static void many_numbers_in_no_order_are_all_new_once(void **state)
{
    enum { NUMBERS = 200000 };
    static int64_t order[NUMBERS];
    uint64_t random = random_seed();
    struct ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < NUMBERS; i++) {
        int64_t at = (int64_t)random_below(&random, (uint64_t)i + 1);
        order[i] = order[at];
        order[at] = i + 1;
    }
    for (int64_t i = 0; i < NUMBERS; i++) {
        assert_int_equal(ranges_add(&ranges, order[i]), 1);
    }
    assert_int_equal(ranges.count, 1);
    assert_int_equal(ranges.given_up, 0);
    assert_int_equal(ranges_missing(&ranges), 0);
    ranges_free(&ranges);
}

static void a_device_that_loses_nothing_is_one_range(void **state)
{
    struct ranges ranges = {0};
    (void)state;
    for (int64_t seq = 1; seq <= 100000; seq++) {
        assert_int_equal(ranges_add(&ranges, seq), 1);
    }
    assert_int_equal(ranges.count, 1);
    assert_int_equal(ranges_add(&ranges, 1), 0);
    assert_int_equal(ranges_add(&ranges, 100000), 0);
    assert_int_equal(ranges_missing(&ranges), 0);
    ranges_free(&ranges);
    assert_null(ranges.list);
}

static void number_zero_is_taken_but_expected_of_nobody(void **state)
{
    struct ranges ranges = {0};
    (void)state;
    assert_int_equal(ranges_missing(&ranges), 0);
    assert_int_equal(ranges_add(&ranges, 3), 1);
    assert_int_equal(ranges_missing(&ranges), 2);
    assert_int_equal(ranges_add(&ranges, 0), 1);
    assert_int_equal(ranges_add(&ranges, 0), 0);
    assert_int_equal(ranges_missing(&ranges), 2);
    ranges_free(&ranges);
}

static void the_largest_numbers_of_the_wire_do_not_overflow(void **state)
{
    const int64_t largest = INT64_C(9007199254740991);
    struct ranges ranges = {0};
    (void)state;
    assert_int_equal(ranges_add(&ranges, largest), 1);
    assert_int_equal(ranges_add(&ranges, largest), 0);
    assert_int_equal(ranges_add(&ranges, largest - 1), 1);
    assert_int_equal(ranges_add(&ranges, 1), 1);
    assert_int_equal(ranges.count, 2);
    assert_int_equal(ranges_missing(&ranges), largest - 3);
    ranges_free(&ranges);
}

/* Every other number: each costs a range, and past the bound the oldest gaps are given up, many at once. */
static void past_the_bound_the_oldest_gaps_are_given_up_and_counted(void **state)
{
    struct ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < RANGES_MOST; i++) {
        assert_int_equal(ranges_add(&ranges, 1 + 3 * i), 1);
    }
    assert_int_equal(ranges.count, RANGES_MOST);
    assert_int_equal(ranges.given_up, 0);
    assert_int_equal(ranges_missing(&ranges), 2 * (RANGES_MOST - 1));

    assert_int_equal(ranges_add(&ranges, 1 + 3 * RANGES_MOST), 1);

    assert_int_equal(ranges.count, RANGES_MOST + 1 - RANGES_BLOCK);
    assert_int_equal(ranges.given_up, 2 * RANGES_BLOCK);
    assert_int_equal(ranges_missing(&ranges), 2 * (RANGES_MOST - RANGES_BLOCK));
    assert_int_equal(ranges.list[0].first, 1);
    assert_int_equal(ranges.list[0].last, 1 + 3 * RANGES_BLOCK);
    assert_int_equal(ranges.list[1].first, 4 + 3 * RANGES_BLOCK);
    assert_int_equal(ranges_add(&ranges, 2), 0);
    assert_int_equal(ranges_add(&ranges, 2 + 3 * RANGES_BLOCK), 1);
    assert_sorted_and_apart(&ranges);
    for (int64_t i = 1; i < RANGES_BLOCK; i++) { /* the next block goes when the room is used up, not before */
        assert_int_equal(ranges_add(&ranges, 1 + 3 * (RANGES_MOST + i)), 1);
    }
    assert_int_equal(ranges.given_up, 2 * RANGES_BLOCK);
    ranges_free(&ranges);
}

static void at_the_bound_a_number_before_all_others_is_still_new(void **state)
{
    struct ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < RANGES_MOST; i++) {
        assert_int_equal(ranges_add(&ranges, 100 + 2 * i), 1);
    }
    assert_int_equal(ranges_add(&ranges, 50), 1);
    assert_int_equal(ranges.count, RANGES_MOST + 1 - RANGES_BLOCK);
    assert_int_equal(ranges.given_up, 49 + RANGES_BLOCK - 1);
    assert_int_equal(ranges_add(&ranges, 50), 0);
    assert_sorted_and_apart(&ranges);
    ranges_free(&ranges);
}

static void looking_notes_nothing(void **state)
{
    struct ranges ranges = {0};
    static const int64_t numbers[] = {3, 4, 7};
    (void)state;
    assert_false(ranges_have(&ranges, 0));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ranges_add(&ranges, numbers[i]), 1);
    }
    for (int64_t seq = 0; seq < 10; seq++) {
        assert_int_equal(ranges_have(&ranges, seq), seq == 3 || seq == 4 || seq == 7);
    }
    assert_int_equal(ranges.count, 2);
    ranges_free(&ranges);
}

/* An earlier version kept twice as many: its rows are no damage. */
static void as_many_as_an_earlier_version_wrote_are_read_and_cut_to_the_bound(void **state)
{
    static int64_t many[1 + 2 * RANGES_READ];
    struct ranges ranges = {0};
    (void)state;
    for (int64_t i = 0; i < RANGES_READ; i++) {
        many[1 + 2 * i] = many[2 + 2 * i] = 1 + 2 * i;
    }
    many[0] = 7;
    assert_int_equal(ranges_read(&ranges, many, sizeof many), 0);
    assert_sorted_and_apart(&ranges);
    assert_int_equal(ranges.count, RANGES_MOST);
    assert_int_equal(ranges.given_up, 7 + RANGES_READ - RANGES_MOST);
    assert_true(ranges_have(&ranges, 2));
    assert_false(ranges_have(&ranges, 2 * RANGES_READ - 2));
    ranges_free(&ranges);
}

static void what_is_written_is_read_again(void **state)
{
    uint64_t random = random_seed();
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct ranges ranges = {0}, again = {0};
        struct buffer first = {0}, second = {0};
        uint64_t draws = random_below(&random, 3000);
        for (uint64_t i = 0; i < draws; i++) {
            assert_true(ranges_add(&ranges, (int64_t)random_below(&random, 20000)) >= 0);
        }
        ranges_write(&ranges, &first);
        assert_int_equal(ranges_add(&again, 5), 1); /* what was there before is replaced */
        assert_int_equal(ranges_read(&again, first.bytes, first.used), 0);
        assert_int_equal(again.count, ranges.count);
        assert_int_equal(again.given_up, ranges.given_up);
        ranges_write(&again, &second);
        assert_int_equal(first.used, second.used);
        assert_memory_equal(first.bytes, second.bytes, first.used);
        ranges_free(&ranges);
        ranges_free(&again);
        buffer_free(&first);
        buffer_free(&second);
    }
}

static void must_refuse(const int64_t *numbers, size_t bytes)
{
    struct ranges ranges = {0};
    assert_int_equal(ranges_read(&ranges, numbers, bytes), ERROR_INPUT);
    assert_int_equal(ranges.count, 0);
    ranges_free(&ranges);
}

static void damaged_bytes_are_refused(void **state)
{
    static int64_t many[1 + 2 * (RANGES_READ + 1)];
    (void)state;
    for (int64_t i = 0; i <= RANGES_READ; i++) {
        many[1 + 2 * i] = many[2 + 2 * i] = 3 * i;
    }
    must_refuse(many, sizeof many);
    must_refuse((int64_t[]){0, 1, 5}, 23);         /* cut */
    must_refuse((int64_t[]){0}, 7);                /* cut within the head */
    must_refuse((int64_t[]){0, 1, 5, 7}, 32);      /* half a range */
    must_refuse((int64_t[]){0, 5, 1}, 24);         /* upside down */
    must_refuse((int64_t[]){0, -1, 1}, 24);        /* negative */
    must_refuse((int64_t[]){-1, 1, 2}, 24);        /* given up fewer than none */
    must_refuse((int64_t[]){0, 1, 5, 6, 9}, 40);   /* touching */
    must_refuse((int64_t[]){0, 1, 5, 3, 9}, 40);   /* overlapping */
    must_refuse((int64_t[]){0, 7, 9, 1, 2}, 40);   /* out of order */
    must_refuse((int64_t[]){0, 1, INT64_MAX}, 24); /* the next number would overflow */
    must_refuse((int64_t[]){0, 1, INT64_MAX, 5, 6}, 40);
    struct ranges ranges = {0};
    assert_int_equal(ranges_read(&ranges, (int64_t[]){0}, 8), 0);
    assert_int_equal(ranges_read(&ranges, (int64_t[]){0, 1, 5, 7, 9}, 40), 0);
    assert_int_equal(ranges.count, 2);
    ranges_free(&ranges);
}

static void gaps_are_listed_from_the_oldest(void **state)
{
    struct ranges ranges = {0};
    struct range gaps[4];
    int64_t covered = 77;
    (void)state;
    assert_int_equal(ranges_gaps(&ranges, gaps, 4, &covered), 0);
    assert_int_equal(covered, 0);
    static const int64_t numbers[] = {3, 4, 7, 10, 11};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ranges_add(&ranges, numbers[i]), 1);
    }
    assert_int_equal(ranges_gaps(&ranges, gaps, 4, &covered), 3);
    assert_true(gaps[0].first == 1 && gaps[0].last == 2);
    assert_true(gaps[1].first == 5 && gaps[1].last == 6);
    assert_true(gaps[2].first == 8 && gaps[2].last == 9);
    assert_int_equal(covered, 11);
    ranges_free(&ranges);
}

static void a_list_of_gaps_without_room_covers_only_what_it_names(void **state)
{
    struct ranges ranges = {0};
    struct range gaps[2];
    int64_t covered;
    static const int64_t numbers[] = {1, 3, 5, 7};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ranges_add(&ranges, numbers[i]), 1);
    }
    assert_int_equal(ranges_gaps(&ranges, gaps, 2, &covered), 2);
    assert_int_equal(covered, 5);
    assert_int_equal(ranges_gaps(&ranges, gaps, 1, &covered), 1);
    assert_int_equal(covered, 3);
    assert_int_equal(ranges_gaps(&ranges, gaps, 0, &covered), 0);
    assert_int_equal(covered, 1);
    assert_int_equal(ranges_add(&ranges, 2), 1);
    assert_int_equal(ranges_gaps(&ranges, gaps, 2, &covered), 2);
    assert_int_equal(covered, 7);
    ranges_free(&ranges);
}

/* What an acknowledgement says must be true of every number up to `covered`: it came, or it stands in the list. */
static void everything_up_to_covered_came_or_is_listed(void **state)
{
    enum { NUMBERS = 400 };
    uint64_t random = random_seed();
    (void)state;
    for (int round = 0; round < 200; round++) {
        unsigned char came[NUMBERS] = {0};
        struct ranges ranges = {0};
        struct range gaps[8];
        int64_t covered;
        for (uint64_t i = random_below(&random, NUMBERS); i > 0; i--) {
            int64_t seq = (int64_t)random_below(&random, NUMBERS);
            came[seq] = 1;
            assert_true(ranges_add(&ranges, seq) >= 0);
        }
        size_t count = ranges_gaps(&ranges, gaps, random_below(&random, 9), &covered);
        for (int64_t seq = 1; seq <= covered; seq++) {
            int listed = 0;
            for (size_t i = 0; i < count; i++) {
                listed += gaps[i].first <= seq && seq <= gaps[i].last;
            }
            assert_int_equal(came[seq] + listed, 1);
        }
        ranges_free(&ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_repeats_agree_with_a_bitmap),
        cmocka_unit_test(many_numbers_in_no_order_are_all_new_once),
        cmocka_unit_test(a_device_that_loses_nothing_is_one_range),
        cmocka_unit_test(number_zero_is_taken_but_expected_of_nobody),
        cmocka_unit_test(the_largest_numbers_of_the_wire_do_not_overflow),
        cmocka_unit_test(past_the_bound_the_oldest_gaps_are_given_up_and_counted),
        cmocka_unit_test(at_the_bound_a_number_before_all_others_is_still_new),
        cmocka_unit_test(looking_notes_nothing),
        cmocka_unit_test(as_many_as_an_earlier_version_wrote_are_read_and_cut_to_the_bound),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(gaps_are_listed_from_the_oldest),
        cmocka_unit_test(a_list_of_gaps_without_room_covers_only_what_it_names),
        cmocka_unit_test(everything_up_to_covered_came_or_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
