/* What was not counted: one row for the same content, bounded by rows, bytes and age, oldest first out. */
#include "support.h"

static void add(struct place *place, bool quarantined, const char *reason, const char *raw, int64_t received_ms)
{
    const struct store_rejected row = {.quarantined = quarantined,
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

static struct listed everything(struct place *place)
{
    struct listed listed = {0};
    MUST(place, store_read_rejected(place_reader(place), INT64_MAX, 1000, list_rejected, &listed, &place->error));
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
    assert_int_equal(place_number(place, "SELECT raw = x'610062ff0a27223b2d2d00' FROM rejected"), 1);
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
    MUST(place, store_read_rejected(place_reader(place), INT64_MAX, 4, list_rejected, &first, &place->error));
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
        add(place, i % 2 == 0, "bad_json", raw, 100 - i); /* the last one is the oldest */
    }
    MUST(place, store_rejected_trim(place->store, 4, 1000, 0, &removed, &place->error));
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
    MUST(place, store_rejected_trim(place->store, 1000, 16, 0, &removed, &place->error));
    assert_int_equal(removed, 0);
    MUST(place, store_rejected_trim(place->store, 1000, 15, 0, &removed, &place->error));
    assert_int_equal(removed, 1);
    MUST(place, store_rejected_trim(place->store, 1000, 0, 0, &removed, &place->error));
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
    MUST(place, store_rejected_trim(place->store, 1000, 1000, 30, &removed, &place->error));
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
        WITH_PLACE(refused_points_are_bounded_by_age_and_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
