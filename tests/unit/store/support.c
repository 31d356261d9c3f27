#include "support.h"

#include "../base/remove_tree.h"

#include <sys/stat.h>

int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    *state = place;
    snprintf(place->directory, sizeof place->directory, "/tmp/edutally-store-XXXXXX");
    if (place == NULL || mkdtemp(place->directory) == NULL) {
        return -1;
    }
    snprintf(place->database, sizeof place->database, "%s/edutally.db", place->directory);
    snprintf(place->secret_file, sizeof place->secret_file, "%s/secret", place->directory);
    if (secret_open(&place->secret, place->secret_file, true, &place->error) != 0) {
        return -1;
    }
    return store_open(&place->store, place->directory, "test", place->secret, &place->error);
}

int place_teardown(void **state)
{
    struct place *place = *state;
    store_reader_close(&place->reader);
    store_close(&place->store);
    secret_free(&place->secret);
    int result = remove_tree(place->directory);
    free(place);
    return result;
}

void place_reopen(struct place *place)
{
    store_close(&place->store);
    MUST(place, store_open(&place->store, place->directory, "test", place->secret, &place->error));
}

struct store_reader *place_reader(struct place *place)
{
    if (place->reader == NULL) {
        MUST(place, store_reader_open(&place->reader, place->directory, &place->error));
    }
    return place->reader;
}

void place_begin(struct place *place)
{
    MUST(place, store_begin(place->store, false, &place->error));
}

void place_commit(struct place *place)
{
    MUST(place, store_commit(place->store, &place->error));
}

void place_execute(const struct place *place, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(place->database, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t place_number(const struct place *place, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(place->database, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

void place_save_day(struct place *place, const char *centre, int32_t day, const char *activity, int64_t events)
{
    struct store_fact fact = {
        .span = SPAN_DAY, .index = day, .events = events, .seconds = 60 * events, .users = 3, .devices = 2};
    MUST(place, store_centre(place->store, centre, &fact.centre, &place->error));
    MUST(place, store_activity(place->store, activity, &fact.activity, &place->error));
    MUST(place, store_fact_save(place->store, &fact, &place->error));
}

int64_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}
