/* What was not counted, with its reason: kept, bounded, listed, and taken out again once it counts. */
#include "internal.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Names the content, the topic and the reason: the same garbage sent a thousand times is one row. */
static void fingerprint(const struct store_rejected *row, unsigned char out[16])
{
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, row->reason, strlen(row->reason) + 1);
    XXH3_128bits_update(&state, row->topic, row->topic_length);
    XXH3_128bits_update(&state, "", 1);
    XXH3_128bits_update(&state, row->raw, row->raw_length);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(out, canonical.digest, 16);
}

int store_rejected_add(struct store *store, const struct store_rejected *row, struct error *error)
{
    unsigned char id[16];
    fingerprint(row, id);
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REJECTED_ADD, error);
    if (statement == NULL ||
        store_bind(statement, "bittintb", (const void *)id, sizeof id, (int64_t)row->quarantined, row->reason,
                   row->detail, row->received_ms, row->centre, row->raw != NULL ? row->raw : (const void *)"",
                   row->raw_length) != 0 ||
        sqlite3_bind_text(statement, 6, row->topic, (int)row->topic_length, SQLITE_STATIC) != SQLITE_OK) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return store_run(store, statement, "cannot keep a rejected row", error);
}

int store_each_quarantined(struct store *store, const char *const *reasons, int64_t after, int limit,
                           store_quarantined_each *each, void *context, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_QUARANTINED, error);
    if (statement == NULL || store_bind(statement, "i", after) != 0) {
        return ERROR_IO;
    }
    int rows = 0, result = 0;
    while (rows < limit && (result = store_step(store->db, statement, "cannot read the quarantine", error)) == 1) {
        struct store_rejected row = {
            .quarantined = true,
            .reason = store_column_text(statement, 1),
            .detail = store_column_text(statement, 2),
            .received_ms = sqlite3_column_int64(statement, 3),
            .topic = store_column_text(statement, 4),
            .topic_length = (size_t)sqlite3_column_bytes(statement, 4),
            .centre = store_column_text(statement, 5),
            .raw = sqlite3_column_blob(statement, 6),
            .raw_length = (size_t)sqlite3_column_bytes(statement, 6),
        };
        bool wanted = false;
        for (size_t i = 0; reasons[i] != NULL; i++) {
            wanted |= strcmp(reasons[i], row.reason) == 0;
        }
        if (!wanted) {
            continue;
        }
        result = each(context, sqlite3_column_int64(statement, 0), &row);
        if (result != 0) {
            break;
        }
        rows++;
    }
    sqlite3_reset(statement);
    return result < 0 ? result : rows;
}

int store_quarantined_remove(struct store *store, int64_t id, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REJECTED_REMOVE, error);
    if (statement == NULL || store_bind(statement, "i", id) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot take a row out of quarantine", error);
}

int store_rejected_count(struct store *store, int64_t *rows, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REJECTED_COUNT, error);
    if (statement == NULL || store_step(store->db, statement, "cannot count rejected rows", error) != 1) {
        return ERROR_IO;
    }
    *rows = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 0;
}

static int expire(struct store *store, int64_t before_ms, int64_t *removed, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_REJECTED_EXPIRE, error);
    if (statement == NULL || store_bind(statement, "i", before_ms) != 0) {
        return ERROR_IO;
    }
    int result = store_run(store, statement, "cannot remove old rejected rows", error);
    if (result == 0) {
        *removed += sqlite3_changes(store->db);
    }
    return result;
}

/* Removes the oldest rows until at most `max_rows` and `max_bytes` are left. */
static int evict(struct store *store, int64_t rows, int64_t bytes, int64_t max_rows, int64_t max_bytes,
                 int64_t *removed, struct error *error)
{
    int result = 0;
    sqlite3_stmt *oldest = store_statement(store, STATEMENT_REJECTED_OLDEST, error);
    if (oldest == NULL) {
        return ERROR_IO;
    }
    while ((rows > max_rows || bytes > max_bytes) &&
           (result = store_step(store->db, oldest, "cannot read rejected rows", error)) == 1) {
        rows--;
        bytes -= sqlite3_column_int64(oldest, 1);
        result = store_quarantined_remove(store, sqlite3_column_int64(oldest, 0), error);
        if (result != 0) {
            break;
        }
        (*removed)++;
    }
    sqlite3_reset(oldest);
    return result < 0 ? result : 0;
}

int store_rejected_trim(struct store *store, int64_t max_rows, int64_t max_bytes, int64_t before_ms, int64_t *removed,
                        struct error *error)
{
    *removed = 0;
    int result = expire(store, before_ms, removed, error);
    if (result != 0) {
        return result;
    }
    sqlite3_stmt *size = store_statement(store, STATEMENT_REJECTED_SIZE, error);
    if (size == NULL || store_step(store->db, size, "cannot measure rejected rows", error) != 1) {
        return ERROR_IO;
    }
    int64_t rows = sqlite3_column_int64(size, 0), bytes = sqlite3_column_int64(size, 1);
    sqlite3_reset(size);
    return evict(store, rows, bytes, max_rows, max_bytes, removed, error);
}
