/* Accept and Accept-Encoding, as browsers, curl and spreadsheets send them. */
#include "internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct accept_case {
    const char *header, *what;
    double quality;
};

static void the_most_exact_range_decides(void **state)
{
    static const struct accept_case table[] = {
        {NULL, "gzip", 0},
        {"", "gzip", 0},
        {"gzip", "gzip", 1},
        {"gzip, deflate, br", "gzip", 1},
        {"deflate, br", "gzip", 0},
        {"br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip", 0.8},
        {"gzip;q=0", "gzip", 0},
        {"*", "gzip", 1},
        {"*, gzip;q=0", "gzip", 0},
        {"GZIP", "gzip", 1},
        {"xgzip", "gzip", 0},
        {"gzip ; q=0.5", "gzip", 0.5},
        {"gzip;q=nonsense", "gzip", 0},
        {"gzip;q=7", "gzip", 0},
        {"text/csv", "text/csv", 1},
        {"text/*;q=0.3, text/csv;q=0.7", "text/csv", 0.7},
        {"text/*;q=0.3", "text/csv", 0.3},
        {"*/*", "text/csv", 1},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/csv", 0.8},
        {"application/json", "text/csv", 0},
        {"text/csv;charset=utf-8;q=0.4", "text/csv", 0.4},
        {",,,", "text/csv", 0},
        {";;;", "text/csv", 0},
        {"text/csv;", "text/csv", 1},
        {"text/", "text/csv", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        double quality = accept_quality(table[i].header, table[i].what);
        if (quality < table[i].quality - 1e-9 || quality > table[i].quality + 1e-9) {
            fail_msg("%s of \"%s\": %g", table[i].what, table[i].header, quality);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_most_exact_range_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
