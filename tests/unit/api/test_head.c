/* Heads laid out as the library leaves them in its buffer: each string ended by a NUL where its separator was. */
#include "head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 512 };

static char block[MOST];
static size_t used;

static const char *lay(const char *text, size_t gap)
{
    char *at = block + used;
    size_t length = strlen(text);
    assert_true(used + length + gap <= sizeof block);
    memcpy(at, text, length);
    memset(at + length, 0, gap);
    used += length + gap;
    return at;
}

struct field {
    const char *name;
    size_t colon; /* bytes between name and value */
    const char *value;
    size_t end; /* bytes after the value */
};

/* The first line, and the fields up to one without a name. */
static struct head read_head(const char *version, const struct field *fields, size_t last)
{
    struct head head;
    used = 0;
    const char *method = lay("GET", 1);
    const char *target = lay("/healthz?x=y", 1);
    head_begin(&head, method, target, strlen(target), lay(version, 2));
    for (; fields->name != NULL; fields++) {
        const char *name = lay(fields->name, fields->colon);
        head_add(&head, name, lay(fields->value, fields->end));
    }
    used += last;
    head_end(&head, used);
    return head;
}

struct table_row {
    unsigned status;
    struct field fields[4];
    const char *word;
};

static void each_byte_is_accounted_for_and_each_header_checked(void **state)
{
    static const struct table_row table[] = {
        {0, {{"Host", 2, "localhost", 2}}, NULL},
        {0, {{"Host", 1, "localhost", 2}}, NULL},
        {0, {{"Host", 9, "localhost", 2}, {"Content-Length", 2, "0", 2}, {"Content-Type", 2, "", 2}}, NULL},
        {0, {{"Host", 2, "localhost", 2}, {"X", 2, "a\tb  ", 2}, {"X", 2, "\xff", 2}}, NULL},
        {400, {{"Host", 2, "localhost", 1}, {"X", 2, "y", 2}}, "CR LF"},
        {400, {{"Host", 2, "localhost", 3}, {"X", 2, "y", 2}}, "NUL"},
        {400, {{"Host", 2, "localhost", 3}}, "NUL"},
        {400, {{"Host", 2, "localhost", 1}}, "CR LF"},
        {400, {{"Host", 2, "localhost", 3}, {"X", 2, "y", 1}}, "NUL"},
        {400, {{"Host", 0, "", 2}}, "value"},
        {400, {{"", 2, "localhost", 2}}, "name"},
        {400, {{"Host", 2, "localhost", 2}, {"X ", 1, "y", 2}}, "name"},
        {400, {{"Host", 2, "localhost", 2}, {"X\x0b", 1, "y", 2}}, "name"},
        {400, {{"Host", 2, "localhost", 2}, {"X\xc3\xa9", 1, "y", 2}}, "name"},
        {400, {{"Host", 2, "localhost", 2}, {"X", 2, "y\rz", 2}}, "control"},
        {400, {{"Host", 2, "localhost", 2}, {"X", 2, "y\x7f", 2}}, "control"},
        {400, {{"Host", 2, "localhost", 2}, {"hOST", 2, "localhost", 2}}, "Host"},
        {400, {{"Content-Length", 2, "0", 2}, {"Content-length", 2, "0", 2}}, "Content-Length"},
        {400, {{"X", 2, "y", 2}}, "Host"},
        {413, {{"Host", 2, "localhost", 2}, {"Content-Length", 2, "1", 2}}, "body"},
        {413, {{"Host", 2, "localhost", 2}, {"Content-Length", 2, "0, 0", 2}}, "body"},
        {413, {{"Host", 2, "localhost", 2}, {"Content-Length", 2, "", 2}}, "body"},
        {413, {{"Host", 2, "localhost", 2}, {"transfer-encoding", 2, "identity", 2}}, "body"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct head head = read_head("HTTP/1.1", table[i].fields, 2);
        if (head.status != table[i].status || (head.status != 0 && strstr(head.fault, table[i].word) == NULL)) {
            fail_msg("%zu: %u %s", i, head.status, head.fault != NULL ? head.fault : "");
        }
    }
}

static void the_empty_line_is_the_last_of_it(void **state)
{
    static const struct field fields[] = {{"Host", 2, "localhost", 2}, {NULL, 0, NULL, 0}};
    (void)state;
    assert_int_equal(read_head("HTTP/1.1", fields, 1).status, 400);
    assert_int_equal(read_head("HTTP/1.1", fields, 3).status, 400);
}

static void before_http_1_1_nobody_had_to_name_a_host(void **state)
{
    static const struct field none[] = {{NULL, 0, NULL, 0}};
    (void)state;
    assert_int_equal(read_head("HTTP/1.0", none, 2).status, 0);
    assert_int_equal(read_head("HTTP/1.1", none, 2).status, 400);
}

static void what_the_target_hides_is_noticed(void **state)
{
    static char hidden[] = "GET\0/healthz\0/../api\0HTTP/1.1\0\0Host\0 localhost\0\0\0";
    struct head head;
    (void)state;
    head_begin(&head, hidden, hidden + 4, 8, hidden + 21);
    head_add(&head, hidden + 31, hidden + 37);
    assert_int_equal(head_end(&head, 50), 400);
    head_begin(&head, hidden, hidden + 4, 16, hidden + 21);
    head_add(&head, hidden + 31, hidden + 37);
    assert_int_equal(head_end(&head, 50), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_accounted_for_and_each_header_checked),
        cmocka_unit_test(the_empty_line_is_the_last_of_it),
        cmocka_unit_test(before_http_1_1_nobody_had_to_name_a_host),
        cmocka_unit_test(what_the_target_hides_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
