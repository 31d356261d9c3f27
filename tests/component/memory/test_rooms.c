/*
 * The pure rooms while memory runs out at each allocation: an operation that fails says so and leaves what it works on
 * as it was, so that it can be done again.
 */
#include "each_allocation.h"
#include "failing.h"
#include "place.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/zone.h"
#include "facts/distinct.h"
#include "facts/facts.h"
#include "facts/ranges.h"
#include "facts/streams.h"
#include "indicator/indicator.h"
#include "output/line_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How often something is tried that fails once, or for ever. */
enum { TRIES = 2 };

/* As spread out as a hash (splitmix64). */
static uint64_t key_of(uint64_t number)
{
    uint64_t key = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}

/* False if it cannot be added for good. */
static bool add_to_set(struct distinct *set, uint64_t key)
{
    for (int i = 0; i < TRIES; i++) {
        int64_t before = distinct_count(set);
        int added = distinct_add(set, key);
        if (added >= 0) {
            return true;
        }
        PROMISE(added == ERROR_MEMORY && failing_struck(), "distinct_add gave %d", added);
        PROMISE(distinct_count(set) == before, "a key that was not added counts");
    }
    return false;
}

static bool merge_sets(struct distinct *set, const struct distinct *other)
{
    int merged = ERROR_MEMORY;
    for (int i = 0; i < TRIES && merged != 0; i++) {
        merged = distinct_merge(set, other);
    }
    return merged == 0;
}

/* Past the exact bound, merged, written, read back, and without its keys. */
static long count_distinct(long n, bool for_good)
{
    struct distinct set = {0}, other = {0}, again = {0};
    struct buffer bytes = {0};
    bool whole = true;
    failing_arm(n, for_good);
    for (uint64_t i = 0; i < DISTINCT_EXACT + 2 && whole; i++) {
        whole = add_to_set(&set, key_of(i));
    }
    for (uint64_t i = 0; i < 10 && whole; i++) {
        whole = add_to_set(&other, key_of(i));
    }
    whole = whole && merge_sets(&other, &set);
    for (int i = 0; i < TRIES && whole; i++) {
        buffer_clear(&bytes);
        distinct_write(&other, &bytes);
        if (!bytes.failed) {
            break;
        }
    }
    int read = ERROR_MEMORY;
    for (int i = 0; i < TRIES && whole && !bytes.failed && read != 0; i++) {
        read = distinct_read(&again, bytes.bytes, bytes.used);
        PROMISE(read == 0 || (read == ERROR_MEMORY && again.registers == NULL), "distinct_read gave %d", read);
    }
    long count = failing_disarm();
    PROMISE(for_good || n == 0 || read == 0, "a failure that was over is not made good");
    if (read == 0) {
        PROMISE(distinct_count(&again) == distinct_count(&set), "%lld, not %lld", (long long)distinct_count(&again),
                (long long)distinct_count(&set));
        PROMISE(llabs(distinct_count(&set) - DISTINCT_EXACT) < 150, "%lld", (long long)distinct_count(&set));
    }
    distinct_free(&set);
    distinct_free(&other);
    distinct_free(&again);
    buffer_free(&bytes);
    return count;
}

static bool add_to_ranges(struct ranges *ranges, int64_t seq)
{
    for (int i = 0; i < TRIES; i++) {
        int64_t missing = ranges_missing(ranges);
        int added = ranges_add(ranges, seq);
        if (added >= 0) {
            return true;
        }
        PROMISE(added == ERROR_MEMORY && ranges_missing(ranges) == missing, "a number that was not noted counts");
    }
    return false;
}

/* Every second number, then those between. */
static long note_ranges(long n, bool for_good)
{
    enum { NUMBERS = 200 };
    struct ranges ranges = {0}, again = {0};
    struct buffer bytes = {0};
    bool whole = true;
    failing_arm(n, for_good);
    for (int64_t seq = 1; seq <= NUMBERS && whole; seq += 2) {
        whole = add_to_ranges(&ranges, seq);
    }
    ranges_write(&ranges, &bytes);
    int read = bytes.failed ? ERROR_MEMORY : ranges_read(&again, bytes.bytes, bytes.used);
    for (int64_t seq = 2; seq <= NUMBERS && whole; seq += 2) {
        whole = add_to_ranges(&ranges, seq);
    }
    long count = failing_disarm();
    PROMISE(whole || for_good, "a failure that was over is not made good");
    PROMISE(!whole || (ranges.count == 1 && ranges_missing(&ranges) == 0), "%u ranges", ranges.count);
    PROMISE(read == 0 ? !whole || ranges_missing(&again) == NUMBERS / 2 - 1 : read == ERROR_MEMORY, "read %d", read);
    ranges_free(&ranges);
    ranges_free(&again);
    buffer_free(&bytes);
    return count;
}

/* So many that the tables grow. */
static long hold_facts(long n, bool for_good)
{
    enum { FACTS = 1400 };
    long held = 0, counted = 0;
    failing_arm(n, for_good);
    struct facts *facts = facts_new();
    struct streams *streams = streams_new();
    for (int32_t i = 0; i < FACTS && facts != NULL && streams != NULL; i++) {
        const struct fact_key key = {.centre = 1, .activity = 1, .index = i, .span = 0};
        struct fact *fact = facts_insert(facts, &key, i % 2 == 0);
        PROMISE(fact != NULL || facts_find(facts, &key) == NULL, "a fact that was not held is found");
        held += fact != NULL;
        if (fact != NULL && fact_count(facts, fact, 60, true, key_of((uint64_t)i), 1) == 0) {
            counted++;
        }
        char device[24];
        snprintf(device, sizeof device, "d%d", i);
        struct stream_key name = streams_key(streams, "46", "c", device, "e");
        struct stream *stream = streams_insert(streams, &name);
        PROMISE(streams_find(streams, &name) == stream, "a stream is not where it was put");
    }
    if (facts != NULL) {
        facts_sort_changed(facts);
        PROMISE((long)facts_changed_count(facts) >= counted, "a changed fact is not known as changed");
        facts_saved(facts);
        facts_shrink(facts, 0);
    }
    if (streams != NULL) {
        streams_shrink(streams, 0);
    }
    facts_free(&facts);
    streams_free(&streams);
    long count = failing_disarm();
    PROMISE(for_good || n == 0 || failing_struck(), "nothing failed");
    PROMISE(n != 0 || (held == FACTS && counted == FACTS), "%ld held, %ld counted", held, counted);
    return count;
}

static void print_all(const struct indicators *indicators, const struct registry *registry, struct buffer *out)
{
    static const struct line_point point = {
        .measurement = "usage",
        .tags = {{"centre", "p-1"}, {"activity", "a long name, with a comma"}},
        .tag_count = 2,
        .fields = {{.key = "events", .integer = 12}, {.key = "share", .is_float = true, .number = 0.1}},
        .field_count = 2,
        .time_s = 1759597200};
    struct indicator_figures figures = {.reporting = true, .head_count = 30};
    struct indicator_verdict verdict;
    struct error error = {0};
    for (size_t i = 0; i < indicators->count; i++) {
        indicator_evaluate(&indicators->list[i], registry, &figures, &verdict);
        indicator_print_conditions(&verdict, out);
        buffer_add(out, "\n", 1);
    }
    PROMISE(line_protocol_encode(&point, out, &error) == 0, "%s", error.text);
}

/* What is printed into a buffer is whole, or the buffer says that it is not. */
static long print_results(long n, bool for_good)
{
    struct place place;
    struct registry *registry = NULL;
    struct indicators indicators;
    struct faults faults = {0};
    struct buffer text = {0}, expected = {0};
    char paths[4][120];
    static const char *const names[] = {"centres.csv", "areas.csv", "taxonomy.jsonc", "indicators.jsonc"};
    place_make(&place);
    failing_warm_up();
    for (size_t i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", place.directory, names[i]);
    }
    const struct registry_files files = {.centres = paths[0], .areas = paths[1], .taxonomy = paths[2]};
    PROMISE(registry_load(&registry, &files, &faults) == 0 &&
                indicators_load(&indicators, paths[3], registry, &faults) == 0,
            "the files of the test are refused");
    failing_arm(n, for_good);
    print_all(&indicators, registry, &text);
    log_error("test", "out=%d of=%s", 1, "memory"); /* takes none */
    long count = failing_disarm();
    print_all(&indicators, registry, &expected);
    PROMISE(text.failed == failing_struck(), "a failed growth is not remembered");
    PROMISE(text.failed || strcmp(text.bytes, expected.bytes) == 0, "printed in part");
    buffer_free(&text);
    buffer_free(&expected);
    indicators_free(&indicators);
    registry_free(&registry);
    place_remove(&place);
    return count;
}

static void a_set_is_as_it_was_where_a_key_finds_no_room(void **state)
{
    (void)state;
    each_allocation("distinct", count_distinct, 40);
}

static void ranges_are_as_they_were_where_a_number_finds_no_room(void **state)
{
    (void)state;
    each_allocation("ranges", note_ranges, 40);
}

static void facts_and_streams_hold_what_they_say(void **state)
{
    (void)state;
    each_allocation("facts and streams", hold_facts, 40);
}

static void what_is_printed_is_whole_or_known_as_failed(void **state)
{
    (void)state;
    each_allocation("printing", print_results, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_as_it_was_where_a_key_finds_no_room),
        cmocka_unit_test(ranges_are_as_they_were_where_a_number_finds_no_room),
        cmocka_unit_test(facts_and_streams_hold_what_they_say),
        cmocka_unit_test(what_is_printed_is_whole_or_known_as_failed),
    };
    each_allocation_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
