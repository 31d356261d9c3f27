/* Appending, reading, rotating, reopening: the journal when nothing is damaged, and when the disk is full. */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void record_comes_back_as_it_was_appended(void **state)
{
    struct place *place = *state;
    struct journal_reader *reader = NULL;
    struct journal_record record;
    const char payload[] = "binary \0 and more";

    assert_int_equal(
        journal_append(place->journal, -5, "edu/v1/46/c/d/event", 19, payload, sizeof payload, &place->error), 0);
    assert_int_equal(journal_append(place->journal, 253402300799999, "", 0, NULL, 0, &place->error), 0);

    assert_int_equal(journal_reader_open(&reader, place->journal, 0, &place->error), 0);
    assert_int_equal(journal_read(reader, &record, &place->error), 1);
    assert_int_equal(record.position, 0);
    assert_int_equal(record.received_ms, -5);
    assert_int_equal(record.topic_length, 19);
    assert_memory_equal(record.topic, "edu/v1/46/c/d/event", 19);
    assert_int_equal(record.payload_length, sizeof payload);
    assert_memory_equal(record.payload, payload, sizeof payload);
    int64_t next = record.next;
    assert_int_equal(journal_read(reader, &record, &place->error), 1);
    assert_int_equal(record.position, next);
    assert_int_equal(record.received_ms, 253402300799999);
    assert_int_equal(record.topic_length + record.payload_length, 0);
    assert_int_equal(record.next, journal_end(place->journal));
    assert_int_equal(journal_read(reader, &record, &place->error), 0);
    journal_reader_close(&reader);
}

static void reader_begins_at_any_record(void **state)
{
    struct place *place = *state;
    char payloads[64];
    place_append(place, "t", "one");
    int64_t second = journal_end(place->journal);
    place_append(place, "t", "two");
    place_append(place, "t", "three");

    assert_int_equal(place_read_all(place, second, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "two|three");
    assert_int_equal(place_read_all(place, journal_end(place->journal), payloads, sizeof payloads), 0);
}

static void reader_follows_rotation(void **state)
{
    struct place *place = *state;
    char *payloads = malloc(1 << 16);
    assert_non_null(payloads);
    place_reopen(place, 400);

    place_append_numbered(place, 0, 100, 60);

    assert_true(place_count_segments(place) >= 15);
    assert_int_equal(counted(place, COUNTER_journal_segments), place_count_segments(place));
    assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 100);
    assert_non_null(strstr(payloads, "|99 xx"));
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    free(payloads);
}

static void record_larger_than_a_segment_and_than_the_buffer_is_kept(void **state)
{
    struct place *place = *state;
    struct journal_reader *reader = NULL;
    struct journal_record record;
    size_t large = 3145728;
    char *payload = malloc(large);
    assert_non_null(payload);
    memset(payload, 'L', large);
    place_reopen(place, 1000);
    place_append(place, "t", "before");
    assert_int_equal(journal_append(place->journal, 1, "t", 1, payload, large, &place->error), 0);
    place_append(place, "t", "after");

    assert_int_equal(journal_reader_open(&reader, place->journal, 0, &place->error), 0);
    assert_int_equal(journal_read(reader, &record, &place->error), 1);
    assert_int_equal(journal_read(reader, &record, &place->error), 1);
    assert_int_equal(record.payload_length, large);
    assert_memory_equal(record.payload, payload, large);
    assert_int_equal(journal_read(reader, &record, &place->error), 1);
    assert_memory_equal(record.payload, "after", 5);
    journal_reader_close(&reader);
    free(payload);
}

static void too_large_and_impossible_times_are_refused(void **state)
{
    struct place *place = *state;
    static const char topic[65536];
    assert_int_equal(journal_append(place->journal, 1, topic, sizeof topic, "x", 1, &place->error), ERROR_LIMIT);
    assert_int_equal(journal_append(place->journal, 1, "t", 1, topic, (size_t)JOURNAL_MAX_PAYLOAD + 1, &place->error),
                     ERROR_LIMIT);
    assert_int_equal(journal_append(place->journal, INT64_MAX, "t", 1, "x", 1, &place->error), ERROR_LIMIT);
    assert_int_equal(journal_append_lazily(place->journal, INT64_MIN, "t", 1, "x", 1, &place->error), ERROR_LIMIT);
    assert_int_equal(journal_end(place->journal), 0);
}

static void reopening_continues_positions(void **state)
{
    struct place *place = *state;
    char payloads[64];
    place_append(place, "t", "one");
    int64_t end = journal_end(place->journal);

    place_reopen(place, 1 << 20);

    assert_int_equal(journal_end(place->journal), end);
    place_append(place, "t", "two");
    assert_int_equal(place_read_all(place, end, payloads, sizeof payloads), 1);
    assert_string_equal(payloads, "two");
    assert_int_equal(place_count_segments(place), 1);
}

static void empty_journal_reopens(void **state)
{
    struct place *place = *state;
    char payloads[64];
    place_reopen(place, 1 << 20);
    place_reopen(place, 1 << 20);
    place_append(place, "t", "one");
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
    assert_int_equal(place_count_segments(place), 1);
}

static void lazy_records_are_seen_after_flush_and_in_order(void **state)
{
    struct place *place = *state;
    char payloads[64];
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "lazy", 4, &place->error), 0);
    assert_int_equal(journal_end(place->journal), 0);
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "later", 5, &place->error), 0);
    place_append(place, "t", "now");

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
    assert_string_equal(payloads, "lazy|later|now");
    assert_int_equal(counted(place, COUNTER_journal_records), 3);
}

static void lazy_records_past_a_mebibyte_are_written_by_themselves(void **state)
{
    struct place *place = *state;
    char *chunk = calloc(1, 1200000), *payloads = malloc(1 << 16);
    assert_non_null(chunk);
    assert_non_null(payloads);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, chunk, 100000, &place->error), 0);
    }
    assert_true(journal_end(place->journal) >= 1000000);
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, chunk, 1200000, &place->error), 0);
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 31);
    free(chunk);
    free(payloads);
}

static void closing_keeps_lazy_records(void **state)
{
    struct place *place = *state;
    char payloads[64];
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "lazy", 4, &place->error), 0);
    place_reopen(place, 1 << 20);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
}

static void sync_does_nothing_when_nothing_is_new(void **state)
{
    struct place *place = *state;
    place_append(place, "t", "one");
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    int64_t syncs = counted(place, COUNTER_journal_syncs);

    assert_int_equal(journal_sync(place->journal, &place->error), 0);

    assert_int_equal(syncs, 1);
    assert_int_equal(counted(place, COUNTER_journal_syncs), syncs);
}

static void full_disk_leaves_nothing_behind_and_append_works_again_with_room(void **state)
{
    struct place *place = *state;
    char payloads[256];
    place_append(place, "t", "first");
    int64_t end = journal_end(place->journal);
    disk_size(HEADER + end + 10);

    int result = journal_append(place->journal, 1, "t", 1, "does not fit", 12, &place->error);
    int again = journal_append(place->journal, 1, "t", 1, "does not fit", 12, &place->error);
    int64_t size = file_size(place_segment(place, 0));
    disk_size(-1);

    assert_int_equal(result, ERROR_IO);
    assert_int_equal(again, ERROR_IO);
    assert_int_equal(journal_end(place->journal), end);
    assert_int_equal(size, HEADER + end);
    place_append(place, "t", "fits again");
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "first|fits again");
}

static void full_disk_at_rotation_can_be_tried_again(void **state)
{
    struct place *place = *state;
    char payloads[256];
    place_reopen(place, 100);
    place_append_numbered(place, 1, 1, 90);
    disk_size(HEADER / 2);

    int result = journal_append(place->journal, 1, "t", 1, "second", 6, &place->error);
    long segments = place_count_segments(place);
    disk_size(-1);

    assert_int_equal(result, ERROR_IO);
    assert_int_equal(segments, 1);
    place_append(place, "t", "second");
    assert_int_equal(place_count_segments(place), 2);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
}

static void lazy_records_wait_for_room(void **state)
{
    struct place *place = *state;
    char payloads[64];
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "one", 3, &place->error), 0);
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "two", 3, &place->error), 0);
    disk_size(HEADER + 30);

    int result = journal_flush(place->journal, &place->error);
    disk_size(-1);

    assert_int_equal(result, ERROR_IO);
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "one|two");
}

static void position_past_the_end_never_repeats(void **state)
{
    struct place *place = *state;
    char payloads[64];
    place_append(place, "t", "before");

    assert_int_equal(place_read_all(place, 1000, payloads, sizeof payloads), 0);
    place_append(place, "t", "after");

    assert_true(journal_end(place->journal) > 1000);
    assert_int_equal(place_read_all(place, 1000, payloads, sizeof payloads), 1);
    assert_string_equal(payloads, "after");
    place_reopen(place, 1 << 20);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "before|after");
}

static void other_files_in_the_directory_are_left_alone(void **state)
{
    struct place *place = *state;
    char path[128], payloads[64];
    snprintf(path, sizeof path, "%s/00000000000000000000.seg.old", place->directory);
    file_put(path, "x", 1);
    snprintf(path, sizeof path, "%s/123.seg", place->directory);
    file_put(path, "x", 1);
    place_append(place, "t", "one");

    place_reopen(place, 1 << 20);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
    assert_int_equal(file_size(path), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(record_comes_back_as_it_was_appended),
        TEST(reader_begins_at_any_record),
        TEST(reader_follows_rotation),
        TEST(record_larger_than_a_segment_and_than_the_buffer_is_kept),
        TEST(too_large_and_impossible_times_are_refused),
        TEST(reopening_continues_positions),
        TEST(empty_journal_reopens),
        TEST(lazy_records_are_seen_after_flush_and_in_order),
        TEST(lazy_records_past_a_mebibyte_are_written_by_themselves),
        TEST(closing_keeps_lazy_records),
        TEST(sync_does_nothing_when_nothing_is_new),
        TEST(full_disk_leaves_nothing_behind_and_append_works_again_with_room),
        TEST(full_disk_at_rotation_can_be_tried_again),
        TEST(lazy_records_wait_for_room),
        TEST(position_past_the_end_never_repeats),
        TEST(other_files_in_the_directory_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
