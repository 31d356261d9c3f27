/*
 * The adoption rows of the store as people ask for them: by indicator, area or children of an area, and span of time,
 * with rate, bounds and gap worked out. API, report and export all ask here, so that the same question has one answer.
 */
#ifndef EDUTALLY_API_ADOPTION_H
#define EDUTALLY_API_ADOPTION_H

#include "api/rows.h"
#include "base/error.h"
#include "indicator/indicator.h"
#include "registry/registry.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* The first and last day of an unbounded question: 1970-01-01 to 9999-12-31. */
enum { ADOPTION_FIRST_DAY = 0, ADOPTION_LAST_DAY = 2932896 };

struct adoption_question {
    const struct registry *registry;
    const struct indicators *indicators;
    const char *indicator;    /* id; NULL: all, in byte order of their ids */
    const char *area;         /* code; NULL: every area, in byte order */
    const char *parent;       /* code: only areas that are its direct children on a period's last day; NULL: any */
    int32_t from_day, to_day; /* inclusive: periods that overlap this span, ascending */
    int32_t today;            /* in the deployment's zone */
};

struct adoption_answer {
    const struct indicator *indicator;
    const char *area;                            /* code */
    const char *area_name, *area_level, *parent; /* on the period's last day; NULL if unknown, or for the root */
    int32_t period;                              /* of the indicator's kind */
    int32_t first_day, last_day;
    char label[PERIOD_LABEL_SIZE];
    bool open; /* the period is not over */
    int64_t registered, reporting, adopting;
    bool known;                /* registered > 0 */
    double rate, lower, upper; /* design §6 */
    bool has_target;
    double target;
    double gap; /* rate - target, if both are there */
};

/* Strings are valid during the call. Returns 0 to go on. */
typedef int adoption_answer_each(void *context, const struct adoption_answer *answer);

/* 0, an error of the store, or what `each` returned. */
int adoption_read(struct store_reader *reader, const struct adoption_question *question, adoption_answer_each *each,
                  void *context, struct error *error);

/* The latest period of the whole deployment that has results, of the question's indicators and span: of several kinds
 * the one that begins last. One in which nobody reported counts only if there is no other. 1; 0 if there are none; or
 * an error. */
int adoption_latest(struct store_reader *reader, const struct adoption_question *question, enum period_kind *kind,
                    int32_t *period, struct error *error);

/* Writes registered to target into the open row: the figures that the API and `export adoption` share. */
void adoption_write_figures(struct rows *rows, const struct adoption_answer *answer);

/* The columns of adoption_write, for rows_open. */
#define ADOPTION_COLUMNS                                                                                               \
    "indicator,area,area_name,level,parent,period,open,registered,reporting,adopting,rate,lower,upper,target,gap"
void adoption_write(struct rows *rows, const struct adoption_answer *answer);

#endif
