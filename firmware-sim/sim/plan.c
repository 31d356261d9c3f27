/*
 * Who adopts when. Each centre draws a rank u in 0..1. Below the type's ceiling it adopts on the day on which a
 * logistic curve through the midpoint reaches u / ceiling, so the share of adopters over time *is* that curve. Before
 * that (but for a lead-in), and for ever above the ceiling, it follows a profile drawn from the type's mix.
 */
#include "plan.h"

#include "civil.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SALT_RANK = 1, SALT_MIX, SALT_EPOCH, SALT_SHIFT };

static uint32_t draw_profile(const struct profile_mix *mix, uint64_t bits)
{
    struct random random = {bits};
    uint32_t at = random_below(&random, mix->total);

    for (uint32_t i = 0; i < SCENARIO_PROFILES_MAX; i++) {
        if (at < mix->weight[i]) {
            return i;
        }
        at -= mix->weight[i];
    }
    return 0;
}

static int32_t adoption_day(const struct centre_type *type, double rank)
{
    double share = rank / type->ceiling;
    double shift_days;

    /* Both ends of the curve lie at infinity. */
    share = share < 0.001 ? 0.001 : share > 0.999 ? 0.999 : share;
    shift_days = type->spread_days * log(share / (1 - share));
    return type->midpoint_day + (int32_t)floor(shift_days);
}

static uint32_t device_number(const struct device_count *count, uint32_t heads)
{
    uint32_t number = count->count;

    if (count->per_heads) {
        number = heads / count->per_heads + (heads % count->per_heads ? 1 : 0);
        number = number > count->most ? count->most : number;
        number = number < count->count ? count->count : number;
    }
    return number;
}

static int make_device(struct plan *plan, struct plan_centre *centre, uint32_t centre_index,
                       const struct device_kind *kind, uint32_t number)
{
    const struct live *live = &plan->scenario->live;
    uint64_t epoch_salt = SALT_EPOCH + (live->always ? (uint64_t)live->start_ms : 0);
    struct plan_device *device;

    if (plan->device_count == plan->device_room) {
        uint32_t room = plan->device_room ? plan->device_room * 2 : 256;
        struct plan_device *larger = realloc(plan->devices, room * sizeof *larger);

        if (!larger) {
            return ERROR_MEMORY;
        }
        plan->devices = larger;
        plan->device_room = room;
    }
    device = &plan->devices[plan->device_count++];
    *device = (struct plan_device){.centre = centre_index, .kind = kind};
    (void)snprintf(device->name, sizeof device->name, "%s-%u", kind->name, number);
    device->key = random_hash_bytes(centre->key, device->name, strlen(device->name));
    (void)snprintf(device->epoch, sizeof device->epoch, "%08x", (unsigned)(random_key(device->key, epoch_salt) >> 32));
    device->report_shift_s = (int32_t)(random_key(device->key, SALT_SHIFT) % 600);
    centre->device_count++;
    for (uint32_t i = 0; i < kind->stream_count; i++) {
        centre->stream_devices[kind->streams[i]]++;
    }
    return 0;
}

/* Adds a centre, decides what it will do, and gives it its devices. */
static int add_centre(struct plan *plan, const struct centre *centre, uint32_t type_index)
{
    const struct scenario *scenario = plan->scenario;
    const struct centre_type *type = &scenario->centre_types[type_index];
    uint32_t index = plan->centre_count++;
    struct plan_centre *added = &plan->centres[index];
    uint64_t key = random_hash_bytes(scenario->seed, centre->id, strlen(centre->id));
    double rank = random_share(random_key(key, SALT_RANK));
    bool adopts = rank < type->ceiling;

    *added = (struct plan_centre){.centre = centre, .type = type_index, .key = key, .first_device = plan->device_count};
    added->adopt_day = adopts ? adoption_day(type, rank) : CIVIL_NEVER;
    added->profile = draw_profile(adopts ? &type->before : &type->never, random_key(key, SALT_MIX));
    added->staff = (uint32_t)((double)centre->head_count * scenario->staff_share) + scenario->staff_least;
    for (uint32_t i = 0; i < type->device_count; i++) {
        const struct device_count *count = &type->devices[i];
        uint32_t number = device_number(count, centre->head_count);

        for (uint32_t n = 1; n <= number; n++) {
            if (make_device(plan, added, index, &scenario->kinds[count->kind], n)) {
                return ERROR_MEMORY;
            }
        }
    }
    return 0;
}

static bool is_listed(const char *list, const char *id)
{
    size_t length = strlen(id);

    for (const char *at = list; *at; at += strcspn(at, ","), at += *at ? 1 : 0) {
        if (strncmp(at, id, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static int check_listed(const struct registry *registry, const char *list, struct error *error)
{
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at ? 1 : 0) {
        size_t length = strcspn(at, ","), i = 0;

        while (i < registry->count &&
               !(strncmp(registry->centres[i].id, at, length) == 0 && registry->centres[i].id[length] == '\0')) {
            i++;
        }
        if (i == registry->count) {
            return error_set(error, ERROR_USAGE, "--centres names \"%.*s\", which is not in the registry",
                             (int)(length > 64 ? 64 : length), at);
        }
    }
    return 0;
}

static int select_centres(struct plan *plan, const char *selection, struct error *error)
{
    const struct registry *registry = &plan->registry;
    char *end = NULL;
    unsigned long number = selection && *selection ? strtoul(selection, &end, 10) : 0;
    bool by_number = end && !*end;
    bool all = !selection || !*selection || (by_number && number >= registry->count);

    if (by_number && number == 0) {
        return error_set(error, ERROR_USAGE, "--centres 0 leaves no centre; give a number of 1 or more, or ids");
    }
    if (!all && !by_number && check_listed(registry, selection, error)) {
        return error->code;
    }
    plan->centres = calloc(registry->count, sizeof *plan->centres);
    if (!plan->centres) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < registry->count; i++) {
        const struct centre *centre = &registry->centres[i];
        int type = scenario_find_centre_type(plan->scenario, centre->type);
        bool spread = by_number && i * number / registry->count != (i + 1) * number / registry->count;

        if (type >= 0 && (all || spread || (!by_number && is_listed(selection, centre->id))) &&
            add_centre(plan, centre, (uint32_t)type)) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
    }
    return 0;
}

int plan_make(const struct scenario *scenario, struct registry *registry, const char *selection, struct plan *plan,
              struct error *error)
{
    *plan = (struct plan){.scenario = scenario, .registry = *registry};
    error->code = 0;
    if (select_centres(plan, selection, error)) {
        goto out;
    }
    if (plan->device_count == 0) {
        (void)error_set(error, ERROR_CONFIG,
                        "no centre of the selection has a device; check centre_types and --centres");
        goto out;
    }
    *registry = (struct registry){0};
out:
    if (error->code) {
        /* The registry stays the caller's. */
        plan->registry = (struct registry){0};
        plan_free(plan);
    }
    return error->code;
}

void plan_free(struct plan *plan)
{
    free(plan->centres);
    free(plan->devices);
    registry_free(&plan->registry);
    *plan = (struct plan){0};
}

const struct profile *plan_profile(const struct plan *plan, const struct plan_centre *centre, int32_t day)
{
    const struct scenario *scenario = plan->scenario;
    const struct centre_type *type = &scenario->centre_types[centre->type];

    if (day >= centre->adopt_day) {
        return &scenario->profiles[type->full_profile];
    }
    if (centre->adopt_day != CIVIL_NEVER && day >= centre->adopt_day - type->lead_in_days) {
        return &scenario->profiles[type->lead_in_profile];
    }
    return &scenario->profiles[centre->profile];
}

bool plan_is_open(const struct plan_centre *centre, int32_t day)
{
    return day >= centre->centre->opened && day < centre->centre->closed;
}
