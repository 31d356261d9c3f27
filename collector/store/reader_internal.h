/* What the two files of the reading side share. */
#ifndef EDUTALLY_STORE_READER_INTERNAL_H
#define EDUTALLY_STORE_READER_INTERNAL_H

#include "store/reader.h"

#include <sqlite3.h>

struct store_reader {
    sqlite3 *db;
};

/* NULL with `error` filled. The caller finalizes. */
sqlite3_stmt *reader_prepare(struct store_reader *reader, const char *sql, struct error *error);

#endif
