/*
 * One connection, one thread, one open transaction at a time. synchronous = NORMAL: in WAL mode a power cut may take
 * the last transactions with it but never tears one, and the journal position goes with them, so they are made again
 * from the journal, which is synced before each commit. The database itself is synced at checkpoints.
 */
#include "internal.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
    return error_set(error, result, "%s: %s", doing, db != NULL ? sqlite3_errmsg(db) : "out of memory");
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

int store_bind(sqlite3_stmt *statement, const char *types, ...)
{
    int failed = SQLITE_OK;
    va_list arguments;
    va_start(arguments, types);
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
    va_end(arguments);
    return failed == SQLITE_OK ? 0 : ERROR_MEMORY;
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

static int set_up(struct store *store, const char *path, const char *program, struct error *error)
{
    char *message = NULL;
    int version;
    sqlite3_busy_timeout(store->db, 10000);
    sqlite3_extended_result_codes(store->db, 0);
    int result = schema_read_version(store->db, &version, error); /* WAL mode would already change a foreign file */
    if (result != 0) {
        return result;
    }
    if (sqlite3_exec(
            store->db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
            "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;",
            NULL, NULL, &message) != SQLITE_OK) {
        result = error_set(error, ERROR_IO, "cannot set up %s: %s", path, message != NULL ? message : "?");
        sqlite3_free(message);
        return result;
    }
    result = schema_migrate(store->db, path, error);
    int64_t revision = 0;
    if (result == 0) {
        result = store_value_get(store, "revision", &revision, error);
    }
    if (result < 0) {
        return result;
    }
    store->revision = revision;
    return store_text_set(store, "program", program, error);
}

int store_open(struct store **out, const char *data_dir, const char *program, struct error *error)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/edutally.db", data_dir) >= (int)sizeof path) {
        return error_set(error, ERROR_IO, "path too long: %s", data_dir);
    }
    int result = file_make_directory(data_dir, error);
    if (result != 0) {
        return result;
    }
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        result = error_set(error, ERROR_IO, "cannot open %s: %s", path,
                           store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory");
    } else {
        result = set_up(store, path, program, error);
    }
    if (result != 0) {
        store_close(&store);
        return result;
    }
    *out = store;
    return 0;
}

void store_close(struct store **store)
{
    if (*store == NULL) {
        return;
    }
    if ((*store)->in_transaction) {
        store_rollback(*store);
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize((*store)->statements[i]);
    }
    sqlite3_close((*store)->db);
    free(*store);
    *store = NULL;
}

int store_begin(struct store *store, bool quietly, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_BEGIN, error);
    int result = statement == NULL ? ERROR_IO : store_run(store, statement, "cannot begin a transaction", error);
    if (result == 0) {
        store->in_transaction = true;
        store->revision += !quietly;
    }
    return result;
}

/* A statement left on its row keeps the connection reading, and then no checkpoint can ever empty the log. */
static void reset_all(struct store *store)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_reset(store->statements[i]);
    }
}

int store_commit(struct store *store, struct error *error)
{
    reset_all(store);
    int result = store_value_set(store, "revision", store->revision, error);
    sqlite3_stmt *statement = result == 0 ? store_statement(store, STATEMENT_COMMIT, error) : NULL;
    if (statement == NULL) {
        return ERROR_IO;
    }
    result = store_run(store, statement, "cannot commit", error);
    if (result == 0) {
        store->in_transaction = false;
    }
    return result;
}

void store_rollback(struct store *store)
{
    struct error ignored;
    reset_all(store);
    sqlite3_stmt *statement = store_statement(store, STATEMENT_ROLLBACK, &ignored);
    if (statement != NULL && !sqlite3_get_autocommit(store->db)) {
        store_run(store, statement, "cannot roll back", &ignored);
    }
    int64_t revision = 0;
    if (store_value_get(store, "revision", &revision, &ignored) >= 0) {
        store->revision = revision;
    }
    store->in_transaction = false;
}

int64_t store_revision(const struct store *store)
{
    return store->revision;
}

bool store_checkpoint(struct store *store)
{
    int in_log = -1, moved = -1;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    return code == SQLITE_OK && in_log == moved;
}

int store_value_get(struct store *store, const char *name, int64_t *value, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_VALUE_GET, error);
    if (statement == NULL || store_bind(statement, "t", name) != 0) {
        return ERROR_IO;
    }
    int result = store_step(store->db, statement, "cannot read a value", error);
    if (result == 1) {
        *value = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result;
}

int store_value_set(struct store *store, const char *name, int64_t value, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_VALUE_SET, error);
    if (statement == NULL || store_bind(statement, "ti", name, value) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot save a value", error);
}

int store_values_clear(struct store *store, const char *prefix, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_VALUES_CLEAR, error);
    if (statement == NULL || store_bind(statement, "t", prefix) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot clear values", error);
}

int store_text_get(struct store *store, const char *name, struct buffer *value, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_VALUE_GET, error);
    if (statement == NULL || store_bind(statement, "t", name) != 0) {
        return ERROR_IO;
    }
    int result = store_step(store->db, statement, "cannot read a value", error);
    if (result == 1) {
        buffer_add_text(value, store_column_text(statement, 0));
        sqlite3_reset(statement);
    }
    return result;
}

int store_text_set(struct store *store, const char *name, const char *value, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_VALUE_SET, error);
    if (statement == NULL || store_bind(statement, "tt", name, value) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot save a value", error);
}

int store_cursor_save(struct store *store, const char *output, const char *series, int64_t revision,
                      struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_CURSOR_SAVE, error);
    if (statement == NULL || store_bind(statement, "tti", output, series, revision) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot save an output's cursor", error);
}

int store_refused_add(struct store *store, const char *output, const char *line, const char *reason, int64_t now_ms,
                      struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REFUSED_ADD, error);
    if (statement == NULL || store_bind(statement, "ttti", output, line, reason, now_ms) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot save a refused point", error);
}

int store_refused_trim(struct store *store, int64_t max_rows, int64_t before_ms, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REFUSED_TRIM, error);
    if (statement == NULL || store_bind(statement, "ii", before_ms, max_rows) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot remove old refused points", error);
}

const char *store_library_version(void)
{
    return sqlite3_libversion();
}
