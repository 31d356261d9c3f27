/* Calendar dates and RFC 3339: every day of two centuries, and a table of what is a time and what is not. */
#include "base/civil.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Counts through the calendar by the rules of school, independently of the formulas under test. */
static void every_day_from_1900_to_2100_goes_there_and_back(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t day = -25567; /* 1900-01-01 */
    (void)state;
    for (int year = 1900; year <= 2100; year++) {
        for (int month = 1; month <= 12; month++) {
            int last = days[month - 1] + (month == 2 && is_leap(year));
            for (int date = 1; date <= last; date++, day++) {
                char text[CIVIL_DATE_SIZE], expected[40];
                int32_t parsed;
                struct civil civil = civil_from_day(day);
                snprintf(expected, sizeof expected, "%04d-%02d-%02d", year, month, date);

                assert_int_equal(civil_to_day((struct civil){year, month, date}), day);
                assert_true(civil.year == year && civil.month == month && civil.day == date);
                assert_string_equal(civil_format_date(day, text), expected);
                assert_int_equal(civil_parse_date(text, strlen(text), &parsed), 0);
                assert_int_equal(parsed, day);
            }
        }
    }
    assert_int_equal(day, 47847); /* 2101-01-01 */
}

static void a_date_that_the_calendar_does_not_have_is_refused(void **state)
{
    static const char *const refused[] = {
        "2026-02-29",  "2100-02-29", "2026-04-31", "2026-00-10",  "2026-13-01", "2026-01-00",
        "2026-01-32",  "2026-1-01",  "2026-01-1",  "26-01-01",    "2026/01/01", "2026-01-01 ",
        " 2026-01-01", "+026-01-01", "2026-01-0x", "2026-01-01T", "",           "20260101"};
    int32_t day = 77;
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (civil_parse_date(refused[i], strlen(refused[i]), &day) != ERROR_INPUT) {
            fail_msg("taken for a date: '%s'", refused[i]);
        }
    }
    assert_int_equal(day, 77);
    assert_int_equal(civil_parse_date("2000-02-29", 10, &day), 0);
    assert_int_equal(day, 11016);
}

static void rfc_3339_is_read_to_the_millisecond(void **state)
{
    static const struct {
        const char *text;
        int64_t t_ms;
    } read[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-10-05T08:30:00+07:00", 1791163800000},
        {"2026-10-05T01:30:00Z", 1791163800000},
        {"2026-10-05t01:30:00z", 1791163800000},
        {"2026-10-05 01:30:00Z", 1791163800000},
        {"2026-10-04T19:15:00-06:15", 1791163800000},
        {"2026-10-05T01:30:00-00:00", 1791163800000},
        {"2026-10-06T01:29:00+23:59", 1791163800000},
        {"2026-10-05T01:30:00.1Z", 1791163800100},
        {"2026-10-05T01:30:00.12Z", 1791163800120},
        {"2026-10-05T01:30:00.123Z", 1791163800123},
        {"2026-10-05T01:30:00.1239Z", 1791163800123},
        {"2026-10-05T08:30:00.999999999999+07:00", 1791163800999},
        {"2016-12-31T23:59:60Z", 1483228799000},
        {"1969-12-31T23:59:59.500Z", -500},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    (void)state;
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        int64_t t_ms = 0;
        if (civil_parse_time(read[i].text, strlen(read[i].text), &t_ms) != 0 || t_ms != read[i].t_ms) {
            fail_msg("%s became %lld, not %lld", read[i].text, (long long)t_ms, (long long)read[i].t_ms);
        }
    }
}

static void what_is_not_rfc_3339_is_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "2026-10-05",
        "2026-10-05T08:30Z",
        "2026-10-05T08:30:00",
        "2026-10-05T08:30:00.Z",
        "2026-10-05T08:30:00.",
        "2026-10-05T08:30:00,5Z",
        "2026-10-05T08:30:00.5",
        "2026-10-05T24:00:00Z",
        "2026-10-05T08:60:00Z",
        "2026-10-05T08:30:61Z",
        "2026-10-05T8:30:00+07:00",
        "2026-10-05T08-30-00Z",
        "2026-10-05_08:30:00Z",
        "2026-02-30T08:30:00Z",
        "2026-10-05T08:30:00+0700",
        "2026-10-05T08:30:00+07",
        "2026-10-05T08:30:00+24:00",
        "2026-10-05T08:30:00+07:60",
        "2026-10-05T08:30:00 +07:00",
        "2026-10-05T08:30:00+07:00 ",
        "2026-10-05T08:30:00ZZ",
        "2026-10-05T08:30:00z7",
        "2026-10-05T-8:30:00Z",
        "2026-10-05T08:30:00*07:00",
        "-026-10-05T08:30:00Z",
    };
    int64_t t_ms = 77;
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (civil_parse_time(refused[i], strlen(refused[i]), &t_ms) != ERROR_INPUT) {
            fail_msg("taken for a time: '%s'", refused[i]);
        }
    }
    assert_int_equal(t_ms, 77);
}

/* The text is not NUL-terminated: what lies behind it must not be looked at. */
static void only_the_given_bytes_are_read(void **state)
{
    const char text[] = "2026-10-05T08:30:00+07:00";
    int64_t t_ms;
    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_int_equal(civil_parse_time(text, length, &t_ms), ERROR_INPUT);
    }
    assert_int_equal(civil_parse_time(text, sizeof text - 1, &t_ms), 0);
}

static void a_time_is_written_as_it_is_read(void **state)
{
    static const int64_t times[] = {0, -1, -86400001, 1791163800123, 951782399999, 253402300799999, -62167219200000};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[CIVIL_TIME_SIZE];
        int64_t again = 0;
        civil_format_time(times[i], text);
        assert_int_equal(civil_parse_time(text, strlen(text), &again), 0);
        assert_int_equal(again, times[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_from_1900_to_2100_goes_there_and_back),
        cmocka_unit_test(a_date_that_the_calendar_does_not_have_is_refused),
        cmocka_unit_test(rfc_3339_is_read_to_the_millisecond),
        cmocka_unit_test(what_is_not_rfc_3339_is_refused),
        cmocka_unit_test(only_the_given_bytes_are_read),
        cmocka_unit_test(a_time_is_written_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
