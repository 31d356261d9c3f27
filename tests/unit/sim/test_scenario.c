/* Faults in a scenario: each is told with file, line, place and remedy, all of them in one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/jsonc.h"
#include "sim/registry.h"
#include "sim/scenario.h"
#include "sim/taxonomy.h"

static char path[128];
static char *good; /* the fixture's text */

static int open_good(void **state)
{
    FILE *stream = fopen(TEST_DATA_DIR "/fixtures/small.jsonc", "rb");
    int file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/scenario-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    file = mkstemp(path);
    good = calloc(1, 65536);
    if (!stream || file < 0 || !good || fread(good, 1, 65535, stream) == 0) {
        return -1;
    }
    (void)fclose(stream);
    return close(file);
}

static int close_good(void **state)
{
    (void)state;
    free(good);
    return unlink(path);
}

static void write_text(const char *text, size_t length)
{
    FILE *stream = fopen(path, "wb");

    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

/* Loads the fixture with `from` replaced by `to`; returns the faults' text. */
static const char *load_with(const char *from, const char *to, struct jsonc_faults *faults)
{
    const char *at = strstr(good, from);
    struct scenario *scenario = NULL;
    FILE *stream = fopen(path, "wb");

    assert_non_null(at);
    assert_non_null(stream);
    (void)fwrite(good, 1, (size_t)(at - good), stream);
    (void)fputs(to, stream);
    (void)fputs(at + strlen(from), stream);
    assert_int_equal(fclose(stream), 0);
    memset(faults, 0, sizeof *faults);
    if (scenario_load(path, faults, &scenario) == 0) {
        scenario_free(&scenario);
    }
    return faults->text;
}

static void the_fixture_has_no_fault(void **state)
{
    struct jsonc_faults faults;

    (void)state;
    (void)load_with("\"seed\": 7", "\"seed\": 8", &faults);
    assert_int_equal(faults.count, 0);
}

static void each_fault_is_told_with_line_place_and_remedy(void **state)
{
    static const struct {
        const char *from, *to, *told;
    } rows[] = {
        {"\"seed\": 7,", "", ":1: seed: is missing; add \"seed\""},
        {"\"seed\": 7", "\"seed\": -1", ":3: seed: must be a whole number from 0"},
        {"\"realm\": \"t1\"", "\"realm\": \"a/b\"", ":3: realm: may hold only A-Z"},
        {"2025-12-01", "2025-12-32", ":5: first_day: must be a date such as"},
        {"\"2026-02-28\"", "\"2025-02-28\"", ":5: last_day: lies before first_day; swap"},
        {"\"07:00-11:00\", \"13:30-16:30\"", "\"7 to 11\"", ":8: calendars.school.weekly.mon.0: must be a stretch"},
        {"[\"07:00-11:00\", \"13:30-16:30\"]", "\"07:00-11:00\"", ":8: calendars.school.weekly.mon: must be a list"},
        {"\"sat\"", "\"sam\"", ":9: calendars.school.weekly.sam: is not a known key"},
        {"\"to\": \"2026-02-22\"", "\"to\": \"2026-02-02\"", ":10: calendars.school.breaks.0.to: lies before"},
        {"\"to\": \"09-04\"", "\"to\": \"2026-09-04\"", ":11: calendars.school.breaks.1.to: must be of the same kind"},
        {"\"factor\": 0.5", "\"factor\": 2", ":11: calendars.school.breaks.1.factor: must be a number from 0 to 1"},
        {"\"calendar\": \"school\"", "\"calendar\": \"office\"",
         ":16: streams.teaching.calendar: names the calendar \"office\", which is not defined; use one of: school"},
        {"\"users\": \"staff\"", "\"users\": \"all\"", ":16: streams.teaching.users: must be \"staff\""},
        {"[60, 2700]", "[2700, 60]", ":17: streams.teaching.events.0.seconds: has its least above its most; swap"},
        {"\"quiz.graded\"", "\"quiz\\\"graded\"", ":17: streams.teaching.events.1.type: may hold no quote"},
        {"\"weight\": 3", "\"weight\": 0", ":17: streams.teaching.events.0.weight: must be a whole number from 1"},
        {"[{\"type\": \"quiz.answered\", \"seconds\": [10, 600]}]", "[]",
         "streams.learning.events: needs at least one"},
        {"\"office\": {\"streams\": [\"teaching\"]", "\"office\": {\"streams\": [\"sport\"]",
         ":24: devices.office.streams.0: names the stream \"sport\", which is not defined; use one of: teaching, "
         "learning"},
        {"\"time\": \"utc\"", "\"time\": \"local\"", ":24: devices.office.time: must be \"rfc3339\""},
        {"\"office\": {\"streams\"",
         "\"off ice\": {\"streams\": [\"teaching\"], \"report_every_minutes\": 5}, \"office\": {\"streams\"",
         ":24: devices.off ice: may hold only"},
        {"\"silent\": {}", "\"silent\": {\"sport\": {\"days\": 1}}", ":27: profiles.silent.sport: names the stream"},
        {"{\"office\": 1, \"tablet\"", "{\"ofice\": 1, \"tablet\"",
         ":29: centre_types.primary.devices.ofice: names the device"},
        {"\"ceiling\": 1", "\"ceiling\": 1.5",
         ":30: centre_types.primary.adoption.ceiling: must be a number from 0 to 1"},
        {"\"profile\": \"full\"", "\"profile\": \"ful\"",
         ":30: centre_types.primary.adoption.profile: names the profile"},
        {"\"before\": {\"silent\": 1}", "\"before\": {\"silent\": 0}",
         "adoption.before: must give at least one profile"},
        {"\"batch_events\": 10", "\"batch_events\": 51",
         ":40: network.batch_events: must be a whole number from 1 to 50"},
        {"[0.5, 10]", "[0.5, 11]", ":41: network.offline.stretches.0.days: is longer than offline.every_days"},
        {"\"clock_1970\": 0.02", "\"clock_1971\": 0.02", ":44: faults.clock_1971: is not a known key"},
        {"\"realm\": \"t1\",", "\"realm\": \"t1\"", ":3: is not JSON from here on"},
    };
    struct jsonc_faults faults;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *told = load_with(rows[i].from, rows[i].to, &faults);

        if (faults.count != 1 || !strstr(told, rows[i].told) || strncmp(told, path, strlen(path)) != 0) {
            fail_msg("%s -> %s:\nwanted %s\ntold   %s", rows[i].from, rows[i].to, rows[i].told, told);
        }
    }
}

static void all_faults_are_told_in_one_run(void **state)
{
    struct jsonc_faults faults;

    (void)state;
    (void)load_with("\"seed\": 7, \"utc_offset_minutes\": 420",
                    "\"seed\": \"x\", \"utc_offset_minutes\": 5000, \"b\": 1", &faults);
    assert_int_equal(faults.count, 3);
}

static void load_registry_with(const char *text, const char *told)
{
    struct jsonc_faults faults = {0};
    struct registry registry;

    write_text(text, strlen(text));
    assert_int_not_equal(registry_load(path, &faults, &registry), 0);
    if (!strstr(faults.text, told)) {
        fail_msg("wanted %s, told %s", told, faults.text);
    }
}

static void faults_of_the_registry_name_their_line(void **state)
{
    (void)state;
    load_registry_with("", "needs a line of column names");
    load_registry_with("# c\nname,area\n", ":2: needs a line of column names");
    load_registry_with("id,type\n", "holds no centre");
    load_registry_with("# c\nid,type\na/b,primary\n", ":3: id is \"a/b\"");
    load_registry_with("id,name,type\na,\"two\nlines\",primary\n,x,primary\n", ":4: id is \"\"");
    load_registry_with("id,type,head_count\r\na,primary,12x\r\n", ":2: head_count is \"12x\"");
    load_registry_with("id,type,opened\na,primary,5.9.2026\n", ":2: opened is \"5.9.2026\"");
}

static void registry_fields_are_read(void **state)
{
    struct jsonc_faults faults = {0};
    struct registry registry;

    (void)state;
    assert_int_equal(registry_load(TEST_DATA_DIR "/fixtures/centres.csv", &faults, &registry), 0);
    assert_int_equal(registry.count, 5);
    assert_string_equal(registry.centres[0].id, "th-an");
    assert_int_equal(registry.centres[1].head_count, 250);
    assert_int_equal(registry.centres[1].closed, 20468);
    registry_free(&registry);
}

static void exact_names_win_over_patterns_and_the_longest_pattern_wins(void **state)
{
    static const char text[] = "{\"types\": {\"a.*\": \"one\", \"a.b.*\": \"two\", \"a.b.c\": \"three\"}}";
    struct jsonc_faults faults = {0};
    struct taxonomy taxonomy;

    (void)state;
    write_text(text, sizeof text - 1);
    assert_int_equal(taxonomy_load(path, &faults, &taxonomy), 0);
    assert_string_equal(taxonomy_activity(&taxonomy, "a.x"), "one");
    assert_string_equal(taxonomy_activity(&taxonomy, "a.b.x"), "two");
    assert_string_equal(taxonomy_activity(&taxonomy, "a.b.c"), "three");
    assert_string_equal(taxonomy_activity(&taxonomy, "a.b"), "one");
    assert_string_equal(taxonomy_activity(&taxonomy, "a"), "other");
    assert_string_equal(taxonomy_activity(&taxonomy, "ab.c"), "other");
    taxonomy_free(&taxonomy);
}

static void the_shipped_scenario_has_no_fault(void **state)
{
    struct jsonc_faults faults = {0};
    struct scenario *scenario = NULL;

    (void)state;
    if (scenario_load(PROJECT_DIR "/config/scenarios/province-year.jsonc", &faults, &scenario)) {
        fail_msg("%s", faults.text);
    }
    scenario_free(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixture_has_no_fault),
        cmocka_unit_test(each_fault_is_told_with_line_place_and_remedy),
        cmocka_unit_test(all_faults_are_told_in_one_run),
        cmocka_unit_test(faults_of_the_registry_name_their_line),
        cmocka_unit_test(registry_fields_are_read),
        cmocka_unit_test(exact_names_win_over_patterns_and_the_longest_pattern_wins),
        cmocka_unit_test(the_shipped_scenario_has_no_fault),
    };

    return cmocka_run_group_tests(tests, open_good, close_good);
}
