/* End-to-end acknowledgements: they speak of what is committed, name what is missing, and do not flood a device. */
#include "world.h"

#include "base/file.h"

static const char noon[] = "2025-06-15T12:00:00+07:00";
static const char morning[] = "2025-06-15T08:00:00+07:00";

static int listening_setup(void **state)
{
    struct world *world = world_new();
    world_crash(world);
    world->listens = true;
    world_start(world);
    *state = world;
    return 0;
}

#define WITH_LISTENER(test) cmocka_unit_test_setup_teardown(test, listening_setup, world_teardown)

static void send(struct world *world, int64_t seq)
{
    world_send_event(world, noon, "p-1", "d", seq, morning, "lesson.x", "");
}

/* Turns until `count` acknowledgements came; fails after ten seconds. */
static void wait_for_acks(struct world *world, int count)
{
    int64_t revision, until_ms = clock_steady_ms() + 10000;
    while (world->ack_count < count) {
        if (clock_steady_ms() > until_ms) {
            fail_msg("%d acknowledgements came, not %d", world->ack_count, count);
        }
        MUST(world, pipeline_turn(world->pipeline, 10, &revision, &world->error));
    }
}

static void assert_ack(const struct world *world, int number, const char *beginning)
{
    const struct ack *ack = &world->acks[number];
    assert_string_equal(ack->topic, "edu/v1/46/p-1/d/ack");
    if (strncmp(ack->payload, beginning, strlen(beginning)) != 0) {
        fail_msg("%s does not begin with %s", ack->payload, beginning);
    }
}

static void an_ack_names_what_came_and_what_is_missing(void **state)
{
    struct world *world = *state;
    static const int64_t numbers[] = {3, 4, 8, 9, 12};
    for (size_t i = 0; i < 5; i++) {
        send(world, numbers[i]);
    }
    world_count(world);
    assert_int_equal(world->ack_count, 1);
    assert_ack(world, 0, "{\"epoch\":\"e1\",\"upto\":12,\"missing\":[[1,2],[5,7],[10,11]],\"now\":");
    int64_t now_ms = strtoll(strstr(world->acks[0].payload, "\"now\":") + 6, NULL, 10);
    assert_in_range(clock_wall_ms() - now_ms, 0, 60000);
    assert_int_equal(world_counter(world, COUNTER_acks_sent), 1);
}

/* Past 64 gaps the list ends, and "upto" with it: what is not named is not acknowledged. */
static void an_ack_is_bounded_and_still_true(void **state)
{
    struct world *world = *state;
    for (int64_t seq = 1; seq <= 401; seq += 2) {
        send(world, seq);
    }
    world_count(world);
    assert_ack(world, 0, "{\"epoch\":\"e1\",\"upto\":129,\"missing\":[[2,2],");
    assert_non_null(strstr(world->acks[0].payload, "[128,128]],\"now\""));
}

static int sum_received(void *context, const struct device_row *row)
{
    *(int64_t *)context += row->received;
    return 0;
}

/* Sequences here have no gap, so what an ack covers must be what a reader finds committed at that moment. */
static void compare_with_the_store(struct world *world, const char *payload)
{
    struct store_reader *reader = NULL;
    struct error error = {0};
    int64_t received = 0;
    assert_int_equal(store_reader_open(&reader, world->settings.data_dir, &error), 0);
    assert_int_equal(store_read_devices(reader, "p-1", sum_received, &received, &error), 0);
    store_reader_close(&reader);
    assert_int_equal(strtoll(strstr(payload, "\"upto\":") + 7, NULL, 10), received);
}

static void an_ack_never_covers_what_is_not_committed(void **state)
{
    struct world *world = *state;
    int64_t revision;
    world->on_ack = compare_with_the_store;
    send(world, 1);
    MUST(world, pipeline_turn(world->pipeline, 0, &revision, &world->error));
    assert_int_equal(world->ack_count, 0); /* counted, but its commit is a minute away */
    world_count(world);
    assert_int_equal(world->ack_count, 1);
    world->settings.commit_interval_ms = 150;
    int64_t until_ms = clock_steady_ms() + 10000;
    for (int64_t seq = 2; world->ack_count < 3; seq++) {
        assert_true(clock_steady_ms() < until_ms);
        send(world, seq);
        MUST(world, pipeline_turn(world->pipeline, 5, &revision, &world->error));
    }
}

static void a_device_gets_at_most_one_ack_a_second(void **state)
{
    struct world *world = *state;
    send(world, 1);
    world_count(world);
    send(world, 2);
    world_count(world);
    send(world, 3);
    world_count(world);
    assert_int_equal(world->ack_count, 1);
    world_send_event(world, noon, "p-1", "other", 1, morning, "lesson.x", "");
    world_count(world);
    assert_int_equal(world->ack_count, 2); /* another device does not wait for it */

    wait_for_acks(world, 3);

    assert_ack(world, 2, "{\"epoch\":\"e1\",\"upto\":3,\"missing\":[],");
    assert_true(world->acks[2].at_ms - world->acks[0].at_ms >= 1000);
}

static void a_repeat_is_acknowledged_again(void **state)
{
    struct world *world = *state;
    send(world, 1);
    world_count(world);
    world_crash(world);
    world_start(world); /* a second passes for the list of acknowledgements */
    send(world, 1);
    world_count(world);
    assert_int_equal(world->ack_count, 2);
    assert_ack(world, 1, "{\"epoch\":\"e1\",\"upto\":1,\"missing\":[],");
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 0 1|");
}

static void a_birth_is_answered_with_what_is_known(void **state)
{
    struct world *world = *state;
    send(world, 1);
    send(world, 3);
    world_count(world);
    world_crash(world);
    world_start(world);
    world_send_to(world, noon, "edu/v1/46/p-1/d/state", "{\"v\":1,\"status\":\"online\",\"epoch\":\"e1\",\"seq\":5}");
    world_count(world);
    assert_int_equal(world->ack_count, 2);
    assert_ack(world, 1, "{\"epoch\":\"e1\",\"upto\":3,\"missing\":[[2,2]],");
}

static void the_birth_of_a_new_epoch_is_answered_with_nothing(void **state)
{
    struct world *world = *state;
    world_send_to(world, noon, "edu/v1/46/p-1/d/state", "{\"v\":1,\"status\":\"online\",\"epoch\":\"new\",\"seq\":0}");
    world_count(world);
    assert_ack(world, 0, "{\"epoch\":\"new\",\"upto\":0,\"missing\":[],");
    world_send_to(world, noon, "edu/v1/46/p-1/d/state", "{\"v\":1,\"status\":\"offline\",\"epoch\":\"new\"}");
    world_send_to(world, noon, "edu/v1/46/p-1/d/state", "");
    world_send_to(world, noon, "edu/v1/46/p-1/d/state", "nonsense");
    world_count(world);
    assert_int_equal(world->ack_count, 1);
    assert_string_equal(world_rejected(world), "");
}

static void what_is_set_aside_is_acknowledged_too(void **state)
{
    struct world *world = *state;
    world_send_event(world, noon, "x-9", "d", 1, morning, "lesson.x", "");
    world_send(world, noon, "x-9", "d", "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":2,\"type\":\"lesson.x\"}]}");
    world_count(world);
    assert_int_equal(world->ack_count, 1);
    assert_non_null(strstr(world->acks[0].payload, "\"upto\":2,\"missing\":[]"));
}

static void events_without_a_sequence_are_not_acknowledged(void **state)
{
    struct world *world = *state;
    world_send(world, noon, "p-1", "d", "{\"t\":\"2025-06-15T08:00:00+07:00\",\"type\":\"lesson.x\"}");
    world_count(world);
    assert_int_equal(world->ack_count, 0);
}

static void an_ack_that_nobody_takes_is_counted_and_not_waited_for(void **state)
{
    struct world *world = *state;
    world->refuse = -1;
    send(world, 1);
    world_count(world);
    assert_int_equal(world_counter(world, COUNTER_acks_failed), 1);
    assert_int_equal(world_counter(world, COUNTER_acks_sent), 0);
    world_crash(world);
    world->refuse = 0;
    world_start(world);
    send(world, 1); /* the device asks again by sending again */
    world_count(world);
    assert_int_equal(world->ack_count, 1);
}

/* Devices come and go on the list of those that wait; each gets its own answer. */
static void many_devices_get_their_own_acks(void **state)
{
    struct world *world = *state;
    char device[16];
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 25; i++) {
            snprintf(device, sizeof device, "d-%d", i);
            for (int64_t seq = 1; seq <= 1 + i % 3; seq++) {
                world_send_event(world, noon, "p-1", device, seq + 10 * (round - 1), morning, "lesson.x", "");
            }
        }
        world_count(world);
        wait_for_acks(world, 25 * round);
    }
    for (int i = 25; i < 50; i++) {
        int number = (int)strtol(strstr(world->acks[i].topic, "/d-") + 3, NULL, 10);
        char expected[80];
        snprintf(expected, sizeof expected, "{\"epoch\":\"e1\",\"upto\":%d,\"missing\":[[%d,10]],", 11 + number % 3,
                 2 + number % 3);
        assert_memory_equal(world->acks[i].payload, expected, strlen(expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LISTENER(an_ack_names_what_came_and_what_is_missing),
        WITH_LISTENER(an_ack_is_bounded_and_still_true),
        WITH_LISTENER(an_ack_never_covers_what_is_not_committed),
        WITH_LISTENER(a_device_gets_at_most_one_ack_a_second),
        WITH_LISTENER(a_repeat_is_acknowledged_again),
        WITH_LISTENER(a_birth_is_answered_with_what_is_known),
        WITH_LISTENER(the_birth_of_a_new_epoch_is_answered_with_nothing),
        WITH_LISTENER(what_is_set_aside_is_acknowledged_too),
        WITH_LISTENER(events_without_a_sequence_are_not_acknowledged),
        WITH_LISTENER(an_ack_that_nobody_takes_is_counted_and_not_waited_for),
        WITH_LISTENER(many_devices_get_their_own_acks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
