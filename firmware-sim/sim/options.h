/* Command-line options as tables: one row feeds the parser and --help. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
    OPTION_TEXT,   /* const char *, borrowed from the command line */
    OPTION_NUMBER, /* int64_t within least .. most */
    OPTION_FLAG,   /* bool */
    OPTION_HEADING /* only in --help */
};

struct option {
    const char *name; /* "--from" */
    enum option_kind kind;
    void *value;
    int64_t least, most;
    const char *argument; /* "DATE", for --help */
    const char *help;
};

struct option_table {
    const char *command; /* "events" */
    const char *about;   /* the text above the options */
    const char *examples;
    const struct option *options; /* ends with a row whose name is NULL */
};

/* Reads "--name value", "--name=value" and "--flag". 1: --help was asked for and is printed. */
int options_parse(const struct option_table *table, int argc, char **argv, struct error *error);

/* "now", a date or an RFC 3339 time. */
int options_parse_moment(const char *name, const char *text, int offset_minutes, int64_t *t_ms, struct error *error);

#endif
