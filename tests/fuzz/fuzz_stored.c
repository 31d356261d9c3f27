/*
 * Any bytes as the sets and ranges that the store keeps: a disk may give back what was never written. Promises: damage
 * is ERROR_INPUT and nothing is left behind; what is accepted is written as the same bytes, can be merged, added to and
 * counted, and says what the words of ranges.h and distinct.h say.
 */
#include "fuzz.h"

#include "base/buffer.h"
#include "base/error.h"
#include "facts/distinct.h"
#include "facts/ranges.h"

#include <stdbool.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static bool same_distinct(const struct distinct *one, const struct distinct *other)
{
    struct buffer first = {0}, second = {0};
    distinct_write(one, &first);
    distinct_write(other, &second);
    PROMISE(!first.failed && !second.failed);
    bool same = first.used == second.used && memcmp(first.bytes, second.bytes, first.used) == 0;
    buffer_free(&first);
    buffer_free(&second);
    return same;
}

static void check_merge(const struct distinct *set)
{
    struct distinct one = {0}, other = {0};
    uint64_t keys[3] = {0x0123456789abcdef, 0xfedcba9876543210, 1};
    for (size_t i = 0; i < 3; i++) {
        PROMISE(distinct_add(&other, keys[i]) == 1);
    }
    /* In either order, and again: a union. */
    PROMISE(distinct_merge(&one, set) == 0 && distinct_merge(&one, &other) == 0);
    int64_t count = distinct_count(&one);
    PROMISE(count >= 0 && (set->registers != NULL || count >= set->count));
    PROMISE(distinct_merge(&one, set) == 0 && distinct_count(&one) == count);
    PROMISE(distinct_merge(&other, set) == 0 && same_distinct(&one, &other));
    PROMISE(distinct_forget_keys(&one) == 0 && one.registers != NULL && one.keys == NULL);
    PROMISE(distinct_merge(&one, set) == 0);
    distinct_free(&one);
    distinct_free(&other);
}

static void check_distinct(const uint8_t *data, size_t size)
{
    struct distinct set = {0}, again = {0};
    struct buffer bytes = {0};
    int result = distinct_read(&set, data, size);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result != 0) {
        PROMISE(set.keys == NULL && set.registers == NULL && set.count == 0);
        return;
    }
    distinct_write(&set, &bytes);
    PROMISE(!bytes.failed);
    PROMISE(distinct_read(&again, bytes.bytes, bytes.used) == 0 && same_distinct(&set, &again));
    check_merge(&set);
    distinct_free(&set);
    distinct_free(&again);
    buffer_free(&bytes);
}

static void check_gaps(const struct ranges *ranges)
{
    struct range gaps[16];
    int64_t covered, missing = 0;
    size_t count = ranges_gaps(ranges, gaps, 16, &covered);
    for (size_t i = 0; i < count; i++) {
        PROMISE(gaps[i].first >= 1 && gaps[i].first <= gaps[i].last && (i == 0 || gaps[i].first > gaps[i - 1].last));
        missing += gaps[i].last - gaps[i].first + 1;
    }
    PROMISE(covered >= 0 && (count == 16 || missing == ranges_missing(ranges)));
    PROMISE(missing <= ranges_missing(ranges));
}

static void check_ranges(const uint8_t *data, size_t size)
{
    struct ranges ranges = {0};
    struct buffer bytes = {0};
    int result = ranges_read(&ranges, data, size);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result == 0) {
        ranges_write(&ranges, &bytes);
        PROMISE(!bytes.failed && bytes.used == size && memcmp(bytes.bytes, data, size) == 0);
        check_gaps(&ranges);
        for (uint32_t i = 0; i < ranges.count && i < 8; i++) {
            PROMISE(ranges_add(&ranges, ranges.list[i].first) == 0 && ranges_add(&ranges, ranges.list[i].last) == 0);
        }
        PROMISE(ranges_add(&ranges, 0) >= 0 && ranges_add(&ranges, 0) == 0);
        check_gaps(&ranges);
        PROMISE(ranges_add(&ranges, 7) >= 0 && ranges_add(&ranges, 7) == 0);
        check_gaps(&ranges);
    } else {
        PROMISE(ranges.count == 0);
    }
    buffer_free(&bytes);
    ranges_free(&ranges);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_distinct(data, size);
    check_ranges(data, size);
    return 0;
}
