/* Every mistake in indicators.jsonc is a fault with its line and a remedy; several are found in one run. */
#include "base/error.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Around what each row of the table is about, so that its line is known: the rule stands on line 9. */
#define FILE_WITH(id, name, types, period, targets, rule)                                                              \
    "{ \"indicators\": [ // one\n"                                                                                     \
    "  {\n"                                                                                                            \
    "    " id "\n"                                                                                                     \
    "    " name "\n"                                                                                                   \
    "    /* whom\n"                                                                                                    \
    "       it covers */ " types "\n"                                                                                  \
    "    " period "\n"                                                                                                 \
    "    " targets "\n"                                                                                                \
    "    " rule "\n"                                                                                                   \
    "  } ] }\n"

#define ID      "\"id\": \"i\","
#define NAME    "\"name\": {\"vi\": \"v\", \"en\": \"e\"},"
#define TYPES   "\"centre_types\": [\"primary\"],"
#define PERIOD  "\"period\": \"month\","
#define TARGETS "\"targets\": [],"
#define RULE    "\"rule\": {\"activity\": \"teaching\", \"active_days\": {\"min\": 8}}"

#define WITH_ID(id)         FILE_WITH(id, NAME, TYPES, PERIOD, TARGETS, RULE)
#define WITH_NAME(name)     FILE_WITH(ID, name, TYPES, PERIOD, TARGETS, RULE)
#define WITH_TYPES(types)   FILE_WITH(ID, NAME, types, PERIOD, TARGETS, RULE)
#define WITH_PERIOD(period) FILE_WITH(ID, NAME, TYPES, period, TARGETS, RULE)
#define WITH_TARGETS(list)  FILE_WITH(ID, NAME, TYPES, PERIOD, "\"targets\": " list ",", RULE)
#define WITH_RULE(rule)     FILE_WITH(ID, NAME, TYPES, PERIOD, TARGETS, "\"rule\": " rule)
#define TEACHING(metric)    WITH_RULE("{\"activity\": \"teaching\", " metric "}")

struct row {
    const char *text;
    unsigned line;
    const char *what;   /* a part of it */
    const char *remedy; /* a part of it */
};

static const struct row rows[] = {
    {"[]", 1, "the file is not an object", "indicators"},
    {"{}", 1, "the file has no \"indicators\"", "write"},
    {"{\"indicators\": {}}", 1, "\"indicators\" is not an array", "write"},
    {"{\"indicators\": [],\n\"indicator\": []}", 2, "unknown key \"indicator\"", "did you mean \"indicators\"?"},
    {"{\"indicators\": [],\n\n\"indicators\": []}", 3, "\"indicators\" stands twice", "keep one"},
    {"{\"indicators\": [\n7]}", 2, "an indicator is not an object", "write"},
    {"{\"indicators\": [\n", 2, "not valid JSON", "comma"},
    {WITH_ID(""), 2, "the indicator has no \"id\"", "give it one"},
    {WITH_ID("\"id\": 5,"), 3, "\"id\" is not a string", "quotes"},
    {WITH_ID("\"id\": \"\","), 3, "\"id\" is empty", "quotes"},
    {WITH_ID("\"id\": \"a b\","), 3, "bad id \"a b\"", "1 to 64"},
    {WITH_ID("\"id\": \"i\", \"Source\": \"x\","), 3, "unknown key \"Source\"", "did you mean \"source\"?"},
    {WITH_ID("\"id\": \"i\", \"id\": \"i\","), 3, "\"id\" stands twice", "keep one"},
    {WITH_ID("\"id\": \"i\", \"source\": 182,"), 3, "\"source\" is not a string", "leave it out"},
    {WITH_ID("\"id\": \"i\", \"$schema\": \"x\","), 3, "unknown key \"$schema\"", "known: id"},
    {WITH_NAME(""), 2, "the indicator has no \"name\"", "give it one"},
    {WITH_NAME("\"name\": \"x\","), 4, "\"name\" is not an object", "give it one"},
    {WITH_NAME("\"name\": {\"vi\": \"x\"},"), 4, "\"name\" has no \"en\"", "in Vietnamese and in English"},
    {WITH_NAME("\"name\": {\"vi\": \"\", \"en\": \"e\"},"), 4, "the name is empty", "quotes"},
    {WITH_NAME("\"name\": {\"vi\": \"x\", \"en\": \"e\", \"fr\": \"f\"},"), 4, "unknown key \"fr\"", "known: vi, en"},
    {WITH_TYPES(""), 2, "the indicator has no \"centre_types\"", "list the types"},
    {WITH_TYPES("\"centre_types\": [],"), 6, "\"centre_types\" is empty", "list the types"},
    {WITH_TYPES("\"centre_types\": \"primary\","), 6, "\"centre_types\" is not an array", "list the types"},
    {WITH_TYPES("\"centre_types\": [5],"), 6, "a centre type is not a string", "quotes"},
    {WITH_TYPES("\"centre_types\": [\"primry\"],"), 6, "has the type \"primry\"", "did you mean \"primary\"?"},
    {WITH_TYPES("\"centre_types\": [\"zoo\"],"), 6, "has the type \"zoo\"",
     "known: primary, lower_secondary, community_learning_centre"},
    {WITH_TYPES("\"centre_types\": [\"primary\", \"primary\"],"), 6, "\"primary\" stands there twice", "remove one"},
    {WITH_PERIOD(""), 2, "the indicator has no \"period\"", "\"school_year\""},
    {WITH_PERIOD("\"period\": \"week\","), 7, "bad period \"week\"", "\"month\""},
    {WITH_PERIOD("\"period\": 12,"), 7, "bad period", "\"month\""},
    {FILE_WITH(ID, NAME, TYPES, PERIOD, "", RULE), 2, "the indicator has no \"targets\"", "[] if there is none"},
    {WITH_TARGETS("{}"), 8, "\"targets\" is not an array", "list them"},
    {WITH_TARGETS("[0.6]"), 8, "a target is not an object", "write a target"},
    {WITH_TARGETS("[{\"value\": 0.6}]"), 8, "the target has no \"from\"", "write a target"},
    {WITH_TARGETS("[{\"from\": \"2024-05-02\"}]"), 8, "the target has no \"value\"", "write a target"},
    {WITH_TARGETS("[{\"from\": \"2024-02-30\", \"value\": 0.6}]"), 8, "bad date \"2024-02-30\"",
     "a day of the calendar"},
    {WITH_TARGETS("[{\"from\": \"02/05/2024\", \"value\": 0.6}]"), 8, "bad date \"02/05/2024\"", "2024-05-02"},
    {WITH_TARGETS("[{\"from\": 2024, \"value\": 0.6}]"), 8, "bad date", "2024-05-02"},
    {WITH_TARGETS("[{\"from\": \"2024-05-02\", \"value\": 60}]"), 8, "bad target value 60", "0.60 is 60 %"},
    {WITH_TARGETS("[{\"from\": \"2024-05-02\", \"value\": -0.1}]"), 8, "bad target value -0.1", "0.60 is 60 %"},
    {WITH_TARGETS("[{\"from\": \"2024-05-02\", \"value\": \"0.6\"}]"), 8, "bad target value", "0.60 is 60 %"},
    {WITH_TARGETS("[{\"from\": \"2024-05-02\", \"value\": 0.6, \"valu\": 1}]"), 8, "unknown key \"valu\"",
     "\"value\"?"},
    {WITH_TARGETS("[{\"from\": \"2025-01-01\", \"value\": 0.6},\n{\"from\": \"2024-01-01\", \"value\": 0.7}]"), 9,
     "does not begin after the one before", "order the targets"},
    {WITH_TARGETS("[{\"from\": \"2025-01-01\", \"value\": 0.6},\n{\"from\": \"2025-01-01\", \"value\": 0.7}]"), 9,
     "does not begin after the one before", "each date once"},
    {FILE_WITH(ID, NAME, TYPES, PERIOD, "\"targets\": []", ""), 2, "the indicator has no \"rule\"", "give it one"},
    {WITH_RULE("\"teaching\""), 9, "a rule is not an object", "write {\"all\": [rules]}"},
    {WITH_RULE("{}"), 9, "neither all, any, not nor a comparison", "write {\"all\": [rules]}"},
    {WITH_RULE("{\"all\": []}"), 9, "\"all\" is empty", "at least one rule"},
    {WITH_RULE("{\"any\": []}"), 9, "\"any\" is empty", "at least one rule"},
    {WITH_RULE("{\"any\": {}}"), 9, "\"any\" is not an array", "an array"},
    {WITH_RULE("{\"not\": []}"), 9, "a rule is not an object", "{\"not\": rule}"},
    {WITH_RULE("{\"al\": []}"), 9, "unknown key \"al\"", "did you mean \"all\"?"},
    {WITH_RULE("{\"all\": [{\"activity\": \"teaching\", \"events\": {\"min\": 1}}],\n\"any\": []}"), 10,
     "\"any\" stands beside \"all\"", "put one into the other"},
    {WITH_RULE("{\"all\": [{\"activity\": \"teaching\", \"events\": {\"min\": 1}}],\n\"activity\": \"x\"}"), 10,
     "unknown key \"activity\" in an \"all\" rule", "known: all, any, not"},
    {WITH_RULE("{\"all\": [\n\n{\"activity\": \"teching\", \"events\": {\"min\": 1}}]}"), 11,
     "unknown activity \"teching\"", "did you mean \"teaching\"?"},
    {WITH_RULE("{\"activity\": \"sports\", \"events\": {\"min\": 1}}"), 9, "unknown activity \"sports\"",
     "known: other, management, teaching, learning, community"},
    {WITH_RULE("{\"activity\": 1, \"events\": {\"min\": 1}}"), 9, "\"activity\" is not a string", "taxonomy"},
    {WITH_RULE("{\"activity\": \"teaching\"}"), 9, "names an activity and no metric", "active_days"},
    {WITH_RULE("{\"events\": {\"min\": 1}}"), 9, "nor a comparison of an activity", "\"activity\": \"teaching\""},
    {TEACHING("\"active_day\": {\"min\": 8}"), 9, "unknown key \"active_day\"", "did you mean \"active_days\"?"},
    {TEACHING("\"active_days\": 8"), 9, "\"active_days\" is not an object", "{\"min\": number}"},
    {TEACHING("\"active_days\": {}"), 9, "\"active_days\" has neither min nor max", "{\"min\": number}"},
    {TEACHING("\"active_days\": {\"minimum\": 8}"), 9, "unknown key \"minimum\"", "known: min, max"},
    {TEACHING("\"active_days\": {\"min\": 8, \"min\": 9}"), 9, "\"min\" stands twice", "keep one"},
    {TEACHING("\"active_days\": {\"min\": \"8\"}"), 9, "active_days: min is not a number", "without quotes"},
    {TEACHING("\"active_days\": {\"min\": null}"), 9, "active_days: min is not a number", "without quotes"},
    {TEACHING("\"active_days\": {\"min\": -1}"), 9, "min is -1", "0 or more"},
    {TEACHING("\"events\": {\"max\": -0.5}"), 9, "max is -0.5", "0 or more"},
    {TEACHING("\"active_days\": {\"min\": 7.5}"), 9, "min is 7.5", "whole number"},
    {TEACHING("\"events\": {\"min\": 1e300}"), 9, "min is 1e+300", "smaller"},
    {TEACHING("\"events\": {\"min\": 9, \"max\": 8}"), 9, "min 9 is above max 8", "swap them"},
    {TEACHING("\"active_days\": {\"min\": 32}"), 9, "a month has at most 31 days: this can never hold",
     "longer period"},
    {TEACHING("\"active_days\": {\"max\": 31}"), 9, "at most 31 days: this always holds", "lower max"},
    {TEACHING("\"users_share\": {\"min\": 30}"), 9, "users_share: min is 30", "0.30 is 30 %"},
    {TEACHING("\"users_share\": {\"min\": 1.01}"), 9, "this can never hold", "0.30 is 30 %"},
    {TEACHING("\"events\": {\"min\": 0}"), 9, "min is 0 and there is no max: this always holds", "above 0"},
};

static void each_mistake_is_one_fault_with_line_and_remedy(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct indicators indicators;
        struct faults faults = {0};
        assert_int_equal(
            indicators_parse(&indicators, "test.jsonc", rows[i].text, strlen(rows[i].text), *state, &faults),
            ERROR_CONFIG);
        if (faults.count != 1 || faults.list[0].line != rows[i].line ||
            strstr(faults.list[0].what, rows[i].what) == NULL ||
            strstr(faults.list[0].remedy, rows[i].remedy) == NULL) {
            print_error("row %zu, expected line %u: %s (%s)\n%s", i, rows[i].line, rows[i].what, rows[i].remedy,
                        rows[i].text);
            fail_with_faults(&faults);
        }
        assert_string_equal(faults.list[0].file, "test.jsonc");
        indicators_free(&indicators);
        faults_clear(&faults);
    }
}

static void the_rows_are_wrong_in_one_thing_alone(void **state)
{
    const char *text = FILE_WITH(ID, NAME, TYPES, PERIOD, TARGETS, RULE);
    struct indicators indicators;
    struct faults faults = {0};
    if (indicators_parse(&indicators, "test.jsonc", text, strlen(text), *state, &faults) != 0) {
        fail_with_faults(&faults);
    }
    indicators_free(&indicators);
}

static void one_run_finds_all_mistakes_in_the_order_of_the_file(void **state)
{
    const char *text = FILE_WITH("\"id\": \"a b\",", "\"name\": {},", "\"centre_types\": [\"zoo\", \"park\"],",
                                 "\"period\": \"week\",", "\"targets\": [{\"from\": \"x\", \"value\": 1}],",
                                 "\"rule\": {\"any\": [{\"activity\": \"x\", \"events\": {\"min\": 0}}, 7]}");
    static const unsigned lines[] = {3, 4, 4, 6, 6, 7, 8, 9, 9, 9};
    struct indicators indicators;
    struct faults faults = {0};
    assert_int_equal(indicators_parse(&indicators, "test.jsonc", text, strlen(text), *state, &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, sizeof lines / sizeof *lines);
    for (size_t i = 0; i < faults.count; i++) {
        assert_int_equal(faults.list[i].line, lines[i]);
    }
    indicators_free(&indicators);
    faults_clear(&faults);
}

static void parse_repeated(const struct registry *registry, const char *before, const char *item, int count,
                           const char *after, struct faults *faults)
{
    struct buffer text = {0};
    struct indicators indicators;
    buffer_add_text(&text, before);
    for (int i = 0; i < count; i++) {
        buffer_print(&text, "%s%s", i > 0 ? "," : "", item);
    }
    buffer_add_text(&text, after);
    int result = indicators_parse(&indicators, "test.jsonc", text.bytes, text.used, registry, faults);
    assert_int_equal(result != 0, faults->count > 0);
    indicators_free(&indicators);
    buffer_free(&text);
}

#define HEAD "{\"indicators\": [{" ID NAME TYPES PERIOD TARGETS "\"rule\": "
#define TAIL "}]}"

static void conditions_and_depth_and_indicators_are_bounded(void **state)
{
    static const char condition[] = "{\"activity\": \"teaching\", \"events\": {\"min\": 1}}";
    static const struct {
        const char *before, *item, *after;
        int count;
        const char *what; /* NULL: no fault */
    } table[] = {
        {HEAD "{\"all\": [", condition, "]}" TAIL, 64, NULL},
        {HEAD "{\"all\": [", condition, "]}" TAIL, 65, "more than 64 conditions"},
        {HEAD "{\"all\": [", condition, "]}" TAIL, 5000, "more than 64 conditions"},
        {HEAD "{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":", condition, "}}}}}}}" TAIL, 1, NULL},
        {HEAD "{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":", condition, "}}}}}}}}" TAIL, 1,
         "nested more than 8 deep"},
        {"{\"indicators\": [", "{}", "]}", 65, "65 indicators, at most 64"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct faults faults = {0};
        parse_repeated(*state, table[i].before, table[i].item, table[i].count, table[i].after, &faults);
        if (faults.count != (table[i].what != NULL) ||
            (table[i].what != NULL && strstr(faults.list[0].what, table[i].what) == NULL)) {
            print_error("row %zu\n", i);
            fail_with_faults(&faults);
        }
        faults_clear(&faults);
    }
}

static void an_id_is_used_once(void **state)
{
    struct faults faults = {0};
    parse_repeated(*state, "{\"indicators\": [", "\n{" ID NAME TYPES PERIOD TARGETS RULE "}", 2, "]}", &faults);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.list[0].line, 3);
    assert_non_null(strstr(faults.list[0].what, "the id \"i\" is taken by indicator 1"));
    faults_clear(&faults);
}

static void a_longer_period_has_room_for_more_days(void **state)
{
    static const struct {
        const char *period;
        int longest;
    } table[] = {{"month", 31}, {"quarter", 92}, {"school_year", 366}, {"year", 366}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int past = 0; past <= 1; past++) {
            struct buffer text = {0};
            struct faults faults = {0};
            struct indicators indicators;
            buffer_print(&text,
                         "{\"indicators\": [{" ID NAME TYPES "\"period\": \"%s\"," TARGETS
                         "\"rule\": {\"activity\": \"teaching\", \"active_days\": {\"min\": %d}}}]}",
                         table[i].period, table[i].longest + past);
            int result = indicators_parse(&indicators, "test.jsonc", text.bytes, text.used, *state, &faults);
            assert_int_equal(result, past == 1 ? ERROR_CONFIG : 0);
            indicators_free(&indicators);
            faults_clear(&faults);
            buffer_free(&text);
        }
    }
}

static void a_missing_file_is_a_fault(void **state)
{
    struct indicators indicators;
    struct faults faults = {0};
    assert_int_equal(indicators_load(&indicators, TEST_DATA_DIR "/fixture/none.jsonc", *state, &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, 1);
    indicators_free(&indicators);
    faults_clear(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_are_wrong_in_one_thing_alone),
        cmocka_unit_test(each_mistake_is_one_fault_with_line_and_remedy),
        cmocka_unit_test(one_run_finds_all_mistakes_in_the_order_of_the_file),
        cmocka_unit_test(conditions_and_depth_and_indicators_are_bounded),
        cmocka_unit_test(an_id_is_used_once),
        cmocka_unit_test(a_longer_period_has_room_for_more_days),
        cmocka_unit_test(a_missing_file_is_a_fault),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
