/*
 * Periods of the calendar, numbered so that they can be counted through: months as year * 12 + month - 1, quarters as
 * year * 4 + quarter - 1, school years (September to August) and years by the year in which they begin.
 */
#ifndef EDUTALLY_INDICATOR_PERIOD_H
#define EDUTALLY_INDICATOR_PERIOD_H

#include <stddef.h>
#include <stdint.h>

enum period_kind { PERIOD_MONTH, PERIOD_QUARTER, PERIOD_SCHOOL_YEAR, PERIOD_YEAR };

enum { PERIOD_LABEL_SIZE = 24 };

/* "month", "quarter", "school_year", "year"; -1 if it is none of them. */
int period_kind_of(const char *word);
const char *period_kind_word(enum period_kind kind);

int32_t period_of_day(enum period_kind kind, int32_t day);
int32_t period_first_day(enum period_kind kind, int32_t period);
int32_t period_last_day(enum period_kind kind, int32_t period);

/* "2026-10", "2026-Q4", "2026/2027", "2026"; returns `out`. */
const char *period_label(enum period_kind kind, int32_t period, char out[PERIOD_LABEL_SIZE]);

/* Reads a label of any kind. 0 or ERROR_INPUT. */
int period_parse(const char *label, enum period_kind *kind, int32_t *period);

#endif
