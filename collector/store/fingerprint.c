/*
 * The store keeps a fingerprint of the deployment's secret: with another one every user would be a new one, and what is
 * sealed could not be opened. It is looked at before anything is written, here and in the journal.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char NAME[] = "secret_fingerprint";

enum { FINGERPRINT_SIZE = 17 };

static int make(const struct secret *secret, char out[FINGERPRINT_SIZE], struct error *error)
{
    static const char probe[] = "edutally secret fingerprint";
    struct keyer *keyer = NULL;
    int result = secret_keyer(secret, &keyer, error);
    if (result == 0) {
        snprintf(out, FINGERPRINT_SIZE, "%016llx", (unsigned long long)keyer_key(keyer, probe, sizeof probe - 1));
        keyer_free(&keyer);
    }
    return result;
}

int fingerprint_check(sqlite3 *db, const struct secret *secret, struct error *error)
{
    char fingerprint[FINGERPRINT_SIZE];
    sqlite3_stmt *statement = NULL;
    int result = make(secret, fingerprint, error);
    /* An empty database has no table yet; whether it is ours at all is judged elsewhere. */
    if (result != 0 ||
        sqlite3_prepare_v2(db, "SELECT value FROM value WHERE name = ?", -1, &statement, NULL) != SQLITE_OK) {
        return result;
    }
    if (sqlite3_bind_text(statement, 1, NAME, -1, SQLITE_STATIC) != SQLITE_OK) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
    } else if (sqlite3_step(statement) == SQLITE_ROW && strcmp(store_column_text(statement, 0), fingerprint) != 0) {
        result = error_set(error, ERROR_CONFIG,
                           "the secret is not the one that edutally.db was made with: restore the old secret file");
    }
    sqlite3_finalize(statement);
    return result;
}

int fingerprint_save(struct store *store, const struct secret *secret, struct error *error)
{
    char fingerprint[FINGERPRINT_SIZE];
    int result = make(secret, fingerprint, error);
    return result == 0 ? store_text_set(store, NAME, fingerprint, error) : result;
}

int store_check_secret(const char *data_dir, const struct secret *secret, struct error *error)
{
    char path[4096];
    sqlite3 *db = NULL;
    if (snprintf(path, sizeof path, "%s/edutally.db", data_dir) >= (int)sizeof path) {
        return error_set(error, ERROR_IO, "path too long: %s", data_dir);
    }
    if (access(path, F_OK) != 0) {
        return 0; /* no store yet */
    }
    int result = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        result = store_failed(db, "cannot open the store", error);
    } else {
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* it is only looked at */
        sqlite3_busy_timeout(db, 10000);
        result = fingerprint_check(db, secret, error);
    }
    sqlite3_close(db);
    return result;
}
