/* What every answer carries, what is refused, and what must not bring the server down. */
#include "serve.h"

#include "base/file.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct refusal {
    const char *target;
    int status;
    const char *word;
};

static void refusals_are_problems_that_say_what_to_do(void **state)
{
    static const struct refusal table[] = {
        {"/api/v1/nothing", 404, "docs/api.md"},
        {"/api/v1/centres/", 404, "docs/api.md"},
        {"/api/v1/centres/unknown", 404, "centres.csv"},
        {"/api/v1/centres/c1/more", 404, "centres.csv"},
        {"/../etc/passwd", 404, "nothing"},
        {"/%2e%2e/etc/passwd", 404, "nothing"},
        {"/..%5c..%5cetc/passwd", 404, "nothing"},
        {"//etc/passwd", 404, "nothing"},
        {"/assets/../index.html", 404, "nothing"},
        {"/api/v1/%2e%2e/%2e%2e/etc/passwd", 404, "nothing"},
        {"/..%2f..%2fetc%2fpasswd", 400, "escaped slash"},
        {"/healthz%00.html", 400, "NUL"},
        {"/healthz%0d%0aX:y", 400, "control"},
        {"/%zz", 400, "hexadecimal"},
        {"/assets/", 404, "nothing"},
        {"/api/v1/adoption?area=NOWHERE", 404, "NOWHERE"},
        {"/api/v1/adoption?parent=NOWHERE", 404, "NOWHERE"},
        {"/api/v1/adoption?indicator=nope", 404, "/api/v1/indicators"},
        {"/api/v1/adoption?peroid=2025-10", 400, "peroid"},
        {"/api/v1/adoption?period=yesterday", 400, "2026-10"},
        {"/api/v1/adoption?from=2025-13", 400, "from"},
        {"/api/v1/adoption?from=2025-11&to=2025-10", 400, "after"},
        {"/api/v1/adoption?period=2025-10&from=2025-09", 400, "not both"},
        {"/api/v1/adoption?area=A&parent=46", 400, "not both"},
        {"/api/v1/adoption?format=xls", 400, "csv"},
        {"/api/v1/adoption?area=A&area=B", 400, "more than once"},
        {"/api/v1/adoption?area=A%00B", 400, "NUL"},
        {"/api/v1/centres?limit=0", 400, "1000"},
        {"/api/v1/centres?limit=1001", 400, "1000"},
        {"/api/v1/centres?limit=12x", 400, "1000"},
        {"/api/v1/centres?indicator=schools", 400, "period"},
        {"/api/v1/status?x=1", 400, "none"},
        {"/healthz?verbose", 400, "verbose"},
        {"/api/v1/adoption?a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11&l=12&m=13", 400, "too many"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        get(table[i].target);
        assert_problem(table[i].status, table[i].word);
    }
}

static void only_get_and_head(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"};
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        reply_free(&reply);
        client_ask(&reply, api_url(world.api), methods[i], "/api/v1/adoption", "Content-Length: 0\r\n");
        assert_problem(405, "GET and HEAD");
        assert_string_equal(reply_header(&reply, "Allow"), "GET, HEAD");
    }
    reply_free(&reply);
    client_ask(&reply, api_url(world.api), "HEAD", "/api/v1/adoption", "");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body_bytes, 0);
}

static void every_answer_carries_the_headers_that_protect(void **state)
{
    static const char *const targets[] = {"/", "/metrics", "/api/v1/adoption", "/nothing", "/api/v1/adoption?x=1"};
    static const char page[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                               "require-trusted-types-for 'script'; trusted-types 'none'";
    static const char data[] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        get(targets[i]);
        assert_string_equal(reply_header(&reply, "Content-Security-Policy"), i == 0 ? page : data);
        assert_string_equal(reply_header(&reply, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(reply_header(&reply, "X-Frame-Options"), "DENY");
        assert_string_equal(reply_header(&reply, "Referrer-Policy"), "no-referrer");
        assert_string_equal(reply_header(&reply, "Cross-Origin-Opener-Policy"), "same-origin");
        assert_string_equal(reply_header(&reply, "Cross-Origin-Resource-Policy"), "same-origin");
        assert_null(reply_header(&reply, "Access-Control-Allow-Origin"));
        assert_null(reply_header(&reply, "Strict-Transport-Security"));
        assert_non_null(reply_header(&reply, "Cache-Control"));
    }
    get("/api/v1/adoption");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
}

static void the_page_is_served_with_a_tag_and_compressed(void **state)
{
    char tag[128], headers[256];
    (void)state;
    get("/");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-cache");
    assert_has("<!doctype html>");
    snprintf(tag, sizeof tag, "%s", reply_header(&reply, "ETag"));
    snprintf(headers, sizeof headers, "If-None-Match: \"other\", W/%s\r\n", tag);
    get_with("/", headers);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body_bytes, 0);
    get_with("/index.html", "Accept-Encoding: gzip\r\n");
    assert_string_equal(reply_header(&reply, "Content-Encoding"), "gzip");
    assert_string_equal(reply_header(&reply, "Vary"), "Accept-Encoding");
    assert_string_not_equal(reply_header(&reply, "ETag"), tag);
    assert_memory_equal(reply.body, "\x1f\x8b", 2);
    get_with("/", "Accept-Encoding: gzip;q=0\r\n");
    assert_null(reply_header(&reply, "Content-Encoding"));
}

static void a_reloaded_world_is_what_answers_are_made_from(void **state)
{
    struct indicators none = {0};
    struct api_world fresh = {world.registry, &none, world.zone}, old = {world.registry, &world.indicators, world.zone};
    (void)state;
    api_replace_world(world.api, &fresh);
    get("/api/v1/adoption");
    assert_string_equal(reply.body, "{\"rows\":[]}\n");
    api_replace_world(world.api, &old);
    get("/api/v1/adoption?area=B");
    assert_has("schools");
}

static void a_taken_port_is_an_error_with_a_remedy(void **state)
{
    struct api *second = NULL;
    struct error error = {0};
    struct settings settings = world.settings;
    struct api_world answers = {world.registry, &world.indicators, world.zone};
    char listen[64];
    (void)state;
    snprintf(listen, sizeof listen, "%s", api_url(world.api) + strlen("http://"));
    settings.http_listen = listen;
    assert_int_equal(api_start(&second, &settings, "1", &world.counters, &answers, &error), ERROR_IO);
    assert_non_null(strstr(error.text, "http.listen"));
    char nonsense[] = "nonsense";
    settings.http_listen = nonsense;
    assert_int_equal(api_start(&second, &settings, "1", &world.counters, &answers, &error), ERROR_CONFIG);
    assert_null(second);
}

/* From the unit tests' fixtures, as the server wants a key to be. Returns the path, for the settings to own. */
static char *place(const char *name, const char *fixture)
{
    char from[512], to[512];
    struct buffer bytes = {0};
    struct error error = {0};
    snprintf(from, sizeof from, "%s/../../unit/api/fixture/%s", TEST_DATA_DIR, fixture);
    snprintf(to, sizeof to, "%s/%s", world.files.directory, name);
    assert_int_equal(file_read(from, 65536, &bytes, &error), 0);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.used, file), bytes.used);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fclose(file), 0);
    buffer_free(&bytes);
    char *path = strdup(to);
    assert_non_null(path);
    return path;
}

/* The library shuts down and closes the socket that it cannot start on; there are not enough descriptors here for its
 * start. */
static void a_server_that_cannot_start_anew_leaves_the_old_one_listening(void **state)
{
    struct rlimit before, few;
    struct buffer answer = {0};
    (void)state;
    char *listen = strdup(api_url(world.api) + strlen("http://")); /* a port that is free, by its number */
    assert_non_null(listen);
    serve_stop();
    serve_prepare("");
    free(world.settings.http_listen);
    world.settings.http_listen = listen;
    world.settings.http_cert_file = place("cert.pem", "server.cert.pem");
    world.settings.http_key_file = place("key.pem", "server.key.pem");
    serve_open();
    free(place("cert.pem", "other.cert.pem"));
    free(place("key.pem", "other.key.pem"));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0);
    few = (struct rlimit){.rlim_cur = (rlim_t)next + 3, .rlim_max = before.rlim_max};
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    api_reload(world.api);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    int64_t begun_ms = clock_steady_ms();
    client_send(&answer, api_url(world.api), "\x15\x03\x03\x00\x02\x02\x00", 7); /* connects, or fails the test */
    assert_true(clock_steady_ms() - begun_ms < 10000);                           /* and somebody closes it */
    api_reload(world.api);                                                       /* now it starts */
    client_send(&answer, api_url(world.api), "\x15\x03\x03\x00\x02\x02\x00", 7);
    buffer_free(&answer);
    unlink(world.settings.http_cert_file);
    unlink(world.settings.http_key_file);
}

static void requests_and_errors_are_counted(void **state)
{
    (void)state;
    get("/healthz");
    get("/nothing");
    assert_int_equal(counter_get(&world.counters, COUNTER_http_requests), 2);
    assert_int_equal(counter_get(&world.counters, COUNTER_http_errors), 1);
}

static void requests_that_are_too_large_or_not_http_are_survived(void **state)
{
    size_t size = 200 * 1000;
    char *huge = malloc(size);
    struct buffer answer = {0};
    (void)state;
    assert_non_null(huge);
    memset(huge, 'a', size);
    memcpy(huge, "GET /", 5);
    client_send(&answer, api_url(world.api), huge, size);
    assert_true(answer.used == 0 || strncmp(answer.bytes, "HTTP/1.1 4", 10) == 0);
    buffer_clear(&answer);
    client_send(&answer, api_url(world.api), "\x16\x03\x01\x02\r\n\r\n", 8);
    free(huge);
    buffer_free(&answer);
    get("/healthz");
    assert_int_equal(reply.status, 200);
}

enum { ASKERS = 6, QUESTIONS = 40 };

/* The number of answers that were not whole. */
static void *ask_again_and_again(void *context)
{
    int *broken = context;
    for (int i = 0; i < QUESTIONS; i++) {
        static const char request[] =
            "GET /api/v1/adoption?area=B HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        struct buffer answer = {0};
        client_send(&answer, api_url(world.api), request, sizeof request - 1);
        bool old = answer.bytes != NULL && strstr(answer.bytes, "{\"rows\":[]}\n") != NULL;
        bool fresh = answer.bytes != NULL && strstr(answer.bytes, "\"gap\":-0.6}]}\n") != NULL;
        *broken += old == fresh;
        buffer_free(&answer);
    }
    return NULL;
}

static void answers_stay_whole_while_the_world_is_replaced(void **state)
{
    struct indicators none = {0};
    const struct api_world worlds[] = {{world.registry, &none, world.zone},
                                       {world.registry, &world.indicators, world.zone}};
    pthread_t askers[ASKERS];
    int broken[ASKERS] = {0};
    (void)state;
    for (size_t i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_create(&askers[i], NULL, ask_again_and_again, &broken[i]), 0);
    }
    for (size_t i = 0; i < 1000; i++) {
        api_replace_world(world.api, &worlds[i % 2]);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i], NULL), 0);
        assert_int_equal(broken[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, serve_begin, serve_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusals_are_problems_that_say_what_to_do),
        TEST(only_get_and_head),
        TEST(every_answer_carries_the_headers_that_protect),
        TEST(the_page_is_served_with_a_tag_and_compressed),
        TEST(a_reloaded_world_is_what_answers_are_made_from),
        TEST(a_taken_port_is_an_error_with_a_remedy),
        TEST(answers_stay_whole_while_the_world_is_replaced),
        TEST(a_server_that_cannot_start_anew_leaves_the_old_one_listening),
        TEST(requests_and_errors_are_counted),
        TEST(requests_that_are_too_large_or_not_http_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
