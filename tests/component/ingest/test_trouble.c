/* Ingest where connections stand and do not carry, are taken away, or do not come about for long. */
#include "bench.h"
#include "broker.h"
#include "fake_broker.h"

#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

#define EVENT "edu/v1/46/c1/d1/event"

/* A minute of the usual bounds in half a second. */
static const struct ingest_bounds quick = {
    .backoff_first_ms = 20, .backoff_most_ms = 200, .stable_ms = 100, .silence_ms = 200, .answer_ms = 300};

static void start_quick(struct broker *broker, struct bench *bench, const char *extra)
{
    broker_start(broker, extra);
    bench_init(bench, "mqtt", broker->port);
    bench->bounds = quick;
}

static void end(struct broker *broker, struct bench *bench)
{
    bench_free(bench);
    broker_stop(broker);
}

struct reached {
    const _Atomic int *count;
    int at_least;
};

static bool count_reached(void *context)
{
    const struct reached *wanted = context;
    return atomic_load(wanted->count) >= wanted->at_least;
}

static bool wait_count(const _Atomic int *count, int at_least)
{
    struct reached wanted = {count, at_least};
    return bench_wait_true(count_reached, &wanted);
}

/* As after a loss of power: the broker reads an old state of the session, and we remember more than it does. */
static void a_filter_that_the_brokers_session_lacks_is_subscribed_although_the_file_has_it(void **state)
{
    struct broker broker;
    struct bench bench;
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    bench_start_and_wait(&bench);
    bench_stop(&bench);
    write_file(bench.directory, "mqtt-filters",
               "edutally-filters 1\nclient edutally-test\nfilter edu/v1/46/+/+/event\nfilter edu/v1/46/+/+/state\n"
               "filter edu/v1/47/+/+/event\nfilter edu/v1/47/+/+/state\n");
    bench.realms[1] = strdup("47");
    bench.settings.realm_count = 2;

    bench_start_and_wait(&bench);
    broker_publish(&broker, "edu/v1/47/c1/d1/event", "of the realm that was forgotten");

    assert_true(bench_wait_payload(&bench, "of the realm that was forgotten"));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_sessions_lost), 0);
    end(&broker, &bench);
}

static void retained_states_do_not_come_again_with_every_connection(void **state)
{
    struct broker broker;
    struct bench bench;
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    char port[16];
    snprintf(port, sizeof port, "%d", broker.port);
    const char *const retain[] = {"mosquitto_pub",         "-p", port,    "-q", "1", "-r", "-t",
                                  "edu/v1/46/c1/d1/state", "-m", "birth", NULL};
    assert_int_equal(run_program(retain, NULL), 0);
    bench_start_and_wait(&bench);
    assert_true(bench_wait_payload(&bench, "birth"));
    bench_stop(&bench);

    bench_start_and_wait(&bench);
    broker_publish(&broker, EVENT, "after it");

    assert_true(bench_wait_payload(&bench, "after it"));
    assert_int_equal(bench_times(&bench, "birth"), 1);
    end(&broker, &bench);
}

#define ASKED "Received PUBLISH from edutally-test"

struct asked_again {
    const struct broker *broker;
    int times;
};

static bool was_asked_again(void *context)
{
    const struct asked_again *wanted = context;
    return broker_log_count(wanted->broker, ASKED) >= wanted->times;
}

static void a_broker_that_lets_us_subscribe_and_read_nothing_is_said_and_not_fled_from(void **state)
{
    struct broker broker;
    struct bench bench;
    char extra[128];
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    broker_kill(&broker);
    write_file(broker.directory, "acl", "topic write #\n");
    snprintf(extra, sizeof extra, "acl_file %s/acl\n", broker.directory);
    broker_restart(&broker, extra);

    bench_start_and_wait(&bench);

    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_deaf, 1));
    assert_true(bench_log_has("event=mqtt_deaf"));
    struct asked_again again = {&broker, broker_log_count(&broker, ASKED) + 3};
    assert_true(bench_wait_true(was_asked_again, &again));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_connects), 1);
    assert_true(ingest_is_connected(bench.ingest));
    end(&broker, &bench);
}

static void a_silent_broker_that_forgot_the_subscription_is_subscribed_again(void **state)
{
    struct fake_broker broker = {.refusal = FAKE_SPEAKS_5, .subscribe_unmutes = true};
    struct bench bench;
    (void)state;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);
    bench.bounds = quick;
    bench_start_and_wait(&bench);
    assert_true(wait_count(&broker.published, 2)); /* asked after a silence, and heard */
    int subscribes = atomic_load(&broker.subscribes);

    atomic_store(&broker.mute, true);

    assert_true(wait_count(&broker.subscribes, subscribes + 2));
    assert_true(wait_count(&broker.published, atomic_load(&broker.published) + 3));
    assert_int_equal(atomic_load(&broker.greetings_5), 1);
    assert_true(bench_log_has("event=mqtt_silent"));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_deaf), 0);
    bench_free(&bench);
    fake_broker_stop(&broker);
}

static bool hears_again(void *context)
{
    return bench_counter(context, COUNTER_mqtt_deaf) == 0;
}

static void a_broker_that_delivers_nothing_any_more_is_left_once_and_found_again(void **state)
{
    struct fake_broker broker = {.refusal = FAKE_SPEAKS_5};
    struct bench bench;
    (void)state;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);
    bench.bounds = quick;
    bench_start_and_wait(&bench);
    assert_true(wait_count(&broker.published, 2));

    atomic_store(&broker.mute, true);

    assert_true(wait_count(&broker.greetings_5, 2));
    assert_true(bench_log_has("the broker sends us nothing any more"));
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_deaf, 1)); /* the new one is no better: no third */
    atomic_store(&broker.mute, false);
    assert_true(bench_wait_true(hears_again, &bench));
    assert_int_equal(atomic_load(&broker.greetings_5), 2);
    bench_free(&bench);
    fake_broker_stop(&broker);
}

/* Paho 1.3.12 may see the end of the connection before the reason in front of it (paho.mqtt.c #1419): several tries. */
static void a_client_that_takes_our_id_is_a_possible_gap_and_outlived(void **state)
{
    enum { TAKEOVERS = 8 };
    struct fake_broker broker = {.refusal = FAKE_SPEAKS_5, .takeovers = TAKEOVERS};
    struct bench bench;
    (void)state;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);
    bench.bounds = quick;

    bench_start(&bench);

    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_takeovers, 1));
    assert_true(bench_log_has("event=session_taken_over"));
    assert_true(bench_counter(&bench, COUNTER_mqtt_gap_suspected_ms) > 0);
    assert_true(wait_count(&broker.greetings_5, TAKEOVERS + 1));
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connected, 1));
    assert_true(bench_wait_payload(&bench, "old"));
    bench_free(&bench);
    fake_broker_stop(&broker);
}

/* mosquitto_sub connects again a second after it was thrown out, so each of the two throws out the other; and the
 * broker does not say why. */
static void a_fight_for_the_client_id_is_said_and_outlived(void **state)
{
    struct broker broker;
    struct bench bench;
    char port[16];
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    bench.bounds.stable_ms = 30000;
    bench_start_and_wait(&bench);
    snprintf(port, sizeof port, "%d", broker.port);
    const char *const thief[] = {"mosquitto_sub", "-p", port, "-i", "edutally-test", "-q", "1", "-t", "other", NULL};

    pid_t pid = start_program(thief);
    bool fought = bench_wait_counter(&bench, COUNTER_mqtt_disconnects, 3);
    end_program(pid);

    assert_true(fought);
    assert_true(bench_log_has("event=mqtt_thrown_out times=3"));
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connected, 1));
    broker_publish(&broker, EVENT, "ours again");
    assert_true(bench_wait_payload(&bench, "ours again"));
    end(&broker, &bench);
}

static int open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* With the usual bounds these attempts take an hour; with EDUTALLY_TEST_LONG=1 as many as in a day. Paho looks at a
 * refused connection every 100 ms. */
static void a_broker_that_is_away_for_long_costs_neither_memory_nor_descriptors_and_is_found(void **state)
{
    enum { WARM = 4, ATTEMPTS = 16, ATTEMPTS_LONG = 2400, SLACK_BYTES = 16384 };
    const int attempts = getenv("EDUTALLY_TEST_LONG") == NULL ? ATTEMPTS : ATTEMPTS_LONG;
    struct broker broker;
    struct bench bench;
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    broker_kill(&broker);
    bench.bounds.backoff_first_ms = bench.bounds.backoff_most_ms = 1;
    bench_start(&bench);
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connect_failures, WARM));
    int files = open_files();
    size_t bytes = mallinfo2().uordblks;

    for (int made = WARM; made < attempts; made += WARM) { /* each step has the bound of one wait */
        assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connect_failures, made + WARM));
    }

    assert_in_range(open_files(), files - 4, files + 4);
    assert_in_range(mallinfo2().uordblks, 0, bytes + SLACK_BYTES);
    broker_restart(&broker, "");
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connected, 1));
    end(&broker, &bench);
}

static bool says_that_it_waits(void *context)
{
    (void)context;
    return bench_log_has("event=ingest_waits_for_room");
}

static void a_sink_without_room_is_not_asked_by_new_connections_until_it_has_some(void **state)
{
    struct broker broker;
    struct bench bench;
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_quick(&broker, &bench, "");
    bench.tells_room = true;
    bench_start_and_wait(&bench);
    atomic_store(&bench.refuses, true);
    broker_publish(&broker, EVENT, "waits in the broker");
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_disconnects, 1));
    broker_publish(&broker, EVENT, "waits there too");
    assert_true(bench_wait_true(says_that_it_waits, NULL));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_connects), 1);

    atomic_store(&bench.refuses, false);

    assert_true(bench_wait_payload(&bench, "waits there too"));
    assert_int_equal(bench_times(&bench, "waits in the broker"), 1);
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_sessions_lost), 0);
    end(&broker, &bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_that_the_brokers_session_lacks_is_subscribed_although_the_file_has_it),
        cmocka_unit_test(retained_states_do_not_come_again_with_every_connection),
        cmocka_unit_test(a_broker_that_lets_us_subscribe_and_read_nothing_is_said_and_not_fled_from),
        cmocka_unit_test(a_silent_broker_that_forgot_the_subscription_is_subscribed_again),
        cmocka_unit_test(a_broker_that_delivers_nothing_any_more_is_left_once_and_found_again),
        cmocka_unit_test(a_client_that_takes_our_id_is_a_possible_gap_and_outlived),
        cmocka_unit_test(a_fight_for_the_client_id_is_said_and_outlived),
        cmocka_unit_test(a_broker_that_is_away_for_long_costs_neither_memory_nor_descriptors_and_is_found),
        cmocka_unit_test(a_sink_without_room_is_not_asked_by_new_connections_until_it_has_some),
    };
    bench_capture_log();
    return bench_run_end(cmocka_run_group_tests(tests, NULL, NULL));
}
