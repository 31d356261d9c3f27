#include "indicator/period.h"

#include "base/civil.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SCHOOL_YEAR_BEGINS = 9 }; /* September */

static const char *const words[] = {[PERIOD_MONTH] = "month",
                                    [PERIOD_QUARTER] = "quarter",
                                    [PERIOD_SCHOOL_YEAR] = "school_year",
                                    [PERIOD_YEAR] = "year"};

int period_kind_of(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *period_kind_word(enum period_kind kind)
{
    return words[kind];
}

/* Rounds down, below zero too: the periods before year 0 follow on without a gap. */
static int floor_divide(int a, int b)
{
    return a / b - (a % b < 0);
}

/* The month in which a period begins, counted as periods of one month are. */
static int first_month(enum period_kind kind, int period)
{
    switch (kind) {
    case PERIOD_MONTH:
        return period;
    case PERIOD_QUARTER:
        return period * 3;
    case PERIOD_SCHOOL_YEAR:
        return period * 12 + SCHOOL_YEAR_BEGINS - 1;
    case PERIOD_YEAR:
        break;
    }
    return period * 12;
}

int32_t period_of_day(enum period_kind kind, int32_t day)
{
    struct civil date = civil_from_day(day);
    switch (kind) {
    case PERIOD_MONTH:
        return date.year * 12 + date.month - 1;
    case PERIOD_QUARTER:
        return date.year * 4 + (date.month - 1) / 3;
    case PERIOD_SCHOOL_YEAR:
        return date.month >= SCHOOL_YEAR_BEGINS ? date.year : date.year - 1;
    case PERIOD_YEAR:
        break;
    }
    return date.year;
}

int32_t period_first_day(enum period_kind kind, int32_t period)
{
    int month = first_month(kind, period), year = floor_divide(month, 12);
    return civil_to_day((struct civil){.year = year, .month = month - year * 12 + 1, .day = 1});
}

int32_t period_last_day(enum period_kind kind, int32_t period)
{
    return period_first_day(kind, period + 1) - 1;
}

const char *period_label(enum period_kind kind, int32_t period, char out[PERIOD_LABEL_SIZE])
{
    int year;
    switch (kind) {
    case PERIOD_MONTH:
        year = floor_divide(period, 12);
        snprintf(out, PERIOD_LABEL_SIZE, "%04d-%02d", year, period - year * 12 + 1);
        break;
    case PERIOD_QUARTER:
        year = floor_divide(period, 4);
        snprintf(out, PERIOD_LABEL_SIZE, "%04d-Q%d", year, period - year * 4 + 1);
        break;
    case PERIOD_SCHOOL_YEAR:
        snprintf(out, PERIOD_LABEL_SIZE, "%04d/%04d", period, period + 1);
        break;
    case PERIOD_YEAR:
        snprintf(out, PERIOD_LABEL_SIZE, "%04d", period);
        break;
    }
    return out;
}

/* Exactly `count` digits; -1 if they are none. */
static int digits(const char *text, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

int period_parse(const char *label, enum period_kind *kind, int32_t *period)
{
    size_t length = strlen(label);
    int year = length >= 4 ? digits(label, 4) : -1;
    if (year < 0) {
        return ERROR_INPUT;
    }
    if (length == 4) {
        *kind = PERIOD_YEAR;
        *period = year;
        return 0;
    }
    if (length == 7 && label[4] == '-' && label[5] == 'Q' && label[6] >= '1' && label[6] <= '4') {
        *kind = PERIOD_QUARTER;
        *period = year * 4 + (label[6] - '1');
        return 0;
    }
    int month = length == 7 && label[4] == '-' ? digits(label + 5, 2) : -1;
    if (month >= 1 && month <= 12) {
        *kind = PERIOD_MONTH;
        *period = year * 12 + month - 1;
        return 0;
    }
    if (length == 9 && label[4] == '/' && digits(label + 5, 4) == year + 1) {
        *kind = PERIOD_SCHOOL_YEAR;
        *period = year;
        return 0;
    }
    return ERROR_INPUT;
}
