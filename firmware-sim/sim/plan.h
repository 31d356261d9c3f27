/*
 * A plan is a scenario laid over a registry: the selected centres with what they will do, and their devices. Immutable
 * once made. A centre's and a device's fate depend on the seed and their own names alone, so a selection of centres
 * does exactly what it does within the whole.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "error.h"
#include "registry.h"
#include "scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_centre {
    const struct centre *centre;
    uint32_t type;     /* index into scenario->centre_types */
    uint64_t key;      /* seeds all that is the centre's */
    int32_t adopt_day; /* CIVIL_NEVER: does not adopt */
    uint32_t profile;  /* before that */
    uint32_t staff;    /* people beside the learners */
    uint32_t first_device, device_count;
    uint16_t stream_devices[SCENARIO_STREAMS_MAX]; /* over which a stream is spread */
};

struct plan_device {
    uint32_t centre;
    const struct device_kind *kind;
    uint64_t key;
    char name[48];
    char epoch[9];
    int32_t report_shift_s; /* so that not all report in the same second */
};

struct plan {
    const struct scenario *scenario; /* borrowed */
    struct registry registry;
    struct plan_centre *centres;
    uint32_t centre_count;
    struct plan_device *devices;
    uint32_t device_count, device_room;
};

/* `selection`: NULL or "" for all centres, "50" for that many spread over the registry, or ids "a,b,c".
 * Takes the registry over on 0; on failure `error` says why and the registry stays the caller's. */
int plan_make(const struct scenario *scenario, struct registry *registry, const char *selection, struct plan *plan,
              struct error *error);
void plan_free(struct plan *plan);

/* What the centre does on a day. */
const struct profile *plan_profile(const struct plan *plan, const struct plan_centre *centre, int32_t day);

/* Whether the centre is open by the registry. */
bool plan_is_open(const struct plan_centre *centre, int32_t day);

#endif
