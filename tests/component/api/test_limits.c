/* Requests that are too large, too slow, not HTTP, or HTTP as nobody writes it. */
#include "serve.h"

#include "base/file.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct buffer answer;

static void send_text(const char *text)
{
    buffer_clear(&answer);
    client_send(&answer, api_url(world.api), text, strlen(text));
}

static int end(void **state)
{
    buffer_free(&answer);
    return serve_end(state);
}

static void assert_begins(const char *start)
{
    if (answer.bytes == NULL || strncmp(answer.bytes, start, strlen(start)) != 0) {
        fail_msg("not %s: %s", start, answer.bytes != NULL ? answer.bytes : "nothing");
    }
}

static size_t count_of(const char *word)
{
    size_t count = 0;
    for (const char *at = answer.bytes; at != NULL && (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_body_is_refused_before_it_is_read(void **state)
{
    static const char *const announced[] = {"Content-Length: 1000000000", "Content-Length: 1",
                                            "Transfer-Encoding: chunked", "Content-Length: 0\r\nContent-Length: 5"};
    (void)state;
    for (size_t i = 0; i < sizeof announced / sizeof announced[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", announced[i]);
        send_text(request); /* nothing follows, and yet it is answered and closed */
        assert_begins(i < 3 ? "HTTP/1.1 413" : "HTTP/1.1 4");
        snprintf(request, sizeof request, "POST /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", announced[i]);
        send_text(request);
        assert_begins(i < 3 ? "HTTP/1.1 405" : "HTTP/1.1 4");
    }
    send_text("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_begins("HTTP/1.1 200");
}

static void what_is_hidden_in_a_body_is_not_a_request(void **state)
{
    (void)state;
    send_text("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 45\r\n\r\n"
              "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(count_of("HTTP/1.1 "), 1);
    assert_begins("HTTP/1.1 413");
}

struct odd_request {
    const char *bytes;
    size_t count;
};

#define ODD(text)                                                                                                      \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }
#define SECOND "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* What proxies read differently: refused, and nothing after it is a request. */
static void a_head_that_can_be_read_in_two_ways_is_refused(void **state)
{
    static const struct odd_request table[] = {
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length : 44\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length\t: 44\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding\x0b: chunked\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nX: y\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nX: y\r\nContent-Length: 0\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\n\r\n" SECOND),
        ODD("GET /healthz?a b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\n(comment): x\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\rContent-Length: 44\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x01\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\nX: b\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: b\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\n X: folded\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\tX: a\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\0.example.org\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost:\0 localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\0\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\0y\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX\0: y\r\n\r\n" SECOND),
        ODD("GET /healthz\0/../api HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz\0 HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /api/v1/adoption?area=B\0&x=y HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1\0\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET\0 /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz HTTP/1.1 \r\nHost: localhost\r\n\r\n" SECOND),
        ODD("GET /healthz\0/ HTTP/1.1\nHost: localhost\nX: b\r\n\r\n" SECOND),
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        buffer_clear(&answer);
        client_send(&answer, api_url(world.api), table[i].bytes, table[i].count);
        if (answer.bytes == NULL || strncmp(answer.bytes, "HTTP/1.1 400 ", 13) != 0 || count_of("HTTP/1.1 ") != 1) {
            fail_msg("%zu. %s: %s", i, table[i].bytes, answer.bytes != NULL ? answer.bytes : "nothing");
        }
    }
}

/* Blanks, names and signs that the grammar allows. */
static void a_head_as_others_write_it_is_read(void **state)
{
    static const char *const table[] = {
        "GET /healthz HTTP/1.1\r\nHost:localhost\r\nConnection:close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: \t localhost\r\nEmpty:\r\nBlank: \r\nX: a  b\tc  \r\nConnection: close\r\n\r\n",
        "\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\nCONNECTION: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n!#$%&'*+-.^_`|~1: \xe1\xba\xbf\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: a=b; c=\"d\"\r\nCookie: e=f\r\nAccept: a/b\r\n"
        "Accept: c/d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "GET /api/v1/adoption?area=%42&period=2025-10 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "HEAD /healthz HTTP/1.0\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        send_text(table[i]);
        if (count_of(" 200 OK") != 1) {
            fail_msg("%zu. %s: %s", i, table[i], answer.bytes != NULL ? answer.bytes : "nothing");
        }
    }
}

static void large_headers_and_addresses_are_refused_with_a_problem(void **state)
{
    static const struct {
        const char *start;
        size_t length;
        const char *status;
    } table[] = {{"GET /", 8000, "HTTP/1.1 414"},
                 {"GET /healthz?", 9000, "HTTP/1.1 414"},
                 {"GET /healthz HTTP/1.1\r\nX-Long: ", 20000, "HTTP/1.1 431"}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer request = {0};
        buffer_add_text(&request, table[i].start);
        for (size_t k = 0; k < table[i].length; k++) {
            buffer_add(&request, "a", 1);
        }
        buffer_add_text(&request, i < 2 ? " HTTP/1.1" : "");
        buffer_add_text(&request, "\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        buffer_clear(&answer);
        client_send(&answer, api_url(world.api), request.bytes, request.used);
        assert_begins(table[i].status);
        assert_int_equal(count_of("application/problem+json"), 1);
        buffer_free(&request);
    }
}

static void old_and_pipelined_requests_are_answered(void **state)
{
    (void)state;
    send_text("GET /healthz HTTP/1.0\r\n\r\n");
    assert_int_equal(count_of(" 200 OK"), 1);
    send_text("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_begins("HTTP/1.1 200");
    send_text("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
              "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_int_equal(count_of("HTTP/1.1 200"), 2);
    assert_int_equal(count_of("HTTP/1.1 404"), 1);
}

static void a_strangers_name_is_not_answered_without_tokens(void **state)
{
    (void)state;
    send_text("GET /api/v1/status HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n");
    assert_begins("HTTP/1.1 421");
    assert_int_equal(count_of("behind_proxy"), 1);
    send_text("GET / HTTP/1.1\r\nHost: rebound.example.org:8080\r\nConnection: close\r\n\r\n");
    assert_begins("HTTP/1.1 421");
}

static int open_connection(void)
{
    const char *colon = strrchr(api_url(world.api), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Says no more afterwards: some garbage could be the beginning of a request. Reads to the end. */
static void send_and_end(const char *bytes, size_t count)
{
    char piece[4096];
    int fd = open_connection();
    assert_int_equal(send(fd, bytes, count, MSG_NOSIGNAL), count);
    shutdown(fd, SHUT_WR);
    ssize_t got;
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
    }
    assert_true(got == 0 || errno == ECONNRESET);
    close(fd);
}

static void garbage_is_survived(void **state)
{
    static const char *const garbage[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        " / HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        send_and_end(garbage[i], strlen(garbage[i]));
        get("/healthz");
        assert_int_equal(reply.status, 200);
    }
    send_and_end("GET /heal\0thz HTTP/1.1\r\nHost: localhost\r\n\r\n", 42);
    get("/healthz");
    assert_int_equal(reply.status, 200);
}

enum { IDLE = 200 };

static void who_holds_many_connections_locks_out_nobody_at_his_address(void **state)
{
    int idle[IDLE];
    (void)state;
    assert_true(IDLE > world.settings.http_connections_per_address);
    for (size_t i = 0; i < IDLE; i++) {
        idle[i] = open_connection();
    }
    for (size_t i = 0; i < 10; i++) {
        int64_t begun_ms = clock_steady_ms();
        get("/healthz");
        assert_int_equal(reply.status, 200);
        assert_true(clock_steady_ms() - begun_ms < VISITOR_ASKS_MS / 2);
    }
    for (size_t i = 0; i < IDLE; i++) {
        close(idle[i]);
    }
}

enum { MANY = 60000 };

/* More than the sockets of both sides take in. Nothing of it is read; a clock that is put forward stands for the wait.
 */
static void who_does_not_take_his_answer_is_given_up(void **state)
{
    static const char request[] = "GET /api/v1/adoption HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const struct timespec pause = {.tv_nsec = 1000000};
    struct visitors *visitors = &world.api->visitors;
    struct fake_store large = small_world_rows;
    struct adoption_row *rows = calloc(MANY, sizeof *rows);
    int fd = open_connection();
    (void)state;
    assert_non_null(rows);
    for (size_t i = 0; i < MANY; i++) {
        rows[i] = small_world_rows.adoption[0];
    }
    large.adoption = rows;
    large.adoption_count = MANY;
    fake_store_set(&large);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (int i = 0; i < 20000 && visitors_answer_bytes(visitors) == 0; i++) {
        nanosleep(&pause, NULL);
    }
    assert_true(visitors_answer_bytes(visitors) > 10 * 1000 * 1000);
    assert_int_equal(visitors_sweep(visitors, clock_steady_ms() + VISITOR_TAKES_MS), 0);
    assert_int_equal(visitors_sweep(visitors, clock_steady_ms() + (int64_t)20 * VISITOR_TAKES_MS), 1);
    for (int i = 0; i < 20000 && visitors_answer_bytes(visitors) > 0; i++) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(visitors_answer_bytes(visitors), 0);
    close(fd);
    get("/healthz");
    assert_int_equal(reply.status, 200);
    fake_store_set(&small_world_rows);
    free(rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, serve_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_is_refused_before_it_is_read),
        TEST(what_is_hidden_in_a_body_is_not_a_request),
        TEST(a_head_that_can_be_read_in_two_ways_is_refused),
        TEST(a_head_as_others_write_it_is_read),
        TEST(large_headers_and_addresses_are_refused_with_a_problem),
        TEST(old_and_pipelined_requests_are_answered),
        TEST(a_strangers_name_is_not_answered_without_tokens),
        TEST(garbage_is_survived),
        TEST(who_holds_many_connections_locks_out_nobody_at_his_address),
        TEST(who_does_not_take_his_answer_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
