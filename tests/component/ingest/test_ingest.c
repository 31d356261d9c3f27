/* Ingest against a real mosquitto. */
#include "bench.h"
#include "broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

#define EVENT "edu/v1/46/c1/d1/event"

struct fixture {
    struct broker broker;
    struct bench bench;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    if (fixture == NULL || broker_program() == NULL) {
        return 0;
    }
    broker_start(&fixture->broker, "");
    bench_init(&fixture->bench, "mqtt", fixture->broker.port);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->broker.port != 0) {
        bench_free(&fixture->bench);
        broker_stop(&fixture->broker);
    }
    free(fixture);
    return 0;
}

static struct fixture *given(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->broker.port == 0) {
        skip();
    }
    return fixture;
}

static bool own_state_was_acknowledged(void *context)
{
    const struct fixture *fixture = context;
    return broker_log_count(&fixture->broker, "Received PUBACK from edutally-test") >= 1;
}

/* From here on a PUBACK is for a message of others: the collector's own state has come back to it. */
static void start_and_hear_the_own_state(struct fixture *fixture)
{
    bench_start_and_wait(&fixture->bench);
    assert_true(bench_wait_true(own_state_was_acknowledged, fixture));
}

static void qos_1_messages_of_the_realm_reach_the_sink_and_are_acknowledged(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);

    broker_publish(&f->broker, EVENT, "one");
    broker_publish(&f->broker, "edu/v1/46/c1/d1/state", "birth");
    broker_publish(&f->broker, "edu/v1/99/c1/d1/event", "other realm");
    broker_publish(&f->broker, EVENT, "two");

    assert_true(bench_wait_payload(&f->bench, "two"));
    assert_int_equal(bench_times(&f->bench, "one"), 1);
    assert_int_equal(bench_times(&f->bench, "birth"), 1);
    assert_int_equal(bench_times(&f->bench, "other realm"), 0);
    assert_string_equal(f->bench.topics[0], EVENT);
    assert_true(bench_wait_counter(&f->bench, COUNTER_messages_received, 3));
    assert_int_equal(bench_counter(&f->bench, COUNTER_messages_repeated), 0);
    assert_true(bench_counter(&f->bench, COUNTER_mqtt_last_message_ms) > 0);
    assert_true(ingest_is_connected(f->bench.ingest));
}

static void messages_published_while_away_arrive_on_return(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    bench_stop(&f->bench);

    broker_publish(&f->broker, EVENT, "while away");
    bench_start_and_wait(&f->bench);

    assert_true(bench_wait_payload(&f->bench, "while away"));
    assert_int_equal(broker_log_count(&f->broker, "Received SUBSCRIBE from edutally-test"),
                     4); /* both filters, each time */
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_sessions_lost), 0);
}

static void a_session_that_the_broker_lost_is_counted_and_subscribed_again(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);

    broker_restart(&f->broker, "");
    assert_true(bench_wait_counter(&f->bench, COUNTER_mqtt_connects, 2));
    assert_true(bench_wait_counter(&f->bench, COUNTER_mqtt_connected, 1));
    broker_publish(&f->broker, EVENT, "after the loss");

    assert_true(bench_wait_payload(&f->bench, "after the loss"));
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_sessions_lost), 1);
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_disconnects), 1);
    assert_true(bench_log_has("event=session_lost"));
}

static void a_first_connection_is_no_lost_session(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_sessions_lost), 0);
}

static void another_client_id_is_another_session(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    bench_stop(&f->bench);

    free(f->bench.settings.mqtt_client_id);
    f->bench.settings.mqtt_client_id = strdup("edutally-new");
    bench_start_and_wait(&f->bench);

    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_sessions_lost), 0);
}

static void a_realm_taken_out_of_the_configuration_is_unsubscribed(void **state)
{
    struct fixture *f = given(state);
    f->bench.realms[1] = strdup("47");
    f->bench.settings.realm_count = 2;
    bench_start_and_wait(&f->bench);
    bench_stop(&f->bench);

    f->bench.settings.realm_count = 1;
    bench_start_and_wait(&f->bench);
    broker_publish(&f->broker, "edu/v1/47/c1/d1/event", "removed");
    broker_publish(&f->broker, EVENT, "kept");

    assert_true(bench_wait_payload(&f->bench, "kept"));
    assert_int_equal(bench_times(&f->bench, "removed"), 0);
    assert_int_equal(broker_log_count(&f->broker, "Received UNSUBSCRIBE from edutally-test"), 2);
}

static void a_realm_added_to_the_configuration_is_subscribed_in_the_old_session(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    bench_stop(&f->bench);

    f->bench.realms[1] = strdup("47");
    f->bench.settings.realm_count = 2;
    bench_start_and_wait(&f->bench);
    broker_publish(&f->broker, "edu/v1/47/c1/d1/event", "added");

    assert_true(bench_wait_payload(&f->bench, "added"));
}

static void a_message_that_the_sink_refuses_is_not_acknowledged_and_comes_again(void **state)
{
    struct fixture *f = given(state);
    start_and_hear_the_own_state(f);
    atomic_store(&f->bench.refuses, true);

    broker_publish(&f->broker, EVENT, "first");
    broker_publish(&f->broker, EVENT, "second");
    assert_true(bench_wait_counter(&f->bench, COUNTER_mqtt_disconnects, 1));

    assert_int_equal(broker_log_count(&f->broker, "Received PUBACK from edutally-test"), 1);
    assert_true(atomic_load(&f->bench.offers) > 1);
    assert_true(bench_log_has("event=ingest_held"));

    atomic_store(&f->bench.refuses, false);
    assert_true(bench_wait_payload(&f->bench, "second"));
    assert_int_equal(bench_times(&f->bench, "first"), 1);
    assert_true(bench_counter(&f->bench, COUNTER_messages_repeated) >= 1);
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_sessions_lost), 0);
}

static void a_sink_that_has_room_again_in_time_costs_no_connection(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    atomic_store(&f->bench.refuses, true);

    broker_publish(&f->broker, EVENT, "patience");
    assert_true(bench_wait_offers(&f->bench, 3));
    atomic_store(&f->bench.refuses, false);

    assert_true(bench_wait_payload(&f->bench, "patience"));
    assert_int_equal(bench_counter(&f->bench, COUNTER_mqtt_disconnects), 0);
}

static void publishing_does_not_wait_for_the_sink(void **state)
{
    struct fixture *f = given(state);
    bench_start_and_wait(&f->bench);
    atomic_store(&f->bench.refuses, true);
    broker_publish(&f->broker, EVENT, "held");
    assert_true(bench_wait_offers(&f->bench, 1));

    int64_t began_ms = clock_steady_ms();
    int result = ingest_publish(f->bench.ingest, "edu/v1/46/c1/d1/ack", "{}", 2, 1, false);

    assert_int_equal(result, 0);
    assert_true(clock_steady_ms() - began_ms < 500);
    atomic_store(&f->bench.refuses, false);
}

static void stopping_while_the_sink_refuses_is_prompt_and_acknowledges_nothing(void **state)
{
    struct fixture *f = given(state);
    start_and_hear_the_own_state(f);
    atomic_store(&f->bench.refuses, true);
    broker_publish(&f->broker, EVENT, "kept by the broker");
    assert_true(bench_wait_offers(&f->bench, 1));

    int64_t began_ms = clock_steady_ms();
    bench_stop(&f->bench);
    assert_true(clock_steady_ms() - began_ms < 1800);
    assert_int_equal(broker_log_count(&f->broker, "Received PUBACK from edutally-test"), 1);

    atomic_store(&f->bench.refuses, false);
    bench_start_and_wait(&f->bench);
    assert_true(bench_wait_payload(&f->bench, "kept by the broker"));
}

static void what_is_published_reaches_the_broker(void **state)
{
    struct fixture *f = given(state);
    char text[64];
    bench_start_and_wait(&f->bench);

    assert_int_equal(ingest_publish(f->bench.ingest, "edu/v1/46/c1/adoption", "yes", 3, 1, true), 0);

    assert_true(broker_read_one(&f->broker, "edu/v1/46/c1/adoption", text, sizeof text));
    assert_string_equal(text, "yes");
}

static void many_messages_leave_at_once(void **state)
{
    enum { MANY = 2000 };
    struct fixture *f = given(state);
    char text[64], payload[16];
    bench_start_and_wait(&f->bench);

    for (int i = 0; i < MANY; i++) {
        int length = snprintf(payload, sizeof payload, "%d", i);
        assert_int_equal(ingest_publish(f->bench.ingest, "edu/v1/46/c1/d1/ack", payload, (size_t)length, i % 2, false),
                         0);
    }
    assert_int_equal(ingest_publish(f->bench.ingest, "edu/v1/46/c1/adoption", "last", 4, 1, true), 0);

    assert_true(broker_read_one(&f->broker, "edu/v1/46/c1/adoption", text, sizeof text));
    assert_string_equal(text, "last");
    assert_true(broker_log_count(&f->broker, "Received PUBLISH from edutally-test") >= MANY);
}

static void publishing_without_a_broker_is_busy(void **state)
{
    struct fixture *f = given(state);
    broker_kill(&f->broker);
    bench_start(&f->bench);
    assert_int_equal(ingest_publish(f->bench.ingest, "t", "x", 1, 1, false), ERROR_BUSY);
}

static void the_collectors_own_state_is_said_but_never_heard(void **state)
{
    struct fixture *f = given(state);
    char text[64];
    bench_start_and_wait(&f->bench);
    assert_true(broker_read_one(&f->broker, "edu/v1/46/collector/edutally-test/state", text, sizeof text));
    assert_string_equal(text, "{\"v\":1,\"status\":\"online\"}");
    broker_publish(&f->broker, "edu/v1/46/collector/another/state", "another collector's");
    broker_publish(&f->broker, EVENT, "a centre's");
    assert_true(bench_wait_payload(&f->bench, "a centre's"));

    bench_stop(&f->bench);

    assert_true(broker_read_one(&f->broker, "edu/v1/46/collector/edutally-test/state", text, sizeof text));
    assert_string_equal(text, "{\"v\":1,\"status\":\"offline\"}");
    assert_int_equal(f->bench.count, 1);
}

static void web_sockets_work_too(void **state)
{
    struct fixture *f = given(state);
    struct broker broker;
    struct bench bench;
    char listeners[160];
    (void)f;
    /* mosquitto 2.0.11 wants one listener of the plain kind, and binds web sockets to one address only if told so. */
    snprintf(listeners, sizeof listeners,
             "listener PORT 127.0.0.1\nprotocol websockets\nsocket_domain ipv4\nlistener %d 127.0.0.1\n", free_port());
    broker_start(&broker, listeners);
    bench_init(&bench, "ws", broker.port);

    bench_start_and_wait(&bench);

    assert_true(ingest_is_connected(bench.ingest));
    bench_free(&bench);
    broker_stop(&broker);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(qos_1_messages_of_the_realm_reach_the_sink_and_are_acknowledged),
        TEST(messages_published_while_away_arrive_on_return),
        TEST(a_session_that_the_broker_lost_is_counted_and_subscribed_again),
        TEST(a_first_connection_is_no_lost_session),
        TEST(another_client_id_is_another_session),
        TEST(a_realm_taken_out_of_the_configuration_is_unsubscribed),
        TEST(a_realm_added_to_the_configuration_is_subscribed_in_the_old_session),
        TEST(a_message_that_the_sink_refuses_is_not_acknowledged_and_comes_again),
        TEST(a_sink_that_has_room_again_in_time_costs_no_connection),
        TEST(publishing_does_not_wait_for_the_sink),
        TEST(stopping_while_the_sink_refuses_is_prompt_and_acknowledges_nothing),
        TEST(what_is_published_reaches_the_broker),
        TEST(many_messages_leave_at_once),
        TEST(publishing_without_a_broker_is_busy),
        TEST(the_collectors_own_state_is_said_but_never_heard),
        TEST(web_sockets_work_too),
    };
    bench_capture_log();
    return bench_run_end(cmocka_run_group_tests(tests, NULL, NULL));
}
