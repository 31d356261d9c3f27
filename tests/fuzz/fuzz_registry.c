/*
 * Any bytes as one of the registry's three files (FUZZED_FILE says which), beside sound ones. Promises: what is refused
 * has a fault; in what is accepted every centre is found by its id and has an area, and every question about areas
 * ends.
 */
#include "fuzz.h"

#include "registry/registry.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void check_centres(const struct registry *registry)
{
    for (uint32_t i = 0; i < registry_centre_count(registry); i++) {
        const struct registry_centre *centre = registry_centre(registry, i);
        PROMISE(registry_find_centre(registry, centre->id, strlen(centre->id)) == i);
        uint32_t area = registry_find_area(registry, centre->area, 20000);
        PROMISE(area < registry_area_count(registry));
        registry_area_within(registry, area, registry_root(registry), 20000);
        registry_centre_open_on(centre, 20000);
    }
}

static void check_areas(const struct registry *registry)
{
    static const int32_t days[] = {INT32_MIN, 0, 20089, 20270, INT32_MAX};
    for (uint32_t i = 0; i < registry_area_count(registry); i++) {
        for (size_t k = 0; k < sizeof days / sizeof *days; k++) {
            const struct registry_area *area = registry_area(registry, i);
            uint32_t found = registry_find_area(registry, area->code, days[k]);
            PROMISE(found < registry_area_count(registry));
            uint32_t parent = registry_area_parent(registry, i, days[k]);
            PROMISE(parent == REGISTRY_NONE || parent < registry_area_count(registry));
            registry_area_within(registry, i, registry_root(registry), days[k]);
        }
    }
}

static void check_taxonomy(const struct registry *registry)
{
    static const char *const types[] = {"lesson.delivered", "lesson.", "lesson", ".", "a", "x.y.z", ""};
    size_t count = registry_activity_count(registry);
    PROMISE(count >= 1 && count <= REGISTRY_MAX_ACTIVITIES);
    for (uint32_t i = 0; i < count; i++) {
        PROMISE(registry_find_activity(registry, registry_activity_name(registry, i)) == (int)i);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        PROMISE(registry_activity_of(registry, types[i], strlen(types[i])) < count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_files files = {.centres = FIXTURE_DIR "/centres.csv",
                                   .areas = FIXTURE_DIR "/areas.csv",
                                   .taxonomy = FIXTURE_DIR "/taxonomy.jsonc"};
    struct registry *registry = NULL;
    struct faults faults = {0};
    files.FUZZED_FILE = fuzz_file(data, size);
    if (registry_load(&registry, &files, &faults) != 0) {
        PROMISE(registry == NULL && faults.count > 0);
    } else {
        PROMISE(strlen(registry_hash(registry)) == 64);
        check_centres(registry);
        check_areas(registry);
        check_taxonomy(registry);
    }
    registry_free(&registry);
    faults_clear(&faults);
    return 0;
}
