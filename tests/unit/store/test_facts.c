/* Facts, sequences and seen ids on disk: what is saved comes back, what is sealed keeps its counts. */
#include "support.h"

#include "base/civil.h"
#include "facts/distinct.h"
#include "facts/ranges.h"

static const unsigned char id_one[16] = {1}, id_two[16] = {2};

static struct store_fact numbered(struct place *place, enum store_span span, int32_t index)
{
    struct store_fact fact = {.span = span, .index = index};
    MUST(place, store_centre(place->store, "th-1", &fact.centre, &place->error));
    MUST(place, store_activity(place->store, "teaching", &fact.activity, &place->error));
    return fact;
}

static void fill_set(struct buffer *bytes, uint64_t first, uint64_t count)
{
    struct distinct set = {0};
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(distinct_add(&set, (first + i) * 0x9e3779b97f4a7c15u), 1);
    }
    distinct_write(&set, bytes);
    distinct_free(&set);
}

static void names_are_numbered_once(void **state)
{
    struct place *place = *state;
    uint32_t one, same, other, device, again;
    place_begin(place);
    MUST(place, store_centre(place->store, "th-1", &one, &place->error));
    MUST(place, store_centre(place->store, "th-2", &other, &place->error));
    MUST(place, store_centre(place->store, "th-1", &same, &place->error));
    assert_int_equal(one, same);
    assert_int_not_equal(one, other);
    MUST(place, store_device(place->store, "46", "th-1", "tablet", &device, &place->error));
    MUST(place, store_device(place->store, "47", "th-1", "tablet", &again, &place->error));
    assert_int_not_equal(device, again);
    MUST(place, store_device(place->store, "46", "th-1", "tablet", &again, &place->error));
    assert_int_equal(device, again);
    place_commit(place);
    place_reopen(place);
    place_begin(place);
    MUST(place, store_centre(place->store, "th-2", &same, &place->error));
    assert_int_equal(other, same);
    place_commit(place);
}

static void a_fact_of_each_span_comes_back(void **state)
{
    struct place *place = *state;
    struct buffer users = {0}, devices = {0};
    fill_set(&users, 1, 30);
    fill_set(&devices, 1, 3);
    place_begin(place);
    for (int span = SPAN_DAY; span <= SPAN_MONTH; span++) {
        struct store_fact fact = numbered(place, (enum store_span)span, 20000);
        assert_int_equal(store_fact_load(place->store, &fact, &place->error), 0);
        assert_int_equal(fact.events, 0);
        fact.events = 10 + span;
        fact.seconds = INT64_C(1) << 40;
        fact.users = 30;
        fact.devices = 3;
        if (span != SPAN_HOUR) {
            fact.user_set = users.bytes;
            fact.user_set_bytes = users.used;
            fact.device_set = devices.bytes;
            fact.device_set_bytes = devices.used;
        }
        MUST(place, store_fact_save(place->store, &fact, &place->error));
    }
    place_commit(place);
    place_reopen(place);
    for (int span = SPAN_DAY; span <= SPAN_MONTH; span++) {
        struct store_fact fact = numbered(place, (enum store_span)span, 20000);
        assert_int_equal(store_fact_load(place->store, &fact, &place->error), 1);
        assert_int_equal(fact.events, 10 + span);
        assert_int_equal(fact.seconds, INT64_C(1) << 40);
        assert_int_equal(fact.user_set != NULL, span != SPAN_HOUR);
        if (span != SPAN_HOUR) {
            assert_int_equal(fact.user_set_bytes, users.used);
            assert_memory_equal(fact.user_set, users.bytes, users.used);
            assert_int_equal(fact.device_set_bytes, devices.used);
            assert_memory_equal(fact.device_set, devices.bytes, devices.used);
        }
    }
    buffer_free(&users);
    buffer_free(&devices);
}

static void a_set_that_is_not_given_stays_as_stored(void **state)
{
    struct place *place = *state;
    struct buffer users = {0}, devices = {0};
    fill_set(&users, 1, 2);
    fill_set(&devices, 5, 1);
    place_begin(place);
    struct store_fact fact = numbered(place, SPAN_DAY, 20000);
    fact.user_set = users.bytes;
    fact.user_set_bytes = users.used;
    MUST(place, store_fact_save(place->store, &fact, &place->error));
    fact.user_set = NULL;
    fact.device_set = devices.bytes;
    fact.device_set_bytes = devices.used;
    fact.events = 7;
    MUST(place, store_fact_save(place->store, &fact, &place->error));
    fact.device_set = NULL;
    fact.events = 8;
    MUST(place, store_fact_save(place->store, &fact, &place->error));
    place_commit(place);
    struct store_fact again = numbered(place, SPAN_DAY, 20000);
    assert_int_equal(store_fact_load(place->store, &again, &place->error), 1);
    assert_int_equal(again.events, 8);
    assert_int_equal(again.user_set_bytes, users.used);
    assert_int_equal(again.device_set_bytes, devices.used);
    buffer_free(&users);
    buffer_free(&devices);
}

static void ranges_of_each_epoch_come_back(void **state)
{
    struct place *place = *state;
    struct ranges ranges = {0}, again = {0};
    struct buffer bytes = {0};
    struct store_ranges row = {.epoch = "5f3a90c1", .received = 4, .repeated = 2, .missing = 1, .last_received_ms = 77};
    for (int64_t seq = 1; seq <= 9; seq += 2) {
        assert_int_equal(ranges_add(&ranges, seq), 1);
    }
    ranges_write(&ranges, &bytes);
    row.bytes = bytes.bytes;
    row.byte_count = bytes.used;
    row.last_event_ms = 66;
    place_begin(place);
    MUST(place, store_device(place->store, "46", "th-1", "tablet", &row.device, &place->error));
    MUST(place, store_ranges_save(place->store, &row, &place->error));
    MUST(place, store_ranges_save(place->store, &row, &place->error));
    place_commit(place);
    struct store_ranges loaded = {.device = row.device, .epoch = "5f3a90c1"};
    assert_int_equal(store_ranges_load(place->store, &loaded, &place->error), 1);
    assert_int_equal(ranges_read(&again, loaded.bytes, loaded.byte_count), 0);
    assert_int_equal(again.count, 5);
    assert_true(loaded.received == 4 && loaded.repeated == 2 && loaded.missing == 1);
    assert_true(loaded.last_received_ms == 77 && loaded.last_event_ms == 66);
    loaded.epoch = "other";
    assert_int_equal(store_ranges_load(place->store, &loaded, &place->error), 0);
    ranges_free(&ranges);
    ranges_free(&again);
    buffer_free(&bytes);
}

static void assert_counted(struct place *place, uint32_t device, int64_t devices, int64_t epochs)
{
    int64_t count = -1;
    MUST(place, store_count_devices(place->store, "th-1", &count, &place->error));
    assert_int_equal(count, devices);
    MUST(place, store_count_epochs(place->store, device, &count, &place->error));
    assert_int_equal(count, epochs);
}

/* Bounds on what outside input creates are looked at with each event: one look-up, whatever there is. */
static void devices_and_epochs_are_counted_as_they_come(void **state)
{
    struct place *place = *state;
    uint32_t one = 0, two = 0, other = 0;
    int64_t unknown = -1;
    struct store_ranges row = {.epoch = "e1", .bytes = "12345678", .byte_count = 8};
    assert_counted(place, 1, 0, 0);
    place_begin(place);
    MUST(place, store_device(place->store, "46", "th-1", "one", &one, &place->error));
    MUST(place, store_device(place->store, "46", "th-1", "two", &two, &place->error));
    MUST(place, store_device(place->store, "46", "th-1", "one", &one, &place->error));
    MUST(place, store_device(place->store, "46", "x", "one", &other, &place->error));
    row.device = one;
    MUST(place, store_ranges_save(place->store, &row, &place->error));
    MUST(place, store_ranges_save(place->store, &row, &place->error)); /* the same row again */
    row.epoch = "e2";
    MUST(place, store_ranges_save(place->store, &row, &place->error));
    assert_counted(place, one, 2, 2);
    place_commit(place);
    place_begin(place);
    row.epoch = "e3";
    MUST(place, store_ranges_save(place->store, &row, &place->error));
    MUST(place, store_device(place->store, "46", "th-1", "three", &other, &place->error));
    assert_counted(place, one, 3, 3);
    store_rollback(place->store);
    assert_counted(place, one, 2, 2);
    assert_counted(place, two, 2, 0);
    MUST(place, store_count_unknown_devices(place->store, &unknown, &place->error));
    assert_int_equal(unknown, 3);
    place_execute(place, "INSERT INTO centre (id) VALUES ('th-1')");
    MUST(place, store_count_unknown_devices(place->store, &unknown, &place->error));
    assert_int_equal(unknown, 1);
}

static void looking_for_an_id_remembers_nothing(void **state)
{
    struct place *place = *state;
    static const unsigned char id[16] = {1};
    place_begin(place);
    assert_int_equal(store_seen_has(place->store, 5, id, &place->error), 0);
    assert_int_equal(store_seen_add(place->store, 5, id, &place->error), 1);
    assert_int_equal(store_seen_has(place->store, 5, id, &place->error), 1);
    assert_int_equal(store_seen_has(place->store, 6, id, &place->error), 0);
    place_commit(place);
}

static void an_id_is_new_once_a_day(void **state)
{
    struct place *place = *state;
    place_begin(place);
    assert_int_equal(store_seen_add(place->store, 20000, id_one, &place->error), 1);
    assert_int_equal(store_seen_add(place->store, 20000, id_one, &place->error), 0);
    assert_int_equal(store_seen_add(place->store, 20000, id_two, &place->error), 1);
    assert_int_equal(store_seen_add(place->store, 20001, id_one, &place->error), 1);
    store_rollback(place->store);
    place_begin(place);
    assert_int_equal(store_seen_add(place->store, 20000, id_one, &place->error), 1);
    place_commit(place);
}

static void save_with_sets(struct place *place, enum store_span span, int32_t index, uint64_t first, uint64_t users)
{
    struct buffer bytes = {0};
    struct store_fact fact = numbered(place, span, index);
    fill_set(&bytes, first, users);
    fact.events = 1;
    fact.users = (int64_t)users;
    fact.devices = 1;
    fact.user_set = bytes.bytes;
    fact.user_set_bytes = bytes.used;
    MUST(place, store_fact_save(place->store, &fact, &place->error));
    buffer_free(&bytes);
}

static int64_t loaded_bytes(struct place *place, enum store_span span, int32_t index, char *kind)
{
    struct store_fact fact = numbered(place, span, index);
    assert_int_equal(store_fact_load(place->store, &fact, &place->error), 1);
    *kind = fact.user_set != NULL ? *(const char *)fact.user_set : 0;
    return fact.user_set != NULL ? (int64_t)fact.user_set_bytes : -1;
}

static void sealing_drops_sets_and_ids_and_keeps_counts(void **state)
{
    struct place *place = *state;
    char kind;
    place_begin(place);
    save_with_sets(place, SPAN_DAY, 20000, 1, 50);
    save_with_sets(place, SPAN_DAY, 20001, 1, 60);
    save_with_sets(place, SPAN_MONTH, 24000, 1, 70);
    save_with_sets(place, SPAN_MONTH, 24001, 1, 80);
    assert_int_equal(store_seen_add(place->store, 20000, id_one, &place->error), 1);
    assert_int_equal(store_seen_add(place->store, 20001, id_one, &place->error), 1);
    MUST(place, store_seal(place->store, 20001, 24001, &place->error));
    place_commit(place);

    assert_int_equal(loaded_bytes(place, SPAN_DAY, 20000, &kind), -1);
    assert_int_equal(loaded_bytes(place, SPAN_DAY, 20001, &kind), 1 + 60 * 8);
    assert_true(loaded_bytes(place, SPAN_MONTH, 24000, &kind) > 0);
    assert_int_equal(kind, 3); /* a sketch: no key is left in it */
    assert_int_equal(loaded_bytes(place, SPAN_MONTH, 24001, &kind), 1 + 80 * 8);
    assert_int_equal(place_number(place, "SELECT users FROM fact_day WHERE day = 20000"), 50);
    assert_int_equal(place_number(place, "SELECT users FROM fact_month WHERE month = 24000"), 70);
    place_begin(place);
    assert_int_equal(store_seen_add(place->store, 20001, id_one, &place->error), 0);
    assert_int_equal(store_seen_add(place->store, 20000, id_one, &place->error), 1);
    MUST(place, store_seal(place->store, 20001, 24001, &place->error)); /* twice is no harm */
    place_commit(place);
}

/* More months than one read of the sealing loop takes. */
static void sealing_goes_through_any_number_of_months(void **state)
{
    struct place *place = *state;
    place_begin(place);
    for (int i = 0; i < 2500; i++) {
        save_with_sets(place, SPAN_MONTH, i, 1, 2);
    }
    MUST(place, store_seal(place->store, 0, 2400, &place->error));
    place_commit(place);
    assert_int_equal(place_number(place, "SELECT count(*) FROM fact_month_set WHERE sealed = 1"), 2400);
    assert_int_equal(place_number(place, "SELECT count(*) FROM fact_month_set WHERE sealed = 0"), 100);
}

struct usage_list {
    char text[1024];
    int stop_after;
};

static int list_usage(void *context, const struct usage_row *row)
{
    struct usage_list *list = context;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof list->text - used, "%s %d %s %lld|", row->centre, row->day, row->activity,
             (long long)row->events);
    return list->stop_after > 0 && --list->stop_after == 0 ? 42 : 0;
}

static void usage_is_read_by_centre_day_and_activity_in_byte_order(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *centre;
        int32_t day;
        const char *activity;
    } rows[] = {{"th-2", 20000, "teaching"},  {"th-10", 20001, "teaching"}, {"th-10", 20000, "teaching"},
                {"th-10", 20000, "learning"}, {"TH-1", 20003, "community"}, {"th-10", 20000, "community"}};
    place_begin(place);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        place_save_day(place, rows[i].centre, rows[i].day, rows[i].activity, (int64_t)i);
    }
    place_commit(place);
    struct usage_list all = {0}, one = {0}, days = {0}, none = {0}, stopped = {.stop_after = 2};
    struct usage_filter filter = {.from_day = INT32_MIN, .to_day = INT32_MAX};
    MUST(place, store_read_usage(place_reader(place), &filter, list_usage, &all, &place->error));
    assert_string_equal(all.text, "TH-1 20003 community 4|th-10 20000 community 5|th-10 20000 learning 3|"
                                  "th-10 20000 teaching 2|th-10 20001 teaching 1|th-2 20000 teaching 0|");
    assert_int_equal(store_read_usage(place->reader, &filter, list_usage, &stopped, &place->error), 42);
    assert_string_equal(stopped.text, "TH-1 20003 community 4|th-10 20000 community 5|");
    filter.centre = "th-2";
    MUST(place, store_read_usage(place->reader, &filter, list_usage, &one, &place->error));
    assert_string_equal(one.text, "th-2 20000 teaching 0|");
    filter = (struct usage_filter){.from_day = 20001, .to_day = 20002};
    MUST(place, store_read_usage(place->reader, &filter, list_usage, &days, &place->error));
    assert_string_equal(days.text, "th-10 20001 teaching 1|");
    filter = (struct usage_filter){.centre = "absent", .from_day = INT32_MIN, .to_day = INT32_MAX};
    MUST(place, store_read_usage(place->reader, &filter, list_usage, &none, &place->error));
    assert_string_equal(none.text, "");
}

static int list_month(void *context, const struct month_row *row)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 1024 - used, "%s %d %s %lld days %lld events %lld users|", row->centre, row->month,
             row->activity, (long long)row->active_days, (long long)row->events, (long long)row->users);
    return 0;
}

static void months_count_their_own_days_only(void **state)
{
    struct place *place = *state;
    char text[1024] = "";
    int32_t february = 2028 * 12 + 1; /* of a leap year */
    int32_t first = civil_to_day((struct civil){2028, 2, 1});
    place_begin(place);
    for (int32_t day = first - 1; day <= first + 29; day++) { /* 31 January to 1 March */
        place_save_day(place, "th-1", day, "teaching", 2);
    }
    struct store_fact month = numbered(place, SPAN_MONTH, february);
    month.events = 58;
    month.users = 9;
    MUST(place, store_fact_save(place->store, &month, &place->error));
    place_commit(place);
    MUST(place,
         store_read_months(place_reader(place), "th-1", february - 3, february + 3, list_month, text, &place->error));
    assert_string_equal(text, "th-1 24337 teaching 29 days 58 events 9 users|");
}

struct device_list {
    char text[512];
};

static int list_device(void *context, const struct device_row *row)
{
    struct device_list *list = context;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof list->text - used, "%s/%s/%s %lld|", row->centre, row->device, row->epoch,
             (long long)row->last_received_ms);
    return 0;
}

static void devices_are_read_by_name_then_by_time(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *device, *epoch;
        int64_t at_ms;
    } rows[] = {{"b", "new", 20}, {"b", "old", 10}, {"a", "only", 30}};
    struct device_list list = {0};
    place_begin(place);
    for (size_t i = 0; i < 3; i++) {
        struct store_ranges row = {
            .epoch = rows[i].epoch, .bytes = "", .byte_count = 0, .last_received_ms = rows[i].at_ms};
        MUST(place, store_device(place->store, "46", "th-1", rows[i].device, &row.device, &place->error));
        MUST(place, store_ranges_save(place->store, &row, &place->error));
    }
    place_commit(place);
    MUST(place, store_read_devices(place_reader(place), "th-1", list_device, &list, &place->error));
    assert_string_equal(list.text, "th-1/a/only 30|th-1/b/old 10|th-1/b/new 20|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(names_are_numbered_once),
        WITH_PLACE(a_fact_of_each_span_comes_back),
        WITH_PLACE(a_set_that_is_not_given_stays_as_stored),
        WITH_PLACE(ranges_of_each_epoch_come_back),
        WITH_PLACE(devices_and_epochs_are_counted_as_they_come),
        WITH_PLACE(looking_for_an_id_remembers_nothing),
        WITH_PLACE(an_id_is_new_once_a_day),
        WITH_PLACE(sealing_drops_sets_and_ids_and_keeps_counts),
        WITH_PLACE(sealing_goes_through_any_number_of_months),
        WITH_PLACE(usage_is_read_by_centre_day_and_activity_in_byte_order),
        WITH_PLACE(months_count_their_own_days_only),
        WITH_PLACE(devices_are_read_by_name_then_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
