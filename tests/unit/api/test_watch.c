/* Lag and stall, seen through two counters at the moments when somebody asks. */
#include "internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct watch watch;
static struct counters counters;

static struct progress look(int64_t position, int64_t committed, int64_t now_ms)
{
    counter_set(&counters, COUNTER_journal_position, position);
    counter_set(&counters, COUNTER_journal_committed, committed);
    return watch_look(&watch, &counters, now_ms);
}

static int begin(void **state)
{
    (void)state;
    return watch_open(&watch);
}

static int end(void **state)
{
    (void)state;
    watch_close(&watch);
    return 0;
}

static void nothing_journaled_is_no_lag(void **state)
{
    (void)state;
    struct progress progress = look(0, 0, 1000);
    assert_false(progress.started);
    assert_int_equal(progress.lag_ms, 0);
    assert_int_equal(progress.stalled_ms, 0);
}

static void a_caught_up_journal_has_no_lag_however_long_nobody_asked(void **state)
{
    (void)state;
    look(100, 100, 1000);
    struct progress progress = look(100, 100, 3600 * 1000);
    assert_true(progress.started);
    assert_int_equal(progress.lag_ms, 0);
    assert_int_equal(progress.stalled_ms, 0);
}

static void records_in_flight_at_the_first_look_are_no_lag_yet(void **state)
{
    (void)state;
    look(100, 100, 1000);
    struct progress progress = look(200, 100, 3600 * 1000);
    assert_int_equal(progress.lag_ms, 0);
    assert_int_equal(progress.stalled_ms, 0);
}

static void a_steady_flow_that_commits_has_no_growing_lag(void **state)
{
    (void)state;
    for (int64_t i = 1; i < 100; i++) {
        struct progress progress = look(i * 100 + 50, i * 100, i * 10000);
        assert_true(progress.lag_ms <= 10000);
        assert_int_equal(progress.stalled_ms, 0);
    }
}

static void a_backlog_is_lag_but_no_stall(void **state)
{
    (void)state;
    look(1000000, 0, 1000);
    struct progress progress = look(1000000, 500, 61000);
    assert_int_equal(progress.lag_ms, 60000);
    assert_int_equal(progress.stalled_ms, 0);
}

static void no_commit_although_records_wait_is_a_stall(void **state)
{
    (void)state;
    look(500, 100, 1000);
    struct progress progress = look(900, 100, 31000);
    assert_int_equal(progress.stalled_ms, 30000);
    assert_int_equal(progress.lag_ms, 30000);
    progress = look(900, 900, 32000);
    assert_int_equal(progress.stalled_ms, 0);
    assert_int_equal(progress.lag_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_journaled_is_no_lag, begin, end),
        cmocka_unit_test_setup_teardown(a_caught_up_journal_has_no_lag_however_long_nobody_asked, begin, end),
        cmocka_unit_test_setup_teardown(records_in_flight_at_the_first_look_are_no_lag_yet, begin, end),
        cmocka_unit_test_setup_teardown(a_steady_flow_that_commits_has_no_growing_lag, begin, end),
        cmocka_unit_test_setup_teardown(a_backlog_is_lag_but_no_stall, begin, end),
        cmocka_unit_test_setup_teardown(no_commit_although_records_wait_is_a_stall, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
