/* One thread appends, another one reads, syncs and trims: as Paho's thread and the pipeline do. */
#include "support.h"

#include "base/file.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS = 20000 };

static void *append_records(void *context)
{
    struct place *place = context;
    struct error error;
    char payload[64];
    for (int i = 0; i < RECORDS; i++) {
        int length = snprintf(payload, sizeof payload, "record %d", i);
        if (journal_append(place->journal, i, "t", 1, payload, (size_t)length, &error) != 0) {
            return place; /* not NULL: it failed */
        }
    }
    return NULL;
}

static void reader_follows_a_live_appender_through_rotations_syncs_and_trims(void **state)
{
    struct place *place = *state;
    struct journal_reader *reader = NULL;
    struct journal_record record;
    char expected[64];
    pthread_t thread;
    void *failure;
    int64_t position = 0, until_ms = clock_steady_ms() + 60000;
    int seen = 0, result;
    place_reopen(place, 20000);
    assert_int_equal(journal_reader_open(&reader, place->journal, 0, &place->error), 0);
    assert_int_equal(pthread_create(&thread, NULL, append_records, place), 0);

    while (seen < RECORDS && clock_steady_ms() < until_ms) {
        journal_wait(place->journal, position, 1000);
        while ((result = journal_read(reader, &record, &place->error)) == 1) {
            int length = snprintf(expected, sizeof expected, "record %d", seen);
            assert_int_equal(record.received_ms, seen);
            assert_int_equal(record.payload_length, length);
            assert_memory_equal(record.payload, expected, (size_t)length);
            position = record.next;
            seen++;
        }
        assert_int_equal(result, 0);
        assert_int_equal(journal_sync(place->journal, &place->error), 0);
        assert_int_equal(journal_trim(place->journal, position, 0, 100000, &place->error), 0);
    }

    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
    assert_int_equal(seen, RECORDS);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    assert_true(place_count_segments(place) < 20);
    journal_reader_close(&reader);
}

static void *wait_for_record(void *context)
{
    struct place *place = context;
    journal_wait(place->journal, 0, 30000);
    return NULL;
}

static void append_ends_a_wait(void **state)
{
    struct place *place = *state;
    pthread_t thread;
    int64_t before_ms = clock_steady_ms();
    assert_int_equal(pthread_create(&thread, NULL, wait_for_record, place), 0);
    place_append(place, "t", "one");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(clock_steady_ms() - before_ms < 20000);
}

static void wake_ends_a_wait_even_if_it_came_first(void **state)
{
    struct place *place = *state;
    int64_t before_ms = clock_steady_ms();
    journal_wake(place->journal);
    journal_wait(place->journal, 0, 30000);
    assert_true(clock_steady_ms() - before_ms < 20000);
}

static void wait_is_over_when_its_time_is(void **state)
{
    struct place *place = *state;
    int64_t before_ms = clock_steady_ms();
    journal_wait(place->journal, 0, 30);
    int64_t took_ms = clock_steady_ms() - before_ms;
    assert_true(took_ms >= 29);
    assert_true(took_ms < 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reader_follows_a_live_appender_through_rotations_syncs_and_trims),
        TEST(append_ends_a_wait),
        TEST(wake_ends_a_wait_even_if_it_came_first),
        TEST(wait_is_over_when_its_time_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
