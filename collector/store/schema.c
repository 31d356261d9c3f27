/*
 * The schema's version is PRAGMA user_version; step n of schema/ leads from version n - 1 to n. All missing steps run
 * in one transaction, after a copy of the database as it was has been made and synced: edutally.db.before-vN, one of
 * them however often the steps fail.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_number(sqlite3 *db, const char *sql, int *number, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int result = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW) {
        result = store_failed(db, sql, error);
    } else {
        *number = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return result;
}

int schema_read_version(sqlite3 *db, int *version, struct error *error)
{
    int application = 0, tables = 0;
    int result = read_number(db, "PRAGMA user_version", version, error);
    if (result == 0) {
        result = read_number(db, "PRAGMA application_id", &application, error);
    }
    if (result == 0) {
        result = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, error);
    }
    if (result == 0 && tables > 0 && application != APPLICATION_ID) {
        result = error_set(error, ERROR_CONFIG,
                           "edutally.db was not made by edutally: move it away, or choose another data_dir");
    }
    if (result == 0 && (*version > schema_version || *version < 0)) {
        result = error_set(error, ERROR_CONFIG,
                           "edutally.db has schema version %d, this program knows up to %d: install the newer edutally",
                           *version, schema_version);
    }
    return result;
}

static int execute(sqlite3 *db, const char *sql, struct error *error)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        int result = error_set(error, ERROR_IO, "cannot bring the database up to date: %s",
                               message != NULL ? message : "out of memory");
        sqlite3_free(message);
        return result;
    }
    return 0;
}

/* SQLite does not sync what VACUUM INTO writes. */
static int sync_file(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? error_errno(error, "cannot sync the backup %s", path) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return failed;
}

/* Copies into `part`, which becomes `name` once it is whole and synced: whatever a crash leaves behind is no backup,
 * and is overwritten by the next try. */
static int copy_whole(sqlite3 *db, const char *part, const char *name, struct error *error)
{
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", part);
    if (sql == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    unlink(part);
    int result = execute(db, sql, error);
    sqlite3_free(sql);
    if (result == 0) {
        result = sync_file(part, error);
    }
    if (result == 0 && rename(part, name) != 0) {
        result = error_errno(error, "cannot name the backup %s", name);
    }
    if (result != 0) {
        unlink(part);
    }
    return result;
}

static int back_up(sqlite3 *db, const char *path, int version, struct error *error)
{
    char *part = sqlite3_mprintf("%s.backup-part", path);
    char *name = sqlite3_mprintf("%s.before-v%d", path, version + 1);
    int result = part == NULL || name == NULL ? error_set(error, ERROR_MEMORY, "out of memory")
                                              : copy_whole(db, part, name, error);
    if (result == 0) {
        log_info("store_backed_up",
                 "file=\"%s\" note=\"remove it once all is well: it may hold messages as they came\"", name);
    }
    sqlite3_free(name);
    sqlite3_free(part);
    return result;
}

static int run_steps(sqlite3 *db, int version, struct error *error)
{
    char pragma[96];
    int result = execute(db, "BEGIN EXCLUSIVE", error);
    for (int step = version; result == 0 && step < schema_version; step++) {
        result = execute(db, schema_steps[step], error);
    }
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
             schema_version);
    if (result == 0) {
        result = execute(db, pragma, error);
    }
    if (result != 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return result;
}

int schema_migrate(sqlite3 *db, const char *path, struct error *error)
{
    int version = 0;
    int result = schema_read_version(db, &version, error);
    if (result != 0 || version == schema_version) {
        return result;
    }
    if (version > 0) {
        log_info("store_migrates", "from=%d to=%d", version, schema_version);
        result = back_up(db, path, version, error);
    }
    return result == 0 ? run_steps(db, version, error) : result;
}
