/* What every command needs first: settings, registry, indicators and the time zone, loaded and checked together. */
#ifndef EDUTALLY_COMMANDS_WORLD_H
#define EDUTALLY_COMMANDS_WORLD_H

#include "base/faults.h"
#include "base/zone.h"
#include "indicator/indicator.h"
#include "registry/registry.h"
#include "settings/settings.h"

struct world {
    struct settings settings;
    struct registry *registry;
    struct indicators indicators;
    struct zone *zone;
};

/* Loads everything that `config_path` names, gathering the faults of all files. 0, ERROR_CONFIG or ERROR_MEMORY;
 * free in any case. */
int world_load(struct world *world, const char *config_path, struct faults *faults);
void world_free(struct world *world);

/* As world_load; on failure prints every fault to standard error and returns EXIT_CONFIG, or EXIT_FAILED if memory ran
 * out; else 0. */
int world_load_or_explain(struct world *world, const char *config_path);

/* The same for a reload beside a running world, with the config file that it was loaded from: the process's time zone
 * is left alone (`world->zone` stays NULL), and another time_zone in the file is a fault. */
int world_reload_or_explain(struct world *world, const struct world *running);

/* Prints faults as "file:line: what\n    remedy", in colour on a terminal only; or that memory ran out, and no fault.
 */
void world_explain(const struct faults *faults);

#endif
