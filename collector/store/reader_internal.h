/* What the two files of the reading side share. */
#ifndef EDUTALLY_STORE_READER_INTERNAL_H
#define EDUTALLY_STORE_READER_INTERNAL_H

#include "seal.h"

#include "store/reader.h"

#include <sqlite3.h>

struct store_reader {
    sqlite3 *db;
    struct seal seal;
};

/* Gives every row of `statement` to `take`, then finalizes it. `bound`: what store_bind gave. */
int reader_each(struct store_reader *reader, sqlite3_stmt *statement, int bound, int (*take)(sqlite3_stmt *, void *),
                void *context, struct error *error);

/* NULL with `error` filled. The caller finalizes. */
sqlite3_stmt *reader_prepare(struct store_reader *reader, const char *sql, struct error *error);

#endif
