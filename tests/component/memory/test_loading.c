/*
 * Config, registry and rules while memory runs out at each allocation: what is loaded is loaded whole, and what is not
 * says "out of memory" and blames no file.
 */
#include "each_allocation.h"
#include "failing.h"
#include "place.h"

#include "base/buffer.h"
#include "base/error.h"
#include "commands/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Everything that a loaded world says. */
static void describe(const struct world *world, struct buffer *out)
{
    char hash[DIGEST_HEX_SIZE];
    indicators_hash(&world->indicators, hash);
    settings_print(&world->settings, out);
    buffer_print(out, "\n%s %s %s", registry_hash(world->registry), hash, zone_name(world->zone));
    for (uint32_t i = 0; i < registry_centre_count(world->registry); i++) {
        const struct registry_centre *centre = registry_centre(world->registry, i);
        buffer_print(out, "\n%s %s %s %s", centre->id, centre->name, centre->type, centre->area);
    }
    for (uint32_t i = 0; i < registry_area_count(world->registry); i++) {
        const struct registry_area *area = registry_area(world->registry, i);
        buffer_print(out, "\n%s %s %s", area->code, area->name, area->level);
    }
    PROMISE(!out->failed, "no memory for the test");
}

static long load_sound_files(long n, bool for_good)
{
    struct place place;
    struct world world, again;
    struct faults faults = {0}, none = {0};
    struct buffer text = {0}, expected = {0};
    place_make(&place);
    failing_warm_up();
    failing_arm(n, for_good);
    int result = world_load(&world, place.config, &faults);
    long count = failing_disarm();
    PROMISE(result == 0 || failing_struck(), "sound files were refused: %s",
            faults.count > 0 ? faults.list[0].what : "?");
    PROMISE(result == 0 || (result == ERROR_MEMORY && faults.out_of_memory), "lack of memory gave %d", result);
    PROMISE(world_load(&again, place.config, &none) == 0, "sound files are refused once there is memory again");
    if (result == 0) {
        describe(&world, &text);
        describe(&again, &expected);
        PROMISE(strcmp(text.bytes, expected.bytes) == 0, "loaded in part:\n%s\nnot\n%s", text.bytes, expected.bytes);
    }
    world_free(&world);
    world_free(&again);
    faults_clear(&faults);
    faults_clear(&none);
    buffer_free(&text);
    buffer_free(&expected);
    place_remove(&place);
    return count;
}

static bool same_faults(const struct faults *one, const struct faults *other)
{
    bool same = one->count == other->count && one->dropped == other->dropped;
    for (size_t i = 0; same && i < one->count; i++) {
        same = one->list[i].line == other->list[i].line && strcmp(one->list[i].what, other->list[i].what) == 0 &&
               strcmp(one->list[i].remedy, other->list[i].remedy) == 0 &&
               strcmp(one->list[i].file, other->list[i].file) == 0;
    }
    return same;
}

static long load_faulty_files(long n, bool for_good)
{
    struct place place;
    struct world world;
    struct faults faults = {0}, expected = {0};
    place_make(&place);
    place_write(&place, "collector.jsonc", place_faulty_config);
    place_write(&place, "areas.csv", place_faulty_areas);
    place_write(&place, "centres.csv", place_faulty_centres);
    place_write(&place, "taxonomy.jsonc", place_faulty_taxonomy);
    place_write(&place, "indicators.jsonc", place_faulty_indicators);
    failing_warm_up();
    failing_arm(n, for_good);
    int result = world_load(&world, place.config, &faults);
    long count = failing_disarm();
    world_free(&world);
    PROMISE(result == ERROR_CONFIG || (result == ERROR_MEMORY && failing_struck()), "faulty files gave %d", result);
    PROMISE((result == ERROR_MEMORY) == faults.out_of_memory, "%d, but out_of_memory is %d", result,
            faults.out_of_memory);
    PROMISE(world_load(&world, place.config, &expected) == ERROR_CONFIG, "faulty files are taken");
    PROMISE(result == ERROR_MEMORY || same_faults(&faults, &expected), "%zu faults, not %zu", faults.count,
            expected.count);
    world_free(&world);
    faults_clear(&faults);
    faults_clear(&expected);
    place_remove(&place);
    return count;
}

static void sound_files_are_loaded_whole_or_not_at_all(void **state)
{
    (void)state;
    each_allocation("sound files", load_sound_files, 60);
}

static void faulty_files_are_blamed_for_their_faults_alone(void **state)
{
    (void)state;
    each_allocation("faulty files", load_faulty_files, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_files_are_loaded_whole_or_not_at_all),
        cmocka_unit_test(faulty_files_are_blamed_for_their_faults_alone),
    };
    each_allocation_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
