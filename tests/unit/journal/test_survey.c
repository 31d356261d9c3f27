/* Looking at a journal without changing it, beside one that is being written. */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Another one's view of the same directory. */
static struct journal *look(struct place *place)
{
    struct journal *view = NULL;
    int result = journal_open_for_reading(&view, place->directory, place->secret, &place->counters, &place->error);
    if (result != 0) {
        fail_msg("%s", place->error.text);
    }
    return view;
}

static int read_all(struct place *place, struct journal *view)
{
    struct journal_reader *reader = NULL;
    struct journal_record record;
    int count = 0, result;
    assert_int_equal(journal_reader_open(&reader, view, 0, &place->error), 0);
    while ((result = journal_read(reader, &record, &place->error)) == 1) {
        count++;
    }
    assert_int_equal(result, 0);
    journal_reader_close(&reader);
    return count;
}

static void survey_tells_what_each_segment_holds(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    place_reopen(place, 300);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(journal_append(place->journal, 1000 * (5 - i), "t", 1, "0123456789012345678901234567890123456",
                                        37, &place->error),
                         0);
    }
    int64_t record = journal_end(place->journal) / 5;

    place_survey(place, &surveyed);

    assert_int_equal(surveyed.segment_count, 2);
    assert_int_equal(surveyed.damage_count, 0);
    const struct journal_segment *one = &surveyed.segments[0], *two = &surveyed.segments[1];
    assert_int_equal(one->records, 3);
    assert_int_equal(one->next, 3 * record);
    assert_int_equal(one->from_ms, 3000);
    assert_int_equal(one->to_ms, 5000);
    assert_int_equal(one->file_bytes, HEADER + 3 * record);
    assert_int_equal(one->condition, JOURNAL_WHOLE);
    assert_int_equal(one->header_copies, 2);
    assert_false(one->is_last);
    assert_int_equal(two->first, 3 * record);
    assert_int_equal(two->records, 2);
    assert_true(two->is_last);
}

static void view_beside_a_writer_sees_what_was_there_and_leaves_a_tail_alone(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    place_append(place, "t", "one");
    place_append(place, "t", "two");
    char path[128];
    snprintf(path, sizeof path, "%s", place_segment(place, 0));
    int64_t half = file_size(path) - 5;
    file_cut(path, half); /* a write that is going on */

    place_open_for_reading(place);

    assert_int_equal(read_all(place, place->journal), 1);
    place_survey(place, &surveyed);
    assert_int_equal(surveyed.damage_count, 0);
    assert_true(surveyed.segments[0].tail_bytes > 0);
    assert_int_equal(file_size(path), half);
    assert_int_equal(journal_append(place->journal, 1, "t", 1, "x", 1, &place->error), ERROR_BUSY);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
}

static void view_does_not_see_what_is_appended_later(void **state)
{
    struct place *place = *state;
    place_append(place, "t", "one");
    struct journal *view = look(place);
    place_append(place, "t", "two");
    assert_int_equal(read_all(place, view), 1);
    journal_close(&view);
}

static void segment_that_is_removed_under_a_view_is_no_damage(void **state)
{
    struct place *place = *state;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 4, 90);
    struct journal *view = look(place);
    int64_t record = journal_end(place->journal) / 4;
    assert_int_equal(journal_trim(place->journal, 2 * record, 0, 1, &place->error), 0);
    assert_int_equal(read_all(place, view), 2);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    journal_close(&view);
}

static void survey_names_a_missing_segment(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 4, 90);
    int64_t record = journal_end(place->journal) / 4;
    assert_int_equal(unlink(place_segment(place, record)), 0);

    place_open_for_reading(place);
    place_survey(place, &surveyed);

    assert_int_equal(surveyed.segment_count, 3);
    assert_int_equal(surveyed.damage_count, 1);
    assert_int_equal(surveyed.damages[0].position, record);
    assert_int_equal(surveyed.damages[0].bytes, record);
}

static void view_with_another_secret_says_so(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    char path[128];
    place_append(place, "t", "one");
    snprintf(path, sizeof path, "%s/other", place->directory);
    secret_free(&place->secret);
    assert_int_equal(secret_open(&place->secret, path, true, &place->error), 0);

    place_open_for_reading(place);
    place_survey(place, &surveyed);

    assert_int_equal(surveyed.segments[0].condition, JOURNAL_OTHER_SECRET);
    assert_int_equal(read_all(place, place->journal), 0);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
}

static void journal_that_is_not_there_is_not_made(void **state)
{
    struct place *place = *state;
    struct journal *view = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/none", place->directory);
    assert_int_equal(journal_open_for_reading(&view, path, place->secret, &place->counters, &place->error),
                     ERROR_MISSING);
    assert_null(view);
    assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(survey_tells_what_each_segment_holds),
        TEST(view_beside_a_writer_sees_what_was_there_and_leaves_a_tail_alone),
        TEST(view_does_not_see_what_is_appended_later),
        TEST(segment_that_is_removed_under_a_view_is_no_damage),
        TEST(survey_names_a_missing_segment),
        TEST(view_with_another_secret_says_so),
        TEST(journal_that_is_not_there_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
