/* Ingest against brokers that say no: to the version, the password, the subscription, the certificate. */
#include "bench.h"
#include "broker.h"
#include "fake_broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void falls_back(enum fake_refusal refusal)
{
    struct fake_broker broker = {.refusal = refusal};
    struct bench bench;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);

    bench_start_and_wait(&bench);
    assert_true(bench_wait_payload(&bench, "old"));
    bench_stop(&bench);

    assert_int_equal(atomic_load(&broker.greetings_5), 1);
    assert_int_equal(atomic_load(&broker.greetings_4), 1);
    assert_true(atomic_load(&broker.acknowledged) >= bench_times(&bench, "old"));
    bench_free(&bench);
    fake_broker_stop(&broker);
}

static void a_broker_that_refuses_mqtt_5_is_served_in_3_1_1(void **state)
{
    (void)state;
    falls_back(FAKE_REFUSES_WITH_84);
}

static void a_broker_that_answers_mqtt_5_in_the_old_format_is_served_in_3_1_1(void **state)
{
    (void)state;
    falls_back(FAKE_REFUSES_WITH_1);
}

static void a_broker_that_hangs_up_on_mqtt_5_is_served_in_3_1_1(void **state)
{
    (void)state;
    falls_back(FAKE_CLOSES);
}

/* One filter is refused once, the other is not. */
static void refuses_a_filter(enum fake_refusal refusal, const char *reason)
{
    struct fake_broker broker = {.refusal = refusal, .subacks_refused = 1};
    struct bench bench;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);

    bench_start_and_wait(&bench);

    assert_true(bench_log_has("event=mqtt_subscribe_failed filter=\"edu/v1/46/+/+/event\""));
    assert_true(bench_log_has(reason));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_connects), 1); /* the connection stood all the time */
    assert_true(atomic_load(&broker.subscribes) >= 4);
    bench_free(&bench);
    fake_broker_stop(&broker);
}

static void a_broker_that_spoke_mqtt_5_and_hangs_up_is_not_greeted_in_3_1_1(void **state)
{
    struct fake_broker broker = {.refusal = FAKE_SPEAKS_5, .takeovers = 1};
    struct bench bench;
    (void)state;
    fake_broker_start(&broker);
    bench_init(&bench, "mqtt", broker.port);
    bench.bounds.backoff_first_ms = bench.bounds.backoff_most_ms = 1;
    atomic_store(&broker.hang_ups, 2); /* after the first connection, which "takeovers" ends */

    bench_start(&bench);

    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connects, 2));
    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connected, 1));
    assert_int_equal(bench_counter(&bench, COUNTER_mqtt_connect_failures), 2);
    assert_int_equal(atomic_load(&broker.greetings_4), 0);
    bench_free(&bench);
    fake_broker_stop(&broker);
}

static void a_refused_subscription_is_logged_and_asked_for_again(void **state)
{
    (void)state;
    refuses_a_filter(FAKE_CLOSES, "code 128");
}

static void a_subscription_refused_in_mqtt_5_is_logged_with_its_reason_and_asked_for_again(void **state)
{
    (void)state;
    refuses_a_filter(FAKE_SPEAKS_5, "Not authorized (code 135)");
}

/* A broker with one user, "collector", whose password is "right". */
static void start_with_password(struct broker *broker, struct bench *bench, const char *password)
{
    char path[128], extra[256];
    broker_start(broker, "");
    broker_kill(broker);
    snprintf(path, sizeof path, "%s/passwords", broker->directory);
    const char *const arguments[] = {"mosquitto_passwd", "-c", "-b", path, "collector", "right", NULL};
    assert_int_equal(run_program(arguments, NULL), 0);
    snprintf(extra, sizeof extra, "allow_anonymous false\npassword_file %s\n", path);
    broker_restart(broker, extra);
    bench_init(bench, "mqtt", broker->port);
    write_file(bench->directory, "password", password);
    snprintf(path, sizeof path, "%s/password", bench->directory);
    bench->settings.mqtt_username = strdup("collector");
    bench->settings.mqtt_password_file = strdup(path);
}

static bool connect_failure_is_logged(void *context)
{
    (void)context;
    return bench_log_has("event=mqtt_connect_failed");
}

static void a_wrong_password_is_logged_and_read_again_at_the_next_try(void **state)
{
    struct broker broker;
    struct bench bench;
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_with_password(&broker, &bench, "wrong\n");
    bench_start(&bench);
    assert_true(bench_wait_true(connect_failure_is_logged, NULL));
    assert_true(bench_log_has("uthori")); /* the broker's own word: "Not authorized" */
    assert_false(ingest_is_connected(bench.ingest));

    write_file(bench.directory, "password", "right\n");

    assert_true(bench_wait_counter(&bench, COUNTER_mqtt_connected, 1));
    assert_false(bench_log_has("wrong"));
    bench_free(&bench);
    broker_stop(&broker);
}

static void a_probe_tells_a_good_broker_from_a_bad_one(void **state)
{
    struct broker broker;
    struct bench bench;
    struct error error = {0};
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    start_with_password(&broker, &bench, "right");
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), 0);

    write_file(bench.directory, "password", "wrong");
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), ERROR_IO);
    assert_non_null(strstr(error.text, "uthori"));

    broker_kill(&broker);
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), ERROR_IO);
    assert_string_not_equal(error.text, "");
    bench_free(&bench);
    broker_stop(&broker);
}

static void a_missing_password_file_is_a_fault_of_the_configuration(void **state)
{
    struct bench bench;
    struct error error = {0};
    const struct ingest_sink no_sink = {0};
    (void)state;
    bench_init(&bench, "mqtt", 1);
    bench.settings.mqtt_password_file = strdup("/nonexistent/password");

    int result = ingest_start(&bench.ingest, &bench.settings, bench.directory, &bench.counters, &no_sink, &error);

    assert_int_equal(result, ERROR_CONFIG);
    assert_non_null(strstr(error.text, "/nonexistent/password"));
    assert_null(bench.ingest);
    bench_free(&bench);
}

/* A certificate for 127.0.0.1 that signs itself; false if there is no openssl here. */
static bool make_certificate(const char *directory, const char *name, const char *address)
{
    char key[128], certificate[128], extension[64];
    snprintf(key, sizeof key, "%s/%s.key", directory, name);
    snprintf(certificate, sizeof certificate, "%s/%s.pem", directory, name);
    snprintf(extension, sizeof extension, "subjectAltName=%s", address);
    const char *const arguments[] = {
        "openssl",   "req",   "-x509", "-newkey", "rsa:2048",          "-nodes",  "-keyout", key, "-out",
        certificate, "-days", "2",     "-subj",   "/CN=edutally-test", "-addext", extension, NULL};
    return run_program(arguments, NULL) == 0;
}

static void start_with_tls(struct broker *broker, const char *name)
{
    char extra[512];
    broker_kill(broker);
    snprintf(extra, sizeof extra, "listener PORT 127.0.0.1\ncertfile %s/%s.pem\nkeyfile %s/%s.key\n", broker->directory,
             name, broker->directory, name);
    broker_restart(broker, extra);
}

static void tls_takes_the_right_certificate_and_no_other(void **state)
{
    struct broker broker;
    struct bench bench;
    char path[128];
    struct error error = {0};
    (void)state;
    if (broker_program() == NULL) {
        skip();
    }
    broker_start(&broker, "");
    if (!make_certificate(broker.directory, "good", "IP:127.0.0.1")) {
        print_message("left out: openssl makes no certificate (apt install openssl)\n");
        broker_stop(&broker);
        skip();
    }
    assert_true(make_certificate(broker.directory, "other", "DNS:elsewhere.example"));
    start_with_tls(&broker, "good");
    bench_init(&bench, "mqtts", broker.port);
    snprintf(path, sizeof path, "%s/good.pem", broker.directory);
    bench.settings.mqtt_ca_file = strdup(path);
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), 0);

    free(bench.settings.mqtt_ca_file);
    bench.settings.mqtt_ca_file = NULL; /* the system's authorities did not sign it */
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), ERROR_IO);
    assert_non_null(strstr(error.text, "TLS: self-signed certificate"));

    start_with_tls(&broker, "other"); /* trusted, but made for another host */
    snprintf(path, sizeof path, "%s/other.pem", broker.directory);
    bench.settings.mqtt_ca_file = strdup(path);
    assert_int_equal(ingest_probe(&bench.settings, 5000, &error), ERROR_IO);
    assert_non_null(strstr(error.text, "TLS: IP address mismatch"));
    bench_free(&bench);
    broker_stop(&broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_that_refuses_mqtt_5_is_served_in_3_1_1),
        cmocka_unit_test(a_broker_that_answers_mqtt_5_in_the_old_format_is_served_in_3_1_1),
        cmocka_unit_test(a_broker_that_hangs_up_on_mqtt_5_is_served_in_3_1_1),
        cmocka_unit_test(a_broker_that_spoke_mqtt_5_and_hangs_up_is_not_greeted_in_3_1_1),
        cmocka_unit_test(a_refused_subscription_is_logged_and_asked_for_again),
        cmocka_unit_test(a_subscription_refused_in_mqtt_5_is_logged_with_its_reason_and_asked_for_again),
        cmocka_unit_test(a_wrong_password_is_logged_and_read_again_at_the_next_try),
        cmocka_unit_test(a_probe_tells_a_good_broker_from_a_bad_one),
        cmocka_unit_test(a_missing_password_file_is_a_fault_of_the_configuration),
        cmocka_unit_test(tls_takes_the_right_certificate_and_no_other),
    };
    bench_capture_log();
    return bench_run_end(cmocka_run_group_tests(tests, NULL, NULL));
}
