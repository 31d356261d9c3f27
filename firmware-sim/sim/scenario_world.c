/*
 * The sections of a scenario that say where things happen and how they arrive: kinds of device, types of centre with
 * their adoption, the network with its offline stretches and repeats, faults, and real-time play.
 */
#include "scenario_read.h"

#include <stdio.h>
#include <string.h>

static void read_time_format(const struct jsonc_node *node, struct device_kind *kind)
{
    static const char *const names[] = {"rfc3339", "utc", "ms"};
    char text[SCENARIO_NAME_MAX];

    kind->time_format = TIME_RFC3339;
    if (!node->value) {
        return;
    }
    jsonc_string(node, text, sizeof text);
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            kind->time_format = (enum time_format)i;
            return;
        }
    }
    jsonc_fault(node, "must be \"rfc3339\" (local time), \"utc\" (RFC 3339 with Z) or \"ms\"");
}

static void read_device(const struct jsonc_node *node, struct scenario *scenario)
{
    static const char *const keys[] = {"about", "streams", "app", "report_every_minutes", "time", NULL};
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    struct device_kind *kind = &scenario->kinds[scenario->kind_count++];
    struct jsonc_node streams = jsonc_member(node, "streams", true), app = jsonc_member(node, "app", false);
    struct jsonc_node every = jsonc_member(node, "report_every_minutes", true);
    struct jsonc_node time = jsonc_member(node, "time", false);

    (void)snprintf(kind->name, sizeof kind->name, "%s", jsonc_key(node));
    if (kind->name[strspn(kind->name, allowed)] != '\0') {
        jsonc_fault(node, "may hold only A-Z a-z 0-9 . _ -, as it becomes a part of MQTT topics");
    }
    jsonc_known_keys(node, keys);
    scenario_read_plain(&app, kind->app, sizeof kind->app);
    kind->report_every_s = (int32_t)jsonc_integer(&every, 1, 1440, 60) * 60;
    read_time_format(&time, kind);
    for (struct jsonc_node child = jsonc_first_element(&streams); child.value; child = jsonc_next(&child)) {
        char name[SCENARIO_NAME_MAX];

        jsonc_string(&child, name, sizeof name);
        if (kind->stream_count == SCENARIO_STREAMS_MAX) {
            jsonc_fault(&child, "is one stream too many; use up to %d", SCENARIO_STREAMS_MAX);
            break;
        }
        kind->streams[kind->stream_count++] = scenario_reference(&child, name, "stream", scenario->streams[0].name,
                                                                 sizeof scenario->streams[0], scenario->stream_count);
    }
    if (jsonc_is_array(&streams) && kind->stream_count == 0) {
        jsonc_fault(&streams, "needs at least one stream, or the device would never report");
    }
}

void scenario_read_devices(const struct jsonc_node *section, struct scenario *scenario)
{
    for (struct jsonc_node node = jsonc_first(section); node.value; node = jsonc_next(&node)) {
        read_device(&node, scenario);
    }
}

/* "office": 1, or "tablet": {"per_heads": 250, "most": 4}. */
static void read_device_count(const struct jsonc_node *node, const struct scenario *scenario,
                              struct device_count *count)
{
    static const char *const keys[] = {"count", "per_heads", "most", NULL};

    count->kind = scenario_reference(node, jsonc_key(node), "device", scenario->kinds[0].name,
                                     sizeof scenario->kinds[0], scenario->kind_count);
    if (!jsonc_is_object(node)) {
        count->count = (uint32_t)jsonc_integer(node, 0, 200, 0);
        return;
    }
    jsonc_known_keys(node, keys);
    {
        struct jsonc_node number = jsonc_member(node, "count", false), heads = jsonc_member(node, "per_heads", false);
        struct jsonc_node most = jsonc_member(node, "most", false);

        count->count = (uint32_t)jsonc_integer(&number, 0, 200, 0);
        count->per_heads = (uint32_t)jsonc_integer(&heads, 1, 100000, 0);
        count->most = (uint32_t)jsonc_integer(&most, 1, 200, 200);
    }
}

static uint32_t read_profile(const struct jsonc_node *node, const struct scenario *scenario)
{
    char name[SCENARIO_NAME_MAX];

    jsonc_string(node, name, sizeof name);
    return name[0] ? scenario_reference(node, name, "profile", scenario->profiles[0].name, sizeof scenario->profiles[0],
                                        scenario->profile_count)
                   : 0;
}

/* {"silent": 50, "office_only": 30}: weights. */
static void read_mix(const struct jsonc_node *node, const struct scenario *scenario, struct profile_mix *mix)
{
    for (struct jsonc_node child = jsonc_first(node); child.value; child = jsonc_next(&child)) {
        uint32_t profile = scenario_reference(&child, jsonc_key(&child), "profile", scenario->profiles[0].name,
                                              sizeof scenario->profiles[0], scenario->profile_count);

        mix->weight[profile] = (uint32_t)jsonc_integer(&child, 0, 10000, 0);
        mix->total += mix->weight[profile];
    }
    if (node->value && mix->total == 0) {
        jsonc_fault(node, "must give at least one profile a weight above 0, such as {\"silent\": 1}");
    }
}

static void read_adoption(const struct jsonc_node *node, const struct scenario *scenario, struct centre_type *type)
{
    static const char *const keys[] = {"ceiling", "midpoint", "spread_days", "profile",
                                       "lead_in", "before",   "never",       NULL};
    static const char *const lead_in_keys[] = {"profile", "days", NULL};
    struct jsonc_node ceiling = jsonc_member(node, "ceiling", true), midpoint = jsonc_member(node, "midpoint", true);
    struct jsonc_node spread = jsonc_member(node, "spread_days", true);
    struct jsonc_node profile = jsonc_member(node, "profile", true), lead_in = jsonc_member(node, "lead_in", false);
    struct jsonc_node lead_profile = jsonc_member(&lead_in, "profile", lead_in.value != NULL);
    struct jsonc_node lead_days = jsonc_member(&lead_in, "days", lead_in.value != NULL);
    struct jsonc_node before = jsonc_member(node, "before", true), never = jsonc_member(node, "never", true);

    jsonc_known_keys(node, keys);
    jsonc_known_keys(&lead_in, lead_in_keys);
    type->ceiling = jsonc_number(&ceiling, 0, 1, 0);
    type->midpoint_day = jsonc_date(&midpoint, 0);
    type->spread_days = jsonc_number(&spread, 0, 1000, 0);
    type->full_profile = read_profile(&profile, scenario);
    type->lead_in_profile = read_profile(&lead_profile, scenario);
    type->lead_in_days = (int32_t)jsonc_integer(&lead_days, 0, 1000, 0);
    read_mix(&before, scenario, &type->before);
    read_mix(&never, scenario, &type->never);
}

void scenario_read_centre_types(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"about", "devices", "adoption", NULL};

    for (struct jsonc_node node = jsonc_first(section); node.value; node = jsonc_next(&node)) {
        struct centre_type *type = &scenario->centre_types[scenario->centre_type_count++];
        struct jsonc_node devices = scenario_section(&node, "devices", SCENARIO_KINDS_MAX, true);
        struct jsonc_node adoption = jsonc_member(&node, "adoption", true);

        (void)snprintf(type->name, sizeof type->name, "%s", jsonc_key(&node));
        jsonc_known_keys(&node, keys);
        for (struct jsonc_node child = jsonc_first(&devices); child.value; child = jsonc_next(&child)) {
            read_device_count(&child, scenario, &type->devices[type->device_count++]);
        }
        read_adoption(&adoption, scenario, type);
    }
}

static void read_stretch(const struct jsonc_node *node, struct network *network)
{
    static const char *const keys[] = {"weight", "days", NULL};
    struct stretch *stretch = &network->stretches[network->stretch_count];
    struct jsonc_node weight = jsonc_member(node, "weight", true), days = jsonc_member(node, "days", true);

    if (network->stretch_count == SCENARIO_STRETCHES_MAX) {
        jsonc_fault(node, "is one stretch too many; use up to %d", SCENARIO_STRETCHES_MAX);
        return;
    }
    network->stretch_count++;
    jsonc_known_keys(node, keys);
    stretch->weight = (uint32_t)jsonc_integer(&weight, 1, 10000, 1);
    network->stretch_weight += stretch->weight;
    scenario_read_range(&days, 0, 400, stretch->days);
    /* Stretches of one window may reach into the next one, not past it: deliver.c looks one window back. */
    if (stretch->days[1] > network->offline_every_days) {
        jsonc_fault(&days, "is longer than offline.every_days (%d); raise that or shorten this",
                    (int)network->offline_every_days);
    }
}

void scenario_read_network(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"batch_events", "offline", "repeats", NULL};
    static const char *const offline_keys[] = {"every_days", "chance", "stretches", NULL};
    static const char *const repeat_keys[] = {"share", "after_minutes", NULL};
    struct network *network = &scenario->network;
    struct jsonc_node batch = jsonc_member(section, "batch_events", false);
    struct jsonc_node offline = jsonc_member(section, "offline", false);
    struct jsonc_node every = jsonc_member(&offline, "every_days", offline.value != NULL);
    struct jsonc_node chance = jsonc_member(&offline, "chance", offline.value != NULL);
    struct jsonc_node stretches = jsonc_member(&offline, "stretches", offline.value != NULL);
    struct jsonc_node repeats = jsonc_member(section, "repeats", false);
    struct jsonc_node share = jsonc_member(&repeats, "share", repeats.value != NULL);
    struct jsonc_node minutes = jsonc_member(&repeats, "after_minutes", false);

    jsonc_known_keys(section, keys);
    jsonc_known_keys(&offline, offline_keys);
    jsonc_known_keys(&repeats, repeat_keys);
    network->batch_events = (uint32_t)jsonc_integer(&batch, 1, SCENARIO_BATCH_MAX, SCENARIO_BATCH_MAX);
    network->offline_every_days = (int32_t)jsonc_integer(&every, 1, 400, 0);
    network->offline_chance = jsonc_number(&chance, 0, 1, 0);
    for (struct jsonc_node child = jsonc_first_element(&stretches); child.value; child = jsonc_next(&child)) {
        read_stretch(&child, network);
    }
    if (network->stretch_count == 0) {
        network->offline_every_days = 0;
    }
    network->repeat_share = jsonc_number(&share, 0, 1, 0);
    scenario_read_range(&minutes, 0, 60 * 24 * 30, network->repeat_minutes);
}

void scenario_read_faults(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"clock_1970", "clock_years_ahead", "clock_hours_off",
                                       "bad_event",  "bad_message",       NULL};
    double *shares[] = {&scenario->faults.clock_1970, &scenario->faults.clock_years_ahead,
                        &scenario->faults.clock_hours_off, &scenario->faults.bad_event, &scenario->faults.bad_message};

    jsonc_known_keys(section, keys);
    for (int i = 0; keys[i]; i++) {
        struct jsonc_node node = jsonc_member(section, keys[i], false);

        *shares[i] = jsonc_number(&node, 0, 0.2, 0);
    }
}

void scenario_read_live(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"about", "report_every_seconds", "volume", NULL};
    struct jsonc_node every = jsonc_member(section, "report_every_seconds", false);
    struct jsonc_node volume = jsonc_member(section, "volume", false);

    jsonc_known_keys(section, keys);
    scenario->live.report_every_s = (int32_t)jsonc_integer(&every, 1, 86400, 15);
    scenario->live.volume = jsonc_number(&volume, 0, 100, 1);
}
