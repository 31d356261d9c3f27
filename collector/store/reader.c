/*
 * A read-only connection. Statements are prepared per call: a read for people costs far more than that. What differs
 * between the reads is their SQL, their binding and how a row is taken apart; the loop is one.
 */
#include "internal.h"
#include "reader_internal.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int store_reader_open(struct store_reader **out, const char *data_dir, struct error *error)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/edutally.db", data_dir) >= (int)sizeof path) {
        return error_set(error, ERROR_IO, "path too long: %s", data_dir);
    }
    if (access(path, F_OK) != 0 && errno != ENOENT) {
        return error_errno(error, "cannot read %s", path);
    }
    if (access(path, F_OK) != 0) {
        return error_set(error, ERROR_MISSING,
                         "%s does not exist yet: `edutally run` or `edutally ingest` makes it with the first event",
                         path);
    }
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int version = 0, result = 0;
    if (sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_exec(reader->db, "PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;", NULL,
                     NULL, NULL) != SQLITE_OK) {
        result = store_failed(reader->db, "cannot open the store for reading", error);
    } else {
        sqlite3_busy_timeout(reader->db, 10000);
        /* Checkpoints are the writer's affair (checkpoint.c). */
        sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        result = schema_read_version(reader->db, &version, error);
    }
    if (result == 0 && version != schema_version) {
        result = error_set(error, ERROR_CONFIG,
                           "%s has schema version %d, this program reads %d: start `edutally run` once to migrate it",
                           path, version, schema_version);
    }
    if (result != 0) {
        store_reader_close(&reader);
        return result;
    }
    *out = reader;
    return 0;
}

void store_reader_close(struct store_reader **reader)
{
    if (*reader != NULL) {
        sqlite3_close((*reader)->db);
        seal_close(&(*reader)->seal);
        free(*reader);
        *reader = NULL;
    }
}

int store_reader_begin(struct store_reader *reader, struct error *error)
{
    if (sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        return store_failed(reader->db, "cannot begin to read", error);
    }
    return 0;
}

void store_reader_end(struct store_reader *reader)
{
    sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
}

sqlite3_stmt *reader_prepare(struct store_reader *reader, const char *sql, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        store_failed(reader->db, "cannot read the store", error);
    }
    return statement;
}

int reader_each(struct store_reader *reader, sqlite3_stmt *statement, int bound, int (*take)(sqlite3_stmt *, void *),
                void *context, struct error *error)
{
    int result = bound != 0 ? error_set(error, ERROR_MEMORY, "out of memory") : 0;
    while (result == 0 && (result = store_step(reader->db, statement, "cannot read the store", error)) == 1) {
        result = take(statement, context);
    }
    sqlite3_finalize(statement);
    return result;
}

int store_reader_revision(struct store_reader *reader, int64_t *revision, struct error *error)
{
    *revision = 0;
    sqlite3_stmt *statement = reader_prepare(reader, "SELECT value FROM value WHERE name = 'revision'", error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int result = store_step(reader->db, statement, "cannot read the revision", error);
    if (result == 1) {
        *revision = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return result < 0 ? result : 0;
}

/* What a taker needs: the caller's callback with its context. One member is set, by the kind of read. */
struct taker {
    void *context;
    usage_each *usage;
    month_each *month;
    adoption_each *adoption;
    verdict_each *verdict;
};

static int take_usage(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct usage_row usage = {
        .centre = store_column_text(row, 0),
        .day = sqlite3_column_int(row, 1),
        .activity = store_column_text(row, 2),
        .events = sqlite3_column_int64(row, 3),
        .seconds = sqlite3_column_int64(row, 4),
        .users = sqlite3_column_int64(row, 5),
        .devices = sqlite3_column_int64(row, 6),
    };
    return taker->usage(taker->context, &usage);
}

int store_read_usage(struct store_reader *reader, const struct usage_filter *filter, usage_each *each, void *context,
                     struct error *error)
{
    struct taker taker = {.context = context, .usage = each};
    sqlite3_stmt *statement =
        reader_prepare(reader,
                       /* Centres by name on the outside (CROSS JOIN keeps them there): a year of a province needs no
                        * sort, and one centre costs its own rows alone. */
                       "SELECT c.id, f.day, a.name, f.events, f.seconds, f.users, f.devices FROM centre c "
                       "CROSS JOIN fact_day f ON f.centre = c.number JOIN activity a ON a.number = f.activity "
                       "WHERE f.day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR c.id = ?3) ORDER BY c.id, f.day, a.name",
                       error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int bound = store_bind(statement, "iit", (int64_t)filter->from_day, (int64_t)filter->to_day, filter->centre);
    return reader_each(reader, statement, bound, take_usage, &taker, error);
}

static int take_month(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct month_row month = {
        .centre = store_column_text(row, 0),
        .month = sqlite3_column_int(row, 1),
        .activity = store_column_text(row, 2),
        .active_days = sqlite3_column_int64(row, 3),
        .events = sqlite3_column_int64(row, 4),
        .seconds = sqlite3_column_int64(row, 5),
        .users = sqlite3_column_int64(row, 6),
        .devices = sqlite3_column_int64(row, 7),
    };
    return taker->month(taker->context, &month);
}

int store_read_months(struct store_reader *reader, const char *centre, int32_t from_month, int32_t to_month,
                      month_each *each, void *context, struct error *error)
{
    struct taker taker = {.context = context, .month = each};
    sqlite3_stmt *statement = reader_prepare(
        reader,
        "SELECT c.id, m.month, a.name, (SELECT count(*) FROM fact_day d WHERE d.centre = m.centre AND d.activity = "
        "m.activity AND d.day >= unixepoch(printf('%04d-%02d-01', m.month / 12, m.month % 12 + 1)) / 86400 AND d.day < "
        "unixepoch(printf('%04d-%02d-01', (m.month + 1) / 12, (m.month + 1) % 12 + 1)) / 86400), "
        "m.events, m.seconds, m.users, m.devices FROM centre c CROSS JOIN fact_month m ON m.centre = c.number "
        "JOIN activity a ON a.number = m.activity WHERE (?1 IS NULL OR c.id = ?1) AND m.month BETWEEN ?2 AND ?3 "
        "ORDER BY c.id, m.month, a.name",
        error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int bound = store_bind(statement, "tii", centre, (int64_t)from_month, (int64_t)to_month);
    return reader_each(reader, statement, bound, take_month, &taker, error);
}

static int take_adoption(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct adoption_row adoption = {
        .indicator = store_column_text(row, 0),
        .area = store_column_text(row, 1),
        .period_kind = store_column_text(row, 2),
        .period = sqlite3_column_int(row, 3),
        .registered = sqlite3_column_int64(row, 4),
        .reporting = sqlite3_column_int64(row, 5),
        .adopting = sqlite3_column_int64(row, 6),
        .has_target = sqlite3_column_type(row, 7) != SQLITE_NULL,
        .target = sqlite3_column_double(row, 7),
        .rule_hash = store_column_text(row, 8),
        .registry_hash = store_column_text(row, 9),
        .computed_ms = sqlite3_column_int64(row, 10),
    };
    return taker->adoption(taker->context, &adoption);
}

int store_read_adoption(struct store_reader *reader, const struct adoption_filter *filter, adoption_each *each,
                        void *context, struct error *error)
{
    struct taker taker = {.context = context, .adoption = each};
    sqlite3_stmt *statement = reader_prepare(
        reader,
        "SELECT indicator, area, period_kind, period, registered, reporting, adopting, target, rule_hash, "
        "registry_hash, computed_ms FROM adoption WHERE (?1 IS NULL OR indicator = ?1) AND (?2 IS NULL OR area = ?2) "
        "AND (?3 OR period BETWEEN ?4 AND ?5) ORDER BY indicator, area, period",
        error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int bound = store_bind(statement, "ttiii", filter->indicator, filter->area, (int64_t)filter->any_period,
                           (int64_t)filter->from_period, (int64_t)filter->to_period);
    return reader_each(reader, statement, bound, take_adoption, &taker, error);
}

static int take_verdict(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct verdict_row verdict = {
        .indicator = store_column_text(row, 0),
        .centre = store_column_text(row, 1),
        .period_kind = store_column_text(row, 2),
        .period = sqlite3_column_int(row, 3),
        .reporting = sqlite3_column_int(row, 4) != 0,
        .adopts = sqlite3_column_int(row, 5) != 0,
        .conditions = store_column_text(row, 6),
    };
    return taker->verdict(taker->context, &verdict);
}

int store_read_verdicts(struct store_reader *reader, const struct verdict_filter *filter, verdict_each *each,
                        void *context, struct error *error)
{
    struct taker taker = {.context = context, .verdict = each};
    sqlite3_stmt *statement = reader_prepare(
        reader,
        filter->centre != NULL
            ? "SELECT v.indicator, c.id, v.period_kind, v.period, v.reporting, v.adopts, v.conditions FROM verdict v "
              "JOIN centre c ON c.number = v.centre WHERE (?1 IS NULL OR v.indicator = ?1) AND "
              "v.centre = (SELECT number FROM centre WHERE id = ?2) AND (?3 OR v.period BETWEEN ?4 AND ?5) "
              "ORDER BY v.indicator, c.id, v.period"
            : "SELECT v.indicator, c.id, v.period_kind, v.period, v.reporting, v.adopts, v.conditions FROM verdict v "
              "JOIN centre c ON c.number = v.centre WHERE (?1 IS NULL OR v.indicator = ?1) AND ?2 IS NULL AND "
              "(?3 OR v.period BETWEEN ?4 AND ?5) ORDER BY v.indicator, c.id, v.period",
        error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int bound = store_bind(statement, "ttiii", filter->indicator, filter->centre, (int64_t)filter->any_period,
                           (int64_t)filter->from_period, (int64_t)filter->to_period);
    return reader_each(reader, statement, bound, take_verdict, &taker, error);
}
