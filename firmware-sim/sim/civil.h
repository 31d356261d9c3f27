/*
 * Dates and times. A `day` counts days since 1970-01-01 in the scenario's fixed offset from UTC; `_ms` counts
 * milliseconds since 1970-01-01T00:00:00Z. Valid for the years 0000 to 9999. Pure, any thread.
 */
#ifndef SIM_CIVIL_H
#define SIM_CIVIL_H

#include <stddef.h>
#include <stdint.h>

#define CIVIL_DAY_MS   INT64_C(86400000)
#define CIVIL_DAY_S    86400
#define CIVIL_NEVER    INT32_MAX /* a day that does not come */
#define CIVIL_DATE_MAX 11        /* "2026-02-14" and NUL */
#define CIVIL_TIME_MAX 30        /* "2026-02-14T07:00:00.000+07:00" and NUL */

int32_t civil_day(int year, int month, int day_of_month);
void civil_date(int32_t day, int *year, int *month, int *day_of_month);

/* 0 is Monday, 6 is Sunday. */
int civil_weekday(int32_t day);

/* The day on which a moment falls, and the moment at which a day begins. */
int32_t civil_day_of(int64_t t_ms, int offset_minutes);
int64_t civil_day_start_ms(int32_t day, int offset_minutes);

/* "2026-02-14". 0, or -1 if that is not a date of the calendar. */
int civil_parse_date(const char *text, int32_t *day);

/* A date (its beginning in the offset) or an RFC 3339 time ("2026-02-14T07:00:00+07:00", also with fractions and Z).
 * 0, or -1 if it is neither. */
int civil_parse_moment(const char *text, int offset_minutes, int64_t *t_ms);

void civil_format_date(int32_t day, char text[CIVIL_DATE_MAX]);

/* RFC 3339 with milliseconds in the offset. */
void civil_format_time(int64_t t_ms, int offset_minutes, char text[CIVIL_TIME_MAX]);

/* The wall clock, and a clock that never goes back (for time-outs). */
int64_t civil_now_ms(void);
int64_t civil_tick_us(void);

#endif
