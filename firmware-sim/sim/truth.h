/*
 * What a collector that keeps its promises finds in a plan's deliveries: the oracle of the system tests. Computed from
 * what was generated, not from bytes, by plain sorting.
 */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "deliver.h"
#include "plan.h"
#include "taxonomy.h"

#include <stdio.h>

struct truth_counts {
    uint64_t counted;    /* events */
    uint64_t clock_off;  /* quarantined */
    uint64_t too_late;   /* quarantined */
    uint64_t bad_events; /* rejected */
    uint64_t repeats;    /* events that came again */
    uint64_t bad_messages;
};

struct truth;

/* Borrows plan and taxonomy. Only deliveries from `from_ms` on are to be added. NULL without memory. */
struct truth *truth_open(const struct plan *plan, const struct taxonomy *taxonomy, int64_t from_ms, int32_t late_days);
void truth_close(struct truth **truth);

/* 0 or ERROR_MEMORY. */
int truth_add(struct truth *truth, const struct delivery *delivery);

/* "centre,day,activity,events,seconds,users,devices", one row for each fact, sorted by the first three. Returns 0, or
 * -1 if writing failed. */
int truth_write(struct truth *truth, FILE *stream);

const struct truth_counts *truth_counts(const struct truth *truth);

#endif
