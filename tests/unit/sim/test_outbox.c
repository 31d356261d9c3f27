/* The outbox: nothing leaves it but by an acknowledgement, and what is due is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/outbox.h"

#define CAPACITY 8U

static const struct outbox_timing timing = {.first_ms = 1000, .most_ms = 8000, .grace_ms = 200};

static struct outbox open_with(struct outbox_slot *slots, uint32_t count)
{
    struct outbox outbox;

    outbox_init(&outbox, slots, CAPACITY, &timing, 42);
    for (uint32_t seq = 1; seq <= count; seq++) {
        assert_true(outbox_push(&outbox, seq) >= 0);
    }
    return outbox;
}

/* Sends all that is due and returns the mask of the seqs sent (bit seq). */
static uint32_t send_all(struct outbox *outbox, uint32_t now_ms)
{
    uint32_t indexes[CAPACITY], sent = 0, count = outbox_due(outbox, now_ms, indexes, CAPACITY);

    for (uint32_t i = 0; i < count; i++) {
        sent |= 1U << outbox->slots[indexes[i]].seq;
        outbox_sent(outbox, indexes[i], now_ms);
    }
    return sent;
}

static struct ack ack_of(uint32_t upto, uint32_t missing_first, uint32_t missing_last)
{
    struct ack ack = {.epoch = "a", .upto = upto};

    if (missing_first) {
        ack.missing[0] = (struct ack_range){missing_first, missing_last};
        ack.missing_count = 1;
    }
    return ack;
}

static void sent_records_stay_until_they_are_covered(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 3);
    struct ack ack = ack_of(2, 0, 0);

    (void)state;
    assert_int_equal(send_all(&outbox, 0), 0xe);
    assert_int_equal(outbox.uncovered, 3);
    assert_int_equal(send_all(&outbox, 10), 0);
    assert_int_equal(outbox_apply(&outbox, &ack, 20), 2);
    assert_int_equal(outbox.uncovered, 1);
    assert_int_equal(outbox.count, 1);
    assert_int_equal(outbox_apply(&outbox, &ack, 30), 0);
}

static void missing_records_are_sent_again_and_no_others(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 6);
    struct ack ack = ack_of(5, 2, 3);

    (void)state;
    (void)send_all(&outbox, 0);
    assert_int_equal(outbox_apply(&outbox, &ack, 500), 3);
    assert_true(outbox_may_be_due(&outbox, 500));
    assert_int_equal(send_all(&outbox, 500), 1U << 2 | 1U << 3);
    ack = ack_of(6, 0, 0);
    assert_int_equal(outbox_apply(&outbox, &ack, 600), 3);
    assert_int_equal(outbox.count, 0);
}

static void a_record_just_sent_is_not_sent_again_for_being_missing(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 2);
    struct ack ack = ack_of(2, 1, 1);

    (void)state;
    (void)send_all(&outbox, 0);
    (void)outbox_apply(&outbox, &ack, 100);
    assert_int_equal(send_all(&outbox, 100), 0);
    (void)outbox_apply(&outbox, &ack, 200);
    assert_int_equal(send_all(&outbox, 200), 1U << 1);
}

static void silence_brings_a_resend_after_the_time_out_with_jitter(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 1);

    (void)state;
    (void)send_all(&outbox, 0);
    assert_int_equal(send_all(&outbox, 999), 0);
    assert_false(outbox_may_be_due(&outbox, 999));
    assert_true(outbox_may_be_due(&outbox, 1500));
    assert_int_equal(send_all(&outbox, 1500), 1U << 1);
    /* The second wait is twice as long. */
    assert_int_equal(send_all(&outbox, 1500 + 1999), 0);
    assert_int_equal(send_all(&outbox, 1500 + 3000), 1U << 1);
}

static void the_clock_may_wrap_around(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 1);

    (void)state;
    (void)send_all(&outbox, UINT32_MAX - 100);
    assert_int_equal(send_all(&outbox, UINT32_MAX), 0);
    assert_int_equal(send_all(&outbox, 800), 0);
    assert_int_equal(send_all(&outbox, 1500), 1U << 1);
}

static void a_full_ring_takes_nothing_until_it_grows(void **state)
{
    struct outbox_slot slots[CAPACITY], larger[2 * CAPACITY];
    struct outbox outbox = open_with(slots, CAPACITY);
    struct ack ack = ack_of(3, 0, 0);

    (void)state;
    assert_int_equal(outbox_push(&outbox, 9), -1);
    (void)outbox_apply(&outbox, &ack, 0);
    for (uint32_t seq = 9; seq <= 11; seq++) {
        assert_true(outbox_push(&outbox, seq) >= 0);
    }
    assert_int_equal(outbox_push(&outbox, 12), -1);
    outbox_grow(&outbox, larger, 2 * CAPACITY);
    assert_true(outbox_push(&outbox, 12) >= 0);
    ack = ack_of(12, 11, 11);
    assert_int_equal(outbox_apply(&outbox, &ack, 0), 8);
    assert_int_equal(outbox.slots[outbox.head & (outbox.capacity - 1)].seq, 11);
}

static void after_a_lost_connection_all_uncovered_is_due(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 4);
    struct ack ack = ack_of(4, 3, 4);

    (void)state;
    (void)send_all(&outbox, 0);
    (void)outbox_apply(&outbox, &ack, 10);
    outbox_rewind(&outbox);
    assert_int_equal(send_all(&outbox, 10), 1U << 3 | 1U << 4);
}

static void an_acknowledgement_beyond_all_covers_only_what_is_there(void **state)
{
    struct outbox_slot slots[CAPACITY];
    struct outbox outbox = open_with(slots, 2);
    struct ack ack = ack_of(UINT32_MAX, 0, 0);

    (void)state;
    assert_int_equal(outbox_apply(&outbox, &ack, 0), 2);
    assert_int_equal(outbox.waiting, 0);
    assert_int_equal(outbox.uncovered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_records_stay_until_they_are_covered),
        cmocka_unit_test(missing_records_are_sent_again_and_no_others),
        cmocka_unit_test(a_record_just_sent_is_not_sent_again_for_being_missing),
        cmocka_unit_test(silence_brings_a_resend_after_the_time_out_with_jitter),
        cmocka_unit_test(the_clock_may_wrap_around),
        cmocka_unit_test(a_full_ring_takes_nothing_until_it_grows),
        cmocka_unit_test(after_a_lost_connection_all_uncovered_is_due),
        cmocka_unit_test(an_acknowledgement_beyond_all_covers_only_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
