/* Periods of the calendar. */
#include "base/civil.h"
#include "base/error.h"
#include "indicator/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const enum period_kind kinds[] = {PERIOD_MONTH, PERIOD_QUARTER, PERIOD_SCHOOL_YEAR, PERIOD_YEAR};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int32_t day_of(const char *date)
{
    int32_t day = 0;
    assert_int_equal(civil_parse_date(date, strlen(date), &day), 0);
    return day;
}

static void each_period_has_its_label_and_its_days(void **state)
{
    (void)state;
    static const struct {
        enum period_kind kind;
        const char *day, *label, *first, *last;
    } table[] = {
        {PERIOD_MONTH, "2026-10-05", "2026-10", "2026-10-01", "2026-10-31"},
        {PERIOD_MONTH, "2026-12-31", "2026-12", "2026-12-01", "2026-12-31"},
        {PERIOD_MONTH, "2027-01-01", "2027-01", "2027-01-01", "2027-01-31"},
        {PERIOD_MONTH, "2028-02-29", "2028-02", "2028-02-01", "2028-02-29"},
        {PERIOD_MONTH, "2026-02-28", "2026-02", "2026-02-01", "2026-02-28"},
        {PERIOD_MONTH, "1900-02-28", "1900-02", "1900-02-01", "1900-02-28"},
        {PERIOD_MONTH, "2000-02-29", "2000-02", "2000-02-01", "2000-02-29"},
        {PERIOD_MONTH, "1969-12-31", "1969-12", "1969-12-01", "1969-12-31"},
        {PERIOD_QUARTER, "2026-10-05", "2026-Q4", "2026-10-01", "2026-12-31"},
        {PERIOD_QUARTER, "2026-03-31", "2026-Q1", "2026-01-01", "2026-03-31"},
        {PERIOD_QUARTER, "2028-02-29", "2028-Q1", "2028-01-01", "2028-03-31"},
        {PERIOD_QUARTER, "1969-06-30", "1969-Q2", "1969-04-01", "1969-06-30"},
        {PERIOD_SCHOOL_YEAR, "2026-08-31", "2025/2026", "2025-09-01", "2026-08-31"},
        {PERIOD_SCHOOL_YEAR, "2026-09-01", "2026/2027", "2026-09-01", "2027-08-31"},
        {PERIOD_SCHOOL_YEAR, "2027-01-15", "2026/2027", "2026-09-01", "2027-08-31"},
        {PERIOD_SCHOOL_YEAR, "2028-02-29", "2027/2028", "2027-09-01", "2028-08-31"},
        {PERIOD_SCHOOL_YEAR, "1970-01-01", "1969/1970", "1969-09-01", "1970-08-31"},
        {PERIOD_YEAR, "2026-01-01", "2026", "2026-01-01", "2026-12-31"},
        {PERIOD_YEAR, "2028-12-31", "2028", "2028-01-01", "2028-12-31"},
        {PERIOD_YEAR, "1969-12-31", "1969", "1969-01-01", "1969-12-31"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char label[PERIOD_LABEL_SIZE];
        enum period_kind kind;
        int32_t parsed, period = period_of_day(table[i].kind, day_of(table[i].day));
        assert_string_equal(period_label(table[i].kind, period, label), table[i].label);
        assert_int_equal(period_first_day(table[i].kind, period), day_of(table[i].first));
        assert_int_equal(period_last_day(table[i].kind, period), day_of(table[i].last));
        assert_int_equal(period_parse(table[i].label, &kind, &parsed), 0);
        assert_int_equal(kind, table[i].kind);
        assert_int_equal(parsed, period);
    }
}

/* From before the year 0 to past 2400, so that every kind of leap year is met. */
static void periods_follow_each_other_without_gap_or_overlap(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        int32_t day = -800000;
        int32_t period = period_of_day(kinds[k], day);
        for (; day < 200000; day = period_last_day(kinds[k], period - 1) + 1) {
            int32_t first = period_first_day(kinds[k], period), last = period_last_day(kinds[k], period);
            assert_in_range(last - first + 1, 28, 366);
            assert_int_equal(period_of_day(kinds[k], first), period);
            assert_int_equal(period_of_day(kinds[k], last), period);
            assert_int_equal(period_of_day(kinds[k], last + 1), period + 1);
            period++;
        }
    }
}

static void a_school_year_with_a_leap_day_has_366_days(void **state)
{
    (void)state;
    static const int32_t days[] = {[0] = 365, [1] = 365, [2] = 365, [3] = 366}; /* 2024/25 to 2027/28 */
    for (int32_t i = 0; i < 4; i++) {
        int32_t first = period_first_day(PERIOD_SCHOOL_YEAR, 2024 + i);
        assert_int_equal(period_last_day(PERIOD_SCHOOL_YEAR, 2024 + i) - first + 1, days[i]);
    }
}

static void other_labels_are_refused(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",          "202",        "20261",   "2026-",      "2026-1",  "2026-00",  "2026-13",
        "2026-010",  "2026-Q",     "2026-Q0", "2026-Q5",    "2026-q1", "2026-Q11", "2026/2026",
        "2026/2028", "2026/27",    "2026/",   "2026-10-05", "26-10",   " 2026",    "2026 ",
        "-026-10",   "2026/20271", "10-2026", "2026-1a",    "year",    "+026",     "2026/2025",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum period_kind kind;
        int32_t period;
        if (period_parse(table[i], &kind, &period) != ERROR_INPUT) {
            fail_msg("\"%s\" was taken for a period", table[i]);
        }
    }
}

static void kinds_have_words(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        assert_int_equal(period_kind_of(period_kind_word(kinds[k])), kinds[k]);
    }
    assert_int_equal(period_kind_of("week"), -1);
    assert_int_equal(period_kind_of(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_period_has_its_label_and_its_days),
        cmocka_unit_test(periods_follow_each_other_without_gap_or_overlap),
        cmocka_unit_test(a_school_year_with_a_leap_day_has_366_days),
        cmocka_unit_test(other_labels_are_refused),
        cmocka_unit_test(kinds_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
