/*
 * Calendar dates without a time zone. A day is counted from 1970-01-01 (day 0), as everywhere in the project.
 * Conversion: Howard Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil, civil_from_days).
 */
#ifndef EDUTALLY_BASE_CIVIL_H
#define EDUTALLY_BASE_CIVIL_H

#include <stddef.h>
#include <stdint.h>

struct civil {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

enum { CIVIL_DATE_SIZE = 16, CIVIL_TIME_SIZE = 40 };

int32_t civil_to_day(struct civil date);
struct civil civil_from_day(int32_t day);

/* "2026-10-05" of exactly `length` bytes. Returns 0 or ERROR_INPUT (not a date, or no such day). */
int civil_parse_date(const char *text, size_t length, int32_t *day);

/* RFC 3339 with a zone ("Z" or "+07:00"), seconds and an optional fraction of any length, cut to milliseconds; a leap
 * second counts as the second before it. Returns 0 or ERROR_INPUT. */
int civil_parse_time(const char *text, size_t length, int64_t *t_ms);

/* Writes "2026-10-05"; returns `out`. */
const char *civil_format_date(int32_t day, char out[CIVIL_DATE_SIZE]);

/* Writes "2026-10-05T08:30:00.123Z"; returns `out`. */
const char *civil_format_time(int64_t t_ms, char out[CIVIL_TIME_SIZE]);

#endif
