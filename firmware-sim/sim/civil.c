/*
 * Calendar arithmetic without the C library's time zones: the scenario names a fixed offset, so a day is a floor
 * division. Days to dates after Howard Hinnant, "chrono-compatible low-level date algorithms" (proleptic Gregorian).
 */
#include "civil.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int32_t civil_day(int year, int month, int day_of_month)
{
    int y = year - (month <= 2 ? 1 : 0);
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day_of_month - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void civil_date(int32_t day, int *year, int *month, int *day_of_month)
{
    int z = day + 719468;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int day_of_era = z - era * 146097;
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (5 * day_of_year + 2) / 153;

    *day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month + (shifted_month < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

int civil_weekday(int32_t day)
{
    /* 1970-01-01 was a Thursday. */
    int weekday = (int)((day + 3) % 7);

    return weekday < 0 ? weekday + 7 : weekday;
}

int32_t civil_day_of(int64_t t_ms, int offset_minutes)
{
    int64_t local_ms = t_ms + (int64_t)offset_minutes * 60000;
    int64_t day = local_ms / CIVIL_DAY_MS;

    return (int32_t)(local_ms % CIVIL_DAY_MS < 0 ? day - 1 : day);
}

int64_t civil_day_start_ms(int32_t day, int offset_minutes)
{
    return (int64_t)day * CIVIL_DAY_MS - (int64_t)offset_minutes * 60000;
}

/* Reads exactly `count` digits. -1 if there are fewer. */
static int read_digits(const char **text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (**text < '0' || **text > '9') {
            return -1;
        }
        *value = *value * 10 + (**text - '0');
        (*text)++;
    }
    return 0;
}

static bool read_char(const char **text, char wanted)
{
    if (**text != wanted) {
        return false;
    }
    (*text)++;
    return true;
}

static int read_date(const char **text, int32_t *day)
{
    int year, month, day_of_month, y, m, d;

    if (read_digits(text, 4, &year) || !read_char(text, '-') || read_digits(text, 2, &month) || !read_char(text, '-') ||
        read_digits(text, 2, &day_of_month)) {
        return -1;
    }
    if (month < 1 || month > 12 || day_of_month < 1) {
        return -1;
    }
    *day = civil_day(year, month, day_of_month);
    civil_date(*day, &y, &m, &d);
    return m == month && d == day_of_month ? 0 : -1;
}

int civil_parse_date(const char *text, int32_t *day)
{
    return read_date(&text, day) || *text ? -1 : 0;
}

/* "07:00:00" with an optional fraction. */
static int read_clock(const char **text, int64_t *ms)
{
    int hour, minute, second, scale = 100;

    if (read_digits(text, 2, &hour) || !read_char(text, ':') || read_digits(text, 2, &minute) ||
        !read_char(text, ':') || read_digits(text, 2, &second) || hour > 23 || minute > 59 || second > 59) {
        return -1;
    }
    *ms = (int64_t)(hour * 3600 + minute * 60 + second) * 1000;
    if (!read_char(text, '.')) {
        return 0;
    }
    if (**text < '0' || **text > '9') {
        return -1;
    }
    for (; **text >= '0' && **text <= '9'; (*text)++, scale /= 10) {
        *ms += (int64_t)(**text - '0') * scale;
    }
    return 0;
}

static int read_zone(const char **text, int *offset_minutes)
{
    int sign = **text == '-' ? -1 : 1;
    int hour, minute;

    if (read_char(text, 'Z')) {
        *offset_minutes = 0;
        return 0;
    }
    if (!read_char(text, '+') && !read_char(text, '-')) {
        return -1;
    }
    if (read_digits(text, 2, &hour) || !read_char(text, ':') || read_digits(text, 2, &minute) || hour > 23 ||
        minute > 59) {
        return -1;
    }
    *offset_minutes = sign * (hour * 60 + minute);
    return 0;
}

int civil_parse_moment(const char *text, int offset_minutes, int64_t *t_ms)
{
    int64_t clock_ms = 0;
    int32_t day;

    if (read_date(&text, &day)) {
        return -1;
    }
    if (*text) {
        if (!read_char(&text, 'T') || read_clock(&text, &clock_ms) || read_zone(&text, &offset_minutes) || *text) {
            return -1;
        }
    }
    *t_ms = civil_day_start_ms(day, offset_minutes) + clock_ms;
    return 0;
}

void civil_format_date(int32_t day, char text[CIVIL_DATE_MAX])
{
    int year, month, day_of_month;

    civil_date(day, &year, &month, &day_of_month);
    (void)snprintf(text, CIVIL_DATE_MAX, "%04u-%02u-%02u", (unsigned)year % 10000U, (unsigned)month % 100U,
                   (unsigned)day_of_month % 100U);
}

void civil_format_time(int64_t t_ms, int offset_minutes, char text[CIVIL_TIME_MAX])
{
    int32_t day = civil_day_of(t_ms, offset_minutes);
    unsigned ms = (unsigned)(t_ms - civil_day_start_ms(day, offset_minutes));
    unsigned zone = (unsigned)(offset_minutes < 0 ? -offset_minutes : offset_minutes);
    char date[CIVIL_DATE_MAX];

    civil_format_date(day, date);
    (void)snprintf(text, CIVIL_TIME_MAX, "%sT%02u:%02u:%02u.%03u%c%02u:%02u", date, ms / 3600000 % 24, ms / 60000 % 60,
                   ms / 1000 % 60, ms % 1000, offset_minutes < 0 ? '-' : '+', zone / 60 % 100, zone % 60);
}

int64_t civil_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t civil_tick_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
