/* `edutally export`: the columns and bytes that other programs rely on. */
#include "run_command.h"
#include "small_world.h"

#include "commands/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct outcome outcome;

static void export_with(const char *line, const char *more)
{
    struct small_world world;
    small_world_make(&world, more);
    run_command(&outcome, command_export, line, world.config);
    small_world_remove(&world);
}

static void facts_are_csv_by_centre_day_activity(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --format csv", "");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_string_equal(outcome.out, "centre,day,activity,events,seconds,users,devices\n"
                                     "c1,2025-10-05,learning,60,3600,40,12\n"
                                     "c1,2025-10-05,management,3,0,1,1\n"
                                     "c1,2025-11-14,management,2,0,2,1\n"
                                     "c2,2025-10-06,management,7,30,3,2\n");
    assert_string_equal(outcome.err, "");
}

static void from_and_to_bound_days_inclusively(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --from 2025-10-06 --to 2025-10-06", "");
    assert_string_equal(outcome.out, "centre,day,activity,events,seconds,users,devices\n"
                                     "c2,2025-10-06,management,7,30,3,2\n");
}

static void small_cells_are_left_empty(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --to 2025-10-31", ", \"small_cell\": 3");
    assert_string_equal(outcome.out, "centre,day,activity,events,seconds,users,devices\n"
                                     "c1,2025-10-05,learning,60,3600,40,12\n"
                                     "c1,2025-10-05,management,3,0,,1\n"
                                     "c2,2025-10-06,management,7,30,3,2\n");
}

static void usage_is_by_month(void **state)
{
    (void)state;
    export_with("export usage --config CONFIG --from 2025-10-20 --to 2025-10-21", "");
    assert_string_equal(outcome.out, "centre,month,activity,active_days,events,seconds,users,devices\n"
                                     "c1,2025-10,learning,9,600,36000,45,12\n"
                                     "c1,2025-10,management,10,30,0,3,1\n"
                                     "c2,2025-10,learning,4,50,0,45,5\n"
                                     "c2,2025-10,management,6,7,30,3,2\n");
}

static void adoption_has_six_decimals_and_an_empty_target_where_there_is_none(void **state)
{
    (void)state;
    export_with("export adoption --config CONFIG", "");
    assert_string_equal(outcome.out, "indicator,area,period,registered,reporting,adopting,rate,lower,upper,target\n"
                                     "clc,46,2025-10,1,1,1,1.000000,1.000000,1.000000,\n"
                                     "clc,A,2025-10,1,1,1,1.000000,1.000000,1.000000,\n"
                                     "schools,46,2025-10,3,2,1,0.333333,0.333333,0.666667,0.600000\n"
                                     "schools,46,2025-11,3,1,0,0.000000,0.000000,0.666667,0.600000\n"
                                     "schools,A,2025-10,1,1,1,1.000000,1.000000,1.000000,0.600000\n"
                                     "schools,B,2025-10,2,1,0,0.000000,0.000000,0.500000,0.600000\n");
}

static void adoption_periods_that_overlap_the_span_are_given(void **state)
{
    (void)state;
    export_with("export adoption --config CONFIG --from 2025-10-31 --to 2025-10-31", "");
    assert_null(strstr(outcome.out, "2025-11"));
    assert_non_null(strstr(outcome.out, "schools,46,2025-10,"));
}

static void centres_have_the_latest_verdict_of_each_indicator(void **state)
{
    (void)state;
    export_with("export centres --config CONFIG --to 2025-10-31", "");
    assert_string_equal(outcome.out,
                        "id,name,type,area,head_count,opened,closed,schools,clc\n"
                        "c1,Trường Một,primary,A,100,2000-09-01,,adopts,\n"
                        "c2,'=HYPERLINK(1),primary,B,400,2020-09-01,,not,\n"
                        "c3,Trường Ba,primary,B,50,2000-09-01,2026-01-01,silent,\n"
                        "k1,Trung tâm học tập cộng đồng,community_learning_centre,A,10,2000-09-01,,,adopts\n");
}

static void json_is_one_object_a_line(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --format json --to 2025-10-05", ", \"small_cell\": 3");
    assert_string_equal(outcome.out,
                        "{\"centre\":\"c1\",\"day\":\"2025-10-05\",\"activity\":\"learning\",\"events\":60,"
                        "\"seconds\":3600,\"users\":40,\"devices\":12}\n"
                        "{\"centre\":\"c1\",\"day\":\"2025-10-05\",\"activity\":\"management\",\"events\":3,"
                        "\"seconds\":0,\"users\":null,\"devices\":1}\n");
}

static void line_protocol_is_what_an_output_writes(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --format lp --to 2025-10-05", ", \"small_cell\": 3");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_string_equal(outcome.out,
                        "usage,activity=learning,centre=c1 events=60i,seconds=3600i,users=40i,devices=12i 1759597200\n"
                        "usage,activity=management,centre=c1 events=3i,seconds=0i,devices=1i 1759597200\n");
    export_with("export adoption --config CONFIG --format lp --to 2025-10-31", "");
    assert_non_null(strstr(outcome.out, "adoption,area=B,indicator=schools registered=2i,reporting=1i,adopting=0i,"
                                        "rate=0.0,lower=0.0,upper=0.5,target=0.6 1759251600\n"));
}

static void out_makes_a_whole_file(void **state)
{
    struct small_world world;
    char line[256], content[512] = "";
    (void)state;
    small_world_make(&world, "");
    snprintf(line, sizeof line, "export facts --config CONFIG --to 2025-10-05 --out %s",
             small_world_path(&world, "out.csv"));
    run_command(&outcome, command_export, line, world.config);
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_string_equal(outcome.out, "");
    FILE *file = fopen(small_world_path(&world, "out.csv"), "r");
    assert_non_null(file);
    assert_true(fread(content, 1, sizeof content - 1, file) > 0);
    fclose(file);
    assert_string_equal(content, "centre,day,activity,events,seconds,users,devices\n"
                                 "c1,2025-10-05,learning,60,3600,40,12\n"
                                 "c1,2025-10-05,management,3,0,1,1\n");
    assert_int_equal(access(small_world_path(&world, "out.csv.partial"), F_OK), -1);
    small_world_remove(&world);
}

static void a_read_that_fails_leaves_no_file(void **state)
{
    struct fake_store failing = small_world_rows;
    struct small_world world;
    char line[256];
    (void)state;
    failing.read_fails = ERROR_IO;
    fake_store_set(&failing);
    small_world_make(&world, "");
    snprintf(line, sizeof line, "export facts --config CONFIG --out %s", small_world_path(&world, "out.csv"));
    run_command(&outcome, command_export, line, world.config);
    fake_store_set(&small_world_rows);
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "fails to read"));
    assert_int_equal(access(small_world_path(&world, "out.csv"), F_OK), -1);
    assert_int_equal(access(small_world_path(&world, "out.csv.partial"), F_OK), -1);
    small_world_remove(&world);
}

static void a_full_disk_is_1(void **state)
{
    (void)state;
    export_with("export facts --config CONFIG --out /dev/full/x", "");
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "/dev/full/x"));
}

static void faults_of_use_are_2_and_name_the_remedy(void **state)
{
    static const char *const lines[] = {
        "export",
        "export --config CONFIG",
        "export facts",
        "export everything --config CONFIG",
        "export facts usage --config CONFIG",
        "export facts --config CONFIG --format xls",
        "export centres --config CONFIG --format lp",
        "export facts --config CONFIG --from 2025-13-01",
        "export facts --config CONFIG --from 2025-11-01 --to 2025-10-01",
        "export facts --config CONFIG --nonsense",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        export_with(lines[i], "");
        assert_int_equal(outcome.code, EXIT_USAGE);
        assert_non_null(strstr(outcome.err, "--help"));
        assert_string_equal(outcome.out, "");
    }
}

static void without_a_store_it_says_how_to_fill_it(void **state)
{
    (void)state;
    struct fake_store none = {.open_fails = ERROR_MISSING};
    fake_store_set(&none);
    export_with("export facts --config CONFIG", "");
    fake_store_set(&small_world_rows);
    assert_int_equal(outcome.code, EXIT_FAILED);
    assert_non_null(strstr(outcome.err, "edutally ingest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_csv_by_centre_day_activity),
        cmocka_unit_test(from_and_to_bound_days_inclusively),
        cmocka_unit_test(small_cells_are_left_empty),
        cmocka_unit_test(usage_is_by_month),
        cmocka_unit_test(adoption_has_six_decimals_and_an_empty_target_where_there_is_none),
        cmocka_unit_test(adoption_periods_that_overlap_the_span_are_given),
        cmocka_unit_test(centres_have_the_latest_verdict_of_each_indicator),
        cmocka_unit_test(json_is_one_object_a_line),
        cmocka_unit_test(line_protocol_is_what_an_output_writes),
        cmocka_unit_test(out_makes_a_whole_file),
        cmocka_unit_test(a_read_that_fails_leaves_no_file),
        cmocka_unit_test(a_full_disk_is_1),
        cmocka_unit_test(faults_of_use_are_2_and_name_the_remedy),
        cmocka_unit_test(without_a_store_it_says_how_to_fill_it),
    };
    fake_store_set(&small_world_rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
