/* The parts of ingest that need no broker. */
#include "backoff.h"
#include "bell.h"
#include "echo.h"
#include "filters.h"
#include "outbox.h"
#include "server.h"
#include "socket_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static void must_map(const char *url, const char *uri, bool tls)
{
    struct server server;
    struct error error = {0};
    assert_int_equal(server_parse(&server, url, &error), 0);
    assert_string_equal(server.uri, uri);
    assert_int_equal(server.tls, tls);
}

static void must_refuse(const char *url, const char *reason)
{
    struct server server;
    struct error error = {0};
    assert_int_equal(server_parse(&server, url, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.text, reason));
}

static void addresses_of_all_schemes_are_mapped_with_their_ports(void **state)
{
    (void)state;
    must_map("mqtt://broker", "tcp://broker:1883", false);
    must_map("mqtt://127.0.0.1:1884", "tcp://127.0.0.1:1884", false);
    must_map("mqtt://broker/", "tcp://broker:1883", false);
    must_map("mqtts://broker.example", "ssl://broker.example:8883", true);
    must_map("mqtts://[::1]", "ssl://[::1]:8883", true);
    must_map("mqtt://[fe80::1]:2000", "tcp://[fe80::1]:2000", false);
    must_map("ws://broker/mqtt", "ws://broker:80/mqtt", false);
    must_map("wss://broker/a/b", "wss://broker:443/a/b", true);
    must_map("wss://broker:8084", "wss://broker:8084", true);
}

static void addresses_that_are_none_are_refused_with_a_remedy(void **state)
{
    (void)state;
    must_refuse("broker:1883", "no scheme");
    must_refuse("tcp://broker:1883", "no scheme");
    must_refuse("", "no scheme");
    must_refuse("mqtt://", "HOST:PORT");
    must_refuse("mqtt://:1883", "HOST:PORT");
    must_refuse("mqtt://broker:", "HOST:PORT");
    must_refuse("mqtt://broker:0", "HOST:PORT");
    must_refuse("mqtt://broker:65536", "HOST:PORT");
    must_refuse("mqtt://broker:18x", "HOST:PORT");
    must_refuse("mqtt://broker:-1", "HOST:PORT");
    must_refuse("mqtt://[::1", "HOST:PORT");
    must_refuse("mqtt://[]:1", "HOST:PORT");
    must_refuse("mqtt://broker/path", "path");
    must_refuse("mqtt://user:secret@broker", "mqtt.username");
}

static void a_secret_in_an_address_is_not_repeated(void **state)
{
    struct server server;
    struct error error = {0};
    (void)state;
    server_parse(&server, "mqtt://user:secret@broker", &error);
    assert_null(strstr(error.text, "secret"));
}

static void the_socket_is_read_from_the_trace_of_its_own_client(void **state)
{
    (void)state;
    const char *line = "20261005 083000.000 17 edutally-46 -> CONNECT version 5 clean: 0 (0)";
    assert_int_equal(socket_watch_read(line, "edutally-46"), 17);
    assert_int_equal(socket_watch_read(line, "46"), -1);
    assert_int_equal(socket_watch_read(line, "other"), -1);
    assert_int_equal(socket_watch_read("20261005 083000.000 17 edutally-46 <- CONNACK rc: 0", "edutally-46"), -1);
    assert_int_equal(socket_watch_read("x edutally-46 -> CONNECT version 5", "edutally-46"), -1);
    assert_int_equal(socket_watch_read(" -> CONNECT ", "edutally-46"), -1);
    assert_int_equal(socket_watch_read("", "edutally-46"), -1);
}

static void waits_stay_below_a_bound_that_doubles(void **state)
{
    struct backoff backoff = {.first_ms = 1000, .most_ms = 60000};
    (void)state;
    int64_t bound_ms = 1000;
    for (int i = 0; i < 20; i++) {
        int64_t wait_ms = backoff_next_ms(&backoff);
        assert_true(wait_ms >= 0 && wait_ms < bound_ms);
        bound_ms = bound_ms * 2 > 60000 ? 60000 : bound_ms * 2;
    }
    backoff_reset(&backoff);
    assert_true(backoff_next_ms(&backoff) < 1000);
}

static void waits_differ(void **state)
{
    int64_t most_ms = 0;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct backoff backoff = {.first_ms = 1000, .most_ms = 60000, .tries = 6};
        int64_t wait_ms = backoff_next_ms(&backoff);
        most_ms = wait_ms > most_ms ? wait_ms : most_ms;
    }
    assert_true(most_ms > 30000); /* fails once in 2^200 runs */
}

static void make_directory(char *path, size_t size)
{
    snprintf(path, size, "/tmp/edutally-parts-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static void the_list_of_filters_survives_and_belongs_to_its_client_id(void **state)
{
    char directory[64], path[96];
    char *realms[] = {(char[]){"46"}, (char[]){"47"}};
    struct filters wanted, stored;
    bool known = false;
    (void)state;
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/mqtt-filters", directory);
    assert_int_equal(filters_wanted(&wanted, realms, 2, NULL), 0);
    assert_int_equal(wanted.count, 4);

    assert_int_equal(filters_save(&wanted, path, "edutally-46", NULL), 0);

    assert_int_equal(filters_load(&stored, &known, path, "edutally-46", NULL), 0);
    assert_true(known);
    assert_true(filters_equal(&wanted, &stored));
    filters_free(&stored);
    assert_int_equal(filters_load(&stored, &known, path, "another", NULL), 0);
    assert_false(known);
    assert_int_equal(stored.count, 0);
    filters_free(&wanted);
    unlink(path);
    rmdir(directory);
}

static void a_file_of_filters_that_is_none_is_as_good_as_absent(void **state)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "garbage",
                                        "edutally-filters 2\nclient c\nfilter a\n",
                                        "edutally-filters 1\nfilter a\n",
                                        "edutally-filters 1\nclient c"};
    char directory[64], path[96];
    (void)state;
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/mqtt-filters", directory);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct filters stored;
        bool known = true;
        assert_int_equal(file_replace(path, texts[i], strlen(texts[i]), 0600, NULL), 0);
        assert_int_equal(filters_load(&stored, &known, path, "c", NULL), 0);
        assert_false(known);
        filters_free(&stored);
    }
    unlink(path);
    rmdir(directory);
}

static void the_outbox_is_bounded_and_keeps_what_was_under_way(void **state)
{
    struct bell bell;
    struct outbox outbox;
    (void)state;
    assert_int_equal(bell_init(&bell), 0);
    outbox_init(&outbox, &bell);
    for (int i = 0; i < OUTBOX_MESSAGES; i++) {
        assert_int_equal(outbox_add(&outbox, "t", "x", 1, 1, false), 0);
    }
    assert_int_equal(outbox_add(&outbox, "t", "x", 1, 1, false), ERROR_BUSY);

    struct outbox_message *first = outbox_take(&outbox);
    for (int i = 1; i < OUTBOX_UNDER_WAY; i++) {
        assert_non_null(outbox_take(&outbox));
    }
    assert_null(outbox_take(&outbox));
    outbox_done(first);
    struct outbox_message *next = outbox_take(&outbox);
    assert_non_null(next);
    outbox_take_back(&outbox);

    assert_ptr_not_equal(outbox_take(&outbox), next); /* the oldest come first again */
    assert_int_equal(outbox.messages, OUTBOX_MESSAGES - 1);
    outbox_free(&outbox);
    bell_destroy(&bell);
}

static void the_outbox_is_bounded_in_bytes(void **state)
{
    static char large[1 << 20];
    struct bell bell;
    struct outbox outbox;
    int taken = 0;
    (void)state;
    assert_int_equal(bell_init(&bell), 0);
    outbox_init(&outbox, &bell);
    while (outbox_add(&outbox, "t", large, sizeof large, 0, false) == 0) {
        taken++;
    }
    assert_int_equal(taken, OUTBOX_BYTES / (int)sizeof large - 1);
    outbox_free(&outbox);
    bell_destroy(&bell);
}

/* Silence 60, answer 30. */
static struct echo new_echo(void)
{
    struct echo echo = {.silence_ms = 60, .answer_ms = 30};
    echo_begin(&echo, 1000);
    return echo;
}

static void an_echo_that_comes_is_asked_for_again_after_a_silence_only(void **state)
{
    struct echo echo = new_echo();
    (void)state;
    echo_hear(&echo, 1010, true);
    assert_int_equal(echo_next(&echo, 1011), ECHO_WAIT);
    assert_int_equal(echo_due_ms(&echo), 1070);
    echo_hear(&echo, 1050, false);
    assert_int_equal(echo_next(&echo, 1109), ECHO_WAIT);
    assert_int_equal(echo_next(&echo, 1110), ECHO_ASK);
}

static void an_echo_that_came_once_and_stays_away_ends_the_connection_once(void **state)
{
    struct echo echo = new_echo();
    (void)state;
    echo_hear(&echo, 1000, true);
    assert_int_equal(echo_next(&echo, 1001), ECHO_WAIT);
    assert_int_equal(echo_next(&echo, 1060), ECHO_ASK);
    echo_asked(&echo, 1060);
    assert_int_equal(echo_next(&echo, 1089), ECHO_WAIT);
    assert_int_equal(echo_next(&echo, 1090), ECHO_SUBSCRIBE);
    echo_asked(&echo, 1090);
    assert_int_equal(echo_next(&echo, 1120), ECHO_RECONNECT);
    echo_begin(&echo, 1130);
    assert_int_equal(echo_next(&echo, 1160), ECHO_SUBSCRIBE);
    echo_asked(&echo, 1160);
    assert_int_equal(echo_next(&echo, 1190), ECHO_DEAF);
    assert_int_equal(echo_next(&echo, 1190), ECHO_ASK);
    echo_asked(&echo, 1190);
    assert_int_equal(echo_next(&echo, 1220), ECHO_WAIT);
    echo_hear(&echo, 1230, false);
    echo_asked(&echo, 1221);
    assert_int_equal(echo_next(&echo, 1231), ECHO_HEARD);
}

static void any_message_answers_the_question_whether_messages_come(void **state)
{
    struct echo echo = new_echo();
    (void)state;
    echo_hear(&echo, 1029, false);
    assert_int_equal(echo_next(&echo, 1030), ECHO_WAIT);
    assert_int_equal(echo_next(&echo, 1031), ECHO_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_all_schemes_are_mapped_with_their_ports),
        cmocka_unit_test(addresses_that_are_none_are_refused_with_a_remedy),
        cmocka_unit_test(a_secret_in_an_address_is_not_repeated),
        cmocka_unit_test(the_socket_is_read_from_the_trace_of_its_own_client),
        cmocka_unit_test(waits_stay_below_a_bound_that_doubles),
        cmocka_unit_test(waits_differ),
        cmocka_unit_test(the_list_of_filters_survives_and_belongs_to_its_client_id),
        cmocka_unit_test(a_file_of_filters_that_is_none_is_as_good_as_absent),
        cmocka_unit_test(the_outbox_is_bounded_and_keeps_what_was_under_way),
        cmocka_unit_test(the_outbox_is_bounded_in_bytes),
        cmocka_unit_test(an_echo_that_comes_is_asked_for_again_after_a_silence_only),
        cmocka_unit_test(an_echo_that_came_once_and_stays_away_ends_the_connection_once),
        cmocka_unit_test(any_message_answers_the_question_whether_messages_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
