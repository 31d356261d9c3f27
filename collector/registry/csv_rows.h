/* A table in a CSV file with named columns, row by row (libcsv), each row with its line. */
#ifndef EDUTALLY_REGISTRY_CSV_ROWS_H
#define EDUTALLY_REGISTRY_CSV_ROWS_H

#include "base/buffer.h"
#include "base/faults.h"

enum { CSV_ROWS_WANTED = 8 };

struct csv_row {
    unsigned line;                       /* on which the row begins */
    const char *fields[CSV_ROWS_WANTED]; /* in the order of csv_table.columns; never NULL; valid during the call */
};

struct csv_table {
    const char *path;           /* for faults */
    const char *const *columns; /* those that are wanted, at most CSV_ROWS_WANTED; further ones are passed over */
    size_t column_count;
    void (*each)(void *context, const struct csv_row *row);
    void *context;
    size_t most_rows;
    struct faults *faults;
};

/* Calls `each` for every sound row; adds a fault for every other one. Comments ('#'), blank lines and rows of nothing
 * but empty fields are passed over. Returns 0; 1 if rows with faults were left out; ERROR_INPUT if the table as a whole
 * cannot be read: no or wrong line of column names, UTF-16, too many rows; ERROR_MEMORY. Adds a line end to `content`.
 */
int csv_rows_read(const struct csv_table *table, struct buffer *content);

#endif
