/* `edutally report`: what a person sees, in both languages, within 80 columns; and what programs get. */
#include "run_command.h"
#include "small_world.h"
#include "table.h"

#include "base/buffer.h"
#include "commands/commands.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outcome outcome;

static void report(const char *line, const char *more)
{
    struct small_world world;
    small_world_make(&world, more);
    run_command(&outcome, command_report, line, world.config);
    small_world_remove(&world);
}

static void assert_says(const char *text)
{
    if (strstr(outcome.out, text) == NULL) {
        fail_msg("does not say \"%s\":\n%s%s", text, outcome.out, outcome.err);
    }
}

static void assert_says_not(const char *text)
{
    if (strstr(outcome.out, text) != NULL) {
        fail_msg("says \"%s\":\n%s", text, outcome.out);
    }
}

static void table_has_the_area_and_its_children_with_bounds_and_gap(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_says("Thành phố Huế (46), 2025-10\n");
    assert_says("Digital schools\n");
    assert_says("Area            Centres Reporting Adopting    Rate      Bounds Target   Gap\n"
                "Thành phố Huế         3         2        1  33.3 %   33.3–66.7   60 % −26.7\n"
                "Phường An Cựu         1         1        1 100.0 % 100.0–100.0   60 % +40.0\n"
                "Xã \"Bình, Điền\"       2         1        0   0.0 %    0.0–50.0   60 % −60.0\n");
    assert_says_not("Huyện Cũ");
    assert_says_not("\033[");
}

static void vietnamese_writes_numbers_in_the_local_form(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --lang vi", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_says("Trường số\n");
    assert_says("33,3 %");
    assert_says("33,3–66,7");
    assert_says("−26,7");
    assert_says("Khoảng: ");
}

static void no_line_is_longer_than_80_columns(void **state)
{
    static const char *const lines[] = {"report --config CONFIG --period 2025-10",
                                        "report --config CONFIG --period 2025-10 --lang vi",
                                        "report --config CONFIG --period 2025-10 --area B",
                                        "report --config CONFIG --period 2025-10 --area B --lang vi"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        report(lines[i], "");
        char *rest = NULL;
        for (char *line = strtok_r(outcome.out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            if (table_width(line) > 80) {
                fail_msg("%zu columns: %s", table_width(line), line);
            }
        }
    }
}

static void leaf_area_lists_its_centres_with_what_each_lacks(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --area B", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_says("  ✗ c2  =HYPERLINK(1)\n"
                "      management: 6 of 8 active days\n"
                "      learning: 11.2 % of the registered people, at least 30 % needed or\n"
                "      learning: 45 of 200 people\n");
    assert_says("  – c3  Trường Ba\n      silent: no event in this period\n");
    report("report --config CONFIG --period 2025-10 --area A", "");
    assert_says("  ✓ c1  Trường Một\n");
    assert_says("Digital centres\n");
    assert_says("  ✓ k1  Trung tâm học tập cộng đồng\n");
}

static void leaf_area_is_explained_in_vietnamese(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --area B --lang vi", "");
    assert_says("      quản lý: 6/8 ngày hoạt động\n");
    assert_says("học: 11,2 % số người đăng ký, cần ít nhất 30 %");
    assert_says("im lặng");
}

static void small_cells_are_not_said(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --area B", ", \"small_cell\": 46");
    assert_says("learning: fewer than 46 of 200 people");
    assert_says_not("45");
    assert_says_not("11.3");
}

static void latest_period_with_results_is_the_default(void **state)
{
    (void)state;
    report("report --config CONFIG", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_says("Thành phố Huế (46), 2025-11\n");
    assert_says("no centre of this indicator");
}

static void csv_has_the_columns_of_the_api(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --format csv", "");
    assert_string_equal(
        outcome.out,
        "indicator,area,area_name,level,parent,period,open,registered,reporting,adopting,rate,lower,upper,target,gap\n"
        "clc,46,Thành phố Huế,province,,2025-10,false,1,1,1,1.000000,1.000000,1.000000,,\n"
        "schools,46,Thành phố Huế,province,,2025-10,false,3,2,1,0.333333,0.333333,0.666667,0.600000,-0.266667\n"
        "clc,A,Phường An Cựu,ward,46,2025-10,false,1,1,1,1.000000,1.000000,1.000000,,\n"
        "schools,A,Phường An Cựu,ward,46,2025-10,false,1,1,1,1.000000,1.000000,1.000000,0.600000,0.400000\n"
        "schools,B,\"Xã \"\"Bình, Điền\"\"\",commune,46,2025-10,false,2,1,0,0.000000,0.000000,0.500000,0.600000,"
        "-0.600000\n");
}

static void json_is_one_document(void **state)
{
    (void)state;
    report("report --config CONFIG --period 2025-10 --area B --json", "");
    cJSON *root = cJSON_Parse(outcome.out);
    assert_non_null(root);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "period")), "2025-10");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "rows")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "centres")), 2);
    cJSON_Delete(root);
}

static void faults_of_use_are_2_and_name_the_remedy(void **state)
{
    static const char *const lines[] = {
        "report",
        "report --config CONFIG --period yesterday",
        "report --config CONFIG --format html",
        "report --config CONFIG --lang fr",
        "report --config CONFIG 2025-10",
        "report --config CONFIG --nonsense",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        report(lines[i], "");
        assert_int_equal(outcome.code, EXIT_USAGE);
        assert_non_null(strstr(outcome.err, "--help"));
        assert_string_equal(outcome.out, "");
    }
}

static void a_fault_in_the_config_is_3(void **state)
{
    (void)state;
    report("report --config CONFIG", ", \"nonsense\": 1");
    assert_int_equal(outcome.code, EXIT_CONFIG);
}

static void an_unknown_area_and_a_period_without_results_are_1(void **state)
{
    (void)state;
    report("report --config CONFIG --area NOWHERE", "");
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "areas.csv"));
    report("report --config CONFIG --period 2019-01", "");
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "2019-01"));
}

static void without_a_store_it_says_how_to_fill_it(void **state)
{
    (void)state;
    struct fake_store none = {.open_fails = ERROR_MISSING};
    fake_store_set(&none);
    report("report --config CONFIG", "");
    fake_store_set(&small_world_rows);
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "edutally ingest"));
}

static void help_teaches_with_examples(void **state)
{
    (void)state;
    report("report --help", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_says("Examples:");
}

struct explanation {
    const char *conditions, *english;
};

#define ONE(path, min, max, actual, negated, met)                                                                      \
    "{\"path\":\"" path "\",\"activity\":\"teaching\",\"metric\":\"events\",\"min\":" #min ",\"max\":" #max            \
    ",\"actual\":" #actual ",\"negated\":" #negated ",\"met\":" #met "}"

static void explanations_follow_the_rule(void **state)
{
    static const struct explanation table[] = {
        {"[" ONE("", 8, null, 6, false, false) "]", "teaching: 6 of 8 events"},
        {"[" ONE("", 8, null, 9, false, true) "]", ""},
        {"[" ONE("", null, 5, 1500, false, false) "]", "teaching: 1,500 events, at most 5 allowed"},
        {"[" ONE("", 2, 5, 9, false, false) "]", "teaching: 9 events, at most 5 allowed"},
        {"[" ONE("", 2, 5, 1, false, false) "]", "teaching: 1 of 2 events"},
        /* one branch of an any is enough: the other one lacks nothing */
        {"[" ONE("all/0", 8, null, 6, false, false) "," ONE("all/1/any/0", 1, null, 0, false,
                                                            false) "," ONE("all/1/any/1", 1, null, 2, false, true) "]",
         "teaching: 6 of 8 events"},
        {"[" ONE("any/0", 1, null, 0, false, false) "," ONE("any/1/all/0", 2, null, 0, false,
                                                            false) "," ONE("any/1/all/1", 3, null, 0, false, false) "]",
         "teaching: 0 of 1 events or teaching: 0 of 2 events and teaching: 0 of 3 events"},
        /* below a not, "met" is what the rule wants */
        {"[" ONE("all/0/not", null, 100, 50, true, false) "," ONE("all/1", 1, null, 1, false, true) "]",
         "teaching: 50 events, more than 100 needed"},
        {"[" ONE("not", 10, null, 50, true, false) "]", "teaching: 50 events, fewer than 10 needed"},
        {"[" ONE("not/all/0", 10, null, 50, true, false) "," ONE("not/all/1", 20, null, 50, true, false) "]",
         "teaching: 50 events, fewer than 10 needed or teaching: 50 events, fewer than 20 needed"},
        {"[" ONE("not/all/0", 10, null, 50, true, false) "," ONE("not/all/1", 60, null, 50, true, true) "]", ""},
        {"[]", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer text = {0};
        cJSON *conditions = cJSON_Parse(table[i].conditions);
        assert_non_null(conditions);
        words_explain(LANGUAGE_EN, conditions, 0, &text);
        assert_string_equal(text.bytes != NULL ? text.bytes : "", table[i].english);
        cJSON_Delete(conditions);
        buffer_free(&text);
    }
}

static void numbers_are_written_in_the_local_form(void **state)
{
    char out[WORDS_NUMBER_SIZE];
    (void)state;
    assert_string_equal(words_count(LANGUAGE_VI, 1234567, out), "1.234.567");
    assert_string_equal(words_count(LANGUAGE_EN, 1234567, out), "1,234,567");
    assert_string_equal(words_count(LANGUAGE_EN, 999, out), "999");
    assert_string_equal(words_percent(LANGUAGE_VI, 0.632, false, out), "63,2 %");
    assert_string_equal(words_percent(LANGUAGE_VI, 0.6, true, out), "60 %");
    assert_string_equal(words_points(LANGUAGE_VI, -0.0321, out), "−3,2");
    assert_string_equal(words_points(LANGUAGE_EN, 0.0321, out), "+3.2");
    assert_string_equal(words_points(LANGUAGE_EN, -0.0001, out), "0.0");
}

static void width_counts_columns_and_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(table_width("Thừa Thiên Huế"), 14);
    assert_int_equal(table_width("Thu\xcc\x9b\xcc\x80"
                                 "a"),
                     4);
    assert_int_equal(table_width(""), 0);
    assert_int_equal(table_width("学校"), 4);
    assert_int_equal(table_width("x\xe1"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_the_area_and_its_children_with_bounds_and_gap),
        cmocka_unit_test(vietnamese_writes_numbers_in_the_local_form),
        cmocka_unit_test(no_line_is_longer_than_80_columns),
        cmocka_unit_test(leaf_area_lists_its_centres_with_what_each_lacks),
        cmocka_unit_test(leaf_area_is_explained_in_vietnamese),
        cmocka_unit_test(small_cells_are_not_said),
        cmocka_unit_test(latest_period_with_results_is_the_default),
        cmocka_unit_test(csv_has_the_columns_of_the_api),
        cmocka_unit_test(json_is_one_document),
        cmocka_unit_test(faults_of_use_are_2_and_name_the_remedy),
        cmocka_unit_test(a_fault_in_the_config_is_3),
        cmocka_unit_test(an_unknown_area_and_a_period_without_results_are_1),
        cmocka_unit_test(without_a_store_it_says_how_to_fill_it),
        cmocka_unit_test(help_teaches_with_examples),
        cmocka_unit_test(explanations_follow_the_rule),
        cmocka_unit_test(numbers_are_written_in_the_local_form),
        cmocka_unit_test(width_counts_columns_and_not_bytes),
    };
    fake_store_set(&small_world_rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
