/*
 * Which sequence numbers of one device and epoch have come: a sorted list of closed ranges. A device that loses nothing
 * is one range; each gap costs one more, up to RANGES_MOST. Past that the oldest RANGES_BLOCK gaps are given up: their
 * numbers count as received from then on, and `given_up` says how many.
 */
#ifndef EDUTALLY_FACTS_RANGES_H
#define EDUTALLY_FACTS_RANGES_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 MiB, which a commit writes anew if the device sent anything. A device's numbers in no order at all are at most a
 * quarter as many ranges: a quarter of a million of them, as in one large file, fit. */
enum { RANGES_MOST = 65536, RANGES_BLOCK = RANGES_MOST / 8 };
enum { RANGES_READ = 131072 }; /* as many an earlier version wrote: read, and cut to the bound */

struct range {
    int64_t first; /* inclusive */
    int64_t last;  /* inclusive */
};

struct ranges {
    struct range *list;
    uint32_t count;
    uint32_t size;
    int64_t given_up;
};

/* Notes that `seq` (0 or more) came. 1: it is new; 0: it had come before; ERROR_MEMORY. Constant time for the next
 * number in order, else a binary search and a move of at most RANGES_MOST ranges. */
int ranges_add(struct ranges *ranges, int64_t seq);

/* Whether `seq` came before. Notes nothing. */
bool ranges_have(const struct ranges *ranges, int64_t seq);

/* Into empty ranges: everything from 0 to `last` came. 0 or ERROR_MEMORY. */
int ranges_add_all(struct ranges *ranges, int64_t last);

/* Sequences begin at 1 (0 is allowed and expected of nobody): how many numbers from 1 to the highest did not come. */
int64_t ranges_missing(const struct ranges *ranges);

/* The oldest gaps, at most `most` of them, into `gaps`; returns how many. `*covered` is the number up to which this
 * list is complete: the highest that came, or the one before the first gap that found no room; 0 if nothing came. */
size_t ranges_gaps(const struct ranges *ranges, struct range *gaps, size_t most, int64_t *covered);

/* As stored: appends to `out`; reads bytes that ranges_write wrote. ranges_read: 0, ERROR_INPUT, ERROR_MEMORY. */
void ranges_write(const struct ranges *ranges, struct buffer *out);
int ranges_read(struct ranges *ranges, const void *bytes, size_t count);

void ranges_free(struct ranges *ranges);

#endif
