/* What may go, when, and what is left of it. */
#include "internal.h"
#include "support.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t day_ms = INT64_C(86400000);

/* Segments of one record each; tells where the n-th begins. */
static void fill_segments(struct place *place, int64_t begins[], int count)
{
    place_reopen(place, 100);
    for (int i = 0; i < count; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
    assert_int_equal(place_count_segments(place), count);
}

static void trim_keeps_what_a_position_needs(void **state)
{
    struct place *place = *state;
    int64_t begins[5];
    char payloads[1024];
    fill_segments(place, begins, 5);

    assert_int_equal(journal_trim(place->journal, begins[3] - 1, 0, 1, &place->error), 0);

    assert_int_equal(file_size(place_segment(place, begins[1])), -1);
    assert_true(file_size(place_segment(place, begins[2])) > 0);
    assert_int_equal(place_read_all(place, begins[2], payloads, sizeof payloads), 3);
    assert_int_equal(counted(place, COUNTER_journal_segments), 3);
}

static void trim_without_bounds_removes_nothing(void **state)
{
    struct place *place = *state;
    int64_t begins[5];
    fill_segments(place, begins, 5);
    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 0, 0, &place->error), 0);
    assert_int_equal(place_count_segments(place), 5);
}

static void trim_by_size_keeps_the_newest_and_the_one_being_written(void **state)
{
    struct place *place = *state;
    int64_t begins[5];
    fill_segments(place, begins, 5);
    int64_t record = begins[1] - begins[0];

    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 0, 2 * record, &place->error), 0);
    assert_int_equal(place_count_segments(place), 2);
    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 0, 1, &place->error), 0);
    assert_int_equal(place_count_segments(place), 1);
}

static void position_before_the_oldest_segment_starts_at_the_oldest(void **state)
{
    struct place *place = *state;
    int64_t begins[5];
    char payloads[1024];
    fill_segments(place, begins, 5);
    assert_int_equal(journal_trim(place->journal, begins[3], 0, 1, &place->error), 0);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
}

static void trim_removes_what_was_written_longer_ago_than_it_is_kept(void **state)
{
    struct place *place = *state;
    static const int hours_ago[] = {384, 336, 300, 240, 180, 120, 60};
    int64_t begins[7], now_ms = clock_wall_ms();
    fill_segments(place, begins, 7);
    journal_close(&place->journal);
    for (int i = 0; i < 7; i++) {
        place_set_made(place, begins[i], now_ms - hours_ago[i] * day_ms / 24);
    }
    place_reopen(place, 100);

    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 12, 0, &place->error), 0);

    assert_int_equal(place_count_segments(place), 5); /* written until 14 and 12.5 days ago: gone; 10: kept */
    assert_int_equal(file_size(place_segment(place, begins[1])), -1);
}

static void segment_takes_records_for_a_day(void **state)
{
    struct place *place = *state;
    place_append(place, "t", "yesterday");
    journal_close(&place->journal);
    place_set_made(place, 0, clock_wall_ms() - day_ms - 1000);
    place_reopen(place, 1 << 20);
    place_append(place, "t", "today");
    assert_int_equal(place_count_segments(place), 2);
    place_append(place, "t", "today");
    assert_int_equal(place_count_segments(place), 2);
}

/* Days since some day at which the segments were begun, now, how old the first one is then, kept for 400 days. */
static void age_is_what_clocks_can_be_believed(void **state)
{
    static const struct {
        const char *what;
        int begun[6];
        int now, age;
    } cases[] = {
        {"one segment a day", {0, 1, 2, 3, 4, 5}, 6, 6},
        {"a weekend, and a summer, without a message", {0, 1, 3, 5, 90, 91}, 92, 92},
        {"the clock is a year ahead now", {0, 1, 2, 3, 4, 5}, 370, 5},
        {"the clock was a year ahead for a day", {0, 1, 2, 368, 369, 5}, 6, 4},
        {"the clock went ten years ahead and stayed there", {0, 1, 2, 3653, 3654, 3655}, 3656, 5},
        {"the clock fell back to 1970 at each start", {20000, 20001, 0, 20002, 0, 20003}, 20004, 2},
        {"a clock set right from 1970", {0, 1, 2, 20000, 20001, 20002}, 20003, 5},
        {"fifty days ahead and back again", {0, 1, 51, 2, 52, 3}, 4, 4},
        {"nothing at all for half a year", {0, 1, 2, 3, 4, 5}, 187, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listed list[6];
        for (int k = 0; k < 6; k++) {
            list[k] = (struct listed){.first = k, .made_ms = cases[i].begun[k] * day_ms};
        }
        int64_t age_ms = journal_age(list, 6, 0, cases[i].now * day_ms, 400 * day_ms);
        if (age_ms != cases[i].age * day_ms) {
            fail_msg("%s: %ld days", cases[i].what, (long)(age_ms / day_ms));
        }
    }
}

/* Messages came with the wrong time as well: the received times in the newest segment do not save the others. */
static void clock_a_year_ahead_removes_nothing(void **state)
{
    struct place *place = *state;
    int64_t begins[5], now_ms = clock_wall_ms();
    fill_segments(place, begins, 5);
    journal_close(&place->journal);
    for (int i = 0; i < 4; i++) { /* seen from a clock that was set a year ahead before the last one */
        place_set_made(place, begins[i], now_ms - (366 + 4 - i) * day_ms);
    }
    place_reopen(place, 100);
    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 300, 0, &place->error), 0);
    assert_int_equal(place_count_segments(place), 5);
}

/* The bytes of a segment's file after trim has removed its name. */
static char *bytes_after_trim(struct place *place, int64_t size_of_disk, size_t *count)
{
    int64_t begins[3];
    char kept[128];
    fill_segments(place, begins, 3);
    snprintf(kept, sizeof kept, "%s/kept", place->directory);
    assert_int_equal(link(place_segment(place, 0), kept), 0);
    disk_size(size_of_disk);
    int result = journal_trim(place->journal, begins[1], 0, 1, &place->error);
    disk_size(-1);
    assert_int_equal(result, 0);
    assert_int_equal(place_count_segments(place), 2);
    return file_bytes(kept, count);
}

static void trim_erases_both_copies_of_the_key(void **state)
{
    struct place *place = *state;
    static const char zeros[60];
    size_t count;
    char *bytes = bytes_after_trim(place, -1, &count);
    assert_true(count > HEADER);
    assert_memory_equal(bytes + 32, zeros, sizeof zeros);
    assert_memory_equal(bytes + COPY + 32, zeros, sizeof zeros);
    free(bytes);
}

static void trim_makes_room_on_a_full_disk(void **state)
{
    struct place *place = *state;
    static const char zeros[60];
    size_t count;
    char *bytes = bytes_after_trim(place, HEADER, &count); /* nothing can grow, what is there can be overwritten */
    assert_memory_equal(bytes + 32, zeros, sizeof zeros);
    free(bytes);
}

static void trim_removes_what_cannot_be_overwritten(void **state)
{
    struct place *place = *state;
    size_t count;
    free(bytes_after_trim(place, 1, &count)); /* as a full disk below a file system that copies on write */
}

/* Three segments of records received on day 10, 20 and 30, and one of day 40 that is being written. */
static void fill_days(struct place *place, int64_t begins[4])
{
    char payload[90];
    memset(payload, 'x', sizeof payload);
    place_reopen(place, 100);
    for (int i = 0; i < 4; i++) {
        begins[i] = journal_end(place->journal);
        assert_int_equal(
            journal_append(place->journal, (i + 1) * 10 * day_ms, "t", 1, payload, sizeof payload, &place->error), 0);
    }
}

static void erase_goes_by_when_the_last_record_was_received(void **state)
{
    struct place *place = *state;
    int64_t begins[4], erased, end;
    fill_days(place, begins);
    end = journal_end(place->journal);
    assert_int_equal(journal_erase(place->journal, end, 10 * day_ms, &erased, &place->error), 0);
    assert_int_equal(erased, 0);
    assert_int_equal(journal_erase(place->journal, end, 20 * day_ms + 1, &erased, &place->error), 0);
    assert_int_equal(erased, 2);
    assert_int_equal(file_size(place_segment(place, begins[1])), -1);
    assert_true(file_size(place_segment(place, begins[2])) > 0);
}

static void erase_keeps_what_the_position_needs(void **state)
{
    struct place *place = *state;
    int64_t begins[4], erased;
    fill_days(place, begins);
    assert_int_equal(journal_erase(place->journal, begins[1], 100 * day_ms, &erased, &place->error), 0);
    assert_int_equal(erased, 1);
    assert_int_equal(place_count_segments(place), 3);
}

static void erase_takes_the_segment_being_written_and_the_journal_goes_on(void **state)
{
    struct place *place = *state;
    char payloads[64];
    int64_t begins[4], erased, end;
    fill_days(place, begins);
    end = journal_end(place->journal);

    assert_int_equal(journal_erase(place->journal, end, 100 * day_ms, &erased, &place->error), 0);

    assert_int_equal(erased, 4);
    assert_int_equal(place_count_segments(place), 1);
    assert_int_equal(journal_end(place->journal), end);
    place_append(place, "t", "after");
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, end, payloads, sizeof payloads), 1);
    assert_string_equal(payloads, "after");
}

/* When its records were received cannot be told: it goes by when it was written. */
static void erase_takes_a_segment_that_cannot_be_read_by_when_it_was_written(void **state)
{
    struct place *place = *state;
    int64_t begins[4], erased, now_ms = clock_wall_ms();
    fill_days(place, begins);
    file_flip(place_segment(place, 0), 50, 1);
    file_flip(place_segment(place, 0), COPY + 50, 1);
    int64_t end = journal_end(place->journal);
    assert_int_equal(journal_erase(place->journal, end, now_ms - day_ms, &erased, &place->error), 0);
    assert_int_equal(erased, 0);
    assert_int_equal(journal_erase(place->journal, end, now_ms + day_ms, &erased, &place->error), 0);
    assert_int_equal(erased, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trim_keeps_what_a_position_needs),
        TEST(trim_without_bounds_removes_nothing),
        TEST(trim_by_size_keeps_the_newest_and_the_one_being_written),
        TEST(position_before_the_oldest_segment_starts_at_the_oldest),
        TEST(trim_removes_what_was_written_longer_ago_than_it_is_kept),
        TEST(segment_takes_records_for_a_day),
        cmocka_unit_test(age_is_what_clocks_can_be_believed),
        TEST(clock_a_year_ahead_removes_nothing),
        TEST(trim_erases_both_copies_of_the_key),
        TEST(trim_makes_room_on_a_full_disk),
        TEST(trim_removes_what_cannot_be_overwritten),
        TEST(erase_goes_by_when_the_last_record_was_received),
        TEST(erase_keeps_what_the_position_needs),
        TEST(erase_takes_the_segment_being_written_and_the_journal_goes_on),
        TEST(erase_takes_a_segment_that_cannot_be_read_by_when_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
