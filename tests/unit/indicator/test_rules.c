/* Rules applied to figures, and what names a rule: its hash. */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAYS_8 "{\"activity\": \"teaching\", \"active_days\": {\"min\": 8}}"
#define SHARE  "{\"activity\": \"learning\", \"users_share\": {\"min\": 0.3}}"
#define USERS  "{\"activity\": \"learning\", \"users\": {\"min\": 200}}"
#define IDLE   "{\"activity\": \"teaching\", \"seconds\": {\"max\": 3600}}"

/* What a centre did: teaching days and seconds, learners, heads. */
struct did {
    int64_t days, seconds, users, heads;
};

static void figures_fill(struct indicator_figures *figures, const struct registry *registry, const struct did *did)
{
    int teaching = registry_find_activity(registry, "teaching"),
        learning = registry_find_activity(registry, "learning");
    assert_true(teaching > 0 && learning > 0);
    *figures = (struct indicator_figures){.head_count = did->heads, .reporting = true};
    figures->active_days[teaching] = did->days;
    figures->seconds[teaching] = did->seconds;
    figures->events[teaching] = did->days;
    figures->devices[teaching] = 1;
    figures->users[learning] = did->users;
}

static void rules_hold_or_not(void **state)
{
    static const struct {
        const char *rule;
        struct did did;
        bool adopts;
    } table[] = {
        {DAYS_8, {7, 0, 0, 0}, false},
        {DAYS_8, {8, 0, 0, 0}, true}, /* inclusive */
        {DAYS_8, {9, 0, 0, 0}, true},
        {IDLE, {0, 3600, 0, 0}, true}, /* inclusive */
        {IDLE, {0, 3601, 0, 0}, false},
        {"{\"not\": " IDLE "}", {0, 3600, 0, 0}, false},
        {"{\"not\": " IDLE "}", {0, 3601, 0, 0}, true},
        {"{\"not\": {\"not\": " IDLE "}}", {0, 3600, 0, 0}, true},
        {SHARE, {0, 0, 30, 100}, true}, /* exactly 30 % */
        {SHARE, {0, 0, 29, 100}, false},
        {SHARE, {0, 0, 3, 10}, true},
        {SHARE, {0, 0, 150, 100}, true}, /* more people than are registered */
        {SHARE, {0, 0, 150, 0}, false},  /* no head count: no share */
        {"{\"any\": [" SHARE "," USERS "]}", {0, 0, 200, 0}, true},
        {"{\"any\": [" SHARE "," USERS "]}", {0, 0, 30, 100}, true},
        {"{\"any\": [" SHARE "," USERS "]}", {0, 0, 199, 1000}, false},
        {"{\"all\": [" DAYS_8 "," USERS "]}", {8, 0, 200, 0}, true},
        {"{\"all\": [" DAYS_8 "," USERS "]}", {7, 0, 200, 0}, false},
        {"{\"all\": [" DAYS_8 "," USERS "]}", {8, 0, 199, 0}, false},
        {"{\"all\": [" DAYS_8 ",{\"any\": [" SHARE "," USERS "]},{\"not\": " IDLE "}]}", {8, 3601, 200, 0}, true},
        {"{\"all\": [" DAYS_8 ",{\"any\": [" SHARE "," USERS "]},{\"not\": " IDLE "}]}", {8, 3600, 200, 0}, false},
        {"{\"activity\": \"teaching\", \"active_days\": {\"min\": 2}, \"seconds\": {\"min\": 60}}",
         {2, 60, 0, 0},
         true},
        {"{\"activity\": \"teaching\", \"active_days\": {\"min\": 2}, \"seconds\": {\"min\": 60}}",
         {2, 59, 0, 0},
         false},
        {"{\"activity\": \"teaching\", \"active_days\": {\"min\": 2, \"max\": 4}}", {5, 0, 0, 0}, false},
        {"{\"activity\": \"teaching\", \"active_days\": {\"min\": 2, \"max\": 4}}", {4, 0, 0, 0}, true},
        {"{\"activity\": \"teaching\", \"events\": {\"max\": 0}}", {0, 0, 0, 0}, true},
        {"{\"activity\": \"teaching\", \"devices\": {\"min\": 2}}", {9, 9, 9, 9}, false},
        {"{\"activity\": \"other\", \"events\": {\"min\": 1}}", {9, 9, 9, 9}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct indicators indicators;
        struct indicator_figures figures;
        struct indicator_verdict verdict;
        parse_rule(&indicators, *state, table[i].rule);
        figures_fill(&figures, *state, &table[i].did);

        indicator_evaluate(&indicators.list[0], *state, &figures, &verdict);

        if (verdict.adopts != table[i].adopts) {
            fail_msg("row %zu: %s", i, table[i].rule);
        }
        assert_true(verdict.reporting);
        indicators_free(&indicators);
    }
}

static void a_silent_centre_adopts_nothing(void **state)
{
    struct indicators indicators;
    struct indicator_figures figures = {.reporting = false};
    struct indicator_verdict verdict;
    parse_rule(&indicators, *state, IDLE);
    indicator_evaluate(&indicators.list[0], *state, &figures, &verdict);
    assert_false(verdict.reporting);
    assert_false(verdict.adopts);
    assert_int_equal(verdict.condition_count, 1);
    assert_true(verdict.conditions[0].met);
    indicators_free(&indicators);
}

static void every_condition_is_listed_with_its_place_and_its_figure(void **state)
{
    struct indicators indicators;
    struct indicator_figures figures;
    struct indicator_verdict verdict;
    struct buffer text = {0};
    parse_rule(&indicators, *state,
               "{\"all\": [{\"activity\": \"teaching\", \"seconds\": {\"min\": 60, \"max\": 9000}, \"active_days\": "
               "{\"min\": 8}}, {\"any\": [" SHARE "," USERS "]}, {\"not\": {\"all\": [" IDLE "]}}]}");
    figures_fill(&figures, *state, &(struct did){6, 1800, 100, 300});

    indicator_evaluate(&indicators.list[0], *state, &figures, &verdict);
    indicator_print_conditions(&verdict, &text);

    assert_false(verdict.adopts);
    assert_string_equal(
        text.bytes,
        "[{\"path\":\"all/0\",\"activity\":\"teaching\",\"metric\":\"active_days\",\"min\":8,\"max\":null,\"actual\":6,"
        "\"negated\":false,\"met\":false},"
        "{\"path\":\"all/0\",\"activity\":\"teaching\",\"metric\":\"seconds\",\"min\":60,\"max\":9000,\"actual\":1800,"
        "\"negated\":false,\"met\":true},"
        "{\"path\":\"all/1/any/0\",\"activity\":\"learning\",\"metric\":\"users_share\",\"min\":0.3,\"max\":null,"
        "\"actual\":0.3333333333333333,\"negated\":false,\"met\":true},"
        "{\"path\":\"all/1/any/"
        "1\",\"activity\":\"learning\",\"metric\":\"users\",\"min\":200,\"max\":null,\"actual\":100,"
        "\"negated\":false,\"met\":false},"
        "{\"path\":\"all/2/not/all/0\",\"activity\":\"teaching\",\"metric\":\"seconds\",\"min\":null,\"max\":3600,"
        "\"actual\":1800,\"negated\":true,\"met\":false}]");
    buffer_free(&text);
    indicators_free(&indicators);
}

/* The longest path there can be: ten conditions stand before the last one on each of six levels. */
static void the_longest_rule_fits_a_verdict(void **state)
{
    struct buffer rule = {0};
    buffer_add_text(&rule, USERS);
    for (int level = 0; level < 7; level++) {
        struct buffer outer = {0};
        buffer_add_text(&outer, level % 2 == 0 ? "{\"all\": [" : "{\"any\": [");
        for (int i = 0; i < (level < 6 ? 10 : 3); i++) {
            buffer_add_text(&outer, DAYS_8 ",");
        }
        buffer_print(&outer, "%s]}", rule.bytes);
        buffer_free(&rule);
        rule = outer;
    }
    struct indicators indicators;
    struct indicator_figures figures;
    struct indicator_verdict verdict;
    parse_rule(&indicators, *state, rule.bytes);
    figures_fill(&figures, *state, &(struct did){0});
    indicator_evaluate(&indicators.list[0], *state, &figures, &verdict);
    assert_int_equal(verdict.condition_count, INDICATOR_MAX_CONDITIONS);
    assert_string_equal(verdict.conditions[63].path, "all/3/any/10/all/10/any/10/all/10/any/10/all/10");
    indicators_free(&indicators);
    buffer_free(&rule);
}

static void hash_of(const struct registry *registry, const char *types, const char *period, const char *rest, char *out)
{
    struct indicators indicators;
    struct faults faults = {0};
    struct buffer text = {0};
    buffer_print(&text, "{\"indicators\": [{\"centre_types\": %s, \"period\": \"%s\", %s}]}", types, period, rest);
    if (indicators_parse(&indicators, "test.jsonc", text.bytes, text.used, registry, &faults) != 0) {
        fail_with_faults(&faults);
    }
    assert_int_equal(strlen(indicators.list[0].rule_hash), 64);
    memcpy(out, indicators.list[0].rule_hash, DIGEST_HEX_SIZE);
    indicators_free(&indicators);
    buffer_free(&text);
}

#define REST(rule) "\"id\": \"i\", \"name\": {\"vi\": \"v\", \"en\": \"e\"}, \"targets\": [], \"rule\": " rule
#define TYPES      "[\"primary\", \"lower_secondary\"]"

static void the_hash_changes_with_what_decides_and_with_nothing_else(void **state)
{
    static const struct {
        const char *types, *period, *rest;
        bool same;
    } table[] = {
        {TYPES, "month", REST(SHARE), true},
        {"[\"lower_secondary\",\n\"primary\"]", "month", REST(SHARE), true},
        {TYPES, "month",
         REST("/* a reason */ { \"users_share\" : { \"min\" : 3.0e-1 },\n\"activity\":\"learning\"} // so"
              "\n"),
         true},
        {TYPES, "month",
         "\"source\": \"Plan 182\", \"id\": \"other\", \"name\": {\"vi\": \"x\", \"en\": \"y\"}, "
         "\"targets\": [{\"from\": \"2024-05-02\", \"value\": 0.6}], \"rule\": " SHARE,
         true},
        {TYPES, "year", REST(SHARE), false},
        {"[\"primary\"]", "month", REST(SHARE), false},
        {TYPES, "month", REST(USERS), false},
        {TYPES, "month", REST("{\"activity\": \"learning\", \"users_share\": {\"min\": 0.30000000000000004}}"), false},
        {TYPES, "month", REST("{\"not\": " SHARE "}"), false},
        {TYPES, "month", REST("{\"activity\": \"learning\", \"users_share\": {\"max\": 0.3}}"), false},
    };
    char hash[DIGEST_HEX_SIZE], other[DIGEST_HEX_SIZE];
    hash_of(*state, TYPES, "month", REST(SHARE), hash);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        hash_of(*state, table[i].types, table[i].period, table[i].rest, other);
        if ((strcmp(hash, other) == 0) != table[i].same) {
            fail_msg("row %zu", i);
        }
    }
}

/* The hash is stored with results: it must be the same in every version. By sha256sum, of {"centre_types":
 * ["lower_secondary","primary"],"period":"month","rule":{"activity":"learning","users_share":{"min":0.3}}} without
 * white space. */
static void the_hash_is_that_of_the_canonical_text(void **state)
{
    char hash[DIGEST_HEX_SIZE];
    hash_of(*state, TYPES, "month", REST(SHARE), hash);
    assert_string_equal(hash, "89d69dff040ca21126ff5c75dc58fe4df124938920d29015ca11156149f78327");
}

static void the_shipped_files_load(void **state)
{
    (void)state;
    const struct registry_files files = {.centres = CONFIG_DIR "/registry/centres.csv",
                                         .areas = CONFIG_DIR "/registry/areas.csv",
                                         .taxonomy = CONFIG_DIR "/taxonomy.jsonc"};
    struct registry *registry = NULL;
    struct indicators indicators;
    struct faults faults = {0};
    double target = 0;
    if (registry_load(&registry, &files, &faults) != 0 ||
        indicators_load(&indicators, CONFIG_DIR "/indicators.jsonc", registry, &faults) != 0) {
        fail_with_faults(&faults);
    }
    const struct indicator *schools = indicators_find(&indicators, "institutions-digital");
    const struct indicator *centres = indicators_find(&indicators, "clc-digital");
    assert_non_null(schools);
    assert_non_null(centres);
    assert_null(indicators_find(&indicators, "none"));
    assert_false(indicator_target_on(schools, 19844, &target)); /* 2024-05-01 */
    assert_true(indicator_target_on(schools, 19845, &target));
    assert_true(target == 0.60);
    assert_true(indicator_target_on(centres, 25000, &target));
    assert_true(target == 0.80);
    size_t covered[2] = {0};
    for (uint32_t i = 0; i < registry_centre_count(registry); i++) {
        const struct registry_centre *centre = registry_centre(registry, i);
        covered[0] += indicator_covers(schools, centre);
        covered[1] += indicator_covers(centres, centre);
        assert_false(indicator_covers(schools, centre) && indicator_covers(centres, centre));
    }
    assert_true(covered[0] > 100 && covered[1] > 100);
    indicators_free(&indicators);
    registry_free(&registry);
}

static void the_set_is_named_whatever_its_order(void **state)
{
#define ONE                                                                                                            \
    "{\"id\": \"one\", \"name\": {\"vi\": \"v\", \"en\": \"e\"}, \"centre_types\": [\"primary\"], \"period\": "        \
    "\"month\", \"targets\": [], \"rule\": " SHARE "}"
#define TWO                                                                                                            \
    "{\"id\": \"two\", \"name\": {\"vi\": \"v\", \"en\": \"e\"}, \"centre_types\": [\"primary\"], \"period\": "        \
    "\"month\", \"targets\": [], \"rule\": " USERS "}"
    static const char *const files[] = {"{\"indicators\": [" ONE "," TWO "]}", "{\"indicators\": [" TWO "," ONE "]}",
                                        "{\"indicators\": [" ONE "]}", "{\"indicators\": []}"};
    char hashes[4][DIGEST_HEX_SIZE];
    for (size_t i = 0; i < 4; i++) {
        struct indicators indicators;
        struct faults faults = {0};
        assert_int_equal(indicators_parse(&indicators, "test.jsonc", files[i], strlen(files[i]), *state, &faults), 0);
        indicators_hash(&indicators, hashes[i]);
        indicators_free(&indicators);
    }
    assert_string_equal(hashes[0], hashes[1]);
    assert_string_not_equal(hashes[0], hashes[2]);
    assert_string_not_equal(hashes[2], hashes[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hold_or_not),
        cmocka_unit_test(a_silent_centre_adopts_nothing),
        cmocka_unit_test(every_condition_is_listed_with_its_place_and_its_figure),
        cmocka_unit_test(the_longest_rule_fits_a_verdict),
        cmocka_unit_test(the_hash_changes_with_what_decides_and_with_nothing_else),
        cmocka_unit_test(the_hash_is_that_of_the_canonical_text),
        cmocka_unit_test(the_shipped_files_load),
        cmocka_unit_test(the_set_is_named_whatever_its_order),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
