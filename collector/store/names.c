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
            return error->code;
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

int store_device_find(struct store *store, const char *realm, const char *centre, const char *device, uint32_t *number,
                      struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_DEVICE_GET, error, "ttt", centre, device, realm);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot find a device", error);
    if (result == 1) {
        *number = (uint32_t)sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result;
}

/* The number in the one row that a statement gives; 0 if it gives none. */
static int count_of(struct store *store, sqlite3_stmt *statement, int64_t *count, struct error *error)
{
    *count = 0;
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot count devices", error);
    if (result == 1) {
        *count = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result < 0 ? result : 0;
}

int store_count_devices(struct store *store, const char *centre, int64_t *count, struct error *error)
{
    return count_of(store, store_bound(store, STATEMENT_DEVICES_OF, error, "t", centre), count, error);
}

int store_count_unknown_devices(struct store *store, int64_t *count, struct error *error)
{
    return count_of(store, store_statement(store, STATEMENT_DEVICES_UNKNOWN, error), count, error);
}

int store_count_epochs(struct store *store, uint32_t device, int64_t *count, struct error *error)
{
    return count_of(store, store_bound(store, STATEMENT_EPOCHS_OF, error, "i", (int64_t)device), count, error);
}

int store_count_totals(struct store *store, struct store_totals *totals, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_STREAM_TOTALS, error);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot count devices", error);
    if (result == 1) {
        totals->missing = sqlite3_column_int64(statement, 0);
        totals->streams = sqlite3_column_int64(statement, 1);
        totals->devices = sqlite3_column_int64(statement, 2);
        sqlite3_reset(statement);
    }
    return result < 0 ? result : 0;
}

int store_ranges_load(struct store *store, struct store_ranges *ranges, struct error *error)
{
    sqlite3_stmt *statement =
        store_bound(store, STATEMENT_STREAM_GET, error, "it", (int64_t)ranges->device, ranges->epoch);
    if (statement == NULL) {
        return error->code;
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
        ranges->late = sqlite3_column_int64(statement, 6);
        ranges->given_up = sqlite3_column_int64(statement, 7);
    }
    return result;
}

int store_ranges_save(struct store *store, const struct store_ranges *ranges, struct error *error)
{
    sqlite3_stmt *statement =
        store_bound(store, STATEMENT_STREAM_SAVE, error, "itbiiiiiii", (int64_t)ranges->device, ranges->epoch,
                    ranges->bytes, ranges->byte_count, ranges->received, ranges->repeated, ranges->missing,
                    ranges->last_received_ms, ranges->last_event_ms, ranges->late, ranges->given_up);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a device's ranges", error);
}
