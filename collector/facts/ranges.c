/*
 * Invariant: the ranges are sorted, do not overlap and do not touch (last + 1 < next first), so a gap is exactly what
 * lies between two neighbours.
 */
#include "facts/ranges.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* The number of ranges that begin at or before `seq`. */
static uint32_t ranges_upto(const struct ranges *ranges, int64_t seq)
{
    uint32_t low = 0, high = ranges->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ranges->list[middle].first <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int ranges_reserve(struct ranges *ranges, uint32_t count)
{
    if (count <= ranges->size) {
        return 0;
    }
    uint32_t size = ranges->size == 0 ? 1 : ranges->size * 2;
    while (size < count) {
        size *= 2;
    }
    struct range *grown = realloc(ranges->list, size * sizeof *grown);
    if (grown == NULL) {
        return ERROR_MEMORY;
    }
    ranges->list = grown;
    ranges->size = size;
    return 0;
}

static void ranges_remove(struct ranges *ranges, uint32_t at)
{
    memmove(&ranges->list[at], &ranges->list[at + 1], (ranges->count - at - 1) * sizeof *ranges->list);
    ranges->count--;
}

/* Many at once: to give up one gap moves all ranges, and a device whose every number is a gap more would make that each
 * number's price. */
static void give_up_oldest(struct ranges *ranges)
{
    for (uint32_t i = 0; i < RANGES_BLOCK; i++) {
        ranges->given_up += ranges->list[i + 1].first - ranges->list[i].last - 1;
    }
    ranges->list[0].last = ranges->list[RANGES_BLOCK].last;
    ranges->count -= RANGES_BLOCK;
    memmove(&ranges->list[1], &ranges->list[RANGES_BLOCK + 1], (ranges->count - 1) * sizeof *ranges->list);
}

static int ranges_insert(struct ranges *ranges, uint32_t at, int64_t seq)
{
    if (ranges_reserve(ranges, ranges->count + 1) != 0) {
        return ERROR_MEMORY;
    }
    memmove(&ranges->list[at + 1], &ranges->list[at], (ranges->count - at) * sizeof *ranges->list);
    ranges->list[at] = (struct range){seq, seq};
    ranges->count++;
    if (ranges->count > RANGES_MOST) {
        give_up_oldest(ranges);
    }
    return 1;
}

bool ranges_have(const struct ranges *ranges, int64_t seq)
{
    uint32_t at = ranges_upto(ranges, seq);
    return at > 0 && seq <= ranges->list[at - 1].last;
}

int ranges_add(struct ranges *ranges, int64_t seq)
{
    if (ranges->count > 0 && ranges->list[ranges->count - 1].last + 1 == seq) {
        ranges->list[ranges->count - 1].last = seq;
        return 1;
    }
    uint32_t at = ranges_upto(ranges, seq);
    struct range *before = at > 0 ? &ranges->list[at - 1] : NULL;
    struct range *after = at < ranges->count ? &ranges->list[at] : NULL;
    if (before != NULL && seq <= before->last) {
        return 0;
    }
    bool joins_before = before != NULL && before->last + 1 == seq;
    bool joins_after = after != NULL && seq + 1 == after->first;
    if (joins_before && joins_after) {
        before->last = after->last;
        ranges_remove(ranges, at);
    } else if (joins_before) {
        before->last = seq;
    } else if (joins_after) {
        after->first = seq;
    } else {
        return ranges_insert(ranges, at, seq);
    }
    return 1;
}

int ranges_add_all(struct ranges *ranges, int64_t last)
{
    if (ranges_reserve(ranges, 1) != 0) {
        return ERROR_MEMORY;
    }
    ranges->list[0] = (struct range){0, last};
    ranges->count = 1;
    return 0;
}

int64_t ranges_missing(const struct ranges *ranges)
{
    int64_t missing = 0, expected = 1;
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        if (range->first > expected) {
            missing += range->first - expected;
        }
        expected = range->last + 1;
    }
    return missing;
}

size_t ranges_gaps(const struct ranges *ranges, struct range *gaps, size_t most, int64_t *covered)
{
    size_t found = 0;
    int64_t expected = 1;
    *covered = 0;
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        if (range->first > expected) {
            if (found == most) {
                return found;
            }
            gaps[found++] = (struct range){expected, range->first - 1};
        }
        *covered = range->last;
        expected = range->last + 1;
    }
    return found;
}

void ranges_write(const struct ranges *ranges, struct buffer *out)
{
    buffer_add(out, &ranges->given_up, sizeof ranges->given_up);
    buffer_add(out, ranges->list, ranges->count * sizeof *ranges->list);
}

int ranges_read(struct ranges *ranges, const void *bytes, size_t count)
{
    const char *next = bytes;
    if (count < sizeof(int64_t) || (count - sizeof(int64_t)) % sizeof(struct range) != 0 ||
        (count - sizeof(int64_t)) / sizeof(struct range) > RANGES_READ) {
        return ERROR_INPUT;
    }
    uint32_t ranges_there = (uint32_t)((count - sizeof(int64_t)) / sizeof(struct range));
    ranges->count = 0;
    if (ranges_reserve(ranges, ranges_there) != 0) {
        return ERROR_MEMORY;
    }
    memcpy(&ranges->given_up, next, sizeof(int64_t));
    if (ranges->given_up < 0) {
        return ERROR_INPUT;
    }
    if (ranges_there > 0) {
        memcpy(ranges->list, next + sizeof(int64_t), ranges_there * sizeof(struct range));
    }
    ranges->count = ranges_there;
    for (uint32_t i = 0; i < ranges_there; i++) {
        const struct range *range = &ranges->list[i];
        if (range->first < 0 || range->last < range->first || range->last == INT64_MAX ||
            (i > 0 && range->first - 1 <= range[-1].last)) {
            ranges->count = 0;
            return ERROR_INPUT;
        }
    }
    while (ranges->count > RANGES_MOST) {
        give_up_oldest(ranges);
    }
    return 0;
}

void ranges_free(struct ranges *ranges)
{
    free(ranges->list);
    *ranges = (struct ranges){0};
}
