/*
 * Any bytes as a date, a time and a label of a period. Promises: what is read is printed as a text that reads as the
 * same; the C library agrees about the instant; periods begin and end where they say.
 */
#define _DEFAULT_SOURCE /* timegm */
#include "fuzz.h"

#include "base/civil.h"
#include "base/error.h"
#include "indicator/period.h"

#include <string.h>
#include <time.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void check_date(const char *text, size_t size)
{
    char again[CIVIL_DATE_SIZE];
    int32_t day;
    int result = civil_parse_date(text, size, &day);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result == 0) {
        PROMISE(size == 10 && memcmp(civil_format_date(day, again), text, 10) == 0);
        struct civil date = civil_from_day(day);
        PROMISE(civil_to_day(date) == day);
        struct tm broken = {.tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day};
        PROMISE(timegm(&broken) == (time_t)day * 86400);
    }
}

static void check_time(const char *text, size_t size)
{
    char again[CIVIL_TIME_SIZE];
    int64_t t_ms, same_ms;
    int result = civil_parse_time(text, size, &t_ms);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result == 0) {
        civil_format_time(t_ms, again);
        /* A zone can lead out of the years 0 to 9999, which four digits hold. */
        if (again[0] != '-' && strlen(again) == strlen("2026-10-05T08:30:00.123Z")) {
            PROMISE(civil_parse_time(again, strlen(again), &same_ms) == 0 && same_ms == t_ms);
        }
    }
}

static void check_period(const char *text, size_t size)
{
    char label[64], again[PERIOD_LABEL_SIZE];
    enum period_kind kind;
    int32_t period;
    if (size >= sizeof label) {
        return;
    }
    memcpy(label, text, size);
    label[size] = '\0';
    if (period_parse(label, &kind, &period) == 0) {
        PROMISE(strcmp(period_label(kind, period, again), label) == 0);
        int32_t first = period_first_day(kind, period), last = period_last_day(kind, period);
        PROMISE(first < last && period_of_day(kind, first) == period && period_of_day(kind, last) == period);
        PROMISE(period_of_day(kind, last + 1) == period + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_date(text, size);
    check_time(text, size);
    check_period(text, size);
    return 0;
}
