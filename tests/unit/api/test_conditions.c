/* Small counts of people are taken out of the conditions, and nothing else. */
#include "api/conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONDITION(metric, actual) "{\"metric\":\"" metric "\",\"actual\":" actual ",\"met\":false}"

struct hiding_case {
    const char *stored;
    int64_t small_cell, head_count;
    const char *shown;
};

static void people_below_the_small_cell_are_hidden(void **state)
{
    static const struct hiding_case table[] = {
        {"[" CONDITION("users", "4") "]", 0, 100, "[" CONDITION("users", "4") "]"},
        {"[" CONDITION("users", "4") "]", 5, 100, "[" CONDITION("users", "null") "]"},
        {"[" CONDITION("users", "5") "]", 5, 100, "[" CONDITION("users", "5") "]"},
        {"[" CONDITION("users_share", "0.04") "]", 5, 100, "[" CONDITION("users_share", "null") "]"},
        {"[" CONDITION("users_share", "0.05") "]", 5, 100, "[" CONDITION("users_share", "0.05") "]"},
        {"[" CONDITION("active_days", "2") "," CONDITION("devices", "1") "]", 5, 100,
         "[" CONDITION("active_days", "2") "," CONDITION("devices", "1") "]"},
        {"{}", 5, 100, "[]"},
        {"nonsense", 5, 100, "[]"},
        {"nonsense", 0, 100, "[]"},
        {"", 0, 100, "[]"},
        {"[1,null,[]]", 5, 100, "[1,null,[]]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer out = {0};
        conditions_add(&out, table[i].stored, table[i].small_cell, table[i].head_count);
        assert_string_equal(out.bytes, table[i].shown);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(people_below_the_small_cell_are_hidden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
