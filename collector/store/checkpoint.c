/*
 * Checkpoints: copying what the write-ahead log holds into the database. SQLite syncs the log, copies, syncs the
 * database and may then overwrite the log. That order is what a power loss in the middle relies on, and it holds only
 * if a sync that failed is the last one that is asked for: the kernel takes pages that it could not write for written,
 * and the next sync succeeds without them (PostgreSQL's "fsyncgate", 2018). A database half copied from a log half
 * there cannot be read. So after a failed sync no checkpoint is made any more, also not at the close, and the daemon
 * ends; the next process writes the log anew, so that its first sync means what it says.
 *
 * SQLite's own automatic checkpoint drops its errors, hence the hook.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <stdio.h>

enum { CHECKPOINT_PAGES = 8000, BUSY_MS = 10000, READERS_MS = 50 };

static bool checkpoint(struct store *store, int mode)
{
    int in_log = -1, moved = -1;
    if (store->broken) {
        return false;
    }
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, &in_log, &moved);
    int extended = sqlite3_extended_errcode(store->db);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        log_error("store_checkpoint", "error=\"%s\" code=%d", sqlite3_errmsg(store->db), extended);
    }
    if (code != SQLITE_OK && (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC)) {
        store->broken = true;
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    return code == SQLITE_OK && in_log == moved;
}

/* After each commit. The commit stands whatever comes of this. */
static int on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    if (pages >= CHECKPOINT_PAGES) {
        checkpoint(context, SQLITE_CHECKPOINT_PASSIVE);
    }
    return SQLITE_OK;
}

bool store_checkpoint(struct store *store)
{
    /* The log gives its room back, if no reader is in the way for longer than a moment: on a full disk that counts. */
    sqlite3_busy_timeout(store->db, READERS_MS);
    bool is_done = checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    return is_done;
}

bool store_is_broken(const struct store *store)
{
    return store->broken;
}

int checkpoint_set_up(struct store *store, const char *path, struct error *error)
{
    char log[4200];
    snprintf(log, sizeof log, "%s-wal", path);
    /* While the transaction is open nobody else can add to the log or begin it anew. */
    if (sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        return store_failed(store->db, "cannot begin a transaction", error);
    }
    int result = file_write_again(log, error);
    if (sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK && result == 0) {
        result = store_failed(store->db, "cannot end a transaction", error);
    }
    sqlite3_wal_hook(store->db, on_commit, store);
    return result;
}
