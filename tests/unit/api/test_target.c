/* Request targets as browsers, programs and attackers write them. */
#include "internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct good_target {
    const char *raw, *path;
    const char *parameters; /* "name=value;" of each */
};

static void parse(const char *raw, struct request *request)
{
    /* Of its own length, so that a sanitizer sees a read past the end. */
    char *copy = strdup(raw);
    assert_non_null(copy);
    target_parse(copy, request);
    free(copy);
}

static void addresses_are_taken_apart_and_decoded(void **state)
{
    static const struct good_target table[] = {
        {"/", "/", ""},
        {"/api/v1/status", "/api/v1/status", ""},
        {"/api/v1/status?", "/api/v1/status", ""},
        {"/a?b", "/a", "b=;"},
        {"/a?b=", "/a", "b=;"},
        {"/a?=b", "/a", "=b;"},
        {"/a?b=c&d=e", "/a", "b=c;d=e;"},
        {"/a?&&b=c&", "/a", "b=c;"},
        {"/a?b=c=d", "/a", "b=c=d;"},
        {"/a?b=c?d", "/a", "b=c?d;"},
        {"/a?b=c+d%2Be", "/a", "b=c d+e;"},
        {"/a?p=2026%2F2027", "/a", "p=2026/2027;"},
        {"/a?n=Hu%E1%BA%BF", "/a", "n=Huế;"},
        {"/a?n=Huế", "/a", "n=Huế;"},
        {"/a?%62=%63", "/a", "b=c;"},
        {"/a+b", "/a+b", ""},
        {"/%61pi", "/api", ""},
        {"/%2e%2e/etc/passwd", "/../etc/passwd", ""},
        {"//etc//passwd", "//etc//passwd", ""},
        {"/..%5cwindows", "/..\\windows", ""},
        {"/a%3Fb", "/a?b", ""},
        {"http://example.org/a?b=c", "/a", "b=c;"},
        {"https://example.org:1/a", "/a", ""},
        {"http://example.org", "/", ""},
        {"http://example.org?x=/y", "/", ""},
    };
    struct request *request = calloc(1, sizeof *request);
    (void)state;
    assert_non_null(request);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char found[256] = "";
        parse(table[i].raw, request);
        if (request->fault != NULL) {
            fail_msg("%s: %s", table[i].raw, request->fault);
        }
        for (size_t k = 0; k < request->parameter_count; k++) {
            size_t used = strlen(found);
            snprintf(found + used, sizeof found - used, "%s=%s;", request->parameters[k].name,
                     request->parameters[k].value);
        }
        assert_string_equal(request->path, table[i].path);
        assert_string_equal(found, table[i].parameters);
    }
    free(request);
}

struct bad_target {
    const char *raw;
    unsigned status;
    const char *word;
};

static void what_has_two_meanings_or_none_is_refused(void **state)
{
    static const struct bad_target table[] = {
        {"", 400, "slash"},
        {"*", 400, "slash"},
        {"example.org:443", 400, "slash"},
        {"ftp://example.org/", 400, "slash"},
        {"/a#b", 400, "#"},
        {"/%", 400, "hexadecimal"},
        {"/%4", 400, "hexadecimal"},
        {"/%zz", 400, "hexadecimal"},
        {"/%-1", 400, "hexadecimal"},
        {"/a?b=%", 400, "hexadecimal"},
        {"/a?%g0=b", 400, "hexadecimal"},
        {"/a%00.html", 400, "NUL"},
        {"/a?b=c%00", 400, "NUL"},
        {"/a%0d%0aSet-Cookie:x", 400, "control"},
        {"/a\tb", 400, "control"},
        {"/a b", 400, "blank"},
        {"/a?b=c ", 400, "blank"},
        {"/a%7f", 400, "control"},
        {"/api%2Fv1", 400, "escaped slash"},
        {"/a?1&2&3&4&5&6&7&8&9&10&11&12&13", 400, "too many"},
    };
    struct request *request = calloc(1, sizeof *request);
    (void)state;
    assert_non_null(request);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        parse(table[i].raw, request);
        if (request->fault == NULL || strstr(request->fault, table[i].word) == NULL) {
            fail_msg("%s: %s", table[i].raw, request->fault != NULL ? request->fault : "taken");
        }
        assert_int_equal(request->fault_status, table[i].status);
        assert_string_equal(request->path, request->path[0] == '/' ? request->path : "");
    }
    free(request);
}

/* A target of `length` bytes that begins with `start`. */
static char *long_target(const char *start, size_t length)
{
    char *raw = malloc(length + 1);
    assert_non_null(raw);
    memset(raw, 'a', length);
    memcpy(raw, start, strlen(start));
    raw[length] = '\0';
    return raw;
}

static void what_is_too_long_is_refused_at_its_bound(void **state)
{
    static const struct {
        const char *start;
        size_t length;
        unsigned status;
    } table[] = {
        {"/", API_PATH_BYTES, 0},
        {"/", API_PATH_BYTES + 1, 414},
        {"/", API_TARGET_BYTES, 414},
        {"/", API_TARGET_BYTES + 1, 414},
        {"/", 100000, 414},
        {"/?b=", 4 + API_VALUE_BYTES, 0},
        {"/?b=", 5 + API_VALUE_BYTES, 400},
        {"/?", 2 + API_VALUE_BYTES, 0},
        {"/?", 3 + API_VALUE_BYTES, 400},
        {"/?b=", API_TARGET_BYTES, 400},
    };
    struct request *request = calloc(1, sizeof *request);
    (void)state;
    assert_non_null(request);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *raw = long_target(table[i].start, table[i].length);
        target_parse(raw, request);
        assert_int_equal(request->fault_status, table[i].status);
        free(raw);
    }
    free(request);
}

static void only_addresses_in_digits_and_localhost_are_local_names(void **state)
{
    static const char *const local[] = {"127.0.0.1", "127.0.0.1:8080", "localhost", "LocalHost:80",
                                        "[::1]",     "[::1]:8080",     "10.1.2.3"};
    static const char *const foreign[] = {"",
                                          "example.org",
                                          "localhost.example.org",
                                          "127.0.0.1.example.org",
                                          ":8080",
                                          "[::1",
                                          "[]",
                                          "[example.org]",
                                          "[::1]x",
                                          "localhos",
                                          "edutally:8080",
                                          "1.2.3.4x"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        assert_true(host_is_local_name(local[i]));
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_false(host_is_local_name(foreign[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart_and_decoded),
        cmocka_unit_test(what_has_two_meanings_or_none_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused_at_its_bound),
        cmocka_unit_test(only_addresses_in_digits_and_localhost_are_local_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
