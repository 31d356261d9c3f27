/* A table on a terminal: columns as wide as they need to be, the first one cut where the line would become too long. */
#ifndef EDUTALLY_COMMANDS_TABLE_H
#define EDUTALLY_COMMANDS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum table_tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_FAINT, TONE_STRONG };

enum { TABLE_MAX_COLUMNS = 12 };

struct table_cell {
    char *text;
    enum table_tone tone;
};

struct table {
    const char *const *headings;
    size_t columns;
    struct table_cell *cells; /* by row */
    size_t count, size;
    bool failed; /* out of memory */
};

/* `headings` are borrowed. The first column is aligned left, all others right. */
void table_open(struct table *table, const char *const *headings, size_t columns);
/* The next cell of the row; copies `text` (UTF-8). */
void table_add(struct table *table, enum table_tone tone, const char *text);
/* Prints lines of at most `width` columns; colours only if `colour`. */
void table_print(const struct table *table, FILE *out, size_t width, bool colour);
void table_close(struct table *table);

/* How many columns a text takes on a terminal. */
size_t table_width(const char *text);
/* Prints `text` in at most `width` columns, with an ellipsis where it is cut; pads with blanks if `pad`. */
void table_print_cut(FILE *out, const char *text, size_t width, bool pad);
/* Prints a text of one or more lines, each broken between words before `width` and indented. */
void table_print_wrapped(FILE *out, const char *text, size_t indent, size_t width);
/* Begins and ends a tone; nothing without colour. */
void table_tone(FILE *out, enum table_tone tone, bool colour);
void table_tone_end(FILE *out, enum table_tone tone, bool colour);

#endif
