/* What every command that plays a scenario does first: load it, lay it over its registry, find the window. */
#ifndef SIM_SETUP_H
#define SIM_SETUP_H

#include "error.h"
#include "jsonc.h"
#include "plan.h"
#include "scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct setup_options {
    const char *scenario, *centres, *from, *to;
    int64_t seed;     /* -1: the scenario's */
    bool live_always; /* hours round the clock, from now on */
};

struct setup {
    struct scenario *scenario;
    struct plan plan;
    int64_t from_ms, to_ms; /* `to_ms`: INT64_MAX for "forever" */
};

/* On 0 the caller frees with setup_free. Faults of the files are printed to stderr, one a line; `error` sums up. */
int setup_load(const struct setup_options *options, struct setup *setup, struct error *error);
void setup_free(struct setup *setup);

/* Prints all faults to stderr and makes one error of them. */
int setup_report_faults(const struct jsonc_faults *faults, const char *what, struct error *error);

#endif
