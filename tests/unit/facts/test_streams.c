/* The cache of streams: found by all four names, pinned while noted, its memory bounded with the ranges in it. */
#include "facts/streams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stream_key key_of(const struct streams *streams, int device)
{
    char name[32];
    snprintf(name, sizeof name, "tablet-%d", device);
    return streams_key(streams, "46", "th-1", name, "5f3a90c1");
}

static struct stream *hold(struct streams *streams, int device)
{
    struct stream_key key = key_of(streams, device);
    struct stream *stream = streams_insert(streams, &key);
    assert_non_null(stream);
    return stream;
}

static void a_stream_is_found_by_realm_centre_device_and_epoch(void **state)
{
    static const char *const names[][4] = {{"46", "a", "b", "c"}, {"47", "a", "b", "c"}, {"46", "x", "b", "c"},
                                           {"46", "a", "x", "c"}, {"46", "a", "b", "x"}, {"46", "a", "b", ""},
                                           {"4", "6a", "b", "c"}, {"46", "ab", "", "c"}, {"46", "a", "bc", ""}};
    struct streams *streams = streams_new();
    const size_t count = sizeof names / sizeof names[0];
    struct stream *held[sizeof names / sizeof names[0]];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct stream_key key = streams_key(streams, names[i][0], names[i][1], names[i][2], names[i][3]);
        assert_null(streams_find(streams, &key));
        held[i] = streams_insert(streams, &key);
    }
    for (size_t i = 0; i < count; i++) {
        struct stream_key key = streams_key(streams, names[i][0], names[i][1], names[i][2], names[i][3]);
        assert_ptr_equal(streams_find(streams, &key), held[i]);
    }
    streams_free(&streams);
    assert_null(streams);
}

static void the_longest_names_are_told_apart(void **state)
{
    char name[65], other[65];
    struct streams *streams = streams_new();
    (void)state;
    memset(name, 'x', 64);
    name[64] = '\0';
    memcpy(other, name, sizeof name);
    other[63] = 'y';
    struct stream_key one = streams_key(streams, name, name, name, name);
    struct stream_key two = streams_key(streams, name, name, name, other);
    assert_true(one.low != two.low || one.high != two.high);
    assert_int_not_equal(streams_device_key(name, name, name), streams_device_key(name, name, other));
    streams_free(&streams);
}

/* The table's hash is seeded by chance; a device's key in the sets that are stored is not. */
static void a_device_has_the_same_key_in_every_run(void **state)
{
    struct streams *one = streams_new(), *other = streams_new();
    (void)state;
    assert_int_equal(streams_device_key("46", "th-1", "tablet-7"), UINT64_C(0x5bc789f8628fbff));
    struct stream_key first = key_of(one, 1), second = key_of(other, 1);
    assert_true(first.low != second.low);
    streams_free(&one);
    streams_free(&other);
}

static void streams_keep_their_address_while_the_table_grows(void **state)
{
    struct streams *streams = streams_new();
    struct stream *first = hold(streams, 0);
    (void)state;
    for (int i = 1; i < 20000; i++) {
        hold(streams, i);
    }
    struct stream_key key = key_of(streams, 0);
    assert_ptr_equal(streams_find(streams, &key), first);
    streams_free(&streams);
}

static void a_noted_stream_is_never_dropped(void **state)
{
    struct streams *streams = streams_new();
    (void)state;
    for (int i = 0; i < 1000; i++) {
        hold(streams, i)->note = i % 10 == 0;
    }
    streams_shrink(streams, 0);
    for (int i = 0; i < 1000; i++) {
        struct stream_key key = key_of(streams, i);
        assert_int_equal(streams_find(streams, &key) != NULL, i % 10 == 0);
    }
    streams_forget(streams);
    struct stream_key key = key_of(streams, 0);
    assert_null(streams_find(streams, &key));
    streams_free(&streams);
}

/* A device that sends every other number costs far more than its stream: that must not hide from the bound. */
static void ranges_count_towards_the_bound(void **state)
{
    struct streams *streams = streams_new();
    size_t empty = streams_bytes(streams);
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct stream *stream = hold(streams, i);
        for (int64_t seq = 0; seq < 1000; seq++) {
            assert_int_equal(ranges_add(&stream->ranges, 2 * seq), 1);
            streams_ranges_changed(streams, stream);
        }
    }
    assert_true(streams_bytes(streams) - empty >= 50 * (sizeof(struct stream) + 1000 * sizeof(struct range)));
    streams_shrink(streams, empty + 100000);
    assert_int_equal(streams_bytes(streams), empty);
    hold(streams, 1);
    streams_forget(streams);
    assert_int_equal(streams_bytes(streams), empty);
    streams_free(&streams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_found_by_realm_centre_device_and_epoch),
        cmocka_unit_test(the_longest_names_are_told_apart),
        cmocka_unit_test(a_device_has_the_same_key_in_every_run),
        cmocka_unit_test(streams_keep_their_address_while_the_table_grows),
        cmocka_unit_test(a_noted_stream_is_never_dropped),
        cmocka_unit_test(ranges_count_towards_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
