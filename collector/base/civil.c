#include "base/civil.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

int32_t civil_to_day(struct civil date)
{
    int year = date.month <= 2 ? date.year - 1 : date.year;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_day(int32_t day)
{
    int shifted = day + 719468;
    int era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int day_of_era = shifted - era * 146097;
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (5 * day_of_year + 2) / 153;
    struct civil date = {
        .year = year_of_era + era * 400,
        .month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9,
        .day = day_of_year - (153 * shifted_month + 2) / 5 + 1,
    };
    date.year += date.month <= 2;
    return date;
}

static bool digits(const char *text, int count, int *value)
{
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        result = result * 10 + (text[i] - '0');
    }
    *value = result;
    return true;
}

int civil_parse_date(const char *text, size_t length, int32_t *day)
{
    struct civil date;
    if (length != 10 || text[4] != '-' || text[7] != '-' || !digits(text, 4, &date.year) ||
        !digits(text + 5, 2, &date.month) || !digits(text + 8, 2, &date.day) || date.month < 1 || date.month > 12 ||
        date.day < 1) {
        return ERROR_INPUT;
    }
    int32_t result = civil_to_day(date);
    struct civil same = civil_from_day(result);
    if (same.month != date.month || same.day != date.day) {
        return ERROR_INPUT;
    }
    *day = result;
    return 0;
}

/* Reads ".123456" at `text` into milliseconds; returns the bytes taken, 0 where there is no fraction. */
static size_t parse_fraction(const char *text, size_t length, int *ms)
{
    if (length == 0 || text[0] != '.') {
        return 0;
    }
    static const int unit[] = {100, 10, 1};
    size_t taken = 1;
    for (; taken < length && text[taken] >= '0' && text[taken] <= '9'; taken++) {
        if (taken <= 3) {
            *ms += (text[taken] - '0') * unit[taken - 1];
        }
    }
    return taken > 1 ? taken : 0;
}

static bool parse_offset(const char *text, size_t length, int *offset_s)
{
    if (length == 1 && (text[0] == 'Z' || text[0] == 'z')) {
        *offset_s = 0;
        return true;
    }
    int hours, minutes;
    if (length != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || !digits(text + 1, 2, &hours) ||
        !digits(text + 4, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = (hours * 60 + minutes) * (text[0] == '-' ? -60 : 60);
    return true;
}

int civil_parse_time(const char *text, size_t length, int64_t *t_ms)
{
    int32_t day;
    int hour, minute, second, ms = 0, offset_s;
    if (length < 20 || civil_parse_date(text, 10, &day) != 0 ||
        (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':' ||
        !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) || !digits(text + 17, 2, &second) || hour > 23 ||
        minute > 59 || second > 60) {
        return ERROR_INPUT;
    }
    size_t fraction = parse_fraction(text + 19, length - 19, &ms);
    if (!parse_offset(text + 19 + fraction, length - 19 - fraction, &offset_s)) {
        return ERROR_INPUT;
    }
    if (second == 60) {
        second = 59;
    }
    int of_day_s = hour * 3600 + minute * 60 + second - offset_s;
    *t_ms = ((int64_t)day * 86400 + of_day_s) * 1000 + ms;
    return 0;
}

const char *civil_format_date(int32_t day, char out[CIVIL_DATE_SIZE])
{
    struct civil date = civil_from_day(day);
    snprintf(out, CIVIL_DATE_SIZE, "%04d-%02d-%02d", date.year, date.month, date.day);
    return out;
}

const char *civil_format_time(int64_t t_ms, char out[CIVIL_TIME_SIZE])
{
    int64_t seconds = t_ms >= 0 ? t_ms / 1000 : (t_ms - 999) / 1000;
    int64_t day = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400;
    int of_day = (int)(seconds - day * 86400);
    struct civil date = civil_from_day((int32_t)day);
    snprintf(out, CIVIL_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", date.year, date.month, date.day,
             of_day / 3600, of_day / 60 % 60, of_day % 60, (int)(t_ms - seconds * 1000));
    return out;
}
