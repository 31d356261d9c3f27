/* Who is closed, and when, on sockets that nobody serves and a clock that the test turns. */
#include "visitors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 16, CROWD = 12, PER_ADDRESS = 4, NOW = 1000000 };

static struct visitors visitors;
static struct counters counters;
static struct visitor *entered[64];
static int ends[64][2]; /* ours, theirs */
static size_t count;

static int begin(void **state)
{
    (void)state;
    count = 0;
    counters = (struct counters){0};
    return visitors_open(&visitors, MOST, 0, &counters);
}

static int begin_with_a_bound_by_address(void **state)
{
    (void)state;
    count = 0;
    counters = (struct counters){0};
    return visitors_open(&visitors, MOST, PER_ADDRESS, &counters);
}

static int end(void **state)
{
    (void)state;
    visitors_close(&visitors);
    for (size_t i = 0; i < count; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
    return 0;
}

static struct visitor *enter_from(unsigned char address, int64_t now_ms)
{
    const struct peer peer = {.bytes = {[15] = address}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[count]), 0);
    entered[count] = visitor_enters(&visitors, ends[count][0], &peer, now_ms);
    return entered[count++];
}

static struct visitor *enter(int64_t now_ms)
{
    return enter_from(1, now_ms);
}

/* Whether its peer sees the end of the stream. */
static bool is_closed(size_t at)
{
    char byte;
    return recv(ends[at][1], &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_request_that_is_never_whole_is_given_up(void **state)
{
    (void)state;
    enter(NOW);
    assert_int_equal(visitors_sweep(&visitors, NOW + VISITOR_ASKS_MS - 1), 0);
    assert_false(is_closed(0));
    assert_int_equal(visitors_sweep(&visitors, NOW + VISITOR_ASKS_MS), 1);
    assert_true(is_closed(0));
    assert_int_equal(visitors_sweep(&visitors, NOW + VISITOR_ASKS_MS), 0);
    assert_int_equal(counter_get(&counters, COUNTER_http_cut_off), 1);
    visitor_leaves(entered[0]);
}

static void while_an_answer_is_worked_out_time_stands_still(void **state)
{
    (void)state;
    visitor_has_asked(enter(NOW));
    assert_int_equal(visitors_busy(&visitors), 1);
    assert_int_equal(visitors_sweep(&visitors, NOW + 1000 * VISITOR_ASKS_MS), 0);
    assert_false(is_closed(0));
}

static void an_answer_that_is_not_taken_is_given_up_by_its_size(void **state)
{
    enum { SIZE = 10 * VISITOR_BYTES_PER_SECOND };
    (void)state;
    visitor_has_asked(enter(NOW));
    assert_true(visitor_is_answered(entered[0], SIZE, NOW));
    assert_int_equal(visitors_sweep(&visitors, NOW + VISITOR_TAKES_MS + 9999), 0);
    assert_int_equal(visitors_sweep(&visitors, NOW + VISITOR_TAKES_MS + 10000), 1);
    assert_true(is_closed(0));
}

static void after_an_answer_the_time_for_a_request_begins_anew(void **state)
{
    (void)state;
    visitor_has_asked(enter(NOW));
    assert_true(visitor_is_answered(entered[0], 100, NOW + 50000));
    visitor_is_done(entered[0], NOW + 60000);
    assert_int_equal(visitors_busy(&visitors), 0);
    assert_int_equal(visitors_sweep(&visitors, NOW + 60000 + VISITOR_ASKS_MS - 1), 0);
    assert_int_equal(visitors_sweep(&visitors, NOW + 60000 + VISITOR_ASKS_MS), 1);
}

static void in_a_crowd_the_one_who_waits_longest_without_asking_goes(void **state)
{
    (void)state;
    for (int i = 0; i < CROWD; i++) {
        enter(NOW + i);
    }
    visitor_has_asked(entered[0]);
    enter(NOW + CROWD);
    assert_false(is_closed(0)); /* asked */
    assert_true(is_closed(1));
    enter(NOW + CROWD + 1);
    assert_true(is_closed(2));
    assert_false(is_closed(3));
}

static void within_one_address_the_one_who_waits_longest_without_asking_goes(void **state)
{
    (void)state;
    enter_from(2, NOW - 1000);
    for (int i = 0; i < PER_ADDRESS; i++) {
        enter_from(1, NOW + i);
    }
    visitor_has_asked(entered[1]);
    assert_non_null(enter_from(1, NOW + 10));
    assert_false(is_closed(0)); /* waits longer, elsewhere */
    assert_false(is_closed(1)); /* asked */
    assert_true(is_closed(2));
    assert_non_null(enter_from(1, NOW + 11)); /* the one that was closed is not gone yet, and does not count */
    assert_true(is_closed(3));
    assert_false(is_closed(4));
    assert_int_equal(counter_get(&counters, COUNTER_http_cut_off), 2);
}

static void an_address_whose_all_have_asked_gets_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < PER_ADDRESS; i++) {
        visitor_has_asked(enter_from(1, NOW));
    }
    assert_null(enter_from(1, NOW));
    assert_true(is_closed(PER_ADDRESS));
    assert_false(is_closed(0));
    assert_non_null(enter_from(2, NOW));
    visitor_is_done(entered[0], NOW);
    assert_non_null(enter_from(1, NOW));
    assert_true(is_closed(0));
}

static void the_answers_on_their_way_together_are_bounded(void **state)
{
    (void)state;
    enter(NOW);
    enter(NOW);
    assert_true(visitor_is_answered(entered[0], VISITORS_ANSWER_BYTES - 10, NOW));
    assert_false(visitor_is_answered(entered[1], 11, NOW));
    assert_true(visitor_is_answered(entered[1], 10, NOW));
    visitor_is_done(entered[0], NOW);
    visitor_leaves(entered[1]);
    assert_true(visitor_is_answered(entered[0], VISITORS_ANSWER_BYTES, NOW));
}

static void who_finds_no_room_is_closed_at_once(void **state)
{
    size_t turned_away = 0;
    (void)state;
    for (int i = 0; i < 64; i++) {
        turned_away += enter(NOW) == NULL;
    }
    assert_true(turned_away > 0);
    assert_true(is_closed(63));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_is_never_whole_is_given_up),
        TEST(while_an_answer_is_worked_out_time_stands_still),
        TEST(an_answer_that_is_not_taken_is_given_up_by_its_size),
        TEST(after_an_answer_the_time_for_a_request_begins_anew),
        TEST(in_a_crowd_the_one_who_waits_longest_without_asking_goes),
        cmocka_unit_test_setup_teardown(within_one_address_the_one_who_waits_longest_without_asking_goes,
                                        begin_with_a_bound_by_address, end),
        cmocka_unit_test_setup_teardown(an_address_whose_all_have_asked_gets_no_more, begin_with_a_bound_by_address,
                                        end),
        TEST(the_answers_on_their_way_together_are_bounded),
        TEST(who_finds_no_room_is_closed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
