/* Tokens: their file, the search in it, the header that carries them, and those who guess. */
#include "internal.h"

#include "base/digest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" /* of "a" */
#define HASH_B "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" /* of "b" */

static int parse(struct tokens *tokens, const char *text, struct error *error)
{
    *error = (struct error){0};
    return tokens_parse(tokens, "tokens", text, strlen(text), error);
}

static void a_file_of_tokens_is_read_line_by_line(void **state)
{
    static const char text[] = "# who may ask\n"
                               "\n"
                               "read\tgrafana  " HASH_A " 2026-11-24 # the dashboard\r\n"
                               "  admin office.1 3E23E8160039594A33894F6564E1B1348BBD7A0088D42C4ACB73EEAED59C009D";
    struct tokens tokens;
    struct error error;
    (void)state;
    assert_int_equal(parse(&tokens, text, &error), 0);
    assert_int_equal(tokens.count, 2);
    assert_string_equal(tokens_find(&tokens, "a", 1)->name, "grafana");
    assert_string_equal(tokens_find(&tokens, "a", 1)->made, "2026-11-24");
    assert_int_equal(tokens_find(&tokens, "b", 1)->scope, TOKEN_ADMIN);
    assert_null(tokens_find(&tokens, "c", 1));
    assert_null(tokens_find(&tokens, "", 0));
    assert_null(tokens_find(&tokens, HASH_A, 64)); /* who has read the file cannot ask with what stands there */
    tokens_free(&tokens);
    assert_int_equal(parse(&tokens, "", &error), 0);
    assert_null(tokens_find(&tokens, "a", 1));
    tokens_free(&tokens);
}

struct bad_file {
    const char *text, *word;
};

static void a_line_that_is_no_token_refuses_the_whole_file(void **state)
{
    static const struct bad_file table[] = {
        {"read grafana", "tokens:1: a line is"},
        {"read a " HASH_A " 2026-11-24 more", "a line is"},
        {"read a " HASH_A "\nwrite b " HASH_B, "tokens:2: the scope"},
        {"READ a " HASH_A, "the scope"},
        {"read a/b " HASH_A, "the name"},
        {"read 1234567890123456789012345678901234567890123456789012345678901234567 " HASH_A, "the name"},
        {"read a edutally_0000", "not the token itself"},
        {"read a " HASH_A "0", "SHA-256"},
        {"read a g" HASH_A, "SHA-256"},
        {"read a " HASH_A " 2026-13-24", "the day"},
        {"read a " HASH_A " tomorrow", "the day"},
        {"read a " HASH_A "\n# two\nadmin a " HASH_B, "tokens:3: the name is there already"},
    };
    struct tokens tokens;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(parse(&tokens, table[i].text, &error), ERROR_CONFIG);
        if (strstr(error.text, table[i].word) == NULL) {
            fail_msg("\"%s\": %s", table[i].text, error.text);
        }
        assert_int_equal(tokens.count, 0);
    }
}

static void more_tokens_than_the_bound_are_refused(void **state)
{
    struct buffer text = {0};
    struct tokens tokens;
    struct error error;
    (void)state;
    for (int i = 0; i < TOKENS_MOST; i++) {
        buffer_print(&text, "read n%d %064d\n", i, i);
    }
    assert_int_equal(parse(&tokens, text.bytes, &error), 0);
    assert_int_equal(tokens.count, TOKENS_MOST);
    tokens_free(&tokens);
    buffer_print(&text, "read last %064d\n", 1);
    assert_int_equal(parse(&tokens, text.bytes, &error), ERROR_CONFIG);
    buffer_free(&text);
}

static void a_file_that_anybody_may_write_to_is_refused(void **state)
{
    char path[] = "/tmp/edutally-tokens-XXXXXX";
    struct tokens tokens;
    struct error error = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(tokens_load(&tokens, path, &error), 0);
    tokens_free(&tokens);
    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(tokens_load(&tokens, path, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.text, "chmod"));
    close(fd);
    unlink(path);
    assert_int_equal(tokens_load(&tokens, path, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.text, "edutally token new"));
}

static void a_made_token_is_new_each_time_and_found_by_its_hash(void **state)
{
    char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE];
    struct token token = {.scope = TOKEN_READ, .name = "n", .made = "2026-11-24"};
    struct tokens tokens;
    struct buffer text = {0};
    struct error error;
    unsigned char hash[TOKEN_HASH_BYTES];
    (void)state;
    assert_int_equal(token_make(first, token.hash, &error), 0);
    assert_int_equal(token_make(second, hash, &error), 0);
    assert_int_equal(strlen(first), TOKEN_TEXT_SIZE - 1);
    assert_memory_equal(first, "edutally_", 9);
    assert_string_not_equal(first, second);
    token_print(&token, &text);
    assert_null(strstr(text.bytes, first + 9));
    assert_int_equal(parse(&tokens, text.bytes, &error), 0);
    assert_ptr_equal(tokens_find(&tokens, first, strlen(first)), &tokens.list[0]);
    assert_null(tokens_find(&tokens, second, strlen(second)));
    assert_null(tokens_find(&tokens, first, strlen(first) - 1));
    tokens_free(&tokens);
    buffer_free(&text);
}

struct judged_header {
    const char *header;
    enum token_scope needed;
    enum access_result result;
};

static void a_header_is_judged_by_token_and_scope(void **state)
{
    static const struct judged_header table[] = {
        {NULL, TOKEN_READ, ACCESS_ANONYMOUS},
        {"Bearer a", TOKEN_READ, ACCESS_GRANTED},
        {"bearer   a ", TOKEN_READ, ACCESS_GRANTED},
        {"BEARER\ta", TOKEN_READ, ACCESS_GRANTED},
        {"Bearer a", TOKEN_ADMIN, ACCESS_TOO_LITTLE},
        {"Bearer b", TOKEN_READ, ACCESS_GRANTED},
        {"Bearer b", TOKEN_ADMIN, ACCESS_GRANTED},
        {"Bearer c", TOKEN_READ, ACCESS_WRONG},
        {"", TOKEN_READ, ACCESS_WRONG},
        {"a", TOKEN_READ, ACCESS_WRONG},
        {"Bearer", TOKEN_READ, ACCESS_WRONG},
        {"Bearer ", TOKEN_READ, ACCESS_WRONG},
        {"Bearera", TOKEN_READ, ACCESS_WRONG},
        {"Bearer a b", TOKEN_READ, ACCESS_WRONG},
        {"Bearer a,b", TOKEN_READ, ACCESS_WRONG},
        {"Basic a", TOKEN_READ, ACCESS_WRONG},
        {"Bearer " HASH_A, TOKEN_READ, ACCESS_WRONG},
    };
    struct tokens tokens;
    struct error error;
    (void)state;
    assert_int_equal(parse(&tokens, "read one " HASH_A "\nadmin two " HASH_B "\n", &error), 0);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (access_judge(&tokens, table[i].header, table[i].needed).result != table[i].result) {
            fail_msg("\"%s\"", table[i].header);
        }
    }
    tokens_free(&tokens);
}

static struct peer peer_at(const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct peer peer;
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        peer_of((const struct sockaddr *)&four, &peer);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        peer_of((const struct sockaddr *)&six, &peer);
    }
    return peer;
}

static bool same_peer(const char *one, const char *other)
{
    struct peer first = peer_at(one), second = peer_at(other);
    return memcmp(&first, &second, sizeof first) == 0;
}

static void an_address_is_one_of_ipv4_or_a_64_of_ipv6(void **state)
{
    (void)state;
    assert_true(same_peer("10.0.0.1", "10.0.0.1"));
    assert_true(same_peer("10.0.0.1", "::ffff:10.0.0.1"));
    assert_false(same_peer("10.0.0.1", "10.0.0.2"));
    assert_true(same_peer("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
    assert_false(same_peer("2001:db8:0:1::1", "2001:db8:0:2::1"));
}

static void wrong_tokens_past_a_burst_are_too_many_until_time_has_passed(void **state)
{
    struct throttle throttle;
    struct peer one = peer_at("10.0.0.1"), other = peer_at("10.0.0.2");
    int64_t now = 1000000;
    (void)state;
    assert_int_equal(throttle_open(&throttle), 0);
    for (int i = 0; i < THROTTLE_BURST; i++) {
        assert_false(throttle_failed(&throttle, &one, now));
    }
    for (int i = 0; i < 1000; i++) {
        assert_true(throttle_failed(&throttle, &one, now));
    }
    assert_false(throttle_failed(&throttle, &other, now));
    assert_true(throttle_failed(&throttle, &one, now + THROTTLE_INTERVAL_MS - 1));
    assert_false(throttle_failed(&throttle, &one, now + THROTTLE_INTERVAL_MS));
    assert_true(throttle_failed(&throttle, &one, now + THROTTLE_INTERVAL_MS));
    now += (int64_t)THROTTLE_BURST * THROTTLE_INTERVAL_MS * 2;
    for (int i = 0; i < THROTTLE_BURST; i++) {
        assert_false(throttle_failed(&throttle, &one, now));
    }
    assert_true(throttle_failed(&throttle, &one, now));
    throttle_close(&throttle);
}

static void addresses_past_the_table_push_out_the_one_that_is_nearest_to_forgiven(void **state)
{
    struct throttle throttle;
    struct peer stubborn = peer_at("10.0.0.1");
    (void)state;
    assert_int_equal(throttle_open(&throttle), 0);
    for (int i = 0; i <= THROTTLE_BURST; i++) {
        throttle_failed(&throttle, &stubborn, 1000);
    }
    for (int i = 0; i < 10 * THROTTLE_PEERS; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        struct peer another = peer_at(address);
        assert_false(throttle_failed(&throttle, &another, 1000));
    }
    assert_true(throttle_failed(&throttle, &stubborn, 1000));
    throttle_close(&throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_tokens_is_read_line_by_line),
        cmocka_unit_test(a_line_that_is_no_token_refuses_the_whole_file),
        cmocka_unit_test(more_tokens_than_the_bound_are_refused),
        cmocka_unit_test(a_file_that_anybody_may_write_to_is_refused),
        cmocka_unit_test(a_made_token_is_new_each_time_and_found_by_its_hash),
        cmocka_unit_test(a_header_is_judged_by_token_and_scope),
        cmocka_unit_test(an_address_is_one_of_ipv4_or_a_64_of_ipv6),
        cmocka_unit_test(wrong_tokens_past_a_burst_are_too_many_until_time_has_passed),
        cmocka_unit_test(addresses_past_the_table_push_out_the_one_that_is_nearest_to_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
