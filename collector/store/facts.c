/* Facts on disk: days, months and hours, their sets, and the event ids seen on a day. */
#include "internal.h"

#include "facts/distinct.h"

static const enum statement load_statements[] = {
    [SPAN_DAY] = STATEMENT_DAY_GET, [SPAN_HOUR] = STATEMENT_HOUR_GET, [SPAN_MONTH] = STATEMENT_MONTH_GET};
static const enum statement set_statements[] = {
    [SPAN_DAY] = STATEMENT_DAY_SET_SAVE, [SPAN_MONTH] = STATEMENT_MONTH_SET_SAVE};

int store_fact_load(struct store *store, struct store_fact *fact, struct error *error)
{
    fact->events = fact->seconds = fact->users = fact->devices = 0;
    fact->user_set = fact->device_set = NULL;
    sqlite3_stmt *statement = store_bound(store, load_statements[fact->span], error, "iii", (int64_t)fact->centre,
                                          (int64_t)fact->index, (int64_t)fact->activity);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot read a fact", error);
    if (result == 1) {
        fact->events = sqlite3_column_int64(statement, 0);
        fact->seconds = sqlite3_column_int64(statement, 1);
        fact->user_set = sqlite3_column_blob(statement, 2);
        fact->user_set_bytes = (size_t)sqlite3_column_bytes(statement, 2);
        fact->device_set = sqlite3_column_blob(statement, 3);
        fact->device_set_bytes = (size_t)sqlite3_column_bytes(statement, 3);
        fact->users = sqlite3_column_int64(statement, 4);
        fact->devices = sqlite3_column_int64(statement, 5);
    }
    return result;
}

static int save_counts(struct store *store, const struct store_fact *fact, struct error *error)
{
    enum statement which = fact->span == SPAN_DAY    ? STATEMENT_DAY_SAVE
                           : fact->span == SPAN_HOUR ? STATEMENT_HOUR_SAVE
                                                     : STATEMENT_MONTH_SAVE;
    sqlite3_stmt *statement = store_statement(store, which, error);
    int failed;
    int64_t centre = fact->centre, index = fact->index, activity = fact->activity;
    if (statement == NULL) {
        return error->code;
    }
    if (fact->span == SPAN_HOUR) {
        failed = store_bind(statement, "iiiiii", centre, index, activity, fact->events, fact->seconds, store->revision);
    } else if (fact->span == SPAN_DAY) {
        failed = store_bind(statement, "iiiiiiii", centre, index, activity, fact->events, fact->seconds, fact->users,
                            fact->devices, store->revision);
    } else {
        failed = store_bind(statement, "iiiiiii", centre, index, activity, fact->events, fact->seconds, fact->users,
                            fact->devices);
    }
    return failed != 0 ? error_set(error, ERROR_MEMORY, "out of memory")
                       : store_run(store, statement, "cannot save a fact", error);
}

int store_fact_save(struct store *store, const struct store_fact *fact, struct error *error)
{
    int result = save_counts(store, fact, error);
    if (result != 0 || (fact->user_set == NULL && fact->device_set == NULL)) {
        return result;
    }
    sqlite3_stmt *statement = store_bound(store, set_statements[fact->span], error, "iiibb", (int64_t)fact->centre,
                                          (int64_t)fact->index, (int64_t)fact->activity, fact->user_set,
                                          fact->user_set_bytes, fact->device_set, fact->device_set_bytes);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a fact's sets", error);
}

int store_seen_has(struct store *store, int32_t day, const unsigned char id[16], struct error *error)
{
    sqlite3_stmt *statement =
        store_bound(store, STATEMENT_SEEN_HAS, error, "ib", (int64_t)day, (const void *)id, (size_t)16);
    int result = statement == NULL ? error->code : store_step(store->db, statement, "cannot find an event id", error);
    if (result == 1) {
        sqlite3_reset(statement);
    }
    return result;
}

int store_seen_add(struct store *store, int32_t day, const unsigned char id[16], struct error *error)
{
    sqlite3_stmt *statement =
        store_bound(store, STATEMENT_SEEN_ADD, error, "ib", (int64_t)day, (const void *)id, (size_t)16);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_run(store, statement, "cannot remember an event id", error);
    return result == 0 ? sqlite3_changes(store->db) > 0 : result;
}

/* One stored set without its keys, appended to `out`. A damaged set becomes an empty sketch: its count is kept
 * elsewhere. */
static int forget_keys(sqlite3_stmt *row, int column, struct buffer *out)
{
    struct distinct set = {0};
    int result = distinct_read(&set, sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    if (result == ERROR_MEMORY || distinct_forget_keys(&set) != 0) {
        distinct_free(&set);
        return ERROR_MEMORY;
    }
    distinct_write(&set, out);
    distinct_free(&set);
    return out->failed ? ERROR_MEMORY : 0;
}

static int seal_month_row(struct store *store, sqlite3_stmt *row, struct error *error)
{
    struct buffer users = {0}, devices = {0};
    sqlite3_stmt *save = store_statement(store, STATEMENT_SEAL_MONTHS_SAVE, error);
    int result = save == NULL ? error->code : 0;
    if (result == 0 && (forget_keys(row, 3, &users) != 0 || forget_keys(row, 4, &devices) != 0)) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (result == 0 && store_bind(save, "bbiii", (const void *)users.bytes, users.used, (const void *)devices.bytes,
                                  devices.used, (int64_t)sqlite3_column_int64(row, 0),
                                  (int64_t)sqlite3_column_int64(row, 1), (int64_t)sqlite3_column_int64(row, 2)) != 0) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (result == 0) {
        result = store_run(store, save, "cannot seal a month", error);
    }
    buffer_free(&users);
    buffer_free(&devices);
    return result;
}

static int seal_months(struct store *store, int32_t month, struct error *error)
{
    for (;;) {
        int sealed = 0;
        sqlite3_stmt *row = store_bound(store, STATEMENT_SEAL_MONTHS_GET, error, "i", (int64_t)month);
        if (row == NULL) {
            return error->code;
        }
        int result;
        while ((result = store_step(store->db, row, "cannot read months to seal", error)) == 1) {
            result = seal_month_row(store, row, error);
            if (result != 0) {
                sqlite3_reset(row);
                return result;
            }
            sealed++;
        }
        if (result < 0 || sealed == 0) {
            return result;
        }
    }
}

int store_seal(struct store *store, int32_t day, int32_t month, struct error *error)
{
    static const enum statement day_statements[] = {STATEMENT_SEAL_DAYS, STATEMENT_SEAL_SEEN};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement = store_bound(store, day_statements[i], error, "i", (int64_t)day);
        if (statement == NULL) {
            return error->code;
        }
        int result = store_run(store, statement, "cannot drop the sets of old days", error);
        if (result != 0) {
            return result;
        }
    }
    return seal_months(store, month, error);
}
