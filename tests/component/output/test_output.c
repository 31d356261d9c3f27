/* An output's thread, between a store that the test fills and a server that the test scripts. */
#include "fake_store.h"
#include "http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "output/output.h"

enum { BOUND_MS = 15000 };

struct bench {
    struct http_server server;
    char url[64];
    struct settings_output settings;
    struct zone *zone;
    struct counters counters;
    struct output_sink sink;
    struct output *output;
    pthread_mutex_t lock;
    int64_t saved;
    bool saved_backwards;
    int refused;
    _Atomic bool refuses; /* the server says 401 */
};

static void save_cursor(void *context, const char *output, const char *series, int64_t revision)
{
    struct bench *bench = context;
    pthread_mutex_lock(&bench->lock);
    if (strcmp(output, "test") == 0 && strcmp(series, "usage") == 0) {
        bench->saved_backwards = bench->saved_backwards || revision <= bench->saved;
        bench->saved = revision;
    }
    pthread_mutex_unlock(&bench->lock);
}

static void refused(void *context, const char *output, const char *line, const char *reason)
{
    struct bench *bench = context;
    (void)output, (void)line, (void)reason;
    pthread_mutex_lock(&bench->lock);
    bench->refused++;
    pthread_mutex_unlock(&bench->lock);
}

static int64_t saved(struct bench *bench)
{
    pthread_mutex_lock(&bench->lock);
    int64_t revision = bench->saved;
    pthread_mutex_unlock(&bench->lock);
    return revision;
}

static void open_bench(struct bench *bench,
                       struct http_answer (*rule)(void *context, const struct http_request *request))
{
    static char name[] = "test", database[] = "e";
    memset(bench, 0, sizeof *bench);
    http_server_start(&bench->server, rule, bench);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%d", bench->server.port);
    bench->settings = (struct settings_output){.name = name,
                                               .type = OUTPUT_INFLUXDB1,
                                               .url = bench->url,
                                               .database = database,
                                               .gzip = true,
                                               .batch_points = 100,
                                               .timeout_ms = 30000};
    bench->sink = (struct output_sink){.context = bench, .save_cursor = save_cursor, .refused = refused};
    pthread_mutex_init(&bench->lock, NULL);
    assert_int_equal(zone_open(&bench->zone, "Asia/Ho_Chi_Minh", NULL), 0);
}

static void start(struct bench *bench)
{
    struct error error = {0};
    assert_int_equal(
        output_start(&bench->output, &bench->settings, "unused", bench->zone, &bench->counters, &bench->sink, &error),
        0);
}

static void close_bench(struct bench *bench)
{
    output_stop(&bench->output);
    http_server_stop(&bench->server);
    zone_close(&bench->zone);
    pthread_mutex_destroy(&bench->lock);
}

static bool wait_true(bool (*condition)(struct bench *bench, int64_t value), struct bench *bench, int64_t value)
{
    int64_t until_ms = clock_steady_ms() + BOUND_MS;
    while (!condition(bench, value)) {
        if (clock_steady_ms() > until_ms) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return true;
}

static bool is_saved(struct bench *bench, int64_t revision)
{
    return saved(bench) >= revision;
}

static bool is_asked(struct bench *bench, int64_t requests)
{
    return atomic_load(&bench->server.requests) >= requests;
}

static bool is_unhealthy(struct bench *bench, int64_t unused)
{
    struct output_status status;
    (void)unused;
    output_get_status(bench->output, &status);
    return !status.healthy;
}

static void every_row_is_written_and_the_cursor_kept(void **state)
{
    struct bench bench;
    struct output_status status;
    (void)state;
    fake_store_reset(false);
    for (int i = 0; i < 250; i++) {
        fake_store_add(i, 1 + i / 60);
    }
    open_bench(&bench, http_takes_all);

    start(&bench);

    assert_true(wait_true(is_saved, &bench, 5));
    assert_int_equal(http_server_lines(&bench.server), 250);
    assert_int_equal(http_server_count(&bench.server, "usage,activity=teaching,centre=c249. events=5i"), 1);
    assert_false(bench.saved_backwards);
    output_stop(&bench.output); /* all figures stand */
    assert_int_equal(counter_get(&bench.counters, COUNTER_output_points), 250);
    assert_int_equal(counter_get(&bench.counters, COUNTER_output_requests), 3);
    start(&bench);
    output_get_status(bench.output, &status);
    assert_true(status.healthy);
    close_bench(&bench);
}

static void a_wake_brings_what_is_new_and_no_more(void **state)
{
    struct bench bench;
    (void)state;
    fake_store_reset(false);
    fake_store_add(1, 1);
    open_bench(&bench, http_takes_all);
    start(&bench);
    assert_true(wait_true(is_saved, &bench, 1));

    fake_store_add(2, 2);
    output_wake(bench.output);

    assert_true(wait_true(is_saved, &bench, 2));
    assert_int_equal(http_server_lines(&bench.server), 2);
    close_bench(&bench);
}

static void a_kept_cursor_is_where_it_goes_on(void **state)
{
    struct bench bench;
    (void)state;
    fake_store_reset(false);
    fake_store_add(1, 1);
    fake_store_add(2, 2);
    fake_store_add(3, 3);
    fake_store_set_cursor(2);
    open_bench(&bench, http_takes_all);

    start(&bench);

    assert_true(wait_true(is_saved, &bench, 3));
    assert_int_equal(http_server_lines(&bench.server), 1);
    close_bench(&bench);
}

static struct http_answer second_page_is_late(void *context, const struct http_request *request)
{
    (void)context;
    return (struct http_answer){.status = 204, .silent = request->number == 2};
}

static void a_revision_that_is_half_written_is_not_kept_as_done(void **state)
{
    struct bench bench;
    (void)state;
    fake_store_reset(false);
    for (int i = 0; i < 150; i++) {
        fake_store_add(i, i < 50 ? 6 : 7); /* the first page ends inside of revision 7 */
    }
    open_bench(&bench, second_page_is_late);

    start(&bench);

    assert_true(wait_true(is_asked, &bench, 2));
    assert_int_equal(saved(&bench), 6);
    close_bench(&bench);
    assert_int_equal(bench.saved, 6);
}

static struct http_answer says_401(void *context, const struct http_request *request)
{
    struct bench *bench = context;
    (void)request;
    return (struct http_answer){.status = atomic_load(&bench->refuses) ? 401 : 204};
}

static void wrong_credentials_keep_the_cursor_and_are_shown(void **state)
{
    struct bench bench;
    struct output_status status;
    (void)state;
    fake_store_reset(false);
    fake_store_add(1, 4);
    open_bench(&bench, says_401);
    atomic_store(&bench.refuses, true);
    start(&bench);

    assert_true(wait_true(is_unhealthy, &bench, 0));
    output_get_status(bench.output, &status);
    assert_non_null(strstr(status.last_error, "401"));
    assert_int_equal(status.retries, 1);
    int64_t began_ms = clock_steady_ms();
    output_stop(&bench.output);
    assert_true(clock_steady_ms() - began_ms < 1000); /* it held for a minute, but not against a stop */
    assert_int_equal(bench.saved, 0);
    assert_int_equal(bench.refused, 0);

    atomic_store(&bench.refuses, false);
    start(&bench);
    assert_true(wait_true(is_saved, &bench, 4));
    close_bench(&bench);
}

static struct http_answer says_nothing(void *context, const struct http_request *request)
{
    (void)context, (void)request;
    return (struct http_answer){.silent = true};
}

static void a_server_that_never_answers_does_not_hold_up_a_stop(void **state)
{
    struct bench bench;
    (void)state;
    fake_store_reset(false);
    fake_store_add(1, 1);
    open_bench(&bench, says_nothing);
    start(&bench);
    assert_true(wait_true(is_asked, &bench, 1));

    int64_t began_ms = clock_steady_ms();
    output_stop(&bench.output);

    assert_true(clock_steady_ms() - began_ms < 5000); /* of a time-out of 30 s */
    assert_int_equal(bench.saved, 0);
    close_bench(&bench);
}

static void a_store_that_is_not_there_yet_is_waited_for(void **state)
{
    struct bench bench;
    (void)state;
    fake_store_reset(true);
    open_bench(&bench, http_takes_all);
    start(&bench);

    fake_store_add(1, 1);
    fake_store_create();
    output_wake(bench.output);

    assert_true(wait_true(is_saved, &bench, 1));
    close_bench(&bench);
}

static void a_missing_token_is_a_fault_of_the_configuration(void **state)
{
    struct bench bench;
    struct error error = {0};
    (void)state;
    open_bench(&bench, http_takes_all);
    bench.settings.token_file = (char[]){"/nonexistent/token"};
    assert_int_equal(
        output_start(&bench.output, &bench.settings, "unused", bench.zone, &bench.counters, &bench.sink, &error),
        ERROR_CONFIG);
    assert_non_null(strstr(error.text, "/nonexistent/token"));
    close_bench(&bench);
}

static void a_probe_asks_without_writing(void **state)
{
    struct bench bench;
    struct error error = {0};
    (void)state;
    open_bench(&bench, says_401);
    assert_int_equal(output_probe(&bench.settings, &error), 0);
    assert_int_equal(http_server_lines(&bench.server), 0);

    atomic_store(&bench.refuses, true);
    assert_int_equal(output_probe(&bench.settings, &error), ERROR_IO);
    assert_non_null(strstr(error.text, "password_file"));

    bench.settings.url = (char[]){"http://127.0.0.1:1"};
    assert_int_equal(output_probe(&bench.settings, &error), ERROR_IO);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_written_and_the_cursor_kept),
        cmocka_unit_test(a_wake_brings_what_is_new_and_no_more),
        cmocka_unit_test(a_kept_cursor_is_where_it_goes_on),
        cmocka_unit_test(a_revision_that_is_half_written_is_not_kept_as_done),
        cmocka_unit_test(wrong_credentials_keep_the_cursor_and_are_shown),
        cmocka_unit_test(a_server_that_never_answers_does_not_hold_up_a_stop),
        cmocka_unit_test(a_store_that_is_not_there_yet_is_waited_for),
        cmocka_unit_test(a_missing_token_is_a_fault_of_the_configuration),
        cmocka_unit_test(a_probe_asks_without_writing),
    };
    unsetenv("http_proxy"); /* a proxy of the machine's would stand between us and the loopback */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
