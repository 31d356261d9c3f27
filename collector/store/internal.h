/* What the store's files share: the connection, its prepared statements, and how an SQLite result becomes an error. */
#ifndef EDUTALLY_STORE_INTERNAL_H
#define EDUTALLY_STORE_INTERNAL_H

#include "seal.h"

#include "store/store.h"

#include <sqlite3.h>

enum { APPLICATION_ID = 0x45445459 }; /* "EDTY": tells our database from others (PRAGMA application_id) */

extern const char *const schema_steps[];
extern const int schema_version;

enum statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "statements.def"
#undef STATEMENT
    STATEMENTS
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS]; /* prepared on first use */
    int64_t revision;
    bool in_transaction;
    bool broken; /* a sync failed: checkpoint.c */
    struct seal seal;
    int64_t let_go_lines; /* of the ledger; -1: to be counted */
};

/* Brings the database to this program's schema; see store_open. */
int schema_migrate(sqlite3 *db, const char *path, struct error *error);
int schema_read_version(sqlite3 *db, int *version, struct error *error);

/* ERROR_CONFIG if the database was made with another secret; an empty one was made with none. */
int fingerprint_check(sqlite3 *db, const struct secret *secret, struct error *error);
int fingerprint_save(struct store *store, const struct secret *secret, struct error *error);

/* Seals rejected rows that an earlier version left as they came. */
int rejected_seal_all(struct store *store, struct error *error);

/* Writes the log of an earlier process anew and takes checkpoints into our own hands. Before the first write. */
int checkpoint_set_up(struct store *store, const char *path, struct error *error);

/* Fills `error` from the connection's last failure. */
int store_failed(sqlite3 *db, const char *doing, struct error *error);

/* A statement ready for binding, from a clean state. NULL with `error` filled. */
sqlite3_stmt *store_statement(struct store *store, enum statement which, struct error *error);

/* Binds the arguments in order: 'i' int64_t, 't' const char * (NULL: NULL), 'd' double, 'n' nothing (NULL),
 * 'b' const void * and size_t (NULL: NULL). What is bound must live until the statement has run. */
int store_bind(sqlite3_stmt *statement, const char *types, ...);

/* Both: a statement that is ready to run. NULL with `error` filled, which must not be NULL: its code is the caller's.
 */
sqlite3_stmt *store_bound(struct store *store, enum statement which, struct error *error, const char *types, ...);

/* Runs a statement that gives no row. */
int store_run(struct store *store, sqlite3_stmt *statement, const char *doing, struct error *error);

/* Steps once: 1 a row, 0 none, or an error. The caller resets after reading the row. */
int store_step(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error);

/* A text column, "" for NULL. */
const char *store_column_text(sqlite3_stmt *statement, int column);

#endif
