/*
 * One connection, one thread, one open transaction at a time. synchronous = NORMAL: in WAL mode a power cut may take
 * the last transactions with it but never tears one, and the journal position goes with them, so they are made again
 * from the journal, which is synced before each commit. The database itself is synced at checkpoints.
 */
#include "internal.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_up(struct store *store, const char *path, const char *program, const struct secret *secret,
                  struct error *error)
{
    char *message = NULL;
    int version;
    sqlite3_busy_timeout(store->db, 10000);
    sqlite3_extended_result_codes(store->db, 0);
    int result = schema_read_version(store->db, &version, error); /* WAL mode would already change a foreign file */
    if (result == 0) {
        result = fingerprint_check(store->db, secret, error);
    }
    if (result != 0) {
        return result;
    }
    if (sqlite3_exec(store->db,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
                     "PRAGMA secure_delete = ON; PRAGMA cache_size = -8192; "
                     "PRAGMA journal_size_limit = 67108864;",
                     NULL, NULL, &message) != SQLITE_OK) {
        result = error_set(error, ERROR_IO, "cannot set up %s: %s", path, message != NULL ? message : "?");
        sqlite3_free(message);
        return result;
    }
    result = checkpoint_set_up(store, path, error);
    if (result == 0) {
        result = seal_open(&store->seal, secret, error);
    }
    if (result == 0) {
        result = schema_migrate(store->db, path, error);
    }
    int64_t revision = 0;
    if (result == 0) {
        result = store_value_get(store, "revision", &revision, error);
    }
    if (result < 0) {
        return result;
    }
    store->revision = revision;
    result = fingerprint_save(store, secret, error);
    if (result == 0) {
        result = rejected_seal_all(store, error);
    }
    return result == 0 ? store_text_set(store, "program", program, error) : result;
}

int store_open(struct store **out, const char *data_dir, const char *program, const struct secret *secret,
               struct error *error)
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
    store->let_go_lines = -1;
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        result = error_set(error, ERROR_IO, "cannot open %s: %s", path,
                           store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory");
    } else {
        result = set_up(store, path, program, secret, error);
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
    seal_close(&(*store)->seal);
    free(*store);
    *store = NULL;
}

int store_begin(struct store *store, bool quietly, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_BEGIN, error);
    int result = statement == NULL ? error->code : store_run(store, statement, "cannot begin a transaction", error);
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
        return error->code;
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
    store->let_go_lines = -1;
}

int64_t store_revision(const struct store *store)
{
    return store->revision;
}

int store_value_get(struct store *store, const char *name, int64_t *value, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VALUE_GET, error, "t", name);
    if (statement == NULL) {
        return error->code;
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
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VALUE_SET, error, "ti", name, value);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a value", error);
}

int store_values_clear(struct store *store, const char *prefix, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VALUES_CLEAR, error, "t", prefix);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot clear values", error);
}

int store_text_get(struct store *store, const char *name, struct buffer *value, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VALUE_GET, error, "t", name);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot read a value", error);
    if (result == 1) {
        buffer_add_text(value, store_column_text(statement, 0));
        sqlite3_reset(statement);
        result = value->failed ? error_set(error, ERROR_MEMORY, "out of memory reading %s", name) : 1;
    }
    return result;
}

int store_text_set(struct store *store, const char *name, const char *value, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VALUE_SET, error, "tt", name, value);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a value", error);
}

int store_cursor_save(struct store *store, const char *output, const char *series, int64_t revision,
                      struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_CURSOR_SAVE, error, "tti", output, series, revision);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save an output's cursor", error);
}

int store_refused_add(struct store *store, const char *output, const char *line, const char *reason, int64_t now_ms,
                      struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_REFUSED_ADD, error, "ttti", output, line, reason, now_ms);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a refused point", error);
}

int store_refused_trim(struct store *store, int64_t max_rows, int64_t before_ms, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_REFUSED_TRIM, error, "ii", before_ms, max_rows);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot remove old refused points", error);
}

const char *store_library_version(void)
{
    return sqlite3_libversion();
}
