/*
 * What a device has to tell and has not been told to forget: a ring of records in memory that the caller gives, each
 * with its seq, until an end-to-end acknowledgement covers it. Publishing, clock and storage are the caller's, so the
 * same code runs in firmware and in the simulator; a flash-backed ring may take this one's place behind the same calls.
 *
 * C99, no heap, one caller at a time. Times are milliseconds of a clock that may wrap around; differences are below
 * 2^31 (24 days). apply, due, rewind and grow take time linear in the ring, the others none that grows.
 */
#ifndef DEVICE_OUTBOX_H
#define DEVICE_OUTBOX_H

#include "device/ack.h"

#include <stdbool.h>
#include <stdint.h>

enum outbox_state { OUTBOX_WAITING, OUTBOX_SENT, OUTBOX_COVERED };

/* What the outbox knows of a record; the caller keeps the record itself, in the element with the same index. */
struct outbox_slot {
    uint32_t seq;
    uint32_t sent_ms; /* when it was last sent */
    uint32_t due_ms;  /* when to send it again */
    uint8_t state;    /* enum outbox_state */
    uint8_t tries;    /* up to 255 */
};

struct outbox_timing {
    uint32_t first_ms; /* wait for an acknowledgement before the first resend */
    uint32_t most_ms;  /* the wait doubles with each try up to this */
    uint32_t grace_ms; /* a record reported missing so soon after it was sent may still be on its way */
};

struct outbox {
    struct outbox_slot *slots; /* borrowed from the caller */
    uint32_t capacity;         /* a power of two */
    uint32_t head, count;      /* the oldest slot, and how many */
    uint32_t waiting;          /* records not yet sent at all, or to be sent at once */
    uint32_t uncovered;        /* records that no acknowledgement covers */
    uint32_t next_check_ms;    /* before this nothing that was sent falls due again */
    uint32_t jitter;           /* state of the resend jitter */
    struct outbox_timing timing;
};

/* `capacity` must be a power of two; `jitter_seed` any number that differs between devices. */
void outbox_init(struct outbox *outbox, struct outbox_slot *slots, uint32_t capacity,
                 const struct outbox_timing *timing, uint32_t jitter_seed);

/* Moves to a larger memory. Returns nothing lost: the caller moves its records from index i & (old - 1) to
 * i & (new - 1) for i = head .. head + count - 1, before or after. */
void outbox_grow(struct outbox *outbox, struct outbox_slot *slots, uint32_t capacity);

/* Takes a seq higher than all before. Returns the index for the caller's record, or -1 if the ring is full. */
int64_t outbox_push(struct outbox *outbox, uint32_t seq);

/* Forgets what the acknowledgement covers and makes due what it reports missing. Returns how many records it newly
 * covers. The caller has checked that the epoch is this device's. */
uint32_t outbox_apply(struct outbox *outbox, const struct ack *ack, uint32_t now_ms);

/* Indexes of up to `room` records that are due, oldest first. Returns their number. */
uint32_t outbox_due(struct outbox *outbox, uint32_t now_ms, uint32_t *indexes, uint32_t room);

/* Notes that the record was sent; it falls due again after the time-out with jitter. */
void outbox_sent(struct outbox *outbox, uint32_t index, uint32_t now_ms);

/* Everything uncovered falls due at once: after a connection was lost. */
void outbox_rewind(struct outbox *outbox);

/* Whether outbox_due may find something: cheap, for callers with many devices. */
bool outbox_may_be_due(const struct outbox *outbox, uint32_t now_ms);

#endif
