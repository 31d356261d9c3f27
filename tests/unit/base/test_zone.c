/*
 * Days and hours where clocks do odd things. One zone is open at a time: the C library has one per process. The days'
 * lengths and starts expected here come from the zone database's own text, not from the functions under test.
 */
#include "base/zone.h"

#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000, DAY_MS = 86400000 };

static struct zone *open_zone(const char *name)
{
    struct zone *zone = NULL;
    struct error error = {0};
    if (zone_open(&zone, name, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(zone_name(zone), name);
    return zone;
}

static int32_t day_of(const char *date)
{
    int32_t day;
    assert_int_equal(civil_parse_date(date, strlen(date), &day), 0);
    return day;
}

static int64_t time_of(const char *text)
{
    int64_t t_ms;
    assert_int_equal(civil_parse_time(text, strlen(text), &t_ms), 0);
    return t_ms;
}

static void assert_day_starts(struct zone *zone, const char *date, const char *instant)
{
    char text[CIVIL_TIME_SIZE];
    int64_t start_ms = zone_day_start_ms(zone, day_of(date));
    if (start_ms != time_of(instant)) {
        fail_msg("%s begins at %s, not %s", date, civil_format_time(start_ms, text), instant);
    }
}

static void assert_hour_starts(struct zone *zone, const char *instant, const char *start)
{
    char text[CIVIL_TIME_SIZE];
    int64_t start_ms = zone_hour_start_s(zone, time_of(instant)) * 1000;
    if (start_ms != time_of(start)) {
        fail_msg("the hour of %s begins at %s, not %s", instant, civil_format_time(start_ms, text), start);
    }
}

static void ho_chi_minh_is_seven_hours_ahead_all_year(void **state)
{
    struct zone *zone = open_zone("Asia/Ho_Chi_Minh");
    char text[40];
    (void)state;
    for (int32_t day = day_of("2020-01-01"); day < day_of("2040-01-01"); day++) {
        assert_int_equal(zone_day_start_ms(zone, day), (int64_t)day * DAY_MS - 7 * HOUR_MS);
    }
    assert_int_equal(zone_day(zone, time_of("2026-10-05T16:59:59.999Z")), day_of("2026-10-05"));
    assert_int_equal(zone_day(zone, time_of("2026-10-05T17:00:00Z")), day_of("2026-10-06"));
    assert_hour_starts(zone, "2026-10-05T08:59:59.999+07:00", "2026-10-05T08:00:00+07:00");
    assert_string_equal(zone_format_time(zone, time_of("2026-10-05T01:30:00Z"), text, sizeof text),
                        "2026-10-05T08:30:00+07:00");
    zone_close(&zone);
    assert_null(zone);
}

static void sao_paulo_had_a_day_without_midnight(void **state)
{
    struct zone *zone = open_zone("America/Sao_Paulo");
    (void)state;
    assert_day_starts(zone, "2018-11-03", "2018-11-03T00:00:00-03:00");
    assert_day_starts(zone, "2018-11-04", "2018-11-04T01:00:00-02:00");
    assert_day_starts(zone, "2018-11-05", "2018-11-05T00:00:00-02:00");
    assert_int_equal(zone_day(zone, time_of("2018-11-04T02:59:59.999Z")), day_of("2018-11-03"));
    assert_int_equal(zone_day(zone, time_of("2018-11-04T03:00:00Z")), day_of("2018-11-04"));
    assert_hour_starts(zone, "2018-11-04T03:30:00Z", "2018-11-04T03:00:00Z");
    /* and one on which 23 o'clock came twice */
    assert_day_starts(zone, "2018-02-18", "2018-02-18T00:00:00-03:00");
    assert_int_equal(zone_day_start_ms(zone, day_of("2018-02-18")) - zone_day_start_ms(zone, day_of("2018-02-17")),
                     25 * HOUR_MS);
    zone_close(&zone);
}

static void apia_skipped_a_whole_day(void **state)
{
    struct zone *zone = open_zone("Pacific/Apia");
    (void)state;
    assert_day_starts(zone, "2011-12-29", "2011-12-29T00:00:00-10:00");
    assert_day_starts(zone, "2011-12-31", "2011-12-31T00:00:00+14:00");
    assert_day_starts(zone, "2011-12-30", "2011-12-31T00:00:00+14:00"); /* it has no instant of its own */
    assert_int_equal(zone_day(zone, time_of("2011-12-30T09:59:59.999Z")), day_of("2011-12-29"));
    assert_int_equal(zone_day(zone, time_of("2011-12-30T10:00:00Z")), day_of("2011-12-31"));
    zone_close(&zone);
}

static void berlin_has_days_of_23_and_25_hours(void **state)
{
    struct zone *zone = open_zone("Europe/Berlin");
    (void)state;
    int32_t spring = day_of("2026-03-29"), autumn = day_of("2026-10-25");
    assert_int_equal(zone_day_start_ms(zone, spring + 1) - zone_day_start_ms(zone, spring), 23 * HOUR_MS);
    assert_int_equal(zone_day_start_ms(zone, autumn + 1) - zone_day_start_ms(zone, autumn), 25 * HOUR_MS);
    assert_hour_starts(zone, "2026-03-29T01:59:00+01:00", "2026-03-29T01:00:00+01:00");
    assert_hour_starts(zone, "2026-03-29T03:01:00+02:00", "2026-03-29T03:00:00+02:00");
    /* 2 o'clock comes twice: two hours, not one of twice the length */
    assert_hour_starts(zone, "2026-10-25T02:59:59+02:00", "2026-10-25T02:00:00+02:00");
    assert_hour_starts(zone, "2026-10-25T02:00:00+01:00", "2026-10-25T02:00:00+01:00");
    zone_close(&zone);
}

static void kathmandu_begins_its_hours_at_a_quarter_past(void **state)
{
    struct zone *zone = open_zone("Asia/Kathmandu");
    (void)state;
    assert_day_starts(zone, "2026-10-05", "2026-10-04T18:15:00Z");
    assert_hour_starts(zone, "2026-10-05T03:14:59Z", "2026-10-05T02:15:00Z");
    assert_hour_starts(zone, "2026-10-05T03:15:00Z", "2026-10-05T03:15:00Z");
    zone_close(&zone);
}

static void lord_howe_changes_its_clocks_by_half_an_hour(void **state)
{
    struct zone *zone = open_zone("Australia/Lord_Howe");
    (void)state;
    int32_t spring = day_of("2026-10-04"), autumn = day_of("2026-04-05");
    assert_int_equal(zone_day_start_ms(zone, spring + 1) - zone_day_start_ms(zone, spring), 23 * HOUR_MS + HOUR_MS / 2);
    assert_int_equal(zone_day_start_ms(zone, autumn + 1) - zone_day_start_ms(zone, autumn), 24 * HOUR_MS + HOUR_MS / 2);
    /* 2:00 becomes 2:30: the hour of 2 o'clock begins at 2:30 */
    assert_hour_starts(zone, "2026-10-04T01:59:00+10:30", "2026-10-04T01:00:00+10:30");
    assert_hour_starts(zone, "2026-10-04T02:45:00+11:00", "2026-10-04T02:30:00+11:00");
    assert_hour_starts(zone, "2026-10-04T03:10:00+11:00", "2026-10-04T03:00:00+11:00");
    /* 2:00 becomes 1:30 again: half an hour of 1 o'clock comes twice */
    assert_hour_starts(zone, "2026-04-05T01:45:00+11:00", "2026-04-05T01:00:00+11:00");
    assert_hour_starts(zone, "2026-04-05T01:45:00+10:30", "2026-04-05T01:30:00+10:30");
    assert_hour_starts(zone, "2026-04-05T02:15:00+10:30", "2026-04-05T02:00:00+10:30");
    zone_close(&zone);
}

/* Clocks went back from 0:01 to 23:01 of the day before: the minute after midnight stands between two pieces of it. */
static void an_instant_has_one_day_whatever_was_asked_before(void **state)
{
    struct zone *zone = open_zone("America/St_Johns");
    (void)state;
    int64_t change_ms = time_of("2010-11-07T02:31:00Z");
    for (int64_t t_ms = change_ms - 2 * HOUR_MS; t_ms < change_ms + 2 * HOUR_MS; t_ms += 10000) {
        struct zone *cold = zone_copy(zone), *before = zone_copy(zone), *after = zone_copy(zone);
        zone_day(before, change_ms - 12 * HOUR_MS);
        zone_day(after, change_ms + 12 * HOUR_MS);
        int32_t day = zone_day(cold, t_ms);
        assert_int_equal(zone_day(before, t_ms), day);
        assert_int_equal(zone_day(after, t_ms), day);
        zone_close(&cold);
        zone_close(&before);
        zone_close(&after);
    }
    zone_close(&zone);
}

static void days_and_hours_agree_in_every_zone(void **state)
{
    static const char *const names[] = {"Asia/Ho_Chi_Minh",
                                        "America/Sao_Paulo",
                                        "Pacific/Apia",
                                        "Europe/Berlin",
                                        "Asia/Kathmandu",
                                        "Australia/Lord_Howe",
                                        "UTC",
                                        "Africa/Cairo",
                                        "Pacific/Kiritimati",
                                        "America/Havana",
                                        "Asia/Beirut",
                                        "Africa/Casablanca",
                                        "America/St_Johns",
                                        "Pacific/Marquesas",
                                        "Asia/Pyongyang",
                                        "America/Scoresbysund"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone *zone = open_zone(names[i]);
        for (int32_t day = day_of("2009-01-01"); day < day_of("2030-01-01"); day++) {
            int64_t start_ms = zone_day_start_ms(zone, day), end_ms = zone_day_start_ms(zone, day + 1);
            if (start_ms == end_ms) {
                continue; /* a day that was skipped */
            }
            assert_int_equal(zone_day(zone, start_ms), day);
            assert_int_equal(zone_day(zone, end_ms - 1), day);
            assert_int_not_equal(zone_day(zone, start_ms - 1), day);
        }
        zone_close(&zone);
    }
}

/* The local hour's number, from the text of the instant: a way of its own. */
static int hour_of(struct zone *zone, int64_t t_ms)
{
    char text[40];
    zone_format_time(zone, t_ms, text, sizeof text);
    return (int)strtol(text + 11, NULL, 10);
}

static void an_hour_begins_in_itself(void **state)
{
    static const char *const names[] = {"Asia/Ho_Chi_Minh", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe",
                                        "America/Havana"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone *zone = open_zone(names[i]);
        for (int64_t t_ms = time_of("2026-01-01T00:00:07Z"); t_ms < time_of("2027-01-01T00:00:00Z");
             t_ms += 11 * 60000) {
            int64_t start_ms = zone_hour_start_s(zone, t_ms) * 1000;
            assert_in_range(t_ms - start_ms, 0, HOUR_MS - 1);
            assert_int_equal(zone_hour_start_s(zone, start_ms) * 1000, start_ms);
            assert_int_equal(hour_of(zone, start_ms), hour_of(zone, t_ms));
            assert_int_equal(start_ms % 60000, 0); /* hours are stored by the minute */
        }
        zone_close(&zone);
    }
}

static void times_before_1970_have_days_too(void **state)
{
    struct zone *zone = open_zone("UTC");
    (void)state;
    assert_int_equal(zone_day(zone, -1), -1);
    assert_int_equal(zone_day(zone, -DAY_MS), -1);
    assert_int_equal(zone_day(zone, -DAY_MS - 1), -2);
    assert_int_equal(zone_hour_start_s(zone, -1), -3600);
    zone_close(&zone);
}

/* A config with another time_zone is read, and refused, beside a daemon that goes on counting by the old one. */
static void looking_at_a_zones_name_changes_nobodys_zone(void **state)
{
    struct zone *zone = open_zone("Asia/Ho_Chi_Minh");
    (void)state;
    assert_int_equal(zone_check("America/New_York", NULL), 0);
    assert_int_equal(zone_check("Asia/Hue", NULL), ERROR_CONFIG);
    assert_int_equal(zone_day(zone, time_of("2026-10-05T18:00:00Z")), day_of("2026-10-06"));
    assert_string_equal(getenv("TZ"), "Asia/Ho_Chi_Minh");
    zone_close(&zone);
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const names[] = {"",
                                        "Asia/Hanoi_City",
                                        "../etc/passwd",
                                        "/usr/share/zoneinfo/UTC",
                                        "Asia",
                                        "Asia/",
                                        "leapseconds",
                                        "+07:00",
                                        "UTC+7",
                                        "Asia/Ho Chi Minh",
                                        "America"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone *zone = NULL;
        struct error error = {0};
        if (zone_open(&zone, names[i], &error) != ERROR_CONFIG) {
            fail_msg("taken for a zone: '%s'", names[i]);
        }
        assert_non_null(strstr(error.text, "Asia/Ho_Chi_Minh"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ho_chi_minh_is_seven_hours_ahead_all_year),
        cmocka_unit_test(sao_paulo_had_a_day_without_midnight),
        cmocka_unit_test(apia_skipped_a_whole_day),
        cmocka_unit_test(berlin_has_days_of_23_and_25_hours),
        cmocka_unit_test(kathmandu_begins_its_hours_at_a_quarter_past),
        cmocka_unit_test(lord_howe_changes_its_clocks_by_half_an_hour),
        cmocka_unit_test(an_instant_has_one_day_whatever_was_asked_before),
        cmocka_unit_test(days_and_hours_agree_in_every_zone),
        cmocka_unit_test(an_hour_begins_in_itself),
        cmocka_unit_test(times_before_1970_have_days_too),
        cmocka_unit_test(looking_at_a_zones_name_changes_nobodys_zone),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
