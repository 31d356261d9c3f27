/* What was not counted: one row for the same content, bounded by rows, bytes and age, oldest first out. */
#include "support.h"

static void add_of(struct place *place, const char *device, bool quarantined, const char *reason, const char *raw,
                   int64_t received_ms)
{
    const struct store_rejected row = {.quarantined = quarantined,
                                       .device = device,
                                       .position = 1000 + received_ms,
                                       .reason = reason,
                                       .detail = "detail",
                                       .received_ms = received_ms,
                                       .topic = "edu/v1/46/th-1/tablet/event and more",
                                       .topic_length = 27,
                                       .centre = quarantined ? "th-1" : NULL,
                                       .raw = raw,
                                       .raw_length = strlen(raw)};
    MUST(place, store_rejected_add(place->store, &row, &place->error));
}

static void add(struct place *place, bool quarantined, const char *reason, const char *raw, int64_t received_ms)
{
    add_of(place, NULL, quarantined, reason, raw, received_ms);
}

static int trim(struct place *place, int64_t max_rows, int64_t max_bytes, int64_t before_ms, int64_t *removed)
{
    const struct store_rejected_bounds bounds = {
        .max_rows = max_rows, .max_bytes = max_bytes, .before_ms = before_ms, .ledger_before_ms = 0};
    return store_rejected_trim(place->store, &bounds, removed, &place->error);
}

struct listed {
    char text[2048];
    int64_t ids[64];
    int count;
    int stop_at;
};

static int list_rejected(void *context, const struct rejected_row *row)
{
    struct listed *listed = context;
    size_t used = strlen(listed->text);
    snprintf(listed->text + used, sizeof listed->text - used, "%s:%.*s:%lldx%lld ", row->reason, (int)row->raw_length,
             (const char *)row->raw, (long long)row->received_ms, (long long)row->times);
    listed->ids[listed->count++ % 64] = row->id;
    return 0;
}

static void unseal(struct place *place)
{
    store_reader_close(&place->reader);
    MUST(place, store_reader_unseal(place_reader(place), place->secret, &place->error));
}

static struct listed everything(struct place *place)
{
    struct listed listed = {0};
    unseal(place);
    MUST(place, store_read_rejected(place->reader, INT64_MAX, 1000, list_rejected, &listed, &place->error));
    return listed;
}

static void the_same_content_for_the_same_reason_is_one_row(void **state)
{
    struct place *place = *state;
    place_begin(place);
    add(place, false, "bad_json", "{", 1);
    add(place, false, "bad_json", "{", 2);
    add(place, false, "bad_json", "{", 3);
    add(place, false, "bad_time", "{", 4);
    add(place, false, "bad_json", "[", 5);
    add(place, false, "empty", "", 6);
    place_commit(place);
    assert_string_equal(everything(place).text, "empty::6x1 bad_json:[:5x1 bad_time:{:4x1 bad_json:{:3x3 ");
    assert_int_equal(place_number(place, "SELECT length(topic) FROM rejected"), 27);
}

struct keeper {
    char raw[64];
    size_t length;
};

static int keep_raw(void *context, const struct rejected_row *row)
{
    struct keeper *keeper = context;
    keeper->length = row->raw == NULL ? SIZE_MAX : row->raw_length;
    memcpy(keeper->raw, row->raw != NULL ? row->raw : "", row->raw != NULL ? row->raw_length : 0);
    return 0;
}

static void bytes_of_any_kind_are_kept_as_they_came(void **state)
{
    struct place *place = *state;
    static const char raw[] = "a\0b\xff\n'\";--";
    const struct store_rejected row = {
        .reason = "bad_utf8", .detail = "", .topic = "x\0y", .topic_length = 3, .raw = raw, .raw_length = sizeof raw};
    place_begin(place);
    MUST(place, store_rejected_add(place->store, &row, &place->error));
    MUST(place, store_rejected_add(place->store, &row, &place->error));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT times FROM rejected"), 2);
    struct keeper keeper = {0};
    unseal(place);
    MUST(place, store_read_rejected(place->reader, INT64_MAX, 1, keep_raw, &keeper, &place->error));
    assert_int_equal(keeper.length, sizeof raw);
    assert_memory_equal(keeper.raw, raw, sizeof raw);
}

static void rows_are_read_newest_first_in_pages(void **state)
{
    struct place *place = *state;
    char raw[8];
    struct listed first = {0}, second = {0};
    place_begin(place);
    for (int i = 0; i < 10; i++) {
        snprintf(raw, sizeof raw, "%d", i);
        add(place, false, "bad_json", raw, i);
    }
    place_commit(place);
    unseal(place);
    MUST(place, store_read_rejected(place->reader, INT64_MAX, 4, list_rejected, &first, &place->error));
    assert_string_equal(first.text, "bad_json:9:9x1 bad_json:8:8x1 bad_json:7:7x1 bad_json:6:6x1 ");
    MUST(place, store_read_rejected(place->reader, first.ids[3], 2, list_rejected, &second, &place->error));
    assert_string_equal(second.text, "bad_json:5:5x1 bad_json:4:4x1 ");
}

static void rows_past_the_bound_go_oldest_first(void **state)
{
    struct place *place = *state;
    int64_t removed = -1, rows = -1;
    char raw[8];
    place_begin(place);
    for (int i = 0; i < 10; i++) {
        snprintf(raw, sizeof raw, "%d", i);
        add(place, false, "bad_json", raw, 100 - i); /* the last one is the oldest */
    }
    MUST(place, trim(place, 4, 1000, 0, &removed));
    MUST(place, store_rejected_count(place->store, &rows, &place->error));
    place_commit(place);
    assert_int_equal(removed, 6);
    assert_int_equal(rows, 4);
    assert_int_equal(place_number(place, "SELECT min(received_ms) FROM rejected"), 97);
}

static void bytes_past_the_bound_go_oldest_first(void **state)
{
    struct place *place = *state;
    int64_t removed = -1;
    place_begin(place);
    add(place, false, "bad_json", "0123456789", 1);
    add(place, false, "bad_json", "1", 2);
    add(place, false, "bad_json", "01234", 3);
    MUST(place, trim(place, 1000, 16, 0, &removed));
    assert_int_equal(removed, 0);
    MUST(place, trim(place, 1000, 15, 0, &removed));
    assert_int_equal(removed, 1);
    MUST(place, trim(place, 1000, 0, 0, &removed));
    assert_int_equal(removed, 2);
    place_commit(place);
}

static void rows_past_their_age_go(void **state)
{
    struct place *place = *state;
    int64_t removed = -1;
    place_begin(place);
    add(place, false, "bad_json", "a", 10);
    add(place, true, "unknown_centre", "b", 20);
    add(place, false, "bad_json", "c", 30);
    add(place, false, "bad_json", "a", 40); /* came again: it is not old */
    MUST(place, trim(place, 1000, 1000, 30, &removed));
    place_commit(place);
    assert_int_equal(removed, 1);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE reason = 'unknown_centre'"), 0);
}

static int list_quarantined(void *context, int64_t id, const struct store_rejected *row)
{
    struct listed *listed = context;
    size_t used = strlen(listed->text);
    snprintf(listed->text + used, sizeof listed->text - used, "%s:%.*s@%.*s ", row->reason, (int)row->raw_length,
             (const char *)row->raw, (int)row->topic_length, row->topic);
    listed->ids[listed->count++ % 64] = id;
    return listed->stop_at == listed->count ? ERROR_MEMORY : 0;
}

static void quarantined_rows_are_given_by_reason_in_order_and_in_pages(void **state)
{
    struct place *place = *state;
    static const char *const unknown[] = {"unknown_centre", NULL}, *const both[] = {"clock_ahead", "unknown_centre",
                                                                                    NULL};
    struct listed one = {0}, two = {0}, all = {0}, stopped = {.stop_at = 2};
    place_begin(place);
    add(place, true, "unknown_centre", "a", 1);
    add(place, true, "clock_ahead", "b", 2);
    add(place, true, "too_late", "c", 3);
    add(place, false, "unknown_centre", "not quarantined", 4);
    add(place, true, "unknown_centre", "d", 5);
    add(place, true, "unknown_centre", "e", 6);
    place_commit(place);
    assert_int_equal(store_each_quarantined(place->store, unknown, 0, 2, list_quarantined, &one, &place->error), 2);
    assert_string_equal(one.text, "unknown_centre:a@edu/v1/46/th-1/tablet/event "
                                  "unknown_centre:d@edu/v1/46/th-1/tablet/event ");
    assert_int_equal(
        store_each_quarantined(place->store, unknown, one.ids[1], 2, list_quarantined, &two, &place->error), 1);
    assert_int_equal(store_each_quarantined(place->store, both, 0, 100, list_quarantined, &all, &place->error), 4);
    assert_int_equal(store_each_quarantined(place->store, both, 0, 100, list_quarantined, &stopped, &place->error),
                     ERROR_MEMORY);
    assert_int_equal(stopped.count, 2);
}

static void a_row_taken_out_of_quarantine_is_gone(void **state)
{
    struct place *place = *state;
    int64_t rows = -1;
    place_begin(place);
    add(place, true, "unknown_centre", "a", 1);
    add(place, true, "unknown_centre", "b", 2);
    place_commit(place);
    struct listed listed = everything(place);
    place_begin(place);
    MUST(place, store_quarantined_remove(place->store, listed.ids[1], &place->error));
    place_commit(place);
    MUST(place, store_rejected_count(place->store, &rows, &place->error));
    assert_int_equal(rows, 1);
    assert_string_equal(everything(place).text, "unknown_centre:b:2x1 ");
}

/* Garbage is pushed out by more of the same device's, never by another's. */
static void the_device_that_has_most_gives_way(void **state)
{
    struct place *place = *state;
    char raw[8];
    int64_t removed = -1;
    place_begin(place);
    add_of(place, "quiet", false, "bad_json", "old and precious", 1);
    for (int i = 0; i < 50; i++) {
        snprintf(raw, sizeof raw, "%d", i);
        add_of(place, "loud", false, "bad_json", raw, 100 + i);
    }
    MUST(place, trim(place, 10, 1000, 0, &removed));
    place_commit(place);
    assert_int_equal(removed, 41);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE device = 'quiet'"), 1);
    assert_int_equal(place_number(place, "SELECT min(received_ms) FROM rejected WHERE device = 'loud'"), 141);
}

static void add_malformed(struct place *place, const char *centre, const char *device, const char *raw,
                          int64_t received_ms)
{
    const struct store_rejected row = {.reason = "bad_json",
                                       .detail = "",
                                       .received_ms = received_ms,
                                       .topic = device,
                                       .topic_length = strlen(device),
                                       .centre = centre,
                                       .device = device,
                                       .raw = raw,
                                       .raw_length = strlen(raw)};
    MUST(place, store_rejected_add(place->store, &row, &place->error));
}

/* Names of devices are free below one's own centre, and make it no smaller. */
static void a_centre_that_invents_devices_pushes_out_its_own_rows(void **state)
{
    struct place *place = *state;
    char device[16], raw[16];
    int64_t removed = -1;
    place_begin(place);
    for (int i = 0; i < 6; i++) {
        snprintf(raw, sizeof raw, "quiet %d", i);
        add_malformed(place, "honest", "d", raw, 1 + i);
    }
    for (int i = 0; i < 60; i++) {
        snprintf(device, sizeof device, "a%d", i);
        add_malformed(place, "loud", device, "{", 100 + i);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(raw, sizeof raw, "deep %d", i);
        add_malformed(place, "loud", "deep", raw, 1000 + i);
    }
    MUST(place, trim(place, 70, 10000, 0, &removed));
    assert_int_equal(removed, 16);
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE centre = 'honest'"), 6);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE device = 'deep'"), 4);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE device LIKE 'a%'"), 60);
    place_begin(place);
    MUST(place, trim(place, 12, 10000, 0, &removed));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE centre = 'honest'"), 6);
}

/* What they say was acknowledged, and may still count. */
static void quarantined_rows_never_make_room(void **state)
{
    struct place *place = *state;
    char raw[8];
    int64_t removed = -1, rows = -1;
    place_begin(place);
    for (int i = 0; i < 20; i++) {
        snprintf(raw, sizeof raw, "%d", i);
        add(place, true, "unknown_centre", raw, 1 + i);
        add(place, false, "bad_json", raw, 100 + i);
    }
    MUST(place, trim(place, 5, 0, 0, &removed));
    place_commit(place);
    assert_int_equal(removed, 20);
    assert_int_equal(place_number(place, "SELECT sum(quarantined) FROM rejected"), 20);
    place_begin(place);
    MUST(place, trim(place, 5, 0, 11, &removed)); /* but they age */
    place_commit(place);
    assert_int_equal(removed, 10);
    MUST(place, store_quarantine_count(place->store, "th-1", &rows, &place->error));
    assert_int_equal(rows, 10);
}

static void assert_quarantined(struct place *place, int64_t own, int64_t all)
{
    int64_t rows = -1;
    MUST(place, store_quarantine_count(place->store, "th-1", &rows, &place->error));
    assert_int_equal(rows, own);
    MUST(place, store_quarantine_count(place->store, NULL, &rows, &place->error));
    assert_int_equal(rows, all);
}

static void quarantined_rows_are_counted_as_they_come_and_go(void **state)
{
    struct place *place = *state;
    assert_quarantined(place, 0, 0);
    place_begin(place);
    add(place, true, "unknown_centre", "a", 1);
    add(place, true, "unknown_centre", "b", 2);
    add(place, true, "unknown_centre", "b", 3);
    add(place, false, "bad_json", "c", 4);
    assert_quarantined(place, 2, 2);
    place_commit(place);
    place_begin(place);
    add(place, true, "unknown_centre", "d", 5);
    MUST(place, store_quarantined_remove(place->store, 1, &place->error));
    assert_quarantined(place, 2, 2);
    MUST(place, store_quarantined_remove(place->store, 2, &place->error));
    assert_quarantined(place, 1, 1);
    store_rollback(place->store);
    assert_quarantined(place, 2, 2);
}

static void a_row_says_whether_it_is_new(void **state)
{
    struct place *place = *state;
    struct store_rejected row = {.reason = "bad_json", .detail = "", .topic = "t", .topic_length = 1, .raw = "{"};
    row.raw_length = 1;
    place_begin(place);
    assert_int_equal(store_rejected_again(place->store, &row, &place->error), 0);
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 1);
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 0);
    assert_int_equal(store_rejected_again(place->store, &row, &place->error), 1);
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT times FROM rejected"), 3);
}

/* MQTT lets a topic be 65,535 bytes long. */
static void of_a_long_topic_the_beginning_is_kept(void **state)
{
    struct place *place = *state;
    static char topic[60000], other[60000];
    struct store_rejected row = {.reason = "empty", .detail = "", .topic = topic, .topic_length = sizeof topic};
    memset(topic, 'x', sizeof topic);
    memcpy(topic + 299, "\xe1\xbb\xa9", 3); /* a character on the edge */
    memcpy(other, topic, sizeof topic);
    other[59999] = 'y';
    place_begin(place);
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 1);
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 0);
    row.topic = other;
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 1);
    row.topic_length = 299;
    assert_int_equal(store_rejected_add(place->store, &row, &place->error), 1);
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE substr(topic, 300) = '… (60000 bytes)'"),
                     2);
    assert_int_equal(place_number(place, "SELECT max(length(topic)) FROM rejected"), 299 + 15);
    assert_int_equal(place_number(place, "SELECT min(length(topic)) FROM rejected"), 299);
}

static void whoever_takes_most_bytes_gives_way_where_bytes_are_short(void **state)
{
    struct place *place = *state;
    int64_t removed = -1;
    place_begin(place);
    add_of(place, "quiet", false, "bad_json", "1", 1);
    add_of(place, "quiet", false, "bad_json", "2", 2);
    add_of(place, "loud", false, "bad_json", "a long one that weighs much", 3);
    MUST(place, trim(place, 10, 10, 0, &removed));
    place_commit(place);
    assert_int_equal(removed, 1);
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected WHERE device = 'quiet'"), 2);
}

static void what_is_let_go_stands_in_the_ledger(void **state)
{
    struct place *place = *state;
    int64_t removed = -1;
    const struct store_rejected past = {
        .reason = "bad_json", .centre = "th-1", .device = "loud", .received_ms = 7, .position = 70};
    place_begin(place);
    add_of(place, "tablet", true, "unknown_centre", "aged", 1);
    add_of(place, "tablet", true, "unknown_centre", "aged too", 2);
    add_of(place, "tablet", false, "bad_json", "out of room", 10);
    add_of(place, "tablet", false, "bad_json", "kept", 11);
    MUST(place, trim(place, 1, 1000, 5, &removed));
    MUST(place, store_let_go(place->store, &past, "rate", &place->error));
    MUST(place, store_let_go(place->store, &past, "rate", &place->error));
    place_commit(place);
    assert_int_equal(removed, 3);
    assert_int_equal(place_number(place, "SELECT events * 1000000 + first_position * 1000 + last_position - 1000000 "
                                         "FROM let_go WHERE cause = 'age'"),
                     2 * 1000000 + 1001 * 1000 + 1002 - 1000000);
    assert_int_equal(place_number(place, "SELECT first_received_ms FROM let_go WHERE cause = 'room'"), 10);
    assert_int_equal(place_number(place, "SELECT events FROM let_go WHERE cause = 'rate' AND device = 'loud'"), 2);
}

static void the_ledger_is_bounded(void **state)
{
    struct place *place = *state;
    char device[16];
    struct store_rejected row = {.reason = "bad_json", .centre = "th-1", .device = device};
    place_begin(place);
    for (int i = 0; i < LET_GO_MOST + 500; i++) {
        snprintf(device, sizeof device, "d%d", i);
        MUST(place, store_let_go(place->store, &row, "rate", &place->error));
    }
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM let_go"), LET_GO_MOST + 1);
    assert_int_equal(place_number(place, "SELECT sum(events) FROM let_go"), LET_GO_MOST + 500);
}

static void whatever_goes_the_ledger_is_bounded(void **state)
{
    struct place *place = *state;
    char device[16];
    int64_t removed = -1;
    for (int round = 0; round < 3; round++) {
        place_begin(place);
        for (int i = 0; i < LET_GO_MOST / 2; i++) {
            snprintf(device, sizeof device, "r%dd%d", round, i);
            add_malformed(place, "th-1", device, "{", 10 * round + 1);
        }
        MUST(place, round == 0 ? trim(place, 1, 1000000, 0, &removed) : trim(place, 1000000, 1000000, 100, &removed));
        place_commit(place);
    }
    assert_int_equal(place_number(place, "SELECT count(*) FROM rejected"), 0);
    assert_in_range(place_number(place, "SELECT count(*) FROM let_go"), LET_GO_MOST, LET_GO_MOST + 2);
    assert_int_equal(place_number(place, "SELECT sum(events) FROM let_go"), 3 * (LET_GO_MOST / 2));
}

static void lines_of_the_ledger_age(void **state)
{
    struct place *place = *state;
    char device[16];
    int64_t removed = -1;
    struct store_rejected row = {.reason = "bad_json", .centre = "th-1", .device = device};
    struct store_rejected_bounds bounds = {.max_rows = 10, .max_bytes = 10, .ledger_before_ms = 100};
    place_begin(place);
    for (int i = 0; i < LET_GO_MOST + 50; i++) {
        snprintf(device, sizeof device, "d%d", i);
        row.received_ms = i < LET_GO_MOST - 10 ? 99 : 100;
        MUST(place, store_let_go(place->store, &row, "rate", &place->error));
    }
    MUST(place, store_rejected_trim(place->store, &bounds, &removed, &place->error));
    for (int i = 0; i < 5; i++) { /* there is room for names again */
        snprintf(device, sizeof device, "new%d", i);
        MUST(place, store_let_go(place->store, &row, "full", &place->error));
    }
    place_commit(place);
    assert_int_equal(removed, 0);
    assert_int_equal(place_number(place, "SELECT count(*) FROM let_go WHERE device LIKE 'd%'"), 10);
    assert_int_equal(place_number(place, "SELECT events FROM let_go WHERE device = ''"), 50);
    assert_int_equal(place_number(place, "SELECT count(*) FROM let_go WHERE device LIKE 'new%' AND cause = 'full'"), 5);
}

/* Whoever cannot write says so. */
static void a_failure_has_a_text_and_its_own_code(void **state)
{
    struct place *place = *state;
    int64_t rows;
    place_execute(place, "DROP TABLE quarantine_count");
    assert_int_equal(store_quarantine_count(place->store, NULL, &rows, &place->error), ERROR_IO);
    assert_non_null(strstr(place->error.text, "no such table"));
}

/* Nobody who holds the files alone learns what a row holds. */
static void raw_bytes_lie_sealed(void **state)
{
    struct place *place = *state;
    struct keeper keeper = {0};
    place_begin(place);
    add(place, false, "bad_json", "{\"user\":\"planted-0001\"", 1);
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT instr(raw, CAST('planted' AS BLOB)) FROM rejected"), 0);
    MUST(place, store_read_rejected(place_reader(place), INT64_MAX, 1, keep_raw, &keeper, &place->error));
    assert_true(keeper.length == SIZE_MAX);
}

static void refused_points_are_bounded_by_age_and_number(void **state)
{
    struct place *place = *state;
    place_begin(place);
    for (int64_t i = 1; i <= 6; i++) {
        char line[8];
        snprintf(line, sizeof line, "line%lld", (long long)i);
        MUST(place, store_refused_add(place->store, "influx", line, "too old", 1000 * i, &place->error));
    }
    MUST(place, store_refused_trim(place->store, 3, 2000, &place->error));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM refused_point"), 3);
    assert_int_equal(place_number(place, "SELECT min(at_ms) FROM refused_point"), 4000);
    place_begin(place);
    MUST(place, store_refused_trim(place->store, 3, 6000, &place->error));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM refused_point"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(the_same_content_for_the_same_reason_is_one_row),
        WITH_PLACE(bytes_of_any_kind_are_kept_as_they_came),
        WITH_PLACE(rows_are_read_newest_first_in_pages),
        WITH_PLACE(rows_past_the_bound_go_oldest_first),
        WITH_PLACE(bytes_past_the_bound_go_oldest_first),
        WITH_PLACE(rows_past_their_age_go),
        WITH_PLACE(quarantined_rows_are_given_by_reason_in_order_and_in_pages),
        WITH_PLACE(a_row_taken_out_of_quarantine_is_gone),
        WITH_PLACE(the_device_that_has_most_gives_way),
        WITH_PLACE(a_centre_that_invents_devices_pushes_out_its_own_rows),
        WITH_PLACE(quarantined_rows_never_make_room),
        WITH_PLACE(quarantined_rows_are_counted_as_they_come_and_go),
        WITH_PLACE(a_row_says_whether_it_is_new),
        WITH_PLACE(of_a_long_topic_the_beginning_is_kept),
        WITH_PLACE(whatever_goes_the_ledger_is_bounded),
        WITH_PLACE(lines_of_the_ledger_age),
        WITH_PLACE(a_failure_has_a_text_and_its_own_code),
        WITH_PLACE(whoever_takes_most_bytes_gives_way_where_bytes_are_short),
        WITH_PLACE(what_is_let_go_stands_in_the_ledger),
        WITH_PLACE(the_ledger_is_bounded),
        WITH_PLACE(raw_bytes_lie_sealed),
        WITH_PLACE(refused_points_are_bounded_by_age_and_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
