/* The server where tokens are asked for: who gets what, and what a guesser gets. */
#include "serve.h"

#include "base/digest.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ  "Authorization: Bearer the-reader\r\n"
#define ADMIN "Authorization: Bearer the-admin\r\n"
#define WRONG "Authorization: Bearer nonsense\r\n"

static void write_tokens(const char *text)
{
    struct error error = {0};
    assert_int_equal(file_replace(small_world_path(&world.files, "tokens"), text, strlen(text), 0640, &error), 0);
}

static void add_line(struct buffer *out, const char *scope, const char *token)
{
    char hash[DIGEST_HEX_SIZE];
    assert_int_equal(digest_sha256_hex(token, strlen(token), hash), 0);
    buffer_print(out, "%s %s %s\n", scope, token, hash);
}

static int begin(void **state)
{
    struct buffer lines = {0};
    (void)state;
    serve_prepare("");
    add_line(&lines, "read", "the-reader");
    add_line(&lines, "admin", "the-admin");
    write_tokens(lines.bytes);
    buffer_free(&lines);
    world.settings.http_tokens_file = strdup(small_world_path(&world.files, "tokens"));
    serve_open();
    return 0;
}

static const char *const guarded[] = {"/api/v1/status",     "/api/v1/indicators", "/api/v1/adoption", "/api/v1/centres",
                                      "/api/v1/centres/c1", "/metrics",           "/api/v1/rejected"};

enum { GUARDED = sizeof guarded / sizeof guarded[0] };

static void without_a_token_only_page_and_health_are_answered(void **state)
{
    static const char *const open[] = {"/", "/index.html", "/healthz", "/readyz"};
    (void)state;
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        get(open[i]);
        assert_int_equal(reply.status, 200);
    }
    for (size_t i = 0; i < GUARDED; i++) {
        get(guarded[i]);
        assert_problem(401, "Authorization: Bearer");
        assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "Bearer realm=\"edutally\"");
    }
    assert_int_equal(counter_get(&world.counters, COUNTER_http_unauthorised), GUARDED);
}

static void a_reader_gets_all_but_what_takes_admin(void **state)
{
    (void)state;
    for (size_t i = 0; i < GUARDED; i++) {
        bool admin = strcmp(guarded[i], "/api/v1/rejected") == 0;
        get_with(guarded[i], READ);
        assert_int_equal(reply.status, admin ? 403 : 200);
        get_with(guarded[i], ADMIN);
        assert_int_equal(reply.status, 200);
    }
    get_with("/api/v1/rejected", READ);
    assert_problem(403, "admin");
    assert_non_null(strstr(reply_header(&reply, "WWW-Authenticate"), "insufficient_scope"));
}

static void a_token_in_the_address_is_none(void **state)
{
    (void)state;
    get("/api/v1/status?access_token=the-reader");
    assert_problem(401, "Authorization");
    get("/api/v1/status?token=the-reader");
    assert_problem(401, "Authorization");
    get_with("/api/v1/status", "Authorization: Basic dGhlLXJlYWRlcg==\r\n");
    assert_problem(401, "token");
    get_with("/api/v1/status", "Cookie: token=the-reader\r\n");
    assert_problem(401, "Authorization");
}

static void strangers_learn_whether_it_is_ready_and_not_why(void **state)
{
    (void)state;
    get("/readyz");
    assert_has("{\"name\":\"store\",\"ok\":true}");
    get_with("/readyz", READ);
    assert_has("\"detail\":\"revision 42\"");
}

static void who_guesses_is_told_to_wait_and_who_has_a_token_is_not(void **state)
{
    int refused = 0, throttled = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        get_with("/api/v1/status", WRONG);
        refused += reply.status == 401;
        throttled += reply.status == 429;
    }
    assert_int_equal(refused + throttled, 1000);
    assert_in_range(refused, THROTTLE_BURST, THROTTLE_BURST + 20);
    assert_problem(429, "minute");
    assert_string_equal(reply_header(&reply, "Retry-After"), "60");
    assert_int_equal(counter_get(&world.counters, COUNTER_http_unauthorised), 1000);
    assert_int_equal(counter_get(&world.counters, COUNTER_http_throttled), throttled);
    get_with("/api/v1/status", READ);
    assert_int_equal(reply.status, 200);
    get("/api/v1/status");
    assert_int_equal(reply.status, 401);
}

static void a_reload_takes_tokens_away_and_a_broken_file_changes_nothing(void **state)
{
    struct buffer lines = {0};
    (void)state;
    write_tokens("read nobody here\n");
    api_reload(world.api);
    get_with("/api/v1/status", READ);
    assert_int_equal(reply.status, 200);
    add_line(&lines, "read", "another");
    write_tokens(lines.bytes);
    buffer_free(&lines);
    api_reload(world.api);
    get_with("/api/v1/status", READ);
    assert_int_equal(reply.status, 401);
    get_with("/api/v1/status", "Authorization: Bearer another\r\n");
    assert_int_equal(reply.status, 200);
    write_tokens("# nobody\n");
    api_reload(world.api);
    get_with("/api/v1/status", "Authorization: Bearer another\r\n");
    assert_int_equal(reply.status, 401);
}

static void without_a_usable_tokens_file_it_does_not_start(void **state)
{
    static const struct {
        const char *text, *word;
    } table[] = {{"", "edutally token new"}, {"# nobody\n", "no token"}, {"read a b\n", "SHA-256"}};
    struct api *second = NULL;
    struct api_world answers = {world.registry, &world.indicators, world.zone};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error error = {0};
        write_tokens(table[i].text);
        assert_int_equal(api_start(&second, &world.settings, "1", &world.counters, &answers, &error), ERROR_CONFIG);
        if (strstr(error.text, table[i].word) == NULL) {
            fail_msg("%s", error.text);
        }
    }
    assert_null(second);
}

/* With tokens a name is no way in: a stranger's page does not have one. */
static void under_any_name_where_tokens_are_asked_for(void **state)
{
    static const char request[] =
        "GET /api/v1/status HTTP/1.1\r\nHost: example.org\r\n" READ "Connection: close\r\n\r\n";
    struct buffer answer = {0};
    (void)state;
    client_send(&answer, api_url(world.api), request, sizeof request - 1);
    assert_memory_equal(answer.bytes, "HTTP/1.1 200", 12);
    buffer_free(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, serve_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_token_only_page_and_health_are_answered),
        TEST(a_reader_gets_all_but_what_takes_admin),
        TEST(a_token_in_the_address_is_none),
        TEST(strangers_learn_whether_it_is_ready_and_not_why),
        TEST(who_guesses_is_told_to_wait_and_who_has_a_token_is_not),
        TEST(a_reload_takes_tokens_away_and_a_broken_file_changes_nothing),
        TEST(without_a_usable_tokens_file_it_does_not_start),
        TEST(under_any_name_where_tokens_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
