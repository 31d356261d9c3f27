/*
 * The collector's end-to-end acknowledgement, as a device reads it:
 *   {"epoch":"5f3a90c1","upto":1041,"missing":[[1030,1032]],"now":1764000000123}
 * It covers every seq up to `upto` but those in `missing`. Unknown keys are skipped.
 *
 * C99, no heap, no recursion, no state: any bytes from the network may be given. Time: linear in the length.
 */
#ifndef DEVICE_ACK_H
#define DEVICE_ACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef ACK_MISSING_MAX
#define ACK_MISSING_MAX 16U
#endif

enum { ACK_EPOCH_MAX = 65 }; /* with NUL */

enum ack_result {
    ACK_OK = 0,
    ACK_NOT_JSON,    /* not an object of JSON, or something follows it, or a key has an escape */
    ACK_BAD_EPOCH,   /* absent, empty, too long, with an escape, or no string */
    ACK_BAD_UPTO,    /* absent or no whole number of 32 bits */
    ACK_BAD_MISSING, /* no list of [first,last] with 1 <= first <= last */
    ACK_BAD_NOW      /* no whole number */
};

struct ack_range {
    uint32_t first, last; /* inclusive */
};

struct ack {
    char epoch[ACK_EPOCH_MAX];
    uint32_t upto;
    struct ack_range missing[ACK_MISSING_MAX];
    uint32_t missing_count;
    int64_t now_ms; /* 0: not told */
};

/* Fills `ack` on ACK_OK; else its content means nothing. More ranges than there is room for lower `upto` to below the
 * first that found none: that claims less than the collector said, never more. */
enum ack_result ack_parse(const char *bytes, size_t length, struct ack *ack);

/* Whether the acknowledgement covers a seq of its epoch. Time: linear in missing_count. */
bool ack_covers(const struct ack *ack, uint32_t seq);

#endif
