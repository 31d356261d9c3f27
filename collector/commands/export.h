/* Inside `edutally export`: what is asked for, and where rows go. */
#ifndef EDUTALLY_COMMANDS_EXPORT_H
#define EDUTALLY_COMMANDS_EXPORT_H

#include "api/adoption.h"
#include "api/rows.h"
#include "commands/world.h"
#include "store/reader.h"

#include <stdint.h>
#include <stdio.h>

struct export
{
    struct world *world;
    struct store_reader *reader;
    enum rows_format format;
    int32_t from_day, to_day; /* inclusive; ADOPTION_FIRST_DAY, ADOPTION_LAST_DAY where not bounded */
    int32_t today;
    FILE *out;
    struct buffer buffer; /* rows on their way to `out` */
    struct rows rows;
};

/* Each writes one kind of rows. 0 or an error, with `error` filled. */
int export_facts(struct export *export, struct error *error);
int export_usage(struct export *export, struct error *error);
int export_adoption(struct export *export, struct error *error);
int export_centres(struct export *export, struct error *error);
/* The same as line protocol, as outputs write it; time stamps in seconds. */
int export_facts_as_lines(struct export *export, struct error *error);
int export_adoption_as_lines(struct export *export, struct error *error);

/* All indicators and areas over the asked span. */
struct adoption_question export_question(const struct export *export);

/* After each row: hands the buffer on when it is full. 0 or an error. */
int export_flush(struct export *export, size_t keep, struct error *error);

enum { EXPORT_BUFFER_BYTES = 256 * 1024 };

#endif
