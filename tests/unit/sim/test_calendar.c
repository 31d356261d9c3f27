/* Dates, hours and breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/calendar.h"
#include "sim/civil.h"
#include "sim/jsonc.h"
#include "sim/scenario.h"

static struct scenario *scenario;

static int load(void **state)
{
    static struct jsonc_faults faults;

    (void)state;
    return scenario_load(TEST_DATA_DIR "/fixtures/small.jsonc", &faults, &scenario);
}

static int unload(void **state)
{
    (void)state;
    scenario_free(&scenario);
    return 0;
}

static struct calendar_day look_up(int year, int month, int day)
{
    return calendar_look_up(&scenario->calendars[0], civil_day(year, month, day));
}

static void every_day_of_400_years_survives_the_round_trip(void **state)
{
    int year, month, day_of_month;

    (void)state;
    for (int32_t day = civil_day(1900, 1, 1); day < civil_day(2300, 1, 1); day++) {
        civil_date(day, &year, &month, &day_of_month);
        assert_int_equal(civil_day(year, month, day_of_month), day);
    }
    assert_int_equal(civil_day(1970, 1, 1), 0);
    assert_int_equal(civil_weekday(civil_day(2026, 2, 14)), 5);
    assert_int_equal(civil_weekday(civil_day(1969, 12, 31)), 2);
}

static void moments_are_read_and_refused(void **state)
{
    static const struct {
        const char *text;
        int64_t t_ms; /* -1: must be refused */
    } rows[] = {{"2026-02-14", 1771002000000},
                {"2026-02-14T00:00:00+07:00", 1771002000000},
                {"2026-02-13T17:00:00Z", 1771002000000},
                {"2026-02-13T12:00:00.25-05:00", 1771002000250},
                {"2024-02-29", 1709139600000},
                {"2026-02-29", -1},
                {"2026-13-01", -1},
                {"2026-00-10", -1},
                {"2026-2-14", -1},
                {"2026-02-14T", -1},
                {"2026-02-14T07:00", -1},
                {"2026-02-14T07:00:00", -1},
                {"2026-02-14T24:00:00Z", -1},
                {"2026-02-14T07:00:00.Z", -1},
                {"2026-02-14T07:00:00+0700", -1},
                {"2026-02-14 ", -1},
                {"tomorrow", -1},
                {"", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t t_ms = -1;
        int result = civil_parse_moment(rows[i].text, 420, &t_ms);

        if ((result == 0) != (rows[i].t_ms >= 0) || (result == 0 && t_ms != rows[i].t_ms)) {
            fail_msg("\"%s\" gave %d, %lld", rows[i].text, result, (long long)t_ms);
        }
    }
}

static void a_local_day_begins_at_local_midnight(void **state)
{
    int32_t day = civil_day(2026, 2, 14);
    int64_t start_ms = civil_day_start_ms(day, 420);
    char text[CIVIL_TIME_MAX];

    (void)state;
    assert_int_equal(civil_day_of(start_ms, 420), day);
    assert_int_equal(civil_day_of(start_ms - 1, 420), day - 1);
    assert_int_equal(civil_day_of(-1, 0), -1);
    civil_format_time(start_ms + 1, 420, text);
    assert_string_equal(text, "2026-02-14T00:00:00.001+07:00");
    civil_format_time(start_ms, -210, text);
    assert_string_equal(text, "2026-02-13T13:30:00.000-03:30");
}

static void a_school_week_has_its_hours(void **state)
{
    struct calendar_day monday = look_up(2025, 12, 1), saturday = look_up(2025, 12, 6), sunday = look_up(2025, 12, 7);

    (void)state;
    assert_int_equal(monday.open_s, 7 * 3600);
    assert_int_equal(calendar_clock(&monday, 0), 7 * 3600);
    assert_int_equal(calendar_clock(&monday, 4 * 3600 - 1), 11 * 3600 - 1);
    assert_int_equal(calendar_clock(&monday, 4 * 3600), 13 * 3600 + 1800);
    assert_int_equal(saturday.open_s, 4 * 3600);
    assert_true(saturday.factor == 1.0);
    assert_int_equal(sunday.open_s, 0);
    assert_true(sunday.factor == 0.0);
}

static void breaks_close_and_thin_out(void **state)
{
    (void)state;
    assert_true(look_up(2026, 2, 13).factor == 1.0);
    assert_true(look_up(2026, 2, 14).factor == 0.0);
    assert_true(look_up(2026, 2, 21).factor == 0.0);
    assert_true(look_up(2026, 2, 23).factor == 1.0);
    assert_true(look_up(2026, 6, 1).factor == 0.5);
    assert_true(look_up(2031, 6, 2).factor == 0.5);
    assert_true(look_up(2026, 6, 10).factor == 0.0);
    assert_true(look_up(2026, 9, 4).factor == 0.5);
    assert_true(look_up(2026, 9, 5).factor == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_400_years_survives_the_round_trip),
        cmocka_unit_test(moments_are_read_and_refused),
        cmocka_unit_test(a_local_day_begins_at_local_midnight),
        cmocka_unit_test(a_school_week_has_its_hours),
        cmocka_unit_test(breaks_close_and_thin_out),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
