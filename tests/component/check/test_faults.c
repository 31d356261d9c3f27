/*
 * `edutally check` on files at fault, through world_load: each row of the table replaces one file of a sound deployment
 * and names where the fault is and a word of its remedy.
 */
#include "commands/world.h"
#include "deployment.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                                           \
    "{\"realms\": [\"46\"], \"time_zone\": \"UTC\", \"data_dir\": \"data\", \"taxonomy\": \"taxonomy.jsonc\","         \
    "\"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"}, \"indicators\": \"indicators.jsonc\",\n"
#define OUTPUT "\"outputs\": [{\"name\": \"a\", \"url\": \"http://127.0.0.1:8086\",\n"
#define AREAS_HEAD                                                                                                     \
    "# areas\ncode,name,level,parent,valid_from,valid_to,successor\n46,P,province,,,,\n1,W,commune,46,,,\n"            \
    "2,E,commune,46,,,\n"
#define CENTRES_HEAD "id,name,type,area,head_count,opened,closed\na,School A,primary,1,100,,\n"
#define INDICATOR                                                                                                      \
    "{\"indicators\": [{\"id\": \"schools\", \"name\": {\"vi\": \"T\", \"en\": \"S\"}, \"source\": \"Plan\",\n"        \
    "\"centre_types\": [\"primary\"], \"period\": \"month\", \"targets\": [],\n"
#define TYPES "{\"types\": {\"lesson.*\": \"teaching\", \"gradebook.*\": \"management\",\n"

static const struct {
    enum which file;
    const char *text; /* NULL: the file is not there */
    unsigned line;
    const char *what, *remedy;
} table[] = {
    {CONFIG, NULL, 0, "cannot open", "permissions"},
    {CONFIG, HEAD "\"late_dais\": 60}", 2, "unknown key \"late_dais\"", "late_days"},
    {CONFIG, HEAD "\"late_days\": 0}", 2, "late_days is 0", "1 to 3650"},
    {CONFIG, HEAD "\"late_days\": \"60\"}", 2, "a text", "without quotes"},
    {CONFIG, HEAD "\"data_dir\": \"other\"}", 2, "twice", "remove one"},
    {CONFIG, HEAD "\"mqtt\": {\"server\": \"mqtt://127.0.0.1\"}}", 2, "mqtt.client_id is missing", "client_id"},
    {CONFIG, HEAD "\"mqtt\": {\"server\": \"tcp://127.0.0.1\", \"client_id\": \"c\"}}", 2, "scheme", "mqtt://"},
    {CONFIG, HEAD "\"mqtt\": {\"server\": \"mqtt://h\", \"client_id\": \"c\",\n\"username\": \"u\"}}", 3,
     "without mqtt.password_file", "both"},
    {CONFIG, HEAD "\"mqtt\": {\"server\": \"mqtts://h\", \"client_id\": \"c\", \"tls\": {\n\"key_file\": \"k\"}}}", 3,
     "without mqtt.tls.cert_file", "both"},
    {CONFIG, HEAD "\"mqtt\": {\"server\": \"mqtt://h\", \"client_id\": \"c\",\n\"tls\": {}}}", 3, "not encrypted",
     "mqtts://"},
    {CONFIG, HEAD "\"http\": {\n\"listen\": \"0.0.0.0:8080\"}}", 3, "others could read", "tokens_file"},
    {CONFIG, HEAD OUTPUT "\"type\": \"influxdb1\"}]}", 2, "outputs[0].database is missing", "add"},
    {CONFIG, HEAD OUTPUT "\"type\": \"influx\"}]}", 3, "no such type of output", "influxdb1"},
    {CONFIG, "{\n\"realms\": [\"46\"]\n\"time_zone\": \"UTC\"}", 3, "not valid JSON", "comma"},

    {AREAS, NULL, 0, "cannot open", "permissions"},
    {AREAS, AREAS_HEAD "3,N,commune,9,,,\n", 6, "unknown parent \"9\"", "code of this file"},
    {AREAS, AREAS_HEAD "3,N,commune,46,,2025-07-01,9\n", 6, "unknown successor \"9\"", "continues"},
    {AREAS, AREAS_HEAD "2,N,commune,46,2025-07-01,,\n", 6, "overlaps", "valid_to 2025-07-01"},
    {AREAS, AREAS_HEAD "3,N,commune,3,,,\n", 6, "parent cycle", "upwards"},
    {AREAS, AREAS_HEAD "47,Q,province,,,,\n", 6, "no parent", "above all others"},
    {AREAS, AREAS_HEAD "3,N,commune,46,2025-07-01,2025-01-01,2\n", 6, "not after valid_from", "must come after"},
    {AREAS, AREAS_HEAD "3,N,commune,46,,,2\n", 6, "without valid_to", "add valid_to"},

    {CENTRES, NULL, 0, "cannot open", "permissions"},
    {CENTRES, "# x\nid,name,type,area,opened,closed\n", 2, "\"head_count\" is missing", "columns"},
    {CENTRES, CENTRES_HEAD "a,Twin,primary,1,100,,\n", 3, "stands in line 2 already", "id of its own"},
    {CENTRES, CENTRES_HEAD "a b,N,primary,1,100,,\n", 3, "bad id", "topics"},
    {CENTRES, CENTRES_HEAD "b,N,primary,99,100,,\n", 3, "unknown area \"99\"", "areas.csv"},
    {CENTRES, CENTRES_HEAD "b,N,primary,1,-5,,\n", 3, "bad head_count", "whole number"},
    {CENTRES, CENTRES_HEAD "b,N,primary,1,5,1.9.2020,\n", 3, "bad date", "2026-09-05"},
    {CENTRES, CENTRES_HEAD "b,N,primary,1,5,2020-01-01,2019-01-01\n", 3, "before it opened", "after opened"},
    {CENTRES, CENTRES_HEAD "b,N\xc3,primary,1,5,,\n", 3, "UTF-8", "UTF-8"},
    {CENTRES, CENTRES_HEAD "b,N,primary,1,5\n", 3, "5 fields", "double quotes"},

    {TAXONOMY, NULL, 0, "cannot open", "permissions"},
    {TAXONOMY, TYPES "\"*.x\": \"teaching\"}}", 2, "not at the end", "pattern"},
    {TAXONOMY, TYPES "\"x\": \"Big Words\"}}", 2, "bad activity", "lower-case"},
    {TAXONOMY, TYPES "\"x\": \"teaching\"},\n\"xapi\": {\"http://v\": \"y.z\"}}", 3, "no entry of types matches",
     "add"},
    {TAXONOMY, TYPES "\"x\": \"teaching\"},\n\"verbs\": {}}", 3, "unknown key \"verbs\"", "xapi"},

    {INDICATORS, NULL, 0, "cannot open", "permissions"},
    {INDICATORS, "{\"indicators\": [\n}", 2, "not valid JSON", "comma"},
    {INDICATORS, INDICATOR "\"rule\": {\"activity\": \"teching\", \"active_days\": {\"min\": 8}}}]}", 3,
     "unknown activity \"teching\"", "teaching"},
    {INDICATORS,
     INDICATOR "\"rule\": {\"activity\": \"teaching\", \"active_day\": {\"min\": 8}, \"events\": {\"min\": 8}}}]}", 3,
     "active_day", "active_days"},
    {INDICATORS, INDICATOR "\"rule\": {\"activity\": \"teaching\", \"active_days\": {\"min\": 40}}}]}", 3,
     "can never hold", "lower min"},
    {INDICATORS, INDICATOR "\"rule\": {\"all\": []}}]}", 3, "empty", "at least one"},
    {INDICATORS, INDICATOR "\"rule\": {\"activity\": \"teaching\"}}]}", 3, "no metric", "active_days"},
};

/* The fault at the line with both words; NULL if there is none. */
static const struct fault *find(const struct faults *faults, const char *path, size_t row)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        if (strcmp(fault->file, path) == 0 && fault->line == table[row].line &&
            strstr(fault->what, table[row].what) != NULL && strstr(fault->remedy, table[row].remedy) != NULL) {
            return fault;
        }
    }
    return NULL;
}

static void each_fault_is_named_with_file_line_and_remedy(void **state)
{
    const struct deployment *deployment = *state;
    for (size_t row = 0; row < sizeof table / sizeof table[0]; row++) {
        struct world world;
        struct faults faults = {0};
        const char *path = deployment->paths[table[row].file];
        deployment_write(deployment, table[row].file, table[row].text);
        assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), ERROR_CONFIG);
        if (find(&faults, path, row) == NULL) {
            for (size_t i = 0; i < faults.count; i++) {
                print_error("%s:%u: %s (%s)\n", faults.list[i].file, faults.list[i].line, faults.list[i].what,
                            faults.list[i].remedy);
            }
            fail_msg("row %zu: no fault at %s:%u \"%s\"", row, deployment_names[table[row].file], table[row].line,
                     table[row].what);
        }
        world_free(&world);
        faults_clear(&faults);
        deployment_write(deployment, table[row].file, deployment_sound[table[row].file]);
    }
}

static void a_fault_brings_no_others_with_it(void **state)
{
    const struct deployment *deployment = *state;
    for (size_t row = 0; row < sizeof table / sizeof table[0]; row++) {
        struct world world;
        struct faults faults = {0};
        if (table[row].text == NULL || strstr(table[row].what, "JSON") != NULL) {
            continue; /* what is not there cannot be judged: other files may miss it */
        }
        deployment_write(deployment, table[row].file, table[row].text);
        assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), ERROR_CONFIG);
        if (faults.count != 1) {
            fail_msg("row %zu: %zu faults, the second: %s", row, faults.count, faults.list[1].what);
        }
        world_free(&world);
        faults_clear(&faults);
        deployment_write(deployment, table[row].file, deployment_sound[table[row].file]);
    }
}

static void sound_deployment_loads(void **state)
{
    const struct deployment *deployment = *state;
    struct world world;
    struct faults faults = {0};
    assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), 0);
    assert_int_equal(faults.count, 0);
    assert_string_equal(zone_name(world.zone), "Asia/Ho_Chi_Minh");
    assert_int_equal(registry_centre_count(world.registry), 3);
    assert_int_equal(world.indicators.count, 1);
    world_free(&world);
}

static void shipped_deployment_loads(void **state)
{
    struct world world;
    struct faults faults = {0};
    (void)state;
    assert_int_equal(world_load(&world, PROJECT_DIR "/config/collector.jsonc", &faults), 0);
    assert_int_equal(faults.count, 0);
    world_free(&world);
}

static void each_absent_file_is_named_in_one_run(void **state)
{
    const struct deployment *deployment = *state;
    struct world world;
    struct faults faults = {0};
    for (enum which which = AREAS; which < FILES; which++) {
        deployment_write(deployment, which, NULL);
    }
    assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, FILES - AREAS);
    world_free(&world);
    faults_clear(&faults);
}

static void faults_of_all_files_come_in_one_run(void **state)
{
    const struct deployment *deployment = *state;
    struct world world;
    struct faults faults = {0};
    bool seen[FILES] = {false};
    deployment_write(deployment, CONFIG, HEAD "\"late_dais\": 60}");
    deployment_write(deployment, AREAS, AREAS_HEAD "3,N,commune,9,,,\n");
    deployment_write(deployment, CENTRES, CENTRES_HEAD "b,N,primary,1,-5,,\n");
    deployment_write(deployment, INDICATORS,
                     INDICATOR "\"rule\": {\"activity\": \"teching\", \"active_days\": {\"min\": 8}}}]}");
    assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, 4);
    for (size_t i = 0; i < faults.count; i++) {
        for (enum which which = 0; which < FILES; which++) {
            seen[which] |= strcmp(faults.list[i].file, deployment->paths[which]) == 0;
        }
    }
    assert_true(seen[CONFIG] && seen[AREAS] && seen[CENTRES] && seen[INDICATORS]);
    world_free(&world);
    faults_clear(&faults);
}

static void faults_of_a_file_are_in_the_order_of_its_lines(void **state)
{
    const struct deployment *deployment = *state;
    struct world world;
    struct faults faults = {0};
    deployment_write(deployment, AREAS, AREAS_HEAD "9,N,commune,x,,,\n3,N,commune,y,,,\n4,,commune,46,,,\n");
    assert_int_equal(world_load(&world, deployment->paths[CONFIG], &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, 3);
    assert_int_equal(faults.list[0].line, 6);
    assert_int_equal(faults.list[1].line, 7);
    assert_int_equal(faults.list[2].line, 8);
    world_free(&world);
    faults_clear(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_fault_is_named_with_file_line_and_remedy, deployment_set_up,
                                        deployment_tear_down),
        cmocka_unit_test_setup_teardown(a_fault_brings_no_others_with_it, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(sound_deployment_loads, deployment_set_up, deployment_tear_down),
        cmocka_unit_test(shipped_deployment_loads),
        cmocka_unit_test_setup_teardown(each_absent_file_is_named_in_one_run, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(faults_of_all_files_come_in_one_run, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(faults_of_a_file_are_in_the_order_of_its_lines, deployment_set_up,
                                        deployment_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
