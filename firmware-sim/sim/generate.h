/*
 * What happens at one device on one day: a pure function of the plan, the device and the day. Any thread.
 */
#ifndef SIM_GENERATE_H
#define SIM_GENERATE_H

#include "plan.h"

#include <stddef.h>
#include <stdint.h>

enum event_fault {
    EVENT_GOOD,
    EVENT_CLOCK_1970,
    EVENT_CLOCK_YEARS_AHEAD,
    EVENT_CLOCK_HOURS_OFF, /* still counts, perhaps for the day before or after */
    EVENT_BAD_SECONDS,
    EVENT_BAD_TIME,
    EVENT_NO_TYPE
};

#define EVENT_NO_SECONDS UINT32_MAX

struct event {
    int64_t made_ms;  /* when it really happened */
    int64_t stamp_ms; /* what the device's clock said */
    uint32_t seq;     /* 0 until deliver.c gives it one */
    uint32_t user;    /* 1 .. head_count are learners, staff follow; 0: nobody */
    uint32_t seconds; /* or EVENT_NO_SECONDS */
    uint16_t type;    /* index into scenario->event_types */
    uint8_t stream;
    uint8_t fault; /* enum event_fault */
};

enum { GENERATE_EVENTS_MAX = 4096 };

/* Fills `events` (room for GENERATE_EVENTS_MAX) in order of made_ms; returns their number. */
size_t generate_day(const struct plan *plan, const struct plan_device *device, int32_t day, struct event *events);

/* The pseudonym of a user of a centre: 64 bits, written as 16 hex digits. */
uint64_t generate_user_key(const struct plan_centre *centre, uint32_t user);

#endif
