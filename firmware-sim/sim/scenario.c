/*
 * Reads a scenario file from top to bottom: the head here, the sections in scenario_people.c (what people do and when)
 * and scenario_world.c (centres, devices, network, faults). Sections come in an order in which each refers only to
 * those before it: calendars, streams, devices, profiles, centre types.
 */
#include "scenario.h"

#include "civil.h"
#include "error.h"
#include "jsonc.h"
#include "scenario_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jsonc_node scenario_section(const struct jsonc_node *node, const char *key, uint32_t limit, bool required)
{
    struct jsonc_node section = jsonc_member(node, key, required);
    uint32_t count = 0;

    if (!section.value) {
        return section;
    }
    if (!jsonc_is_object(&section)) {
        jsonc_fault(&section, "must be an object { ... }");
        section.value = NULL;
        return section;
    }
    for (struct jsonc_node child = jsonc_first(&section); child.value; child = jsonc_next(&child)) {
        size_t length = strlen(jsonc_key(&child));

        count++;
        if (length < 1 || length >= SCENARIO_NAME_MAX) {
            jsonc_fault(&child, "has a name of %zu bytes; use 1 to %d", length, SCENARIO_NAME_MAX - 1);
            section.value = NULL;
            return section;
        }
    }
    if (count < 1 || count > limit) {
        jsonc_fault(&section, "has %u members; use 1 to %u", count, limit);
        section.value = NULL;
    }
    return section;
}

uint32_t scenario_reference(const struct jsonc_node *node, const char *name, const char *what, const char *names,
                            size_t stride, uint32_t count)
{
    char known[256] = "";
    size_t length = 0;

    for (uint32_t i = 0; i < count; i++) {
        const char *candidate = names + i * stride;

        if (strcmp(candidate, name) == 0) {
            return i;
        }
        if (length < sizeof known) {
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", candidate);
        }
    }
    jsonc_fault(node, "names the %s \"%s\", which is not defined; use one of: %s", what, name, known);
    return 0;
}

void scenario_read_range(const struct jsonc_node *node, double minimum, double maximum, double range[2])
{
    struct jsonc_node least, most;

    if (!node->value) {
        return;
    }
    least = jsonc_first(node);
    most = least.value ? jsonc_next(&least) : least;
    if (!jsonc_is_array(node) || !most.value || jsonc_next(&most).value) {
        jsonc_fault(node, "must be a pair [least, most]");
        return;
    }
    range[0] = jsonc_number(&least, minimum, maximum, range[0]);
    range[1] = jsonc_number(&most, minimum, maximum, range[1]);
    if (range[0] > range[1]) {
        jsonc_fault(node, "has its least above its most; swap them");
        range[1] = range[0];
    }
}

void scenario_read_plain(const struct jsonc_node *node, char *text, size_t size)
{
    jsonc_string(node, text, size);
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20) {
            jsonc_fault(node, "may hold no quote, backslash or control character");
            return;
        }
    }
}

/* `relative` as seen from the directory of the file `from`. */
static void resolve_path(const struct jsonc_node *node, const char *from, char path[SCENARIO_PATH_MAX])
{
    char relative[SCENARIO_PATH_MAX];
    const char *slash = strrchr(from, '/');
    int length;

    jsonc_string(node, relative, sizeof relative);
    if (relative[0] == '/' || !slash) {
        memcpy(path, relative, sizeof relative);
        return;
    }
    length = snprintf(path, SCENARIO_PATH_MAX, "%.*s/%s", (int)(slash - from), from, relative);
    if (length < 0 || length >= SCENARIO_PATH_MAX) {
        jsonc_fault(node, "gives a path of over %d bytes; use a shorter one", SCENARIO_PATH_MAX - 1);
        path[0] = '\0';
    }
}

static void read_realm(const struct jsonc_node *node, struct scenario *scenario)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    jsonc_string(node, scenario->realm, sizeof scenario->realm);
    if (scenario->realm[strspn(scenario->realm, allowed)] != '\0') {
        jsonc_fault(node, "may hold only A-Z a-z 0-9 . _ -, as it becomes a part of MQTT topics");
    }
}

static void read_head(const struct jsonc_node *root, const char *path, struct scenario *scenario)
{
    static const char *const keys[] = {"name",      "about",    "realm",     "seed",     "utc_offset_minutes",
                                       "registry",  "taxonomy", "first_day", "last_day", "staff",
                                       "calendars", "streams",  "devices",   "profiles", "centre_types",
                                       "network",   "faults",   "live",      NULL};
    static const char *const staff_keys[] = {"share", "least", NULL};
    struct jsonc_node realm = jsonc_member(root, "realm", true), registry = jsonc_member(root, "registry", true);
    struct jsonc_node taxonomy = jsonc_member(root, "taxonomy", true), name = jsonc_member(root, "name", true);
    struct jsonc_node seed = jsonc_member(root, "seed", true), staff = jsonc_member(root, "staff", false);
    struct jsonc_node offset = jsonc_member(root, "utc_offset_minutes", true);
    struct jsonc_node first = jsonc_member(root, "first_day", true), last = jsonc_member(root, "last_day", true);
    struct jsonc_node share = jsonc_member(&staff, "share", false), least = jsonc_member(&staff, "least", false);

    jsonc_known_keys(root, keys);
    jsonc_known_keys(&staff, staff_keys);
    jsonc_string(&name, scenario->name, sizeof scenario->name);
    read_realm(&realm, scenario);
    resolve_path(&registry, path, scenario->registry_path);
    resolve_path(&taxonomy, path, scenario->taxonomy_path);
    scenario->seed = (uint64_t)jsonc_integer(&seed, 0, INT64_C(1) << 53, 0);
    scenario->utc_offset_minutes = (int)jsonc_integer(&offset, -840, 840, 0);
    scenario->first_day = jsonc_date(&first, 0);
    scenario->last_day = jsonc_date(&last, scenario->first_day);
    if (scenario->last_day < scenario->first_day) {
        jsonc_fault(&last, "lies before first_day; swap them or correct one");
    }
    scenario->staff_share = jsonc_number(&share, 0, 1, 0.06);
    scenario->staff_least = (uint32_t)jsonc_integer(&least, 1, 1000, 4);
}

int scenario_load(const char *path, struct jsonc_faults *faults, struct scenario **scenario)
{
    static const struct {
        const char *key;
        uint32_t limit;
        bool required;
        void (*read)(const struct jsonc_node *, struct scenario *);
    } sections[] = {
        {"calendars", SCENARIO_CALENDARS_MAX, true, scenario_read_calendars},
        {"streams", SCENARIO_STREAMS_MAX, true, scenario_read_streams},
        {"devices", SCENARIO_KINDS_MAX, true, scenario_read_devices},
        {"profiles", SCENARIO_PROFILES_MAX, true, scenario_read_profiles},
        {"centre_types", SCENARIO_CENTRE_TYPES_MAX, true, scenario_read_centre_types},
        {"network", 8, false, scenario_read_network},
        {"faults", 8, false, scenario_read_faults},
        {"live", 8, false, scenario_read_live},
    };
    struct scenario *loaded = calloc(1, sizeof *loaded);
    struct jsonc *file = NULL;
    int before = faults->count, result = ERROR_CONFIG;
    struct jsonc_node root;

    *scenario = NULL;
    if (!loaded) {
        return ERROR_MEMORY;
    }
    if (jsonc_open(path, faults, &file)) {
        goto out;
    }
    root = jsonc_root(file);
    read_head(&root, path, loaded);
    loaded->network.batch_events = SCENARIO_BATCH_MAX;
    loaded->live = (struct live){.report_every_s = 15, .volume = 1};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        struct jsonc_node section = scenario_section(&root, sections[i].key, sections[i].limit, sections[i].required);

        if (section.value) {
            sections[i].read(&section, loaded);
        }
    }
    if (faults->count == before) {
        *scenario = loaded;
        loaded = NULL;
        result = 0;
    }
out:
    jsonc_close(&file);
    scenario_free(&loaded);
    return result;
}

void scenario_free(struct scenario **scenario)
{
    free(*scenario);
    *scenario = NULL;
}

int scenario_find_centre_type(const struct scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->centre_type_count; i++) {
        if (strcmp(scenario->centre_types[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
