/* Numbers for centres, activities and devices, and what is known of each device's sequence. */
#include "internal.h"

#include <stdio.h>

/* The number that `get` finds for the bound names, or a new row by `add`. Both take the same names. */
static int number_of(struct store *store, enum statement get, enum statement add, const char *const names[], int count,
                     uint32_t *number, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    for (int attempt = 0; attempt < 2; attempt++) {
        statement = store_statement(store, attempt == 0 ? get : add, error);
        if (statement == NULL) {
            return ERROR_IO;
        }
        for (int i = 0; i < count; i++) {
            if (sqlite3_bind_text(statement, i + 1, names[i], -1, SQLITE_STATIC) != SQLITE_OK) {
                return error_set(error, ERROR_MEMORY, "out of memory");
            }
        }
        int result = store_step(store->db, statement, "cannot number a name", error);
        if (result < 0) {
            return result;
        }
        if (result == 1) {
            *number = (uint32_t)sqlite3_column_int64(statement, 0);
            sqlite3_reset(statement);
            return 0;
        }
    }
    *number = (uint32_t)sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_centre(struct store *store, const char *id, uint32_t *number, struct error *error)
{
    return number_of(store, STATEMENT_CENTRE_GET, STATEMENT_CENTRE_ADD, &id, 1, number, error);
}

int store_activity(struct store *store, const char *name, uint32_t *number, struct error *error)
{
    return number_of(store, STATEMENT_ACTIVITY_GET, STATEMENT_ACTIVITY_ADD, &name, 1, number, error);
}

int store_device(struct store *store, const char *realm, const char *centre, const char *device, uint32_t *number,
                 struct error *error)
{
    const char *const names[] = {centre, device, realm};
    return number_of(store, STATEMENT_DEVICE_GET, STATEMENT_DEVICE_ADD, names, 3, number, error);
}

int store_ranges_load(struct store *store, struct store_ranges *ranges, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_STREAM_GET, error);
    if (statement == NULL || store_bind(statement, "it", (int64_t)ranges->device, ranges->epoch) != 0) {
        return ERROR_IO;
    }
    int result = store_step(store->db, statement, "cannot read a device's ranges", error);
    if (result == 1) {
        ranges->bytes = sqlite3_column_blob(statement, 0);
        ranges->byte_count = (size_t)sqlite3_column_bytes(statement, 0);
        ranges->received = sqlite3_column_int64(statement, 1);
        ranges->repeated = sqlite3_column_int64(statement, 2);
        ranges->missing = sqlite3_column_int64(statement, 3);
        ranges->last_received_ms = sqlite3_column_int64(statement, 4);
        ranges->last_event_ms = sqlite3_column_int64(statement, 5);
    }
    return result;
}

int store_ranges_save(struct store *store, const struct store_ranges *ranges, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_STREAM_SAVE, error);
    if (statement == NULL || store_bind(statement, "itbiiiii", (int64_t)ranges->device, ranges->epoch, ranges->bytes,
                                        ranges->byte_count, ranges->received, ranges->repeated, ranges->missing,
                                        ranges->last_received_ms, ranges->last_event_ms) != 0) {
        return ERROR_IO;
    }
    return store_run(store, statement, "cannot save a device's ranges", error);
}
