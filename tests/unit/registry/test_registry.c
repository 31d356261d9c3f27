/* What a snapshot answers: centres, areas through time, activities. */
#include "fixture.h"

#include "base/buffer.h"

static const struct registry_centre *centre_of(const struct registry *registry, const char *id)
{
    uint32_t index = registry_find_centre(registry, id, strlen(id));
    assert_true(index != REGISTRY_NONE);
    return registry_centre(registry, index);
}

static void centre_has_what_its_row_says(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    const struct registry_centre *first = centre_of(registry, "c-1"), *second = centre_of(registry, "c-2");
    assert_int_equal(registry_centre_count(registry), 3);
    assert_string_equal(first->name, "First School");
    assert_string_equal(first->area, "101");
    assert_int_equal(first->head_count, 300);
    assert_int_equal(first->opened_day, day_of("2001-09-05"));
    assert_int_equal(first->closed_day, REGISTRY_NO_END);
    assert_string_equal(second->name, "Second, \"New\" School");
    assert_int_equal(second->opened_day, REGISTRY_NO_START);
    assert_ptr_equal(first->type, second->type);
    assert_ptr_not_equal(first->type, centre_of(registry, "c-3")->type);
}

static void unknown_centre_is_none(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    assert_int_equal(registry_find_centre(registry, "c-4", 3), REGISTRY_NONE);
    assert_int_equal(registry_find_centre(registry, "", 0), REGISTRY_NONE);
    assert_int_equal(registry_find_centre(registry, "c-1/tablet", 3), 0); /* as it lies in a topic */
}

static void centre_is_closed_from_its_closing_day_on(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    const struct registry_centre *centre = centre_of(registry, "c-2");
    assert_true(registry_centre_open_on(centre, day_of("1990-01-01")));
    assert_true(registry_centre_open_on(centre, day_of("2025-08-31")));
    assert_false(registry_centre_open_on(centre, day_of("2025-09-01")));
    assert_false(registry_centre_open_on(centre_of(registry, "c-1"), day_of("2001-09-04")));
    assert_true(registry_centre_open_on(centre_of(registry, "c-1"), day_of("2001-09-05")));
}

static void each_of_many_centres_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct buffer text = {0};
    char id[32];
    buffer_add_text(&text, CENTRE_COLUMNS);
    for (int i = 0; i < 20000; i++) {
        buffer_print(&text, "school-%d,School %d,type_%d,101,%d,,\n", i, i, i % 7, i);
    }
    const struct registry *registry = must_load(fixture, NULL, text.bytes, NULL);
    for (int i = 0; i < 20000; i++) {
        int length = snprintf(id, sizeof id, "school-%d", i);
        uint32_t found = registry_find_centre(registry, id, (size_t)length);
        assert_int_equal(registry_centre(registry, found)->head_count, i);
    }
    buffer_free(&text);
}

static const char *name_on(const struct registry *registry, const char *code, const char *date)
{
    uint32_t area = registry_find_area(registry, code, day_of(date));
    return area != REGISTRY_NONE ? registry_area(registry, area)->name : NULL;
}

static void area_is_the_row_valid_on_the_day(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    assert_string_equal(registry_root(registry), "1");
    assert_string_equal(name_on(registry, "101", "2025-06-30"), "West");
    assert_string_equal(name_on(registry, "102", "2025-06-30"), "East");
    assert_string_equal(name_on(registry, "102", "2025-07-01"), "United");
    assert_null(name_on(registry, "9", "2025-07-01"));
}

static void ended_area_leads_to_its_successors(void **state)
{
    const struct registry *registry =
        must_load(*state,
                  AREA_COLUMNS "1,Province,province,,,,\n"
                               "101,A,commune,1,,2020-01-01,102\n102,B,commune,1,2019-01-01,2021-01-01,103\n"
                               "103,C,commune,1,2022-01-01,2023-01-01,103\n103,D,commune,1,2023-01-01,,\n",
                  NULL, NULL);
    assert_string_equal(name_on(registry, "101", "2019-12-31"), "A");
    assert_string_equal(name_on(registry, "101", "2020-01-01"), "B");
    assert_string_equal(name_on(registry, "101", "2021-06-01"), "C"); /* begins only later: the earliest row */
    assert_string_equal(name_on(registry, "101", "2023-01-01"), "D");
    assert_string_equal(name_on(registry, "102", "2010-01-01"), "B");
}

static void parents_are_those_of_the_day(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    int32_t before = day_of("2025-06-30"), after = day_of("2025-07-01");
    uint32_t west = registry_find_area(registry, "101", before), united = registry_find_area(registry, "101", after);
    uint32_t district = registry_area_parent(registry, west, before);
    assert_string_equal(registry_area(registry, district)->code, "10");
    assert_true(registry_area_within(registry, west, "10", before));
    assert_true(registry_area_within(registry, west, "1", before));
    assert_true(registry_area_within(registry, west, "101", before));
    assert_false(registry_area_within(registry, west, "102", before));
    assert_false(registry_area_within(registry, united, "10", after));
    assert_true(registry_area_within(registry, united, "1", after));
    assert_false(registry_area_within(registry, united, "9", after));
    uint32_t root = registry_area_parent(registry, united, after);
    assert_int_equal(registry_area_parent(registry, root, after), REGISTRY_NONE);
    /* A row that outlives its parent lies in the parent's successor. */
    assert_string_equal(registry_area(registry, registry_area_parent(registry, west, after))->code, "1");
}

static const char *activity_name_of(const struct registry *registry, const char *type)
{
    return registry_activity_name(registry, registry_activity_of(registry, type, strlen(type)));
}

static void exact_type_wins_over_longer_over_shorter_pattern(void **state)
{
    const struct registry *registry = must_load(
        *state, NULL, NULL,
        "{\"types\":{\"lesson.*\":\"teaching\",\"lesson.plan.*\":\"management\",\"lesson.plan.read\":\"learning\","
        "\"ping\":\"other\"}}");
    assert_string_equal(activity_name_of(registry, "lesson.delivered"), "teaching");
    assert_string_equal(activity_name_of(registry, "lesson.a.b"), "teaching");
    assert_string_equal(activity_name_of(registry, "lesson.plan"), "teaching");
    assert_string_equal(activity_name_of(registry, "lesson.plan.made"), "management");
    assert_string_equal(activity_name_of(registry, "lesson.plan.read"), "learning");
    assert_string_equal(activity_name_of(registry, "ping"), "other");
    assert_string_equal(activity_name_of(registry, "lessons.delivered"), "other");
    assert_string_equal(activity_name_of(registry, "live.lesson.x"), "other");
    assert_string_equal(activity_name_of(registry, "lesson"), "other");
    assert_string_equal(activity_name_of(registry, ""), "other");
}

static void activities_are_numbered_by_first_appearance_after_other(void **state)
{
    const struct registry *registry = must_load(*state, NULL, NULL, NULL);
    assert_int_equal(registry_activity_count(registry), 3);
    assert_int_equal(registry_find_activity(registry, "other"), REGISTRY_OTHER);
    assert_int_equal(registry_find_activity(registry, "teaching"), 1);
    assert_int_equal(registry_find_activity(registry, "learning"), 2);
    assert_int_equal(registry_find_activity(registry, "management"), -1);
}

static void verb_becomes_its_event_type(void **state)
{
    static const char verb[] = "http://adlnet.gov/expapi/verbs/answered";
    const struct registry *registry =
        must_load(*state, NULL, NULL,
                  "{\"xapi\":{\"http://adlnet.gov/expapi/verbs/answered\":\"quiz.answered\"},"
                  "\"types\":{\"quiz.*\":\"learning\"}}");
    assert_string_equal(registry_type_of_verb(registry, verb, strlen(verb)), "quiz.answered");
    assert_null(registry_type_of_verb(registry, verb, strlen(verb) - 1));
}

/* Files as spreadsheets and people write them: each must load to the three centres. */
static void csv_is_read_as_it_is_written(void **state)
{
    static const char *const texts[] = {
        "\xef\xbb\xbf" CENTRE_COLUMNS "a,N,t,101,1,,\nb,N,t,101,2,,\nc,N,t,101,3,,\n",
        "id,name,type,area,head_count,opened,closed\r\na,N,t,101,1,,\r\nb,N,t,101,2,,\r\nc,N,t,101,3,,",
        "id,name,type,area,head_count,opened,closed\ra,N,t,101,1,,\rb,N,t,101,2,,\rc,N,t,101,3,,\r",
        "# head\n\n  \n" CENTRE_COLUMNS "a,N,t,101,1,,\n# among rows, \"unclosed\n\n\nb,N,t,101,2,,\nc,N,t,101,3,,\n",
        CENTRE_COLUMNS "a,N,t,101,1,,\nb,N,t,101,2,,\nc,N,t,101,3,,\n,,,,,,\n,,,,,,\n",
        "closed,note,head_count,id,area,type,name,opened\n"
        ",\"two\nlines, # no comment\",1,a,101,t,N,\n,x,2,b,101,t,N,\n,,3,c,101,t,N,\n",
        CENTRE_COLUMNS " a , N , t , 101 , 1 ,,\n\"b\",\"N\",\"t\",\"101\",\"2\",\"\",\"\"\nc,N,t,101,3,,\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct registry *registry = must_load(*state, NULL, texts[i], NULL);
        assert_int_equal(registry_centre_count(registry), 3);
        assert_int_equal(centre_of(registry, "a")->head_count, 1);
        assert_int_equal(centre_of(registry, "b")->head_count, 2);
        assert_int_equal(centre_of(registry, "c")->head_count, 3);
        assert_string_equal(centre_of(registry, "b")->name, "N");
    }
}

static void hash_names_the_bytes_of_the_files(void **state)
{
    struct fixture *fixture = *state;
    char first[80];
    snprintf(first, sizeof first, "%s", registry_hash(must_load(fixture, NULL, NULL, NULL)));
    assert_int_equal(strlen(first), 64);
    assert_string_equal(registry_hash(must_load(fixture, NULL, NULL, NULL)), first);
    assert_string_not_equal(
        registry_hash(
            must_load(fixture, NULL, NULL, "{\"types\":{\"lesson.*\":\"teaching\",\"quiz.*\":\"learning\"}} ")),
        first);
}

static void shipped_registry_is_sound(void **state)
{
    struct fixture *fixture = *state;
    struct registry_files files = {.areas = PROJECT_DIR "/config/registry/areas.csv",
                                   .centres = PROJECT_DIR "/config/registry/centres.csv",
                                   .taxonomy = PROJECT_DIR "/config/taxonomy.jsonc"};
    if (registry_load(&fixture->registry, &files, &fixture->faults) != 0) {
        fail_msg("%s:%u: %s", fixture->faults.list[0].file, fixture->faults.list[0].line, fixture->faults.list[0].what);
    }
    const struct registry *registry = fixture->registry;
    int32_t day = day_of("2026-10-31");
    assert_string_equal(registry_root(registry), "46");
    assert_true(registry_find_activity(registry, "management") > 0);
    for (uint32_t i = 0; i < registry_centre_count(registry); i++) {
        uint32_t area = registry_find_area(registry, registry_centre(registry, i)->area, day);
        assert_string_equal(registry_area(registry, area)->level, "commune");
        assert_true(registry_area_within(registry, area, "46", day));
        assert_int_equal(registry_area(registry, area)->valid_to, REGISTRY_NO_END);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(centre_has_what_its_row_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_centre_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(centre_is_closed_from_its_closing_day_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_of_many_centres_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(area_is_the_row_valid_on_the_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ended_area_leads_to_its_successors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parents_are_those_of_the_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exact_type_wins_over_longer_over_shorter_pattern, set_up, tear_down),
        cmocka_unit_test_setup_teardown(activities_are_numbered_by_first_appearance_after_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verb_becomes_its_event_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(csv_is_read_as_it_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hash_names_the_bytes_of_the_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shipped_registry_is_sound, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
