/* What indicators are computed from, and what came out. */
#include "internal.h"

#include "base/civil.h"
#include "base/file.h"
#include "facts/distinct.h"

int store_adoption_save(struct store *store, const struct store_adoption_row *row, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_ADOPTION_SAVE, error);
    if (statement == NULL) {
        return error->code;
    }
    int failed = store_bind(statement, "ttitiiidttii", row->indicator, row->area, (int64_t)row->period,
                            row->period_kind, row->registered, row->reporting, row->adopting, row->target,
                            row->rule_hash, row->registry_hash, clock_wall_ms(), store->revision);
    if (failed != 0 || (!row->has_target && sqlite3_bind_null(statement, 8) != SQLITE_OK)) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return store_run(store, statement, "cannot save an adoption row", error);
}

int store_verdict_save(struct store *store, const struct store_verdict_row *row, struct error *error)
{
    sqlite3_stmt *statement = store_bound(
        store, STATEMENT_VERDICT_SAVE, error, "tiitiiti", row->indicator, (int64_t)row->centre, (int64_t)row->period,
        row->period_kind, (int64_t)row->reporting, (int64_t)row->adopts, row->conditions, store->revision);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot save a verdict", error);
}

/* All results if `indicator` is NULL, else its own of periods before `first` and after `last`. */
static int withdraw(struct store *store, const char *indicator, int32_t first, int32_t last, struct error *error)
{
    static const enum statement statements[] = {STATEMENT_ADOPTION_WITHDRAW, STATEMENT_ADOPTION_CLEAR,
                                                STATEMENT_VERDICT_WITHDRAW, STATEMENT_VERDICT_CLEAR};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        sqlite3_stmt *statement =
            store_bound(store, statements[i], error, "itii", store->revision, indicator, (int64_t)first, (int64_t)last);
        if (statement == NULL) {
            return error->code;
        }
        int result = store_run(store, statement, "cannot withdraw results", error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

int store_results_clear(struct store *store, struct error *error)
{
    return withdraw(store, NULL, 0, 0, error);
}

int store_results_keep(struct store *store, const char *indicator, int32_t first, int32_t last, struct error *error)
{
    return withdraw(store, indicator, first, last, error);
}

int store_each_verdict(struct store *store, const char *indicator, int32_t period, store_verdict_each *each,
                       void *context, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_VERDICT_SUMS, error, "ti", indicator, (int64_t)period);
    if (statement == NULL) {
        return error->code;
    }
    int result;
    while ((result = store_step(store->db, statement, "cannot read verdicts", error)) == 1) {
        result = each(context, (uint32_t)sqlite3_column_int64(statement, 0), sqlite3_column_int(statement, 1) != 0,
                      sqlite3_column_int(statement, 2) != 0);
        if (result != 0) {
            sqlite3_reset(statement);
            break;
        }
    }
    return result;
}

int store_each_changed(struct store *store, int64_t revision, store_changed_each *each, void *context,
                       struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_CHANGED, error, "i", revision);
    if (statement == NULL) {
        return error->code;
    }
    int result;
    while ((result = store_step(store->db, statement, "cannot read changed facts", error)) == 1) {
        result = each(context, (uint32_t)sqlite3_column_int64(statement, 0), sqlite3_column_int(statement, 1));
        if (result != 0) {
            sqlite3_reset(statement);
            break;
        }
    }
    return result;
}

/* Distinct users and devices of a centre and activity over months: a single month has its count, several are a union.
 */
static int distinct_over(struct store *store, uint32_t centre, int32_t from_month, int32_t to_month,
                         struct store_figures *figures, struct error *error)
{
    struct distinct users = {0}, devices = {0};
    sqlite3_stmt *statement = store_bound(store, STATEMENT_MONTH_COUNTS, error, "iiit", (int64_t)centre,
                                          (int64_t)from_month, (int64_t)to_month, figures->activity);
    if (statement == NULL) {
        return error->code;
    }
    int result, months = 0;
    while ((result = store_step(store->db, statement, "cannot read months", error)) == 1) {
        figures->users = sqlite3_column_int64(statement, 0);
        figures->devices = sqlite3_column_int64(statement, 1);
        months++;
        struct distinct *into[] = {&users, &devices};
        for (int i = 0; i < 2 && from_month != to_month; i++) {
            struct distinct month = {0};
            int read = distinct_read(&month, sqlite3_column_blob(statement, 2 + i),
                                     (size_t)sqlite3_column_bytes(statement, 2 + i));
            if (read == ERROR_MEMORY || (read == 0 && distinct_merge(into[i], &month) != 0)) {
                result = error_set(error, ERROR_MEMORY, "out of memory");
            }
            distinct_free(&month);
        }
        if (result < 0) {
            break;
        }
    }
    if (months > 1) {
        figures->users = distinct_count(&users);
        figures->devices = distinct_count(&devices);
    }
    distinct_free(&users);
    distinct_free(&devices);
    return result < 0 ? result : 0;
}

int store_each_figures(struct store *store, uint32_t centre, int32_t from_month, int32_t to_month,
                       store_figures_each *each, void *context, struct error *error)
{
    int64_t first_day = civil_to_day((struct civil){from_month / 12, from_month % 12 + 1, 1});
    int64_t last_day = civil_to_day((struct civil){(to_month + 1) / 12, (to_month + 1) % 12 + 1, 1}) - 1;
    sqlite3_stmt *statement = store_bound(store, STATEMENT_FIGURES, error, "iii", (int64_t)centre, first_day, last_day);
    if (statement == NULL) {
        return error->code;
    }
    int result;
    while ((result = store_step(store->db, statement, "cannot sum up facts", error)) == 1) {
        struct store_figures figures = {
            .activity = store_column_text(statement, 0),
            .active_days = sqlite3_column_int64(statement, 1),
            .events = sqlite3_column_int64(statement, 2),
            .seconds = sqlite3_column_int64(statement, 3),
        };
        result = distinct_over(store, centre, from_month, to_month, &figures, error);
        if (result == 0) {
            result = each(context, &figures);
        }
        if (result != 0) {
            sqlite3_reset(statement);
            break;
        }
    }
    return result;
}

int store_day_bounds(struct store *store, int32_t *first, int32_t *last, struct error *error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_DAY_BOUNDS, error);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot find the first and the last fact", error);
    if (result == 1) {
        result = sqlite3_column_type(statement, 0) != SQLITE_NULL;
        *first = sqlite3_column_int(statement, 0);
        *last = sqlite3_column_int(statement, 1);
        sqlite3_reset(statement);
    }
    return result;
}
