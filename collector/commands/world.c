/*
 * The files that people edit, loaded together: config, areas, taxonomy, centres, indicators. Each is read to its end
 * whatever is wrong with the others, as far as its path is known, so that one run names every fault. Faults are shown
 * file by file and line by line, in the order in which a person would mend them.
 */
#include "commands/world.h"

#include "base/error.h"
#include "base/jsonc.h"
#include "commands/commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A rule can only be judged by the words of a registry; without one the file can at least be read. */
static void load_indicators(struct world *world, struct faults *faults)
{
    struct jsonc file = {0};
    if (world->settings.indicators == NULL) {
        return;
    }
    if (world->registry != NULL) {
        indicators_load(&world->indicators, world->settings.indicators, world->registry, faults);
        return;
    }
    jsonc_load(&file, world->settings.indicators, faults);
    jsonc_free(&file);
}

/* The zone is one per process: it stays as the running world has it. */
static void load_zone(struct world *world, const struct world *running, struct faults *faults)
{
    struct error error = {0};
    if (running != NULL) {
        if (world->settings.time_zone != NULL && strcmp(world->settings.time_zone, running->settings.time_zone) != 0) {
            faults_add(faults, world->settings.path, 0, "restart to change the time zone",
                       "time_zone is %s now, it was %s at the start", world->settings.time_zone,
                       running->settings.time_zone);
        }
        return;
    }
    int result = world->settings.time_zone != NULL ? zone_open(&world->zone, world->settings.time_zone, &error) : 0;
    if (result == ERROR_MEMORY) {
        faults_no_memory(faults, world->settings.time_zone);
    } else if (result != 0) {
        faults_add(faults, world->settings.path, 0, "install the Debian package tzdata", "%s", error.text);
    }
}

/* Stable: by file in order of appearance, then by line. At most FAULTS_KEPT, so insertion is quick enough. */
static void sort_faults(struct faults *faults)
{
    for (size_t i = 1; i < faults->count; i++) {
        struct fault moving = faults->list[i];
        size_t k = i;
        while (k > 0 && faults->list[k - 1].line > moving.line && strcmp(faults->list[k - 1].file, moving.file) == 0) {
            faults->list[k] = faults->list[k - 1];
            k--;
        }
        faults->list[k] = moving;
    }
}

static int load(struct world *world, const char *config_path, const struct world *running, struct faults *faults)
{
    size_t before = faults->count + faults->dropped;
    *world = (struct world){0};
    settings_load(&world->settings, config_path, faults);
    const struct settings *settings = &world->settings;
    load_zone(world, running, faults);
    if (settings->registry_centres != NULL && settings->registry_areas != NULL && settings->taxonomy != NULL) {
        struct registry_files files = {
            .centres = settings->registry_centres, .areas = settings->registry_areas, .taxonomy = settings->taxonomy};
        registry_load_to_check(&world->registry, &files, faults);
    }
    load_indicators(world, faults);
    sort_faults(faults);
    return faults_result(faults, before);
}

int world_load(struct world *world, const char *config_path, struct faults *faults)
{
    return load(world, config_path, NULL, faults);
}

void world_free(struct world *world)
{
    indicators_free(&world->indicators);
    registry_free(&world->registry);
    zone_close(&world->zone);
    settings_free(&world->settings);
}

static int load_or_explain(struct world *world, const char *config_path, const struct world *running)
{
    struct faults faults = {0};
    int result = load(world, config_path, running, &faults);
    if (result != 0) {
        world_explain(&faults);
    }
    faults_clear(&faults);
    return result == 0 ? 0 : result == ERROR_MEMORY ? EXIT_FAILED : EXIT_CONFIG;
}

int world_load_or_explain(struct world *world, const char *config_path)
{
    return load_or_explain(world, config_path, NULL);
}

int world_reload_or_explain(struct world *world, const struct world *running)
{
    return load_or_explain(world, running->settings.path, running);
}

/* Texts quote what stands in files: a terminal must not take that for orders. */
static void print_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
    }
}

void world_explain(const struct faults *faults)
{
    if (faults->out_of_memory) {
        fprintf(stderr, "edutally: out of memory while reading config, registry and rules: free some and try again\n");
        return; /* what else was found may be no fault of the files */
    }
    bool colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    const char *bold = colour ? "\033[1m" : "", *red = colour ? "\033[31m" : "", *plain = colour ? "\033[0m" : "";
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        fputs(bold, stderr);
        print_plain(fault->file);
        if (fault->line > 0) {
            fprintf(stderr, ":%u", fault->line);
        }
        fprintf(stderr, ":%s %s", plain, red);
        print_plain(fault->what);
        fprintf(stderr, "%s\n    ", plain);
        print_plain(fault->remedy);
        fputc('\n', stderr);
    }
    size_t all = faults->count + faults->dropped;
    fprintf(stderr, "%zu fault%s%s\n", all, all == 1 ? "" : "s",
            faults->dropped > 0 ? ", the first of them above" : "");
}
