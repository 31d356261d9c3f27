/* A database that an earlier version wrote opens, after a backup, with all that it held; or stays as it was. */
#include "../../../collector/store/internal.h"
#include "support.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static const char planted[] = "planted-user-0001";

/* What version 1 would have left behind. */
static void make_version_1(struct place *place)
{
    char sql[1024], log[128];
    store_close(&place->store);
    unlink(place->database);
    for (int i = 0; i < 2; i++) {
        snprintf(log, sizeof log, "%s-%s", place->database, i == 0 ? "wal" : "shm");
        unlink(log);
    }
    place_execute(place, schema_steps[0]);
    place_execute(place, "PRAGMA application_id = 0x45445459; PRAGMA user_version = 1;"
                         "INSERT INTO value VALUES ('revision', 7), ('journal_position', 4711);"
                         "INSERT INTO centre VALUES (1, 'th-1'); INSERT INTO activity VALUES (1, 'teaching');"
                         "INSERT INTO device VALUES (1, '46', 'th-1', 'tablet');"
                         "INSERT INTO stream VALUES (1, 'e1', x'0000000000000000', 5, 2, 3, 1000, 900);"
                         "INSERT INTO fact_day VALUES (1, 20000, 1, 5, 60, 2, 1, 7);");
    snprintf(sql, sizeof sql,
             "INSERT INTO rejected (fingerprint, quarantined, reason, detail, received_ms, topic, centre, raw, times) "
             "VALUES (x'00112233445566778899aabbccddeeff', 0, 'bad_json', 'cut off', 5, "
             "'edu/v1/46/th-1/tablet/event', 'th-1', CAST('{\"user\":\"%s\"' AS BLOB), 3), "
             "(x'10112233445566778899aabbccddeeff', 1, 'unknown_centre', '', 6, 'edu/v1/46/x/tablet/event', 'x', "
             "CAST('{}' AS BLOB), 1)",
             planted);
    place_execute(place, sql);
}

/* Counts files of the directory whose names begin with "edutally.db.before-"; the last one's path in `path`. */
static int find_backups(const struct place *place, char path[400])
{
    DIR *directory = opendir(place->directory);
    int count = 0;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "edutally.db.before-", 19) == 0) {
            snprintf(path, 400, "%s/%s", place->directory, entry->d_name);
            count++;
        }
    }
    closedir(directory);
    return count;
}

static bool file_holds(const char *path, const char *text)
{
    FILE *file = fopen(path, "rb");
    static char bytes[1 << 20];
    if (file == NULL) {
        return false;
    }
    size_t count = fread(bytes, 1, sizeof bytes, file), length = strlen(text);
    fclose(file);
    for (size_t i = 0; i + length <= count; i++) {
        if (memcmp(bytes + i, text, length) == 0) {
            return true;
        }
    }
    return false;
}

struct listed {
    char text[512];
};

static int list(void *context, const struct rejected_row *row)
{
    struct listed *listed = context;
    size_t used = strlen(listed->text);
    snprintf(listed->text + used, sizeof listed->text - used, "%s %.*s x%lld|", row->reason, (int)row->raw_length,
             row->raw != NULL ? (const char *)row->raw : "?", (long long)row->times);
    return 0;
}

static void version_1_opens_with_all_that_it_held(void **state)
{
    struct place *place = *state;
    struct listed listed = {0};
    int64_t position = 0;
    make_version_1(place);
    place_reopen(place);
    assert_int_equal(place_number(place, "PRAGMA user_version"), 2);
    assert_int_equal(store_revision(place->store), 7);
    assert_int_equal(store_value_get(place->store, "journal_position", &position, &place->error), 1);
    assert_int_equal(position, 4711);
    assert_int_equal(place_number(place, "SELECT events FROM v_usage_daily"), 5);
    assert_int_equal(place_number(place, "SELECT devices FROM device_count WHERE centre = 'th-1'"), 1);
    assert_int_equal(place_number(place, "SELECT epochs FROM device"), 1);
    assert_int_equal(place_number(place, "SELECT rows FROM quarantine_count WHERE centre = 'x'"), 1);
    assert_int_equal(place_number(place, "SELECT rows FROM quarantine_count WHERE centre = '*'"), 1);
    assert_int_equal(place_number(place, "SELECT expected * 100 + late * 10 + given_up FROM v_devices"), 800);
    MUST(place, store_reader_unseal(place_reader(place), place->secret, &place->error));
    MUST(place, store_read_rejected(place->reader, INT64_MAX, 10, list, &listed, &place->error));
    assert_string_equal(listed.text, "unknown_centre {} x1|bad_json {\"user\":\"planted-user-0001\" x3|");
}

static void what_lay_open_in_version_1_is_sealed_and_overwritten(void **state)
{
    struct place *place = *state;
    char log[128];
    make_version_1(place);
    assert_true(file_holds(place->database, planted));
    place_reopen(place);
    snprintf(log, sizeof log, "%s-wal", place->database);
    assert_false(file_holds(place->database, planted));
    assert_false(file_holds(log, planted));
    store_close(&place->store);
    assert_false(file_holds(place->database, planted));
}

static void the_backup_is_the_database_as_it_was(void **state)
{
    struct place *place = *state;
    char backup[400] = "";
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    make_version_1(place);
    place_reopen(place);
    assert_int_equal(find_backups(place, backup), 1);
    assert_int_equal(sqlite3_open(backup, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT user_version, (SELECT sum(times) FROM rejected), "
                                        "(SELECT events FROM v_usage_daily) FROM pragma_user_version",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    assert_int_equal(sqlite3_column_int(statement, 1), 4);
    assert_int_equal(sqlite3_column_int(statement, 2), 5);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    place_reopen(place);
    assert_int_equal(find_backups(place, backup), 1);
}

static void the_same_garbage_is_still_the_same_row(void **state)
{
    struct place *place = *state;
    const struct store_rejected row = {.reason = "bad_json",
                                       .detail = "cut off",
                                       .received_ms = 9,
                                       .topic = "edu/v1/46/th-1/tablet/event",
                                       .topic_length = 27,
                                       .centre = "th-1",
                                       .raw = "{\"user\":\"planted-user-0001\"",
                                       .raw_length = 27};
    make_version_1(place);
    place_reopen(place);
    place_begin(place);
    MUST(place, store_rejected_add(place->store, &row, &place->error));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT times FROM rejected WHERE reason = 'bad_json'"), 4);
}

/* Version 1 kept topics whole; rows that then look alike stay apart. */
static void long_topics_of_version_1_are_cut(void **state)
{
    struct place *place = *state;
    make_version_1(place);
    place_execute(place,
                  "INSERT INTO rejected (fingerprint, quarantined, reason, detail, received_ms, topic, raw, times) "
                  "VALUES (x'20', 0, 'empty', '', 5, printf('%.60000c', 'x'), x'', 1), "
                  "(x'21', 0, 'empty', '', 5, printf('%.59999c', 'x') || 'y', x'', 1)");
    place_reopen(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE substr(topic, 301) = '… (60000 bytes)'"),
                     2);
}

/* Sealed with the wrong secret, rows could never be opened again. */
static void another_secret_migrates_nothing(void **state)
{
    struct place *place = *state;
    struct secret *right = place->secret;
    char file[128];
    make_version_1(place);
    place->secret = NULL;
    snprintf(file, sizeof file, "%s/other", place->directory);
    place_execute(place, "INSERT INTO value VALUES ('secret_fingerprint', 'of another secret')");
    MUST(place, secret_open(&place->secret, file, true, &place->error));
    assert_int_equal(store_open(&place->store, place->directory, "test", place->secret, &place->error), ERROR_CONFIG);
    assert_non_null(strstr(place->error.text, "restore"));
    assert_int_equal(store_check_secret(place->directory, place->secret, &place->error), ERROR_CONFIG);
    assert_int_equal(place_number(place, "PRAGMA user_version"), 1);
    assert_true(file_holds(place->database, planted));
    secret_free(&place->secret);
    place->secret = right;
    place_execute(place, "DELETE FROM value WHERE name = 'secret_fingerprint'");
    place_reopen(place);
    assert_int_equal(store_check_secret(place->directory, place->secret, &place->error), 0);
}

/* No room: at whatever size the disk is full, version 1 is there afterwards, whole, and migrates once there is room. */
static void a_migration_without_room_leaves_version_1(void **state)
{
    struct place *place = *state;
    struct rlimit before, small;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    int failures = 0;
    for (rlim_t size = 0; size < 400000; size += 40960) {
        make_version_1(place);
        small = before;
        small.rlim_cur = size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int result = store_open(&place->store, place->directory, "test", place->secret, &place->error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        if (result != 0) {
            failures++;
            assert_null(place->store);
            assert_in_range(place_number(place, "PRAGMA user_version"), 1, 2); /* 2: all but the sealing was done */
            assert_int_equal(place_number(place, "SELECT events FROM v_usage_daily"), 5);
        }
        place_reopen(place);
        assert_int_equal(place_number(place, "PRAGMA user_version"), 2);
        assert_int_equal(place_number(place, "SELECT sum(times) FROM rejected"), 4);
        assert_int_equal(place_number(place, "SELECT value FROM value WHERE name = 'rejected_plain'"), 0);
    }
    assert_true(failures > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(version_1_opens_with_all_that_it_held),
        WITH_PLACE(what_lay_open_in_version_1_is_sealed_and_overwritten),
        WITH_PLACE(the_backup_is_the_database_as_it_was),
        WITH_PLACE(the_same_garbage_is_still_the_same_row),
        WITH_PLACE(long_topics_of_version_1_are_cut),
        WITH_PLACE(another_secret_migrates_nothing),
        WITH_PLACE(a_migration_without_room_leaves_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
