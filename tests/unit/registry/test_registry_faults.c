/* What is refused: each fault with its line, and a remedy that helps. */
#include "fixture.h"

#include "base/buffer.h"
#include "base/error.h"

#include <unistd.h>

struct refused {
    const char *text;
    unsigned line;
    const char *what, *remedy;
};

static void must_refuse(struct fixture *fixture, const struct refused *row, enum which which)
{
    int result = load(fixture, which == AREAS ? row->text : NULL, which == CENTRES ? row->text : NULL,
                      which == TAXONOMY ? row->text : NULL);
    const struct fault *fault = fixture->faults.list;
    if (result != ERROR_CONFIG || fixture->registry != NULL || fixture->faults.count != 1 ||
        strcmp(fault->file, fixture->paths[which]) != 0 || fault->line != row->line ||
        strstr(fault->what, row->what) == NULL || strstr(fault->remedy, row->remedy) == NULL) {
        for (size_t i = 0; i < fixture->faults.count; i++) {
            fault = &fixture->faults.list[i];
            print_error("%s:%u: %s (%s)\n", fault->file, fault->line, fault->what, fault->remedy);
        }
        fail_msg("not the one fault expected of:\n%s", row->text);
    }
}

#define C CENTRE_COLUMNS
static const struct refused centres[] = {
    {"", 0, "no line of column names", "id,name,type"},
    {"# nothing else\n", 0, "no line of column names", "id,name,type"},
    {C, 0, "holds no centre", "add a row"},
    {"id,name,type,area,opened,closed\na,N,t,101,,\n", 1, "\"head_count\" is missing", "head_count,opened"},
    {"# x\n\nid,name,id,type,area,head_count,opened,closed\n", 3, "\"id\" stands there twice", "columns"},
    {"id;name;type;area;head_count;opened;closed\na;N;t;101;1;;\n", 1, "not separated by commas", "commas"},
    {"\xff\xfei\1d\1", 1, "UTF-16", "CSV UTF-8"},
    {C "a,N,t,101,1,\n", 2, "6 fields, but 7 columns", "double quotes"},
    {C "a,N,t,101,1,,,\n", 2, "8 fields, but 7 columns", "double quotes"},
    {C "a,N\xe9,t,101,1,,\n", 2, "UTF-8", "UTF-8"},
    {C "a,N \"x\" y,t,101,1,,\n", 2, "double quote in the middle", "twice"},
    {C "b,N,t,101,1,,\na,\"N,t,101,1,,\nc,N,t,101,1,,\n", 3, "never closed", "quotes"},
    {C ",N,t,101,1,,\n", 2, "bad id \"\"", "A-Z"},
    {C "a/b,N,t,101,1,,\n", 2, "bad id \"a/b\"", "topics"},
    {C "collector,N,t,101,1,,\n", 2, "reserved id \"collector\"", "another id"},
    {C "simulator,N,t,101,1,,\n", 2, "reserved id \"simulator\"", "another id"},
    {C "a,N,t,101,1,,\n# x\na,M,t,101,1,,\n", 4, "\"a\" stands in line 2 already", "id of its own"},
    {C "a,,t,101,1,,\n", 2, "name is empty", "what people call it"},
    {C "a,\"N\nM\",t,101,1,,\n", 2, "control characters", "400"},
    {C "a,N,,101,1,,\n", 2, "type is missing", "centre_types"},
    {C "a,N,Primary School,101,1,,\n", 2, "bad type \"Primary School\"", "centre_types"},
    {C "a,N,t,999,1,,\n", 2, "unknown area \"999\"", "areas.csv"},
    {C "a,N,t,,1,,\n", 2, "unknown area \"\"", "areas.csv"},
    {C "a,N,t,101,-1,,\n", 2, "bad head_count \"-1\"", "whole number"},
    {C "a,N,t,101,,,\n", 2, "bad head_count \"\"", "0 if it is not known"},
    {C "a,N,t,101,\"1,200\",,\n", 2, "bad head_count \"1,200\"", "without separators"},
    {C "a,N,t,101,12 ha,,\n", 2, "bad head_count", "whole number"},
    {C "a,N,t,101,1000001,,\n", 2, "bad head_count", "1000000"},
    {C "a,N,t,101,99999999999999999999,,\n", 2, "bad head_count", "1000000"},
    {C "a,N,t,101,1,05/09/2001,\n", 2, "bad date \"05/09/2001\" in opened", "2026-09-05"},
    {C "a,N,t,101,1,2001-02-29,\n", 2, "bad date", "2026-09-05"},
    {C "a,N,t,101,1,,2025-13-01\n", 2, "in closed", "while it is open"},
    {C "a,N,t,101,1,2025-09-05,2025-09-04\n", 2, "closed 2025-09-04 before it opened", "after opened"},
};
#undef C

static void bad_centre_is_refused_with_line_and_remedy(void **state)
{
    for (size_t i = 0; i < sizeof centres / sizeof centres[0]; i++) {
        must_refuse(*state, &centres[i], CENTRES);
    }
}

/* The rows that the centres and other rows need, in lines 2 to 4. */
#define A AREA_COLUMNS "1,P,province,,,,\n101,W,commune,1,,,\n102,E,commune,1,,,\n"
static const struct refused areas[] = {
    {A "103,N,commune,1,,\n", 5, "6 fields, but 7 columns", "quotes"},
    {A "a b,N,commune,1,,,\n", 5, "bad code \"a b\"", "A-Z"},
    {A "103,,commune,1,,,\n", 5, "name is empty", "people"},
    {A "103,N,,1,,,\n", 5, "level is missing", "commune"},
    {A "103,N,Xã,1,,,\n", 5, "bad level", "commune"},
    {A "103,N,commune,1,2025,,\n", 5, "bad date \"2025\" in valid_from", "2025-07-01"},
    {A "103,N,commune,1,,x,1\n", 5, "bad date \"x\" in valid_to", "2025-07-01"},
    {A "103,N,commune,1,2025-07-01,2025-07-01,1\n", 5, "not after valid_from", "must come after"},
    {A "103,N,commune,1,2025-07-02,2025-07-01,1\n", 5, "not after valid_from", "must come after"},
    {A "103,N,commune,1,,,1\n", 5, "successor \"1\" without valid_to", "add valid_to"},
    {A "103,N,commune,1,,2025-07-01,\n", 5, "has no successor", "name the successor"},
    {A "101,N,commune,1,,,\n", 5, "\"101\" begins on the same day in line 3", "remove one"},
    {A "101,N,commune,1,2025-01-01,,\n", 5, "overlaps the validity of its row in line 3",
     "end the row in line 3 by valid_to 2025-01-01"},
    {A "103,N,commune,7,,,\n", 5, "unknown parent \"7\" of \"103\"", "code of this file"},
    {A "103,N,commune,1,,2025-01-01,7\n", 5, "unknown successor \"7\" of \"103\"", "continues"},
    {A "103,N,commune,1,,2025-01-01,103\n", 5, "has itself ended by then (line 5)", "valid from valid_to on"},
    {A "103,N,commune,1,,2024-01-01,102\n104,N,commune,1,,2025-01-01,103\n", 6, "has itself ended by then (line 5)",
     "valid from valid_to on"},
    {A "2,Q,province,,,,\n", 5, "\"2\" has no parent, but the root is \"1\"", "give it a parent"},
    {A "103,N,commune,103,,,\n", 5, "\"103\" is in a parent cycle", "upwards"},
    {AREA_COLUMNS, 0, "holds no area", "add a row"},
    {"code,name,level,parent,valid_from,valid_to\n1,P,province,,,\n", 1, "\"successor\" is missing",
     "valid_to,successor"},
};

static void bad_area_is_refused_with_line_and_remedy(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        bool without_areas = strncmp(areas[i].text, A, sizeof A - 1) != 0;
        if (!without_areas) {
            must_refuse(fixture, &areas[i], AREAS);
            continue;
        }
        assert_int_equal(load(fixture, areas[i].text, NULL, NULL), ERROR_CONFIG);
        assert_int_equal(fixture->faults.list[0].line, areas[i].line);
        assert_non_null(strstr(fixture->faults.list[0].what, areas[i].what));
        assert_non_null(strstr(fixture->faults.list[0].remedy, areas[i].remedy));
    }
}

static void cycle_names_each_of_its_areas(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, A "103,N,commune,104,,,\n104,N,commune,103,,,\n105,N,commune,104,,,\n", NULL, NULL),
                     ERROR_CONFIG);
    assert_int_equal(fixture->faults.count, 2); /* not 105, which only leads into it */
    assert_int_equal(fixture->faults.list[0].line, 5);
    assert_int_equal(fixture->faults.list[1].line, 6);
}

static void cycle_that_a_successor_makes_is_found(void **state)
{
    struct fixture *fixture = *state;
    /* From 2025 on 103 lies in what became of 104, which is 103. */
    assert_int_equal(load(fixture, A "103,N,commune,104,,,\n104,N,district,1,,2025-01-01,103\n", NULL, NULL),
                     ERROR_CONFIG);
    assert_int_equal(fixture->faults.count, 1);
    assert_non_null(strstr(fixture->faults.list[0].what, "cycle"));
}

static void too_many_levels_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct buffer text = {0};
    buffer_add_text(&text, A);
    for (int i = 0; i < 70; i++) {
        buffer_print(&text, "d%d,N,commune,", i);
        buffer_print(&text, i == 0 ? "%d,,,\n" : "d%d,,,\n", i == 0 ? 1 : i - 1);
    }
    assert_int_equal(load(fixture, text.bytes, NULL, NULL), ERROR_CONFIG);
    assert_int_equal(fixture->faults.count, 1);
    assert_non_null(strstr(fixture->faults.list[0].what, "more than 64 levels"));
    buffer_free(&text);
}

static void no_root_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, AREA_COLUMNS "101,W,commune,102,,,\n102,E,commune,101,,,\n", NULL, NULL),
                     ERROR_CONFIG);
    assert_non_null(strstr(fixture->faults.list[0].what, "no area is the root"));
}
#undef A

static const struct refused taxonomies[] = {
    {"{\n\"types\": {\"a.*\": \"x\"\n", 3, "not valid JSON", "comma"},
    {"[]", 1, "no object", "types"},
    {"{\n}", 1, "\"types\" is missing", "lesson.*"},
    {"{\n\"types\": {}}", 2, "\"types\" is empty", "lesson.*"},
    {"{\n\"types\": []}", 2, "\"types\" is empty or no object", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\"},\n\"type\": {}}", 2, "unknown key \"type\"", "types xapi"},
    {"{\"types\": {\"a.*\": \"x\"},\n\"types\": {\"b.*\": \"x\"}}", 2, "stands here twice", "remove one"},
    {"{\"types\": {\"a.*\": \"x\",\n\"*.a\": \"x\"}}", 2, "* is not at the end", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b*\": \"x\"}}", 2, "after a word and a dot", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"*\": \"x\"}}", 2, "after a word and a dot", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b.\": \"x\"}}", 2, "ends in a dot", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b c\": \"x\"}}", 2, "a character", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"\": \"x\"}}", 2, "no or more than 64", "lesson.*"},
    {"{\"types\": {\"a.*\": \"x\",\n\"a.*\": \"y\"}}", 2, "stands here twice", "remove one"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b\": \"Teaching\"}}", 2, "bad activity \"Teaching\"", "lower-case"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b\": 1}}", 2, "bad activity \"\" of \"b\"", "lower-case"},
    {"{\"types\": {\"a.*\": \"x\",\n\"b\": \"a23456789012345678901234567890123\"}}", 2, "bad activity", "31"},
    {"{\"types\": {\"a.*\": \"x\"},\n\"xapi\": []}", 2, "\"xapi\" is no object", "completed"},
    {"{\"types\": {\"a.*\": \"x\"}, \"xapi\": {\n\"answered\": \"a.b\"}}", 2, "bad xAPI verb", "IRI"},
    {"{\"types\": {\"a.*\": \"x\"}, \"xapi\": {\n\"http://v\": \"a.*\"}}", 2, "bad event type \"a.*\"",
     "lesson.completed"},
    {"{\"types\": {\"a.*\": \"x\"}, \"xapi\": {\n\"http://v\": 5}}", 2, "bad event type \"\"", "lesson.completed"},
    {"{\"types\": {\"a.*\": \"x\"}, \"xapi\": {\n\"http://v\": \"b.c\"}}", 2, "no entry of types matches \"b.c\"",
     "pattern that covers it"},
    {"{\"types\": {\"a.*\": \"x\"}, \"xapi\": {\"http://v\": \"a.b\",\n\"http://v\": \"a.c\"}}", 2, "stands here twice",
     "remove one"},
};

static void bad_taxonomy_is_refused_with_line_and_remedy(void **state)
{
    for (size_t i = 0; i < sizeof taxonomies / sizeof taxonomies[0]; i++) {
        must_refuse(*state, &taxonomies[i], TAXONOMY);
    }
}

static void sixty_fifth_activity_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct buffer text = {0};
    for (int count = 63; count <= 64; count++) { /* "other" is one more */
        buffer_clear(&text);
        buffer_add_text(&text, "{\"types\":{\"a\":\"other\"");
        for (int i = 0; i < count; i++) {
            buffer_print(&text, ",\n\"t%d.*\":\"activity_%d\"", i, i);
        }
        buffer_add_text(&text, "}}");
        assert_int_equal(load(fixture, NULL, NULL, text.bytes), count == 63 ? 0 : ERROR_CONFIG);
    }
    assert_int_equal(fixture->faults.count, 1);
    assert_int_equal(fixture->faults.list[0].line, 65);
    assert_non_null(strstr(fixture->faults.list[0].remedy, "one of the activities"));
    buffer_free(&text);
}

static void nul_in_a_table_is_no_text(void **state)
{
    struct fixture *fixture = *state;
    static const char row[] = CENTRE_COLUMNS "a,N\0M,t,101,1,,\n";
    struct registry_files files = {
        .areas = fixture->paths[AREAS], .centres = fixture->paths[CENTRES], .taxonomy = fixture->paths[TAXONOMY]};
    must_load(fixture, NULL, NULL, NULL);
    registry_free(&fixture->registry);
    write_file(fixture->paths[CENTRES], row, sizeof row - 1);
    assert_int_equal(registry_load(&fixture->registry, &files, &fixture->faults), ERROR_CONFIG);
    assert_int_equal(fixture->faults.list[0].line, 2);
}

static void broken_row_hides_none_of_the_others(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, NULL,
                          CENTRE_COLUMNS "a,\"N,t,101,1,,\nb,N,t,101,x,,\nc,N\xff,t,101,1,,\nd,N,t,101,1\n"
                                         "e,N,t,101,1,x,\nf,N,t,101,1,,\nf,N,t,101,1,,\n",
                          NULL),
                     ERROR_CONFIG);
    static const unsigned lines[] = {2, 3, 4, 5, 6, 8};
    bool seen[9] = {false};
    for (size_t i = 0; i < fixture->faults.count; i++) {
        assert_true(fixture->faults.list[i].line < 9);
        seen[fixture->faults.list[i].line] = true;
    }
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_true(seen[lines[i]]);
    }
}

static void unreadable_row_of_areas_blames_no_centre(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        load(fixture, AREA_COLUMNS "1,P,province,,,,\n101,W,commune,1,,\n102,E,commune,1,,,\n", NULL, NULL),
        ERROR_CONFIG);
    assert_int_equal(fixture->faults.count, 1);
    assert_int_equal(fixture->faults.list[0].line, 3);
}

static void each_absent_file_is_a_fault(void **state)
{
    struct fixture *fixture = *state;
    struct registry_files files = {
        .areas = fixture->paths[AREAS], .centres = fixture->paths[CENTRES], .taxonomy = fixture->paths[TAXONOMY]};
    assert_int_equal(registry_load(&fixture->registry, &files, &fixture->faults), ERROR_CONFIG);
    assert_null(fixture->registry);
    assert_int_equal(fixture->faults.count, 3);
}

static void faulty_snapshot_can_judge_other_files(void **state)
{
    struct fixture *fixture = *state;
    struct registry_files files = {
        .areas = fixture->paths[AREAS], .centres = fixture->paths[CENTRES], .taxonomy = fixture->paths[TAXONOMY]};
    load(fixture, NULL, CENTRE_COLUMNS "a,N,t,101,x,,\n", NULL);
    assert_int_equal(registry_load_to_check(&fixture->registry, &files, &fixture->faults), ERROR_CONFIG);
    assert_int_equal(registry_find_activity(fixture->registry, "teaching"), 1);
    assert_string_equal(registry_centre(fixture->registry, 0)->type, "t");
    load(fixture, NULL, NULL, "{\"types\":{}}");
    assert_int_equal(registry_load_to_check(&fixture->registry, &files, &fixture->faults), ERROR_CONFIG);
    assert_null(fixture->registry); /* every activity would seem unknown */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_centre_is_refused_with_line_and_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_area_is_refused_with_line_and_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cycle_names_each_of_its_areas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cycle_that_a_successor_makes_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_levels_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_root_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_taxonomy_is_refused_with_line_and_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sixty_fifth_activity_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nul_in_a_table_is_no_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_row_hides_none_of_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_row_of_areas_blames_no_centre, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_absent_file_is_a_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faulty_snapshot_can_judge_other_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
