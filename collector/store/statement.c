/* Prepared statements: each is made on first use, bound, run, and its failure told with SQLite's own words. */
#include "internal.h"

#include <stdarg.h>
#include <string.h>

static const char *const statement_texts[STATEMENTS] = {
#define STATEMENT(name, sql) sql,
#include "statements.def"
#undef STATEMENT
};

int store_failed(sqlite3 *db, const char *doing, struct error *error)
{
    int code = db != NULL ? sqlite3_errcode(db) : SQLITE_NOMEM;
    int result = code == SQLITE_NOMEM ? ERROR_MEMORY : code == SQLITE_BUSY ? ERROR_BUSY : ERROR_IO;
    /* "disk I/O error" has a reason, and "No space left on device" is what an operator can mend. */
    int reason = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    return error_set(error, result, "%s: %s%s%s", doing, db != NULL ? sqlite3_errmsg(db) : "out of memory",
                     reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : "");
}

sqlite3_stmt *store_statement(struct store *store, enum statement which, struct error *error)
{
    if (store->statements[which] == NULL &&
        sqlite3_prepare_v3(store->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[which],
                           NULL) != SQLITE_OK) {
        store_failed(store->db, statement_texts[which], error);
        return NULL;
    }
    sqlite3_reset(store->statements[which]);
    return store->statements[which];
}

/* As store_bind. */
static int bind_all(sqlite3_stmt *statement, const char *types, va_list arguments)
{
    int failed = SQLITE_OK;
    for (int i = 0; types[i] != '\0' && failed == SQLITE_OK; i++) {
        if (types[i] == 'i') {
            failed = sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
        } else if (types[i] == 'd') {
            failed = sqlite3_bind_double(statement, i + 1, va_arg(arguments, double));
        } else if (types[i] == 't') {
            failed = sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1, SQLITE_STATIC);
        } else if (types[i] == 'b') {
            const void *bytes = va_arg(arguments, const void *);
            size_t count = va_arg(arguments, size_t);
            failed = sqlite3_bind_blob64(statement, i + 1, bytes, count, SQLITE_STATIC);
        } else {
            failed = sqlite3_bind_null(statement, i + 1);
        }
    }
    return failed == SQLITE_OK ? 0 : ERROR_MEMORY;
}

int store_bind(sqlite3_stmt *statement, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int result = bind_all(statement, types, arguments);
    va_end(arguments);
    return result;
}

sqlite3_stmt *store_bound(struct store *store, enum statement which, struct error *error, const char *types, ...)
{
    sqlite3_stmt *statement = store_statement(store, which, error);
    va_list arguments;
    va_start(arguments, types);
    int result = statement != NULL ? bind_all(statement, types, arguments) : 0;
    va_end(arguments);
    if (result != 0) {
        error_set(error, result, "out of memory: %.80s", statement_texts[which]);
        return NULL;
    }
    return statement;
}

int store_step(sqlite3 *db, sqlite3_stmt *statement, const char *doing, struct error *error)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return 1;
    }
    int result = code == SQLITE_DONE ? 0 : store_failed(db, doing, error);
    sqlite3_reset(statement);
    return result;
}

int store_run(struct store *store, sqlite3_stmt *statement, const char *doing, struct error *error)
{
    int result = store_step(store->db, statement, doing, error);
    sqlite3_reset(statement);
    return result < 0 ? result : 0;
}

const char *store_column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}
