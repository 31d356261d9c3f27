/* Opening, migrating, refusing, transactions and their revisions, small values. */
#include "support.h"

#include <unistd.h>

static char *bytes_of(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 20);
    *count = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* Whatever store_open does not take, it leaves byte for byte as it was. */
static void must_refuse_untouched(struct place *place, const char *what)
{
    size_t before_count, after_count;
    char *before = bytes_of(place->database, &before_count);
    assert_int_equal(store_open(&place->store, place->directory, "test", place->secret, &place->error), ERROR_CONFIG);
    assert_null(place->store);
    assert_non_null(strstr(place->error.text, what));
    char *after = bytes_of(place->database, &after_count);
    assert_int_equal(before_count, after_count);
    assert_memory_equal(before, after, before_count);
    free(before);
    free(after);
    assert_int_equal(store_reader_open(&place->reader, place->directory, &place->error), ERROR_CONFIG);
    assert_null(place->reader);
}

static void an_empty_directory_gets_a_store_of_the_schema(void **state)
{
    struct place *place = *state;
    assert_int_equal(place_number(place, "PRAGMA user_version"), 2);
    assert_int_equal(place_number(place, "PRAGMA application_id"), 0x45445459);
    assert_int_equal(place_number(place, "SELECT count(*) FROM fact_day"), 0);
    assert_int_equal(store_revision(place->store), 0);
}

static void a_directory_is_made_where_there_is_none(void **state)
{
    struct place *place = *state;
    struct store *store = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/a/b", place->directory);
    MUST(place, store_open(&store, path, "test", place->secret, &place->error));
    store_close(&store);
    assert_null(store);
    store_close(&store);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
    struct place *place = *state;
    int64_t value = 0;
    place_begin(place);
    place_save_day(place, "th-1", 20000, "teaching", 5);
    MUST(place, store_value_set(place->store, "journal_position", 4711, &place->error));
    place_commit(place);
    place_reopen(place);
    assert_int_equal(store_value_get(place->store, "journal_position", &value, &place->error), 1);
    assert_int_equal(value, 4711);
    assert_int_equal(store_revision(place->store), 1);
    assert_int_equal(place_number(place, "SELECT events FROM v_usage_daily"), 5);
}

static void a_newer_schema_is_refused_and_left_untouched(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    place_execute(place, "PRAGMA user_version = 99");
    must_refuse_untouched(place, "schema version 99");
}

static void the_database_of_another_program_is_refused_and_left_untouched(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    unlink(place->database);
    place_execute(place, "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('bread')");
    must_refuse_untouched(place, "not made by edutally");
}

static void a_schema_version_that_never_was_is_refused(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    place_execute(place, "PRAGMA user_version = -1");
    must_refuse_untouched(place, "schema version -1");
}

static void a_file_that_is_no_database_is_an_error(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    FILE *file = fopen(place->database, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database\n", file);
    }
    fclose(file);
    assert_int_equal(store_open(&place->store, place->directory, "test", place->secret, &place->error), ERROR_IO);
    assert_null(place->store);
    assert_int_equal(file_size(place->database), 20000);
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    unlink(place->database);
    fclose(fopen(place->database, "wb"));
    place_reopen(place);
    assert_int_equal(place_number(place, "PRAGMA user_version"), 2);
}

static void every_transaction_has_the_next_revision(void **state)
{
    struct place *place = *state;
    int64_t revision = -1;
    for (int i = 1; i <= 3; i++) {
        place_begin(place);
        assert_int_equal(store_revision(place->store), i);
        place_save_day(place, "th-1", 20000 + i, "teaching", 1);
        place_commit(place);
        MUST(place, store_reader_revision(place_reader(place), &revision, &place->error));
        assert_int_equal(revision, i);
        assert_int_equal(place_number(place, "SELECT max(revision) FROM fact_day"), i);
    }
}

static void a_quiet_transaction_keeps_the_revision(void **state)
{
    struct place *place = *state;
    int64_t revision = -1, cursor = -1;
    place_begin(place);
    place_commit(place);
    MUST(place, store_begin(place->store, true, &place->error));
    MUST(place, store_cursor_save(place->store, "influx", "usage", 1, &place->error));
    assert_int_equal(store_revision(place->store), 1);
    place_commit(place);
    MUST(place, store_reader_revision(place_reader(place), &revision, &place->error));
    assert_int_equal(revision, 1);
    MUST(place, store_read_cursor(place->reader, "influx", SERIES_USAGE, &cursor, &place->error));
    assert_int_equal(cursor, 1);
    place_begin(place);
    assert_int_equal(store_revision(place->store), 2);
    store_rollback(place->store);
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct place *place = *state;
    uint32_t number;
    place_begin(place);
    place_commit(place);
    place_begin(place);
    place_save_day(place, "th-1", 20000, "teaching", 5);
    store_rollback(place->store);
    assert_int_equal(store_revision(place->store), 1);
    assert_int_equal(place_number(place, "SELECT count(*) FROM fact_day"), 0);
    assert_int_equal(place_number(place, "SELECT count(*) FROM centre"), 0);
    place_begin(place);
    assert_int_equal(store_revision(place->store), 2);
    MUST(place, store_centre(place->store, "th-1", &number, &place->error));
    place_commit(place);
    store_rollback(place->store); /* nothing is open: nothing happens */
    assert_int_equal(store_revision(place->store), 2);
}

static void closing_rolls_back_what_is_open(void **state)
{
    struct place *place = *state;
    place_begin(place);
    place_save_day(place, "th-1", 20000, "teaching", 5);
    place_reopen(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM fact_day"), 0);
    assert_int_equal(store_revision(place->store), 0);
}

static void readers_see_only_what_is_committed(void **state)
{
    struct place *place = *state;
    int64_t revision = -1;
    place_begin(place);
    place_save_day(place, "th-1", 20000, "teaching", 5);
    MUST(place, store_reader_revision(place_reader(place), &revision, &place->error));
    assert_int_equal(revision, 0);
    MUST(place, store_reader_begin(place->reader, &place->error));
    MUST(place, store_reader_revision(place->reader, &revision, &place->error));
    place_commit(place);
    MUST(place, store_reader_revision(place->reader, &revision, &place->error));
    assert_int_equal(revision, 0); /* one snapshot from begin to end */
    store_reader_end(place->reader);
    MUST(place, store_reader_revision(place->reader, &revision, &place->error));
    assert_int_equal(revision, 1);
}

static void an_absent_store_has_no_reader(void **state)
{
    struct place *place = *state;
    struct store_reader *reader = NULL;
    assert_int_equal(store_reader_open(&reader, "/tmp/edutally-no-such-directory", &place->error), ERROR_MISSING);
    assert_null(reader);
    assert_non_null(strstr(place->error.text, "does not exist yet"));
    assert_int_not_equal(access("/tmp/edutally-no-such-directory", F_OK), 0);
}

static void a_reader_cannot_write(void **state)
{
    struct place *place = *state;
    sqlite3 *db = *(sqlite3 **)place_reader(place); /* its first member */
    assert_int_not_equal(sqlite3_exec(db, "DELETE FROM value", NULL, NULL, NULL), SQLITE_OK);
}

static void values_and_texts_are_kept_by_name(void **state)
{
    struct place *place = *state;
    struct buffer text = {0};
    int64_t value = 7;
    assert_int_equal(store_value_get(place->store, "absent", &value, &place->error), 0);
    assert_int_equal(value, 7);
    place_begin(place);
    MUST(place, store_value_set(place->store, "evaluated_from:a", INT64_MIN, &place->error));
    MUST(place, store_value_set(place->store, "evaluated_to:a", INT64_MAX, &place->error));
    MUST(place, store_value_set(place->store, "evaluatedx", 3, &place->error));
    MUST(place, store_text_set(place->store, "evaluated_basis", "one", &place->error));
    MUST(place, store_text_set(place->store, "evaluated_basis", "two", &place->error));
    place_commit(place);
    assert_int_equal(store_value_get(place->store, "evaluated_from:a", &value, &place->error), 1);
    assert_true(value == INT64_MIN);
    assert_int_equal(store_text_get(place->store, "evaluated_basis", &text, &place->error), 1);
    assert_string_equal(text.bytes, "two");
    buffer_free(&text);
    place_begin(place);
    MUST(place, store_values_clear(place->store, "evaluated_", &place->error));
    place_commit(place);
    assert_int_equal(store_value_get(place->store, "evaluated_to:a", &value, &place->error), 0);
    assert_int_equal(store_text_get(place->store, "evaluated_basis", &text, &place->error), 0);
    assert_int_equal(store_value_get(place->store, "evaluatedx", &value, &place->error), 1);
}

/* A statement left on its row would keep a read transaction open for ever, and the log could never be emptied. */
static void the_write_ahead_log_does_not_grow_without_end(void **state)
{
    struct place *place = *state;
    char log[128];
    snprintf(log, sizeof log, "%s-wal", place->database);
    for (int i = 0; i < 400; i++) {
        place_begin(place);
        for (int k = 0; k < 200; k++) {
            char centre[16];
            snprintf(centre, sizeof centre, "th-%d", (i * 37 + k) % 2000);
            struct store_fact fact = {.index = 20000 + i % 50};
            struct store_ranges ranges = {.epoch = "e", .bytes = "12345678", .byte_count = 8};
            MUST(place, store_centre(place->store, centre, &fact.centre, &place->error));
            MUST(place, store_activity(place->store, "teaching", &fact.activity, &place->error));
            for (int span = SPAN_DAY; span <= SPAN_MONTH; span++) {
                fact.span = (enum store_span)span;
                MUST(place, store_fact_load(place->store, &fact, &place->error));
                fact.events++;
                MUST(place, store_fact_save(place->store, &fact, &place->error));
            }
            MUST(place, store_device(place->store, "46", centre, "tablet", &ranges.device, &place->error));
            MUST(place, store_ranges_load(place->store, &ranges, &place->error));
            MUST(place, store_ranges_save(place->store, &ranges, &place->error));
            MUST(place, store_fact_load(place->store, &fact, &place->error));
        }
        place_commit(place);
    }
    print_message("log %lld bytes, database %lld\n", (long long)file_size(log), (long long)file_size(place->database));
    assert_true(file_size(log) < 48 * 1024 * 1024); /* it would be 110 MB */
    assert_true(store_checkpoint(place->store));
}

static void a_checkpoint_says_whether_all_is_in_the_database(void **state)
{
    struct place *place = *state;
    place_begin(place);
    place_save_day(place, "th-1", 20000, "teaching", 5);
    place_commit(place);
    int64_t revision;
    MUST(place, store_reader_begin(place_reader(place), &place->error));
    MUST(place, store_reader_revision(place->reader, &revision, &place->error));
    place_begin(place);
    place_save_day(place, "th-2", 20000, "teaching", 5);
    place_commit(place);
    assert_false(store_checkpoint(place->store)); /* the reader still needs the older state */
    store_reader_end(place->reader);
    assert_true(store_checkpoint(place->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(an_empty_directory_gets_a_store_of_the_schema),
        WITH_PLACE(a_directory_is_made_where_there_is_none),
        WITH_PLACE(what_was_committed_is_there_after_reopening),
        WITH_PLACE(a_newer_schema_is_refused_and_left_untouched),
        WITH_PLACE(the_database_of_another_program_is_refused_and_left_untouched),
        WITH_PLACE(a_schema_version_that_never_was_is_refused),
        WITH_PLACE(a_file_that_is_no_database_is_an_error),
        WITH_PLACE(an_empty_file_becomes_a_store),
        WITH_PLACE(every_transaction_has_the_next_revision),
        WITH_PLACE(a_quiet_transaction_keeps_the_revision),
        WITH_PLACE(a_rolled_back_transaction_leaves_nothing),
        WITH_PLACE(closing_rolls_back_what_is_open),
        WITH_PLACE(readers_see_only_what_is_committed),
        WITH_PLACE(an_absent_store_has_no_reader),
        WITH_PLACE(a_reader_cannot_write),
        WITH_PLACE(values_and_texts_are_kept_by_name),
        WITH_PLACE(the_write_ahead_log_does_not_grow_without_end),
        WITH_PLACE(a_checkpoint_says_whether_all_is_in_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
