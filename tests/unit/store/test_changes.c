/* Following changes: in pages of any size every row comes exactly once, and what changes meanwhile comes again. */
#include "support.h"

enum { CENTRES = 7, DAYS = 3, ROWS = CENTRES * DAYS };

struct followed {
    int times[CENTRES][DAYS];
    int rows;
    int64_t last_revision;
    int fail_at; /* the row at which the callback fails; 0: never */
};

static int follow(void *context, const struct change_row *row)
{
    struct followed *followed = context;
    if (followed->fail_at > 0 && followed->rows + 1 == followed->fail_at) {
        return 42;
    }
    assert_true(row->revision >= followed->last_revision);
    followed->last_revision = row->revision;
    followed->rows++;
    followed->times[strtol(row->centre + 3, NULL, 10)][row->day - 20000]++;
    return 0;
}

static void save_all(struct place *place, int centres_per_commit)
{
    for (int centre = 0; centre < CENTRES; centre++) {
        char name[16];
        snprintf(name, sizeof name, "th-%d", centre);
        if (centre % centres_per_commit == 0) {
            place_begin(place);
        }
        for (int32_t day = 0; day < DAYS; day++) {
            place_save_day(place, name, 20000 + day, "teaching", 1);
        }
        if (centre % centres_per_commit == centres_per_commit - 1 || centre == CENTRES - 1) {
            place_commit(place);
        }
    }
}

/* Pages until the cursor is complete; the number of pages. */
static int follow_all(struct place *place, enum store_series series, struct change_cursor *cursor, int limit,
                      change_each *each, void *context)
{
    int pages = 0;
    do {
        MUST(place, store_read_changes(place_reader(place), series, cursor, limit, each, context, &place->error));
        assert_true(++pages < 1000);
    } while (!cursor->complete);
    return pages;
}

static void pages_of_any_size_give_every_row_once(void **state)
{
    struct place *place = *state;
    static const int limits[] = {1, 2, 7, 20, 21, 22, 1000};
    save_all(place, 3);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct followed followed = {0};
        struct change_cursor cursor = {0};
        int pages = follow_all(place, SERIES_USAGE, &cursor, limits[i], follow, &followed);
        assert_int_equal(pages, ROWS / limits[i] + 1);
        assert_int_equal(followed.rows, ROWS);
        for (int k = 0; k < ROWS; k++) {
            assert_int_equal(followed.times[k / DAYS][k % DAYS], 1);
        }
        assert_int_equal(cursor.revision, 3);
    }
}

static void a_cursor_is_complete_only_when_everything_was_given(void **state)
{
    struct place *place = *state;
    struct followed followed = {0};
    struct change_cursor cursor = {0};
    save_all(place, CENTRES); /* one revision */
    for (int rows = 5; rows <= 20; rows += 5) {
        MUST(place,
             store_read_changes(place_reader(place), SERIES_USAGE, &cursor, 5, follow, &followed, &place->error));
        assert_false(cursor.complete);
        assert_int_equal(cursor.revision, 1);
        assert_int_equal(followed.rows, rows);
    }
    MUST(place, store_read_changes(place->reader, SERIES_USAGE, &cursor, 5, follow, &followed, &place->error));
    assert_true(cursor.complete);
    assert_int_equal(followed.rows, ROWS);
}

static void a_complete_cursor_moves_with_the_store(void **state)
{
    struct place *place = *state;
    struct followed followed = {0};
    struct change_cursor cursor = {0};
    save_all(place, CENTRES);
    follow_all(place, SERIES_USAGE, &cursor, 100, follow, &followed);
    place_begin(place); /* a commit that changes nothing of this series */
    place_commit(place);
    follow_all(place, SERIES_USAGE, &cursor, 100, follow, &followed);
    assert_int_equal(cursor.revision, 2);
    assert_int_equal(followed.rows, ROWS);
}

static void a_row_that_changes_between_pages_comes_again(void **state)
{
    struct place *place = *state;
    struct followed followed = {0};
    struct change_cursor cursor = {0};
    save_all(place, 1);
    MUST(place, store_read_changes(place_reader(place), SERIES_USAGE, &cursor, 4, follow, &followed, &place->error));
    place_begin(place);
    place_save_day(place, "th-0", 20000, "teaching", 2); /* was given */
    place_save_day(place, "th-6", 20000, "teaching", 2); /* was not */
    place_commit(place);
    follow_all(place, SERIES_USAGE, &cursor, 4, follow, &followed);
    for (int k = 0; k < ROWS; k++) {
        assert_int_equal(followed.times[k / DAYS][k % DAYS], k == 0 ? 2 : 1);
    }
    assert_int_equal(cursor.revision, CENTRES + 1);
}

static void a_saved_revision_starts_after_itself(void **state)
{
    struct place *place = *state;
    struct followed followed = {0};
    struct change_cursor cursor = {.revision = 5, .complete = true};
    save_all(place, 1);
    follow_all(place, SERIES_USAGE, &cursor, 4, follow, &followed);
    assert_int_equal(followed.rows, 2 * DAYS);
    assert_int_equal(followed.times[5][0] + followed.times[6][2], 2);
}

/* After a failure in the middle of a revision, the rest of that revision must still come. */
static void after_a_failed_row_nothing_is_passed_over(void **state)
{
    struct place *place = *state;
    save_all(place, 3);
    for (int fail_at = 1; fail_at <= ROWS; fail_at++) {
        struct followed followed = {.fail_at = fail_at};
        struct change_cursor cursor = {.complete = true};
        assert_int_equal(
            store_read_changes(place_reader(place), SERIES_USAGE, &cursor, 100, follow, &followed, &place->error), 42);
        followed.fail_at = 0;
        follow_all(place, SERIES_USAGE, &cursor, 100, follow, &followed);
        assert_int_equal(followed.rows, ROWS);
    }
}

static int take_hour(void *context, const struct change_row *row)
{
    int *rows = context;
    assert_int_equal(row->hour_s, 480000 * 60);
    assert_string_equal(row->centre, "th-1");
    assert_string_equal(row->activity, "teaching");
    assert_int_equal(row->events, 3);
    (*rows)++;
    return 0;
}

static int take_adoption(void *context, const struct change_row *row)
{
    int *rows = context;
    assert_string_equal(row->indicator, "i");
    assert_string_equal(row->area, *rows == 0 ? "46" : "47");
    assert_string_equal(row->period_kind, "month");
    assert_int_equal(row->period, 24321);
    assert_int_equal(row->registered * 100 + row->reporting * 10 + row->adopting, 321);
    assert_int_equal(row->has_target, *rows == 0);
    (*rows)++;
    return 0;
}

static int take_centre_adoption(void *context, const struct change_row *row)
{
    int *rows = context;
    assert_string_equal(row->centre, "th-1");
    assert_string_equal(row->indicator, "i");
    assert_int_equal(row->registered * 100 + row->reporting * 10 + row->adopting, 110);
    (*rows)++;
    return 0;
}

static void every_series_gives_its_own_columns(void **state)
{
    struct place *place = *state;
    struct store_fact hour = {.span = SPAN_HOUR, .index = 480000, .events = 3, .seconds = 60};
    struct store_adoption_row adoption = {.indicator = "i",
                                          .area = "46",
                                          .period = 24321,
                                          .period_kind = "month",
                                          .registered = 3,
                                          .reporting = 2,
                                          .adopting = 1,
                                          .has_target = true,
                                          .target = 0.6,
                                          .rule_hash = "r",
                                          .registry_hash = "g"};
    struct store_verdict_row verdict = {
        .indicator = "i", .period = 24321, .period_kind = "month", .reporting = true, .conditions = "[]"};
    place_begin(place);
    MUST(place, store_centre(place->store, "th-1", &hour.centre, &place->error));
    MUST(place, store_activity(place->store, "teaching", &hour.activity, &place->error));
    MUST(place, store_fact_save(place->store, &hour, &place->error));
    MUST(place, store_adoption_save(place->store, &adoption, &place->error));
    adoption.area = "47";
    adoption.has_target = false;
    MUST(place, store_adoption_save(place->store, &adoption, &place->error));
    verdict.centre = hour.centre;
    MUST(place, store_verdict_save(place->store, &verdict, &place->error));
    place_commit(place);
    change_each *const takers[] = {[SERIES_USAGE] = take_hour,
                                   [SERIES_USAGE_HOUR] = take_hour,
                                   [SERIES_ADOPTION] = take_adoption,
                                   [SERIES_CENTRE_ADOPTION] = take_centre_adoption};
    static const int expected[] = {
        [SERIES_USAGE] = 0, [SERIES_USAGE_HOUR] = 1, [SERIES_ADOPTION] = 2, [SERIES_CENTRE_ADOPTION] = 1};
    for (int limit = 1; limit < 4; limit++) {
        for (int series = 0; series < STORE_SERIES; series++) {
            int rows = 0;
            struct change_cursor cursor = {0};
            follow_all(place, (enum store_series)series, &cursor, limit, takers[series], &rows);
            assert_int_equal(rows, expected[series]);
            assert_int_equal(cursor.revision, 1);
        }
    }
}

struct told {
    char text[200];
};

/* "p24321" for a period that stands, "-24321" for one that does not. */
static int tell(void *context, const struct change_row *row)
{
    struct told *told = context;
    size_t used = strlen(told->text);
    assert_int_equal(row->withdrawn && row->registered + row->reporting + row->adopting > 0, 0);
    snprintf(told->text + used, sizeof told->text - used, "%c%d ", row->withdrawn ? '-' : 'p', row->period);
    return 0;
}

static void save_result(struct place *place, int32_t period, uint32_t centre)
{
    const struct store_adoption_row adoption = {.indicator = "i",
                                                .area = "46",
                                                .period = period,
                                                .period_kind = "month",
                                                .registered = 3,
                                                .rule_hash = "r",
                                                .registry_hash = "g"};
    const struct store_verdict_row verdict = {
        .indicator = "i", .centre = centre, .period = period, .period_kind = "month", .conditions = "[]"};
    MUST(place, store_adoption_save(place->store, &adoption, &place->error));
    MUST(place, store_verdict_save(place->store, &verdict, &place->error));
}

static void must_tell(struct place *place, int64_t after, const char *expected)
{
    for (int limit = 1; limit < 8; limit += 6) {
        for (int series = SERIES_ADOPTION; series <= SERIES_CENTRE_ADOPTION; series++) {
            struct told told = {0};
            struct change_cursor cursor = {.revision = after, .complete = true};
            follow_all(place, (enum store_series)series, &cursor, limit, tell, &told);
            assert_string_equal(told.text, expected);
        }
    }
}

static void results_that_no_longer_stand_are_told_before_those_that_do(void **state)
{
    struct place *place = *state;
    uint32_t centre;
    place_begin(place);
    MUST(place, store_centre(place->store, "th-1", &centre, &place->error));
    for (int32_t period = 1; period <= 3; period++) {
        save_result(place, period, centre);
    }
    place_commit(place);
    must_tell(place, 0, "p1 p2 p3 ");

    place_begin(place);
    MUST(place, store_results_clear(place->store, &place->error));
    save_result(place, 2, centre);
    place_commit(place);
    must_tell(place, 1, "-3 -1 p2 ");

    place_begin(place);
    save_result(place, 3, centre); /* stands again */
    save_result(place, 4, centre);
    place_commit(place);
    must_tell(place, 2, "p3 p4 ");

    place_begin(place);
    MUST(place, store_results_keep(place->store, "i", 3, 3, &place->error));
    MUST(place, store_results_keep(place->store, "another", 9, 9, &place->error));
    place_commit(place);
    must_tell(place, 3, "-4 -2 ");
    must_tell(place, 0, "-1 p3 -4 -2 ");
}

static void cursors_are_kept_by_output_and_series(void **state)
{
    struct place *place = *state;
    int64_t revision = -1;
    for (int i = 0; i < 5; i++) {
        place_begin(place);
        place_commit(place);
    }
    MUST(place, store_begin(place->store, true, &place->error));
    MUST(place, store_cursor_save(place->store, "influx", "usage", 3, &place->error));
    MUST(place, store_cursor_save(place->store, "influx", "adoption", 4, &place->error));
    MUST(place, store_cursor_save(place->store, "other", "usage", 99, &place->error));
    place_commit(place);
    MUST(place, store_read_cursor(place_reader(place), "influx", SERIES_USAGE, &revision, &place->error));
    assert_int_equal(revision, 3);
    MUST(place, store_read_cursor(place->reader, "influx", SERIES_ADOPTION, &revision, &place->error));
    assert_int_equal(revision, 4);
    MUST(place, store_read_cursor(place->reader, "influx", SERIES_USAGE_HOUR, &revision, &place->error));
    assert_int_equal(revision, 0);
    MUST(place, store_read_cursor(place->reader, "other", SERIES_USAGE, &revision, &place->error));
    assert_int_equal(revision, 5); /* ahead of the store: pulled back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(pages_of_any_size_give_every_row_once),
        WITH_PLACE(a_cursor_is_complete_only_when_everything_was_given),
        WITH_PLACE(a_complete_cursor_moves_with_the_store),
        WITH_PLACE(a_row_that_changes_between_pages_comes_again),
        WITH_PLACE(a_saved_revision_starts_after_itself),
        WITH_PLACE(after_a_failed_row_nothing_is_passed_over),
        WITH_PLACE(every_series_gives_its_own_columns),
        WITH_PLACE(results_that_no_longer_stand_are_told_before_those_that_do),
        WITH_PLACE(cursors_are_kept_by_output_and_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
