/* The decisions of delivery, against a server that says all that servers say. Waits are recorded, not waited. */
#include "delivery.h"
#include "http_server.h"
#include "influx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

enum { WAITS = 64, REFUSED = 64 };

struct bench {
    struct http_server server;
    char url[64];
    struct settings_output settings;
    struct delivery delivery;
    struct lines lines;
    int64_t waits_ms[WAITS];
    int wait_count;
    int waits_before_stop; /* -1: for ever */
    char refused[REFUSED][128];
    char reason[INFLUX_TEXT_SIZE];
    int refused_count;
};

static bool record_wait(void *context, int64_t ms)
{
    struct bench *bench = context;
    if (bench->wait_count < WAITS) {
        bench->waits_ms[bench->wait_count] = ms;
    }
    bench->wait_count++;
    return bench->waits_before_stop < 0 || bench->wait_count <= bench->waits_before_stop;
}

static int64_t waited_ms(const struct bench *bench)
{
    int64_t sum_ms = 0;
    assert_true(bench->wait_count <= WAITS);
    for (int i = 0; i < bench->wait_count; i++) {
        sum_ms += bench->waits_ms[i];
    }
    return sum_ms;
}

static void ignore_note(void *context, enum delivery_verdict verdict, const struct influx_reply *reply, size_t lines,
                        int64_t wait_ms)
{
    (void)context, (void)verdict, (void)reply, (void)lines, (void)wait_ms;
}

static void record_refused(void *context, const char *line, const char *reason)
{
    struct bench *bench = context;
    if (bench->refused_count < REFUSED) {
        snprintf(bench->refused[bench->refused_count], sizeof bench->refused[0], "%s", line);
    }
    bench->refused_count++;
    snprintf(bench->reason, sizeof bench->reason, "%s", reason);
}

static void open_bench(struct bench *bench,
                       struct http_answer (*rule)(void *context, const struct http_request *request), void *context)
{
    static char name[] = "test", database[] = "edu tally";
    memset(bench, 0, sizeof *bench);
    http_server_start(&bench->server, rule, context);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%d", bench->server.port);
    bench->settings = (struct settings_output){.name = name,
                                               .type = OUTPUT_INFLUXDB1,
                                               .url = bench->url,
                                               .database = database,
                                               .gzip = true,
                                               .batch_points = 1000,
                                               .timeout_ms = 5000};
    bench->waits_before_stop = -1;
}

static void connect_bench(struct bench *bench)
{
    bench->delivery = (struct delivery){.influxdb2 = bench->settings.type == OUTPUT_INFLUXDB2,
                                        .most_lines = (size_t)bench->settings.batch_points,
                                        .context = bench,
                                        .wait = record_wait,
                                        .note = ignore_note,
                                        .refused = record_refused};
    assert_int_equal(influx_open(&bench->delivery.influx, &bench->settings, NULL), 0);
}

static void close_bench(struct bench *bench)
{
    influx_close(&bench->delivery.influx);
    lines_free(&bench->lines);
    http_server_stop(&bench->server);
}

/* Lines "m,n=0 f=1i 5" … */
static void given_lines(struct bench *bench, int count)
{
    lines_clear(&bench->lines);
    for (int i = 0; i < count; i++) {
        buffer_print(&bench->lines.text, "m,n=%d. f=1i 5\n", i);
        assert_int_equal(lines_end_line(&bench->lines), 0);
    }
}

static int send_lines(struct bench *bench)
{
    return delivery_send(&bench->delivery, &bench->lines);
}

static void answers_are_judged_as_data_configuration_or_weather(void **state)
{
    static const struct {
        long status;
        bool has_body;
        enum delivery_verdict verdict;
    } cases[] = {
        {204, false, DELIVERY_DONE},  {200, false, DELIVERY_DONE},     {200, true, DELIVERY_HOLD},
        {201, false, DELIVERY_HOLD},  {301, false, DELIVERY_HOLD},     {302, true, DELIVERY_HOLD},
        {307, false, DELIVERY_HOLD},  {400, true, DELIVERY_BAD_DATA},  {422, true, DELIVERY_BAD_DATA},
        {401, true, DELIVERY_HOLD},   {403, true, DELIVERY_HOLD},      {404, true, DELIVERY_HOLD},
        {405, true, DELIVERY_HOLD},   {413, true, DELIVERY_TOO_LARGE}, {408, false, DELIVERY_RETRY},
        {425, false, DELIVERY_RETRY}, {429, false, DELIVERY_RETRY},    {500, true, DELIVERY_RETRY},
        {502, true, DELIVERY_RETRY},  {503, true, DELIVERY_RETRY},     {504, true, DELIVERY_RETRY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct influx_reply reply = {.answered = true, .status = cases[i].status, .has_body = cases[i].has_body};
        assert_int_equal(delivery_judge(&reply), cases[i].verdict);
    }
    assert_int_equal(delivery_judge(&(struct influx_reply){.answered = false}), DELIVERY_RETRY);
    assert_int_equal(delivery_judge(&(struct influx_reply){.ours_to_mend = true}), DELIVERY_HOLD);
}

static void the_address_and_headers_are_those_of_influxdb_1(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, http_takes_all, NULL);
    bench.settings.username = (char[]){"user"};
    connect_bench(&bench);
    given_lines(&bench, 3);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 3);
    assert_true(http_server_head_has(&bench.server, "POST /write?precision=s&db=edu%20tally HTTP"));
    assert_true(http_server_head_has(&bench.server, "Content-Encoding: gzip"));
    assert_true(http_server_head_has(&bench.server, "Authorization: Basic "));
    assert_false(http_server_head_has(&bench.server, "Expect"));
    close_bench(&bench);
}

static void the_address_and_token_are_those_of_influxdb_2(void **state)
{
    struct bench bench;
    char path[] = "/tmp/edutally-token-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_int_equal(file_write_all(fd, "s3cret\n", 7), 0);
    close(fd);
    open_bench(&bench, http_takes_all, NULL);
    bench.settings.type = OUTPUT_INFLUXDB2;
    bench.settings.org = (char[]){"so"};
    bench.settings.bucket = (char[]){"a&b"};
    bench.settings.token_file = path;
    bench.settings.gzip = false;
    connect_bench(&bench);
    given_lines(&bench, 1);

    assert_int_equal(send_lines(&bench), 0);

    assert_true(http_server_head_has(&bench.server, "POST /api/v2/write?precision=s&org=so&bucket=a%26b HTTP"));
    assert_true(http_server_head_has(&bench.server, "Authorization: Token s3cret\r\n"));
    assert_false(http_server_head_has(&bench.server, "Content-Encoding"));
    close_bench(&bench);
    unlink(path);
}

/* The first `*context` requests are answered with a status, the rest are taken. */
struct first_then_good {
    int count;
    struct http_answer answer;
};

static struct http_answer first_then_good(void *context, const struct http_request *request)
{
    const struct first_then_good *script = context;
    return request->number <= script->count ? script->answer : (struct http_answer){.status = 204};
}

static void weather_is_waited_for_with_growing_bounds(void **state)
{
    struct first_then_good script = {.count = 12, .answer = {.status = 503, .body = "busy"}};
    struct bench bench;
    (void)state;
    open_bench(&bench, first_then_good, &script);
    connect_bench(&bench);
    given_lines(&bench, 5);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 5);
    assert_int_equal(bench.wait_count, 12);
    for (int i = 0, bound_ms = 1000; i<12; i++, bound_ms = bound_ms * 2> 300000 ? 300000 : bound_ms * 2) {
        assert_in_range(bench.waits_ms[i], 1, bound_ms);
    }
    assert_int_equal(bench.delivery.failures, 0); /* the next outage begins at the beginning */
    close_bench(&bench);
}

static void must_wait_between(const char *headers, int64_t least_ms, int64_t most_ms)
{
    struct first_then_good script = {.count = 1, .answer = {.status = 429, .headers = headers}};
    struct bench bench;
    open_bench(&bench, first_then_good, &script);
    connect_bench(&bench);
    given_lines(&bench, 1);
    assert_int_equal(send_lines(&bench), 0);
    assert_int_equal(bench.wait_count, 1);
    assert_in_range(bench.waits_ms[0], least_ms, most_ms);
    close_bench(&bench);
}

static void retry_after_is_honoured_in_both_forms_and_capped(void **state)
{
    char date[64], line[128];
    struct tm utc;
    time_t later = time(NULL) + 100;
    (void)state;
    gmtime_r(&later, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    snprintf(line, sizeof line, "Retry-After: %s\r\n", date);
    must_wait_between("Retry-After: 7\r\n", 7000, 7000);
    must_wait_between(line, 90000, 100000);
    must_wait_between("Retry-After: 100000\r\n", 3600000, 3600000);
    must_wait_between("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 1, 1000);
    must_wait_between("Retry-After: soon\r\n", 1, 1000);
}

static void must_hold(struct http_answer answer)
{
    struct first_then_good script = {.count = 3, .answer = answer};
    struct bench bench;
    open_bench(&bench, first_then_good, &script);
    connect_bench(&bench);
    given_lines(&bench, 4);
    assert_int_equal(send_lines(&bench), 0);
    assert_int_equal(waited_ms(&bench), 5000 + 10000 + 20000);
    assert_int_equal(bench.refused_count, 0);
    assert_int_equal(http_server_lines(&bench.server), 4);
    close_bench(&bench);
}

static void faults_of_the_configuration_hold_and_lose_nothing(void **state)
{
    (void)state;
    must_hold((struct http_answer){.status = 401, .body = "{\"error\":\"authorization failed\"}"});
    must_hold((struct http_answer){.status = 403});
    must_hold((struct http_answer){.status = 404, .body = "{\"error\":\"database not found\"}"});
    must_hold((struct http_answer){.status = 405});
    must_hold((struct http_answer){.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n"});
    must_hold((struct http_answer){.status = 200, .body = "<html>Please log in to the hotel's network</html>"});
}

/* 401 unless the request brings the token of now. */
static struct http_answer wants_token(void *context, const struct http_request *request)
{
    return (struct http_answer){.status = strstr(request->head, context) != NULL ? 204 : 401};
}

static void a_token_changed_before_the_old_one_is_refused_costs_no_wait(void **state)
{
    struct bench bench;
    char path[] = "/tmp/edutally-token-XXXXXX", expected[32] = "Token first\r\n";
    (void)state;
    close(mkstemp(path));
    file_replace(path, "first\n", 6, 0600, NULL);
    open_bench(&bench, wants_token, expected);
    bench.settings.type = OUTPUT_INFLUXDB2;
    bench.settings.token_file = path;
    connect_bench(&bench);
    given_lines(&bench, 2);
    assert_int_equal(send_lines(&bench), 0);

    file_replace(path, "second\n", 7, 0600, NULL);
    snprintf(expected, sizeof expected, "Token second\r\n");
    given_lines(&bench, 2);
    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 4);
    assert_int_equal(bench.wait_count, 0);
    close_bench(&bench);
    unlink(path);
}

static bool rotate_at_fifth_wait(void *context, int64_t ms)
{
    struct bench *bench = context;
    record_wait(context, ms);
    if (bench->wait_count == 5) {
        file_replace(bench->settings.token_file, "good\n", 5, 0600, NULL);
    }
    return true;
}

static void a_token_changed_while_holding_is_tried_within_seconds(void **state)
{
    struct bench bench;
    char path[] = "/tmp/edutally-token-XXXXXX", expected[] = "Token good\r\n";
    (void)state;
    close(mkstemp(path));
    file_replace(path, "bad\n", 4, 0600, NULL);
    open_bench(&bench, wants_token, expected);
    bench.settings.type = OUTPUT_INFLUXDB2;
    bench.settings.token_file = path;
    connect_bench(&bench);
    bench.delivery.wait = rotate_at_fifth_wait;
    given_lines(&bench, 2);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 2);
    assert_int_equal(waited_ms(&bench), 5 * 5000); /* in the middle of the third hold, of 20 s */
    assert_int_equal(atomic_load(&bench.server.requests), 4);
    close_bench(&bench);
    unlink(path);
}

static void a_reset_in_the_middle_of_the_answer_is_tried_again(void **state)
{
    struct first_then_good script = {.count = 2, .answer = {.status = 200, .body = "0123456789", .reset = true}};
    struct bench bench;
    (void)state;
    open_bench(&bench, first_then_good, &script);
    connect_bench(&bench);
    given_lines(&bench, 4);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(bench.wait_count, 2);
    assert_int_equal(http_server_lines(&bench.server), 4);
    close_bench(&bench);
}

static struct http_answer at_most_ten_lines(void *context, const struct http_request *request)
{
    (void)context;
    return (struct http_answer){.status = request->lines > 10 ? 413 : 204};
}

static void a_request_too_large_is_halved_and_the_size_remembered(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, at_most_ten_lines, NULL);
    connect_bench(&bench);
    given_lines(&bench, 64);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 64);
    assert_int_equal(bench.delivery.now_lines, 8);
    int requests = atomic_load(&bench.server.requests);
    assert_int_equal(send_lines(&bench), 0);
    assert_int_equal(atomic_load(&bench.server.requests) - requests, 8);
    assert_int_equal(bench.wait_count, 0);
    close_bench(&bench);
}

/* Finds requests of more than 10 lines too large for its first 100 requests. */
static struct http_answer at_most_ten_lines_for_a_while(void *context, const struct http_request *request)
{
    (void)context;
    return (struct http_answer){.status = request->lines > 10 && request->number <= 100 ? 413 : 204};
}

static void requests_grow_again_when_the_server_takes_them(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, at_most_ten_lines_for_a_while, NULL);
    connect_bench(&bench);
    given_lines(&bench, 1000);

    for (int i = 0; i < 30; i++) {
        assert_int_equal(send_lines(&bench), 0);
    }

    assert_int_equal(http_server_lines(&bench.server), 30000); /* all that was taken, and that once */
    assert_int_equal(bench.delivery.now_lines, 1000);
    int requests = atomic_load(&bench.server.requests);
    assert_int_equal(send_lines(&bench), 0);
    assert_int_equal(atomic_load(&bench.server.requests) - requests, 1);
    close_bench(&bench);
}

static void a_server_that_finds_requests_too_large_is_not_asked_again_and_again(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, at_most_ten_lines, NULL);
    connect_bench(&bench);
    given_lines(&bench, 1000);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 1000);
    assert_true(atomic_load(&bench.server.requests) < 200); /* 125 of 7 or 8 lines, and one in 16 that tries more */
    close_bench(&bench);
}

/* As over a thin link: what is more than 100 lines is never answered in time. */
static struct http_answer too_slow_for_a_hundred(void *context, const struct http_request *request)
{
    (void)context;
    return (struct http_answer){.status = 204, .late = request->lines > 100};
}

static void a_request_that_is_not_answered_in_time_is_made_smaller(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, too_slow_for_a_hundred, NULL);
    bench.settings.timeout_ms = 200;
    connect_bench(&bench);
    given_lines(&bench, 400);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(http_server_lines(&bench.server), 400);
    assert_int_equal(bench.refused_count, 0);
    assert_true(bench.wait_count >= 2); /* weather all the same: it waits before it tries */
    assert_in_range(bench.delivery.now_lines, 16, 100);
    close_bench(&bench);
}

/* As InfluxDB 2: one bad line and all of the request is refused. */
static struct http_answer refuses_13_and_40(void *context, const struct http_request *request)
{
    bool bad = strstr(request->body, "n=13.") != NULL || strstr(request->body, "n=40.") != NULL;
    (void)context;
    return bad ? (struct http_answer){.status = 400, .body = "{\"error\":\"field type \\\"conflict\\\"\"}"}
               : (struct http_answer){.status = 204};
}

static void a_bad_line_is_refused_and_takes_no_neighbour_with_it(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, refuses_13_and_40, NULL);
    connect_bench(&bench);
    given_lines(&bench, 50);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(bench.refused_count, 2);
    assert_string_equal(bench.refused[0], "m,n=13. f=1i 5");
    assert_string_equal(bench.refused[1], "m,n=40. f=1i 5");
    assert_non_null(strstr(bench.reason, "field type"));
    for (int i = 0; i < 50; i++) {
        char text[16];
        snprintf(text, sizeof text, "n=%d. ", i);
        assert_int_equal(http_server_count(&bench.server, text) > 0, i != 13 && i != 40);
    }
    assert_int_equal(bench.wait_count, 0);
    close_bench(&bench);
}

static struct http_answer refuses_all_but_empty(void *context, const struct http_request *request)
{
    (void)context;
    return (struct http_answer){.status = request->length == 0 ? 204 : 400};
}

static void a_batch_of_bad_lines_alone_does_not_stall_the_output(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, refuses_all_but_empty, NULL);
    connect_bench(&bench);
    given_lines(&bench, 40);

    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(bench.refused_count, 40);
    assert_int_equal(bench.wait_count, 0);
    close_bench(&bench);
}

static void a_gateway_that_answers_400_to_everything_loses_nothing(void **state)
{
    struct first_then_good script = {.count = 200, .answer = {.status = 400, .body = "unsupported path"}};
    struct bench bench;
    (void)state;
    open_bench(&bench, first_then_good, &script);
    connect_bench(&bench);
    given_lines(&bench, 500);

    assert_int_equal(send_lines(&bench), 0); /* it is mended while we hold */

    assert_int_equal(bench.refused_count, 0);
    assert_true(waited_ms(&bench) >= 10 * 5000);
    for (int i = 0; i < 500; i++) {
        char text[16];
        snprintf(text, sizeof text, "n=%d. ", i);
        assert_true(http_server_count(&bench.server, text) > 0);
    }
    close_bench(&bench);
}

static void a_single_bad_line_is_refused_by_an_influxdb_2_that_took_others_before(void **state)
{
    struct first_then_good script = {.count = 0};
    struct bench bench;
    (void)state;
    open_bench(&bench, first_then_good, &script);
    bench.settings.type = OUTPUT_INFLUXDB2;
    connect_bench(&bench);
    given_lines(&bench, 3);
    assert_int_equal(send_lines(&bench), 0);

    script = (struct first_then_good){.count = 1000, .answer = {.status = 400, .body = "no"}};
    given_lines(&bench, 1);
    assert_int_equal(send_lines(&bench), 0);

    assert_int_equal(bench.refused_count, 1);
    close_bench(&bench);
}

static void stopping_ends_a_wait_with_nothing_refused(void **state)
{
    struct first_then_good script = {.count = 1000, .answer = {.status = 503}};
    struct bench bench;
    (void)state;
    open_bench(&bench, first_then_good, &script);
    bench.waits_before_stop = 2;
    connect_bench(&bench);
    given_lines(&bench, 3);

    assert_int_equal(send_lines(&bench), ERROR_BUSY);

    assert_int_equal(bench.refused_count, 0);
    close_bench(&bench);
}

static void a_dead_address_is_weather(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, http_takes_all, NULL);
    snprintf(bench.url, sizeof bench.url, "http://127.0.0.1:1");
    bench.waits_before_stop = 1;
    connect_bench(&bench);
    given_lines(&bench, 1);
    assert_int_equal(send_lines(&bench), ERROR_BUSY);
    assert_in_range(bench.waits_ms[0], 1, 1000);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_judged_as_data_configuration_or_weather),
        cmocka_unit_test(the_address_and_headers_are_those_of_influxdb_1),
        cmocka_unit_test(the_address_and_token_are_those_of_influxdb_2),
        cmocka_unit_test(weather_is_waited_for_with_growing_bounds),
        cmocka_unit_test(retry_after_is_honoured_in_both_forms_and_capped),
        cmocka_unit_test(faults_of_the_configuration_hold_and_lose_nothing),
        cmocka_unit_test(a_reset_in_the_middle_of_the_answer_is_tried_again),
        cmocka_unit_test(a_request_too_large_is_halved_and_the_size_remembered),
        cmocka_unit_test(requests_grow_again_when_the_server_takes_them),
        cmocka_unit_test(a_server_that_finds_requests_too_large_is_not_asked_again_and_again),
        cmocka_unit_test(a_request_that_is_not_answered_in_time_is_made_smaller),
        cmocka_unit_test(a_token_changed_before_the_old_one_is_refused_costs_no_wait),
        cmocka_unit_test(a_token_changed_while_holding_is_tried_within_seconds),
        cmocka_unit_test(a_bad_line_is_refused_and_takes_no_neighbour_with_it),
        cmocka_unit_test(a_batch_of_bad_lines_alone_does_not_stall_the_output),
        cmocka_unit_test(a_gateway_that_answers_400_to_everything_loses_nothing),
        cmocka_unit_test(a_single_bad_line_is_refused_by_an_influxdb_2_that_took_others_before),
        cmocka_unit_test(stopping_ends_a_wait_with_nothing_refused),
        cmocka_unit_test(a_dead_address_is_weather),
    };
    unsetenv("http_proxy"); /* a proxy of the machine's would stand between us and the loopback */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
