/*
 * How SQLite goes about the hot statements: by which index, and without a sort where rows must flow. A plan that turns
 * into a scan passes every other test and fails a province. Texts of the writing side come from statements.def, those
 * of the reading side are caught while they run.
 */
#include "../../../collector/store/reader_internal.h"
#include "support.h"

static const struct {
    const char *name, *sql;
} statements[] = {
#define STATEMENT(name, sql) {#name, sql},
#include "../../../collector/store/statements.def"
#undef STATEMENT
};

/* The steps of the plan, a line each. */
static void plan_of(sqlite3 *db, const char *sql, char *plan, size_t size)
{
    char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    }
    size_t used = 0;
    plan[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW && used < size) {
        used += (size_t)snprintf(plan + used, size - used, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    sqlite3_free(text);
}

static void assert_step(const char *name, const char *plan, const char *step)
{
    if (strstr(plan, step) == NULL) {
        fail_msg("%s does not take the step '%s' but\n%s", name, step, plan);
    }
}

static void assert_no_step(const char *name, const char *plan, const char *step)
{
    if (strstr(plan, step) != NULL) {
        fail_msg("%s takes the step '%s':\n%s", name, step, plan);
    }
}

static void statements_of_the_writing_side_search(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *name, *step;
        int may_sort;
    } hot[] = {
        {"CENTRE_GET", "USING COVERING INDEX sqlite_autoindex_centre_1 (id=?)", 0},
        {"ACTIVITY_GET", "USING COVERING INDEX sqlite_autoindex_activity_1 (name=?)", 0},
        {"DEVICE_GET", "USING COVERING INDEX sqlite_autoindex_device_1 (centre=? AND device=? AND realm=?)", 0},
        {"STREAM_GET", "SEARCH stream USING PRIMARY KEY (device=? AND epoch=?)", 0},
        {"DAY_GET", "SEARCH f USING PRIMARY KEY (centre=? AND day=? AND activity=?)", 0},
        {"DAY_GET", "SEARCH s USING PRIMARY KEY (day=? AND centre=? AND activity=?)", 0},
        {"MONTH_GET", "SEARCH f USING PRIMARY KEY (centre=? AND month=? AND activity=?)", 0},
        {"MONTH_GET", "SEARCH s USING PRIMARY KEY (month=? AND centre=? AND activity=?)", 0},
        {"HOUR_GET", "SEARCH fact_hour USING PRIMARY KEY (centre=? AND minute=? AND activity=?)", 0},
        {"SEAL_DAYS", "SEARCH fact_day_set USING PRIMARY KEY (day<?)", 0},
        {"SEAL_SEEN", "SEARCH seen USING PRIMARY KEY (day<?)", 0},
        {"SEAL_MONTHS_GET", "SEARCH fact_month_set USING PRIMARY KEY (month<?)", 0},
        {"DEVICES_OF", "SEARCH device_count USING PRIMARY KEY (centre=?)", 0},
        {"EPOCHS_OF", "SEARCH device USING INTEGER PRIMARY KEY (rowid=?)", 0},
        {"QUARANTINE_ROWS", "SEARCH quarantine_count USING PRIMARY KEY (centre=?)", 0},
        {"SEEN_HAS", "SEARCH seen USING PRIMARY KEY (day=? AND id=?)", 0},
        {"REJECTED_AGAIN", "SEARCH rejected USING INDEX sqlite_autoindex_rejected_1 (fingerprint=?)", 0},
        {"REJECTED_LINE", "SEARCH rejected USING INTEGER PRIMARY KEY (rowid=?)", 0},
        {"REJECTED_AGED", "SEARCH rejected USING INDEX rejected_received (received_ms<?)", 1},
        {"LET_GO_AGAIN", "SEARCH let_go USING PRIMARY KEY (centre=? AND device=? AND reason=? AND cause=?)", 0},
        {"REJECTED_EXPIRE", "SEARCH rejected USING COVERING INDEX rejected_received (received_ms<?)", 0},
        {"QUARANTINED", "SEARCH rejected USING INTEGER PRIMARY KEY (rowid>?)", 0},
        {"VERDICT_SUMS", "SEARCH verdict USING INDEX sqlite_autoindex_verdict_1 (indicator=? AND period=?)", 0},
        {"CHANGED", "SEARCH fact_day USING COVERING INDEX fact_day_revision (revision>?)", 1},
        {"FIGURES", "SEARCH f USING PRIMARY KEY (centre=? AND day>? AND day<?)", 1},
        {"MONTH_COUNTS", "SEARCH m USING PRIMARY KEY (centre=? AND month>? AND month<?)", 0},
        {"DAY_BOUNDS", "SEARCH fact_day USING PRIMARY KEY (centre=?)", 0},
    };
    sqlite3 *db = place_reader(place)->db;
    for (size_t i = 0; i < sizeof hot / sizeof hot[0]; i++) {
        size_t at = 0;
        char plan[2048];
        while (at < sizeof statements / sizeof statements[0] && strcmp(statements[at].name, hot[i].name) != 0) {
            at++;
        }
        assert_true(at < sizeof statements / sizeof statements[0]);
        plan_of(db, statements[at].sql, plan, sizeof plan);
        assert_step(hot[i].name, plan, hot[i].step);
        if (!hot[i].may_sort) {
            assert_no_step(hot[i].name, plan, "TEMP B-TREE");
        }
    }
}

/* Every statement is valid SQL against the schema, used by a test or not. */
static void every_statement_can_be_prepared(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(place_reader(place)->db, statements[i].sql, -1, &statement, NULL) != SQLITE_OK) {
            fail_msg("%s: %s", statements[i].name, sqlite3_errmsg(place->reader->db));
        }
        sqlite3_finalize(statement);
    }
}

static int catch_sql(unsigned event, void *context, void *statement, void *text)
{
    char *sql = context;
    (void)event;
    (void)text;
    const char *run = sqlite3_sql(statement);
    if (run != NULL && strncmp(run, "SELECT", 6) == 0) {
        snprintf(sql, 4096, "%s", run); /* the last one: helpers such as the revision run before it */
    }
    return 0;
}

static int nothing(void *context, const void *row)
{
    (void)context;
    (void)row;
    return 0;
}

static int usage_nothing(void *context, const struct usage_row *row)
{
    return nothing(context, row);
}

static int month_nothing(void *context, const struct month_row *row)
{
    return nothing(context, row);
}

static int change_nothing(void *context, const struct change_row *row)
{
    return nothing(context, row);
}

static int device_nothing(void *context, const struct device_row *row)
{
    return nothing(context, row);
}

static int rejected_nothing(void *context, const struct rejected_row *row)
{
    return nothing(context, row);
}

static int adoption_nothing(void *context, const struct adoption_row *row)
{
    return nothing(context, row);
}

struct caught {
    char sql[4096];
    char plan[4096];
};

static void look(struct place *place, struct caught *caught)
{
    sqlite3_trace_v2(place->reader->db, 0, NULL, NULL);
    plan_of(place->reader->db, caught->sql, caught->plan, sizeof caught->plan);
    sqlite3_trace_v2(place->reader->db, SQLITE_TRACE_STMT, catch_sql, caught->sql);
}

static void following_changes_walks_along_the_revisions(void **state)
{
    struct place *place = *state;
    static const char *const steps[] = {
        [SERIES_USAGE] = "SEARCH f USING INDEX fact_day_revision (",
        [SERIES_USAGE_HOUR] = "SEARCH f USING INDEX fact_hour_revision (",
        [SERIES_ADOPTION] = "SEARCH adoption USING INDEX adoption_revision (",
        [SERIES_CENTRE_ADOPTION] = "SEARCH v USING INDEX verdict_revision (",
    };
    struct caught caught;
    sqlite3_trace_v2(place_reader(place)->db, SQLITE_TRACE_STMT, catch_sql, caught.sql);
    for (int series = 0; series < STORE_SERIES; series++) {
        struct change_cursor cursor = {0};
        MUST(place, store_read_changes(place->reader, (enum store_series)series, &cursor, 100, change_nothing, NULL,
                                       &place->error));
        look(place, &caught);
        assert_step(store_series_name((enum store_series)series), caught.plan, steps[series]);
        assert_no_step(store_series_name((enum store_series)series), caught.plan, "TEMP B-TREE");
    }
}

static void reading_usage_flows_centre_by_centre(void **state)
{
    struct place *place = *state;
    struct caught caught;
    struct usage_filter filter = {.centre = "th-1", .from_day = 0, .to_day = 30000};
    sqlite3_trace_v2(place_reader(place)->db, SQLITE_TRACE_STMT, catch_sql, caught.sql);
    MUST(place, store_read_usage(place->reader, &filter, usage_nothing, NULL, &place->error));
    look(place, &caught);
    assert_step("usage", caught.plan, "SCAN c USING COVERING INDEX sqlite_autoindex_centre_1");
    assert_step("usage", caught.plan, "SEARCH f USING PRIMARY KEY (centre=? AND day>? AND day<?)");
    assert_no_step("usage", caught.plan, "USE TEMP B-TREE FOR ORDER BY"); /* only the last term: a day's activities */
    MUST(place, store_read_months(place->reader, "th-1", 0, 30000, month_nothing, NULL, &place->error));
    look(place, &caught);
    assert_step("months", caught.plan, "SEARCH m USING PRIMARY KEY (centre=? AND month>? AND month<?)");
    assert_no_step("months", caught.plan, "SCAN m");
    assert_no_step("months", caught.plan, "USE TEMP B-TREE FOR ORDER BY");
}

static void other_reads_search_too(void **state)
{
    struct place *place = *state;
    struct caught caught;
    struct adoption_filter filter = {.any_period = true};
    sqlite3_trace_v2(place_reader(place)->db, SQLITE_TRACE_STMT, catch_sql, caught.sql);
    MUST(place, store_read_devices(place->reader, "th-1", device_nothing, NULL, &place->error));
    look(place, &caught);
    assert_step("devices", caught.plan, "SEARCH d USING COVERING INDEX sqlite_autoindex_device_1 (centre=?)");
    assert_step("devices", caught.plan, "SEARCH s USING PRIMARY KEY (device=?)");
    MUST(place, store_read_rejected(place->reader, INT64_MAX, 10, rejected_nothing, NULL, &place->error));
    look(place, &caught);
    assert_step("rejected", caught.plan, "SEARCH rejected USING INTEGER PRIMARY KEY (rowid<?)");
    assert_no_step("rejected", caught.plan, "TEMP B-TREE");
    MUST(place, store_read_adoption(place->reader, &filter, adoption_nothing, NULL, &place->error));
    look(place, &caught);
    assert_no_step("adoption", caught.plan, "TEMP B-TREE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(statements_of_the_writing_side_search),
        WITH_PLACE(every_statement_can_be_prepared),
        WITH_PLACE(following_changes_walks_along_the_revisions),
        WITH_PLACE(reading_usage_flows_centre_by_centre),
        WITH_PLACE(other_reads_search_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
