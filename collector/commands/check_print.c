/* The result of `edutally check` for people and for programs. Both say the same. */
#include "commands/check.h"

#include "base/civil.h"
#include "base/error.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Centres by type, the most frequent first. */
struct type_count {
    const char *type;
    size_t count;
};

static int by_count(const void *left, const void *right)
{
    const struct type_count *a = left, *b = right;
    int order = (a->count < b->count) - (a->count > b->count);
    return order != 0 ? order : strcmp(a->type, b->type);
}

/* The caller frees the list; NULL when out of memory. */
static struct type_count *count_types(const struct registry *registry, size_t *count)
{
    size_t centres = registry_centre_count(registry);
    struct type_count *types = calloc(centres + 1, sizeof *types);
    *count = 0;
    for (uint32_t i = 0; types != NULL && i < centres; i++) {
        const char *type = registry_centre(registry, i)->type;
        size_t k = 0;
        while (k < *count && types[k].type != type) {
            k++;
        }
        types[k].type = type;
        types[k].count++;
        *count += k == *count;
    }
    if (types != NULL) {
        qsort(types, *count, sizeof *types, by_count);
    }
    return types;
}

size_t check_count_codes(const struct registry *registry)
{
    size_t codes = 0;
    for (uint32_t i = 0; i < registry_area_count(registry); i++) {
        codes += i == 0 || strcmp(registry_area(registry, i)->code, registry_area(registry, i - 1)->code) != 0;
    }
    return codes;
}

size_t check_count_covered(const struct world *world, const struct indicator *indicator)
{
    size_t covered = 0;
    for (uint32_t i = 0; i < registry_centre_count(world->registry); i++) {
        covered += indicator_covers(indicator, registry_centre(world->registry, i));
    }
    return covered;
}

struct check_series check_count_series(const struct world *world)
{
    size_t centres = registry_centre_count(world->registry), codes = check_count_codes(world->registry);
    struct check_series series = {.usage = 2 * centres * registry_activity_count(world->registry),
                                  .adoption = world->indicators.count * codes};
    for (size_t i = 0; i < world->indicators.count; i++) {
        series.centre_adoption += check_count_covered(world, &world->indicators.list[i]);
    }
    return series;
}

static void print_registry(const struct registry *registry)
{
    size_t type_count;
    struct type_count *types = count_types(registry, &type_count);
    printf("  centres     %zu:", registry_centre_count(registry));
    for (size_t i = 0; types != NULL && i < type_count; i++) {
        printf("%s%zu %s", i == 0 ? " " : i % 4 == 0 ? ",\n              " : ", ", types[i].count, types[i].type);
    }
    free(types);
    printf("\n  areas       %zu codes in %zu rows, the root is %s\n  activities  ", check_count_codes(registry),
           registry_area_count(registry), registry_root(registry));
    for (uint32_t i = 0; i < registry_activity_count(registry); i++) {
        printf("%s%s", i > 0 ? ", " : "", registry_activity_name(registry, i));
    }
    printf("\n");
}

static void print_indicators(const struct world *world)
{
    char date[CIVIL_DATE_SIZE];
    for (size_t i = 0; i < world->indicators.count; i++) {
        const struct indicator *indicator = &world->indicators.list[i];
        printf("  %-10s  %s: %zu centres, each %s", i == 0 ? "indicators" : "", indicator->id,
               check_count_covered(world, indicator), period_kind_word(indicator->period));
        for (size_t k = 0; k < indicator->target_count; k++) {
            printf(", target %.1f %% from %s", indicator->targets[k].value * 100,
                   civil_format_date(indicator->targets[k].from_day, date));
        }
        printf("\n");
    }
}

void check_print_text(const struct world *world, const struct check_findings *findings)
{
    bool colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    const char *red = colour ? "\033[31m" : "", *yellow = colour ? "\033[33m" : "", *green = colour ? "\033[32m" : "",
               *plain = colour ? "\033[0m" : "";
    struct check_series series = check_count_series(world);
    printf("%s and the files that it names are sound.\n\n", world->settings.path);
    print_registry(world->registry);
    print_indicators(world);
    printf("  series      at most %zu in an output: usage %zu, adoption %zu, adoption by centre %zu\n\n",
           series.usage + series.adoption + series.centre_adoption, series.usage, series.adoption,
           series.centre_adoption);
    for (size_t i = 0; i < findings->count; i++) {
        const struct check_finding *finding = &findings->list[i];
        printf("  %s%-6s%s  %s: %s\n",
               finding->failed   ? red
               : finding->warned ? yellow
                                 : green,
               finding->failed   ? "FAILED"
               : finding->warned ? "WARN"
                                 : "ok",
               plain, finding->subject, finding->text);
        if (finding->remedy != NULL) {
            printf("          %s\n", finding->remedy);
        }
    }
    if (findings->failed > 0) {
        printf("\n%zu of %zu failed\n", findings->failed, findings->count);
    }
}

/* Each add_… returns false when out of memory. */
static bool add_count(cJSON *object, const char *name, size_t count)
{
    return cJSON_AddNumberToObject(object, name, (double)count) != NULL;
}

static bool add_centres(cJSON *root, const struct registry *registry)
{
    size_t type_count;
    struct type_count *types = count_types(registry, &type_count);
    cJSON *object = cJSON_AddObjectToObject(root, "centres");
    bool done = types != NULL && object != NULL;
    for (size_t i = 0; done && i < type_count; i++) {
        done = add_count(object, types[i].type, types[i].count);
    }
    free(types);
    return done;
}

static bool add_targets(cJSON *entry, const struct indicator *indicator)
{
    char date[CIVIL_DATE_SIZE];
    cJSON *list = cJSON_AddArrayToObject(entry, "targets");
    bool done = list != NULL;
    for (size_t i = 0; done && i < indicator->target_count; i++) {
        cJSON *target = cJSON_CreateObject();
        done =
            cJSON_AddItemToArray(list, target) &&
            cJSON_AddStringToObject(target, "from", civil_format_date(indicator->targets[i].from_day, date)) != NULL &&
            cJSON_AddNumberToObject(target, "value", indicator->targets[i].value) != NULL;
    }
    return done;
}

static bool add_indicators(cJSON *root, const struct world *world)
{
    cJSON *list = cJSON_AddArrayToObject(root, "indicators");
    bool done = list != NULL;
    for (size_t i = 0; done && i < world->indicators.count; i++) {
        const struct indicator *indicator = &world->indicators.list[i];
        cJSON *entry = cJSON_CreateObject();
        done = cJSON_AddItemToArray(list, entry) && cJSON_AddStringToObject(entry, "id", indicator->id) != NULL &&
               cJSON_AddStringToObject(entry, "period", period_kind_word(indicator->period)) != NULL &&
               add_count(entry, "centres", check_count_covered(world, indicator)) && add_targets(entry, indicator);
    }
    return done;
}

static bool add_series(cJSON *root, const struct world *world)
{
    struct check_series series = check_count_series(world);
    cJSON *object = cJSON_AddObjectToObject(root, "series");
    return object != NULL && add_count(object, "usage", series.usage) &&
           add_count(object, "adoption", series.adoption) &&
           add_count(object, "centre_adoption", series.centre_adoption);
}

static bool add_findings(cJSON *root, const struct check_findings *findings)
{
    cJSON *list = cJSON_AddArrayToObject(root, "findings");
    bool done = list != NULL;
    for (size_t i = 0; done && i < findings->count; i++) {
        const struct check_finding *finding = &findings->list[i];
        cJSON *entry = cJSON_CreateObject();
        done = cJSON_AddItemToArray(list, entry) &&
               cJSON_AddStringToObject(entry, "subject", finding->subject) != NULL &&
               cJSON_AddBoolToObject(entry, "failed", finding->failed) != NULL &&
               cJSON_AddBoolToObject(entry, "warned", finding->warned) != NULL &&
               cJSON_AddStringToObject(entry, "text", finding->text) != NULL &&
               (finding->remedy == NULL || cJSON_AddStringToObject(entry, "remedy", finding->remedy) != NULL);
    }
    return done;
}

/* Prints the object and frees it. */
static int print_and_delete(cJSON *root, bool done)
{
    char *text = done ? cJSON_Print(root) : NULL;
    int result = text != NULL && puts(text) >= 0 ? 0 : ERROR_MEMORY;
    if (result != 0) {
        fprintf(stderr, "edutally check: cannot print the result\n");
    }
    cJSON_free(text);
    cJSON_Delete(root);
    return result;
}

int check_print_json(const struct world *world, const struct check_findings *findings)
{
    cJSON *root = cJSON_CreateObject();
    bool done = root != NULL && cJSON_AddBoolToObject(root, "ok", findings->failed == 0) != NULL &&
                cJSON_AddArrayToObject(root, "faults") != NULL && add_centres(root, world->registry) &&
                add_count(root, "areas", check_count_codes(world->registry)) && add_indicators(root, world) &&
                add_series(root, world) && add_findings(root, findings);
    return print_and_delete(root, done);
}

int check_print_faults_json(const struct faults *faults)
{
    cJSON *root = cJSON_CreateObject(), *list = NULL;
    bool done = root != NULL && cJSON_AddBoolToObject(root, "ok", false) != NULL &&
                (list = cJSON_AddArrayToObject(root, "faults")) != NULL;
    for (size_t i = 0; done && i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        cJSON *entry = cJSON_CreateObject();
        done = cJSON_AddItemToArray(list, entry) && cJSON_AddStringToObject(entry, "file", fault->file) != NULL &&
               add_count(entry, "line", fault->line) && cJSON_AddStringToObject(entry, "what", fault->what) != NULL &&
               cJSON_AddStringToObject(entry, "remedy", fault->remedy) != NULL;
    }
    done = done && add_count(root, "dropped", faults->dropped);
    return print_and_delete(root, done);
}
