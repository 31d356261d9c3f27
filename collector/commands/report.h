/* Inside `edutally report`: the question, and the forms in which it is answered. */
#ifndef EDUTALLY_COMMANDS_REPORT_H
#define EDUTALLY_COMMANDS_REPORT_H

#include "api/adoption.h"
#include "commands/world.h"
#include "store/reader.h"
#include "words.h"

#include <stdio.h>

struct report {
    struct world *world;
    struct store_reader *reader;
    enum language language;
    bool colour;
    FILE *out;
    char label[PERIOD_LABEL_SIZE]; /* the asked period */
    int32_t day;                   /* its last day: areas are meant as of it */
    const char *area;              /* code */
    const char *area_name;
    bool leaf;                         /* the area has no areas below it: its centres are listed */
    struct adoption_question question; /* the area's own rows */
};

/* Both return 0 or an error of the store. */
int report_print_table(struct report *report, struct error *error);
int report_print_rows(struct report *report, enum rows_format format, struct error *error);

/* Calls `each` for the centres of the area that `indicator` covers, by id. `verdict` is NULL for one without a row. */
typedef int report_centre_each(void *context, const struct registry_centre *centre, const struct verdict_row *verdict);
int report_each_centre(struct report *report, const struct indicator *indicator, report_centre_each *each,
                       void *context, struct error *error);

#endif
