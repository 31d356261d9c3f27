/*
 * Following changes by revision. A page is one short statement: rows after the cursor's (revision, key) in that order,
 * so no read transaction stays open while an output waits for its server. All four series share the loop; they differ
 * in their SQL and in which columns fill the row.
 *
 * Of one revision withdrawn results come first, by their ids below 0: where the indicator's kind of period changed, a
 * point that stands may have the time of one that does not, and must be written last.
 */
#include "internal.h"
#include "reader_internal.h"

static const char *const series_names[STORE_SERIES] = {"usage", "usage_hour", "adoption", "centre_adoption"};

/* Columns: revision, three numbers of the key, then what the series' taker reads. */
static const char *const series_sql[STORE_SERIES] = {
    [SERIES_USAGE] = "SELECT f.revision, f.centre, f.day, f.activity, c.id, a.name, f.events, f.seconds, f.users, "
                     "f.devices FROM fact_day f INDEXED BY fact_day_revision JOIN centre c ON c.number = f.centre "
                     "JOIN activity a ON a.number = f.activity WHERE (f.revision, f.centre, f.day, f.activity) > "
                     "(?, ?, ?, ?) ORDER BY f.revision, f.centre, f.day, f.activity LIMIT ?",
    [SERIES_USAGE_HOUR] =
        "SELECT f.revision, f.centre, f.minute, f.activity, c.id, a.name, f.events, f.seconds "
        "FROM fact_hour f INDEXED BY fact_hour_revision JOIN centre c ON c.number = f.centre "
        "JOIN activity a ON a.number = f.activity WHERE (f.revision, f.centre, f.minute, f.activity) > "
        "(?, ?, ?, ?) ORDER BY f.revision, f.centre, f.minute, f.activity LIMIT ?",
    [SERIES_ADOPTION] =
        "SELECT revision, rowid AS key, 0, 0, indicator, area, period, period_kind, registered, reporting, adopting, "
        "target, 0 FROM adoption WHERE (revision, rowid, 0, 0) > (?1, ?2, ?3, ?4) UNION ALL "
        "SELECT revision, id, 0, 0, indicator, area, period, period_kind, 0, 0, 0, NULL, 1 FROM withdrawn "
        "WHERE (revision, id, 0, 0) > (?1, ?2, ?3, ?4) AND centre = 0 ORDER BY 1, 2 LIMIT ?5",
    [SERIES_CENTRE_ADOPTION] =
        "SELECT v.revision, v.rowid AS key, 0, 0, v.indicator, c.id, v.period, v.period_kind, 1, v.reporting, "
        "v.adopts, "
        "NULL, 0 FROM verdict v JOIN centre c ON c.number = v.centre WHERE (v.revision, v.rowid, 0, 0) > (?1, ?2, ?3, "
        "?4) "
        "UNION ALL SELECT w.revision, w.id, 0, 0, w.indicator, c.id, w.period, w.period_kind, 0, 0, 0, NULL, 1 "
        "FROM withdrawn w JOIN centre c ON c.number = w.centre WHERE (w.revision, w.id, 0, 0) > (?1, ?2, ?3, ?4) "
        "ORDER BY 1, 2 LIMIT ?5",
};

const char *store_series_name(enum store_series series)
{
    return series_names[series];
}

static void take_usage(sqlite3_stmt *statement, struct change_row *row)
{
    row->centre = store_column_text(statement, 4);
    row->activity = store_column_text(statement, 5);
    row->events = sqlite3_column_int64(statement, 6);
    row->seconds = sqlite3_column_int64(statement, 7);
    if (row->series == SERIES_USAGE) {
        row->day = sqlite3_column_int(statement, 2);
        row->users = sqlite3_column_int64(statement, 8);
        row->devices = sqlite3_column_int64(statement, 9);
    } else {
        row->hour_s = sqlite3_column_int64(statement, 2) * 60;
    }
}

static void take_result(sqlite3_stmt *statement, struct change_row *row)
{
    row->indicator = store_column_text(statement, 4);
    if (row->series == SERIES_ADOPTION) {
        row->area = store_column_text(statement, 5);
        row->has_target = sqlite3_column_type(statement, 11) != SQLITE_NULL;
        row->target = sqlite3_column_double(statement, 11);
    } else {
        row->centre = store_column_text(statement, 5);
    }
    row->period = sqlite3_column_int(statement, 6);
    row->period_kind = store_column_text(statement, 7);
    row->registered = sqlite3_column_int64(statement, 8);
    row->reporting = sqlite3_column_int64(statement, 9);
    row->adopting = sqlite3_column_int64(statement, 10);
    row->withdrawn = sqlite3_column_int(statement, 12) != 0;
}

static int read_page(struct store_reader *reader, sqlite3_stmt *statement, enum store_series series,
                     struct change_cursor *cursor, int limit, change_each *each, void *context, struct error *error)
{
    int rows = 0, result;
    while ((result = store_step(reader->db, statement, "cannot read changes", error)) == 1) {
        struct change_row row = {.series = series, .revision = sqlite3_column_int64(statement, 0)};
        if (series == SERIES_USAGE || series == SERIES_USAGE_HOUR) {
            take_usage(statement, &row);
        } else {
            take_result(statement, &row);
        }
        result = each(context, &row);
        if (result != 0) {
            return result;
        }
        cursor->revision = row.revision;
        cursor->complete = false; /* should a later row of this page fail, its neighbours are still to come */
        for (int i = 0; i < 3; i++) {
            cursor->key[i] = sqlite3_column_int64(statement, 1 + i);
        }
        rows++;
    }
    cursor->complete = result == 0 && rows < limit;
    return result;
}

int store_read_changes(struct store_reader *reader, enum store_series series, struct change_cursor *cursor, int limit,
                       change_each *each, void *context, struct error *error)
{
    int64_t revision = 0;
    int result = store_reader_begin(reader, error);
    if (result != 0) {
        return result;
    }
    result = store_reader_revision(reader, &revision, error);
    sqlite3_stmt *statement = result == 0 ? reader_prepare(reader, series_sql[series], error) : NULL;
    if (statement == NULL) {
        result = ERROR_IO;
    } else if (cursor->complete) { /* a complete cursor stands after every key of its revision */
        result = store_bind(statement, "iiiii", cursor->revision, INT64_MAX, INT64_MAX, INT64_MAX, (int64_t)limit);
    } else {
        result = store_bind(statement, "iiiii", cursor->revision, cursor->key[0], cursor->key[1], cursor->key[2],
                            (int64_t)limit);
    }
    if (result == 0) {
        result = read_page(reader, statement, series, cursor, limit, each, context, error);
    }
    if (result == 0 && cursor->complete) {
        cursor->revision = revision; /* nothing is left up to this snapshot, in whichever series it changed */
    }
    sqlite3_finalize(statement);
    store_reader_end(reader);
    return result;
}

int store_read_cursor(struct store_reader *reader, const char *output, enum store_series series, int64_t *revision,
                      struct error *error)
{
    int64_t latest = 0;
    int result = store_reader_revision(reader, &latest, error);
    sqlite3_stmt *statement =
        result == 0
            ? reader_prepare(reader, "SELECT revision FROM output_cursor WHERE output = ? AND series = ?", error)
            : NULL;
    if (statement == NULL) {
        return ERROR_IO;
    }
    *revision = 0;
    result = store_bind(statement, "tt", output, series_names[series]);
    if (result == 0 && (result = store_step(reader->db, statement, "cannot read a cursor", error)) == 1) {
        *revision = sqlite3_column_int64(statement, 0);
        result = 0;
    }
    sqlite3_finalize(statement);
    if (*revision > latest) {
        *revision = latest;
    }
    return result;
}
