/*
 * How events arrive: a plan's messages, one after the other in the order in which they are received. Devices report
 * at intervals, keep their events through offline stretches, send some messages twice and some broken.
 *
 * Memory is bounded by what is under way: the unsent events of devices that are offline and the repeats to come.
 * One thread per struct.
 */
#ifndef SIM_DELIVER_H
#define SIM_DELIVER_H

#include "error.h"
#include "generate.h"
#include "plan.h"

#include <stdint.h>

enum delivery_kind {
    DELIVERY_BROKEN, /* bytes that are no message; its events follow at once in a whole one */
    DELIVERY_NEW,
    DELIVERY_REPEAT /* the same bytes again */
};

struct delivery {
    int64_t received_ms;
    int64_t first_received_ms; /* of a repeat: when its original was received */
    uint32_t device;           /* index into plan->devices */
    uint32_t number;           /* of the device's messages, from 1 */
    uint8_t kind;              /* enum delivery_kind */
    uint8_t damage;            /* of a broken one: which of the ways in format.c */
    uint16_t count;
    struct event events[]; /* in order of seq, which are consecutive */
};

struct deliver;

/* Deliveries received before `to_ms`; the plan is borrowed. Generating begins with the scenario's first day (in live
 * play round the clock: the day of its start), as each seq counts all events before. Returns NULL without memory. */
struct deliver *deliver_open(const struct plan *plan, int64_t to_ms);
void deliver_close(struct deliver **deliver);

/* Raises the bound; never lowers it. */
void deliver_extend(struct deliver *deliver, int64_t to_ms);

/* 1 and the next delivery (borrowed until the next call), 0 if none is left before the bound, or negative. */
int deliver_next(struct deliver *deliver, const struct delivery **delivery, struct error *error);

/* The first day that is not generated yet. */
int32_t deliver_day(const struct deliver *deliver);

#endif
