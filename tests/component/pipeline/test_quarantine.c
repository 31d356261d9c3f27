/* What may not count yet, or never: set aside with a reason, shown, and counted once when its reason is gone. */
#include "world.h"

static const char noon[] = "2025-06-15T12:00:00+07:00";

static void send(struct world *world, int64_t seq, const char *t)
{
    world_send_event(world, noon, "p-1", "d", seq, t, "lesson.x", "");
}

static void add_centre_nine(struct world *world)
{
    world_write(world, "centres.csv",
                "id,name,type,area,head_count,opened,closed\n"
                "p-1,School 1,primary,A,100,2000-09-01,\n"
                "x-9,School 9,primary,C,10,2000-09-01,\n");
}

static void an_unknown_centre_counts_once_the_registry_knows_it(void **state)
{
    struct world *world = *state;
    world_send_event(world, noon, "x-9", "d", 1, "2025-06-14T08:00:00+07:00", "lesson.x", "teacher-1");
    world_send_event(world, noon, "x-9", "d", 2, "2025-06-14T09:00:00+07:00", "lesson.x", "teacher-2");
    world_send_event(world, noon, "x-9", "d", 2, "2025-06-14T09:00:00+07:00", "lesson.x", "teacher-2");
    world_count(world);
    assert_string_equal(world_usage(world), "");
    assert_string_equal(world_rejected(world), "unknown_centre x1|unknown_centre x1|");
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 1);

    add_centre_nine(world);
    world_load_again(world, true);

    assert_string_equal(world_usage(world), "x-9 2025-06-14 teaching 2 120 2 1|");
    assert_string_equal(world_rejected(world), "");
    world_send_event(world, noon, "x-9", "d", 2, "2025-06-14T09:00:00+07:00", "lesson.x", "teacher-2");
    world_count(world);
    world_load_again(world, true);
    assert_string_equal(world_usage(world), "x-9 2025-06-14 teaching 2 120 2 1|");
    assert_int_equal(world_counter(world, COUNTER_events_released), 2);
}

static void an_unknown_centre_counts_at_the_next_start_too(void **state)
{
    struct world *world = *state;
    world_send_event(world, noon, "x-9", "d", 1, "2025-06-14T08:00:00+07:00", "lesson.x", "");
    world_count(world);
    add_centre_nine(world);
    world_crash(world);
    world_load_again(world, false);
    world_start(world);
    assert_string_equal(world_usage(world), "x-9 2025-06-14 teaching 1 60 0 1|");
    world_crash(world);
    world_start(world);
    assert_string_equal(world_usage(world), "x-9 2025-06-14 teaching 1 60 0 1|");
}

/* More than one page of the release loop. */
static void any_number_of_events_is_released(void **state)
{
    struct world *world = *state;
    world->settings.rejected_max_rows = 100000;
    for (int i = 1; i <= 1203; i++) {
        world_send_event(world, noon, "x-9", "d", i, "2025-06-14T08:00:00+07:00", "lesson.x", "");
    }
    world_count(world);
    add_centre_nine(world);
    world_load_again(world, true);
    assert_string_equal(world_usage(world), "x-9 2025-06-14 teaching 1203 72180 0 1|");
    assert_string_equal(world_rejected(world), "");
}

static void a_clock_that_is_off_is_set_aside(void **state)
{
    struct world *world = *state;
    send(world, 1, "2019-12-31T23:59:59Z");      /* never set */
    send(world, 2, "2025-06-16T12:00:00+07:00"); /* just 24 hours ahead: taken */
    send(world, 3, "2025-06-16T12:00:00.001+07:00");
    send(world, 4, "2025-06-15T12:00:01+07:00");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 0 1|p-1 2025-06-16 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "clock_ahead x1|clock_behind x1|");
}

static void what_was_ahead_counts_by_a_retry_once_its_time_has_come(void **state)
{
    struct world *world = *state;
    int64_t released, kept;
    send(world, 1, "2025-06-20T12:00:00+07:00");
    send(world, 2, "2199-06-20T12:00:00+07:00");
    send(world, 3, "2011-06-20T12:00:00+07:00");
    world_count(world);
    world_load_again(world, true); /* a reload alone does not judge clocks again */
    assert_string_equal(world_usage(world), "");
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));
    assert_int_equal(released, 1);
    assert_int_equal(kept, 2);
    assert_string_equal(world_usage(world), "p-1 2025-06-20 teaching 1 60 0 1|");
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));
    assert_int_equal(released, 0);
    assert_string_equal(world_usage(world), "p-1 2025-06-20 teaching 1 60 0 1|");
}

/* late_days is 30 here: the day 30 days before the day of arrival is the last that counts. */
static void a_day_older_than_late_days_is_too_late(void **state)
{
    struct world *world = *state;
    int64_t released, kept;
    send(world, 1, "2025-05-16T00:00:00+07:00");
    send(world, 2, "2025-05-15T23:59:59.999+07:00");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-05-16 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "too_late x1|");
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));
    assert_int_equal(released, 0); /* only a replay counts it */
    assert_string_equal(world_rejected(world), "too_late x1|");
}

static void what_was_set_aside_counts_as_received(void **state)
{
    struct world *world = *state;
    send(world, 1, "2019-01-01T00:00:00Z");
    send(world, 2, "2025-06-15T08:00:00+07:00");
    world_send(world, noon, "p-1", "d",
               "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":3,\"t\":\"no time\",\"type\":\"lesson.x\"}]}");
    world_count(world);
    char *dump = world_dump(world, false);
    assert_non_null(strstr(dump, "p-1/d/e1 3 -0|"));
    free(dump);
    assert_string_equal(world_rejected(world), "!bad_time x1|clock_behind x1|");
}

static void a_bad_event_among_good_ones_costs_only_itself(void **state)
{
    struct world *world = *state;
    world_send(world, noon, "p-1", "d",
               "{\"v\":1,\"epoch\":\"e1\",\"events\":["
               "{\"seq\":1,\"t\":\"2025-06-15T08:00:00+07:00\",\"type\":\"lesson.x\"},"
               "{\"seq\":2,\"t\":\"2025-06-15T08:00:00+07:00\",\"type\":\"lesson.x\",\"dur\":-1},"
               "{\"seq\":3,\"t\":\"2025-06-15T08:00:00+07:00\",\"type\":\"lesson.x\"}]}");
    world_send(world, noon, "p-1", "d", "not JSON");
    world_send(world, noon, "p-1", "d", "not JSON");
    world_send(world, noon, "p-1", "d", "");
    world_send_to(world, noon, "some/other/topic", "{}");
    world_send_to(world, noon, "edu/v1/47/p-1/d/event", "{}");
    world_send_to(world, noon, "edu/v1/46/p-1/d/ack", "{}");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 2 0 0 1|");
    assert_string_equal(world_rejected(world), "!wrong_topic x1|!wrong_topic x1|!wrong_topic x1|!empty x1|!bad_json x2|"
                                               "!bad_duration x1|");
}

static void a_bad_event_that_comes_again_is_a_repeat(void **state)
{
    struct world *world = *state;
    static const char bad[] =
        "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":3,\"t\":\"no time\",\"type\":\"lesson.x\"}]}";
    world_send(world, noon, "p-1", "d", bad);
    world_send(world, noon, "p-1", "d", bad);
    world_send(world, noon, "p-1", "d", bad);
    world_count(world);
    assert_string_equal(world_rejected(world), "!bad_time x1|");
    assert_int_equal(world_counter(world, COUNTER_events_rejected), 1);
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 2);
}

/* rejected.max_rows is 50 here: a flood of garbage is bounded as it comes, not when the daemon is idle one day. */
static void a_flood_of_garbage_is_bounded_as_it_comes(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 600; i++) {
        char garbage[32];
        snprintf(garbage, sizeof garbage, "garbage %d", i);
        world_send(world, noon, "p-1", "d", garbage);
        if (i % 3 == 0) {
            world_count(world);
        }
    }
    world_count(world);
    assert_in_range(strlen(world_rejected(world)) / strlen("!bad_json x1|"), 50, 56);
    assert_in_range(world_counter(world, COUNTER_rejected_evicted), 600 - 56, 600 - 50);
}

/* What waited while we were away does not go into the database as a whole before the bounds are looked at. */
static void a_backlog_of_garbage_is_bounded_too(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 600; i++) {
        char garbage[32];
        snprintf(garbage, sizeof garbage, "garbage %d", i);
        world_send(world, noon, "p-1", "d", garbage);
    }
    world_count(world);
    assert_in_range(strlen(world_rejected(world)) / strlen("!bad_json x1|"), 50, 56);
    assert_in_range(world_counter(world, COUNTER_commits), 600 / 6, 600);
}

static void sealed_days_are_too_late_and_keep_their_counts(void **state)
{
    struct world *world = *state;
    world_send_event(world, "2025-03-01T12:00:00+07:00", "p-1", "d", 1, "2025-03-01T08:00:00+07:00", "quiz.x",
                     "pupil-01");
    world_send_event(world, "2025-06-15T12:00:00+07:00", "p-1", "d", 2, "2025-06-15T08:00:00+07:00", "quiz.x",
                     "pupil-01");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    /* A file of March read in June: it would have been in time, but that day's sets are gone. */
    world_send_event(world, "2025-03-02T12:00:00+07:00", "p-1", "d", 3, "2025-03-01T09:00:00+07:00", "quiz.x",
                     "pupil-02");
    world_send_event(world, "2025-06-15T12:00:00+07:00", "p-1", "d", 4, "2025-06-15T09:00:00+07:00", "quiz.x",
                     "pupil-01");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-03-01 learning 1 60 1 1|p-1 2025-06-15 learning 2 120 1 1|");
    assert_string_equal(world_rejected(world), "too_late x1|");
    world_crash(world);
    world_start(world);
    world_send_event(world, "2025-03-02T12:00:00+07:00", "p-1", "d", 5, "2025-03-01T10:00:00+07:00", "quiz.x",
                     "pupil-02");
    world_count(world);
    assert_string_equal(world_rejected(world), "too_late x1|too_late x1|");
}

/* What a file of last year put aside is not old when it comes: there must be time to mend the registry. */
static void rows_age_by_the_clock_of_what_is_received(void **state)
{
    struct world *world = *state;
    world->settings.rejected_keep_days = 40;
    world_send_event(world, "2025-04-01T12:00:00+07:00", "x-9", "d", 1, "2025-04-01T08:00:00+07:00", "lesson.x", "");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    world_crash(world);
    world_start(world);
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    assert_string_equal(world_rejected(world), "unknown_centre x1|");
    world_send_event(world, noon, "p-1", "d", 1, "2025-06-15T08:00:00+07:00", "lesson.x", "");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    assert_string_equal(world_rejected(world), "");
    assert_int_equal(world_counter(world, COUNTER_rejected_evicted), 1);
}

static void a_day_that_can_still_change_is_not_sealed(void **state)
{
    struct world *world = *state;
    world_send_event(world, noon, "p-1", "d", 1, "2025-05-16T08:00:00+07:00", "quiz.x", "pupil-01");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    world_send_event(world, noon, "p-1", "d", 2, "2025-05-16T09:00:00+07:00", "quiz.x", "pupil-01");
    world_send_event(world, noon, "p-1", "d", 3, "2025-05-16T10:00:00+07:00", "quiz.x", "pupil-02");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-05-16 learning 3 180 2 1|");
}

/* One record whose time of arrival is years ahead must not make everybody else too late. */
static void a_time_of_arrival_that_is_years_ahead_seals_nothing_of_today(void **state)
{
    struct world *world = *state;
    time_t now = time(NULL);
    char today[40];
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(today, sizeof today, "%Y-%m-%dT%H:%M:%SZ", &utc);
    world_send_event(world, "2199-01-01T00:00:00Z", "p-1", "d", 1, "2198-12-31T08:00:00Z", "quiz.x", "");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    world_send_event(world, today, "p-2", "d", 1, today, "quiz.x", "");
    world_count(world);
    assert_string_equal(world_rejected(world), "");
    assert_non_null(strstr(world_usage(world), "p-2 "));
}

/* Our own clock was wrong for an hour, as after a start without a network: what was received then is too late, but
 * what comes after must not be. */
static void a_clock_of_ours_that_was_months_ahead_seals_nothing(void **state)
{
    struct world *world = *state;
    send(world, 1, "2025-06-15T08:00:00+07:00");
    world_send_event(world, "2025-12-01T12:00:00+07:00", "p-1", "d", 2, "2025-06-15T09:00:00+07:00", "lesson.x", "");
    MUST(world, pipeline_tidy(world->pipeline, &world->error));
    world_send_event(world, "2025-06-15T12:30:00+07:00", "p-1", "d", 3, "2025-06-15T10:00:00+07:00", "lesson.x", "");
    world_count(world);
    assert_string_equal(world_rejected(world), "too_late x1|");
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 2 120 0 1|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(an_unknown_centre_counts_once_the_registry_knows_it),
        WITH_WORLD(an_unknown_centre_counts_at_the_next_start_too),
        WITH_WORLD(any_number_of_events_is_released),
        WITH_WORLD(a_clock_that_is_off_is_set_aside),
        WITH_WORLD(what_was_ahead_counts_by_a_retry_once_its_time_has_come),
        WITH_WORLD(a_day_older_than_late_days_is_too_late),
        WITH_WORLD(what_was_set_aside_counts_as_received),
        WITH_WORLD(a_bad_event_among_good_ones_costs_only_itself),
        WITH_WORLD(a_bad_event_that_comes_again_is_a_repeat),
        WITH_WORLD(a_flood_of_garbage_is_bounded_as_it_comes),
        WITH_WORLD(a_backlog_of_garbage_is_bounded_too),
        WITH_WORLD(sealed_days_are_too_late_and_keep_their_counts),
        WITH_WORLD(rows_age_by_the_clock_of_what_is_received),
        WITH_WORLD(a_day_that_can_still_change_is_not_sealed),
        WITH_WORLD(a_time_of_arrival_that_is_years_ahead_seals_nothing_of_today),
        WITH_WORLD(a_clock_of_ours_that_was_months_ahead_seals_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
