/*
 * Verdicts and adoption rows of a small example, worked out by hand. Five primary schools count (p-1 … p-5), the
 * preschool k-1 does not. The rule: teaching on 2 days, and learning by 5 % of the head count or by 3 users.
 *
 *             May 2025                June 2025               July 2025
 * p-1 (A)     silent                  adopts (5 of 100)       reports
 * p-2 (B)     silent                  reports (1 day)         adopts (3 users)
 * p-3 (C)     silent                  silent                  silent
 * p-4 (C)     adopts (3 users)        closed since the 15th   closed
 * p-5 (A)     not yet open            silent                  silent
 *
 * On 1 July A and B become N.
 */
#include "world.h"

static void teach(struct world *world, const char *centre, int64_t seq, const char *day)
{
    char t[40];
    snprintf(t, sizeof t, "%sT08:00:00+07:00", day);
    world_send_event(world, t, centre, "board", seq, t, "lesson.delivered", "teacher-1");
}

static void learn(struct world *world, const char *centre, int64_t seq, const char *day, int users)
{
    char t[40], user[24];
    snprintf(t, sizeof t, "%sT09:00:00+07:00", day);
    for (int i = 0; i < users; i++) {
        snprintf(user, sizeof user, "pupil-%04d", i);
        world_send_event(world, t, centre, "tablet", seq + i, t, "quiz.taken", user);
    }
}

static void send_example(struct world *world)
{
    teach(world, "p-4", 1, "2025-05-05");
    teach(world, "p-4", 2, "2025-05-06");
    learn(world, "p-4", 1, "2025-05-06", 3);
    teach(world, "p-1", 1, "2025-06-02");
    teach(world, "p-1", 2, "2025-06-03");
    learn(world, "p-1", 1, "2025-06-03", 5);
    teach(world, "p-2", 1, "2025-06-30");
    teach(world, "k-1", 1, "2025-06-30");
    teach(world, "p-4", 3, "2025-06-10");
    teach(world, "p-1", 3, "2025-07-01");
    teach(world, "p-2", 2, "2025-07-01");
    teach(world, "p-2", 3, "2025-07-31");
    learn(world, "p-2", 1, "2025-07-15", 3);
}

static const int32_t may = 2025 * 12 + 4;

struct lines {
    char text[8192];
    int targets;
};

static int list_adoption(void *context, const struct adoption_row *row)
{
    struct lines *lines = context;
    size_t used = strlen(lines->text);
    lines->targets += row->has_target;
    snprintf(lines->text + used, sizeof lines->text - used, "%s %02d %lld/%lld/%lld|", row->area, row->period % 12 + 1,
             (long long)row->registered, (long long)row->reporting, (long long)row->adopting);
    return 0;
}

static struct lines adoption(struct world *world)
{
    struct lines lines = {0};
    struct store_reader *reader = NULL;
    const struct adoption_filter filter = {.indicator = "digital", .from_period = may, .to_period = may + 2};
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_adoption(reader, &filter, list_adoption, &lines, &world->error));
    store_reader_close(&reader);
    return lines;
}

static int list_verdict(void *context, const struct verdict_row *row)
{
    struct lines *lines = context;
    size_t used = strlen(lines->text);
    snprintf(lines->text + used, sizeof lines->text - used, "%s %02d %s|", row->centre, row->period % 12 + 1,
             row->adopts      ? "adopts"
             : row->reporting ? "reports"
                              : "silent");
    return 0;
}

static struct lines verdicts(struct world *world)
{
    struct lines lines = {0};
    struct store_reader *reader = NULL;
    const struct verdict_filter filter = {.from_period = may, .to_period = may + 2};
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_verdicts(reader, &filter, list_verdict, &lines, &world->error));
    store_reader_close(&reader);
    return lines;
}

static const char expected_verdicts[] = "p-1 05 silent|p-1 06 adopts|p-1 07 reports|"
                                        "p-2 05 silent|p-2 06 reports|p-2 07 adopts|"
                                        "p-3 05 silent|p-3 06 silent|p-3 07 silent|"
                                        "p-4 05 adopts|"
                                        "p-5 06 silent|p-5 07 silent|";
static const char expected_adoption[] = "46 05 4/1/1|46 06 4/2/1|46 07 4/2/1|"
                                        "A 05 1/0/0|A 06 2/1/1|"
                                        "B 05 1/0/0|B 06 1/1/0|"
                                        "C 05 2/1/1|C 06 1/0/0|C 07 1/0/0|"
                                        "N 07 3/2/1|";

static void verdicts_are_those_worked_out_by_hand(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    assert_string_equal(verdicts(world).text, expected_verdicts);
}

static void areas_add_up_as_they_were_on_the_last_day(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    struct lines lines = adoption(world);
    assert_string_equal(lines.text, expected_adoption);
    assert_int_equal(lines.targets, 7); /* the target is in force from June on */
}

/* Message by message, each evaluated: the end is the same as in one go. */
static void results_do_not_depend_on_how_often_they_are_made(void **state)
{
    struct world *world = *state, *piecewise = world_new();
    send_example(world);
    world_finish(world);
    teach(piecewise, "p-2", 3, "2025-07-31"); /* months come in any order */
    world_finish(piecewise);
    teach(piecewise, "p-4", 2, "2025-05-06");
    world_finish(piecewise);
    world_crash(piecewise);
    world_start(piecewise);
    send_example(piecewise);
    world_finish(piecewise);
    char *one = world_dump(world, true), *other = world_dump(piecewise, true);
    assert_string_equal(one, other);
    free(one);
    free(other);
    world_free(&piecewise);
}

static void a_silent_province_has_rows_too(void **state)
{
    struct world *world = *state;
    teach(world, "k-1", 1, "2025-05-05"); /* not covered, but facts begin here */
    world_finish(world);
    assert_string_equal(adoption(world).text, "46 05 4/0/0|46 06 4/0/0|46 07 4/0/0|A 05 1/0/0|A 06 2/0/0|B 05 1/0/0|"
                                              "B 06 1/0/0|C 05 2/0/0|C 06 1/0/0|C 07 1/0/0|N 07 3/0/0|");
}

static void a_late_event_changes_the_verdict_of_its_own_month(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    world_send_event(world, "2025-07-20T08:00:00+07:00", "p-2", "board", 9, "2025-06-27T08:00:00+07:00",
                     "lesson.delivered", "");
    learn(world, "p-2", 20, "2025-06-29", 3);
    world_finish(world);
    assert_non_null(strstr(verdicts(world).text, "p-2 06 adopts|p-2 07 adopts|"));
    assert_non_null(strstr(adoption(world).text, "46 05 4/1/1|46 06 4/2/2|46 07 4/2/1|A 05 1/0/0|A 06 2/1/1|B 05 1/0/0|"
                                                 "B 06 1/1/1|"));
}

static void nothing_new_is_evaluated_twice(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    int64_t evaluations = world_counter(world, COUNTER_evaluations);
    int64_t revision = world_counter(world, COUNTER_revision);
    world_finish(world);
    assert_int_equal(world_counter(world, COUNTER_evaluations), evaluations);
    assert_int_equal(world_counter(world, COUNTER_revision), revision);
    teach(world, "p-3", 1, "2025-07-02");
    world_finish(world);
    assert_int_equal(world_counter(world, COUNTER_evaluations), evaluations + 1);
}

static const char other_rule[] =
    "{\"indicators\": [{\"id\": \"digital\", \"name\": {\"vi\": \"So\", \"en\": \"Digital\"}, \"source\": \"test\",\n"
    "  \"centre_types\": [\"primary\"], \"period\": \"month\", \"targets\": [{\"from\": \"2025-06-01\", \"value\": "
    "0.5}],\n"
    "  \"rule\": {\"all\": [{\"activity\": \"teaching\", \"active_days\": {\"min\": 1}}]}}]}\n";

static const char other_rule_adoption[] = "46 05 4/1/1|46 06 4/2/2|46 07 4/2/2|A 05 1/0/0|A 06 2/1/1|B 05 1/0/0|"
                                          "B 06 1/1/1|C 05 2/1/1|C 06 1/0/0|C 07 1/0/0|N 07 3/2/2|";

/* No new event comes: the new rule alone makes every period anew. */
static void a_changed_rule_evaluates_every_period_again(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    world_write(world, "indicators.jsonc", other_rule);
    world_load_again(world, true);
    assert_string_equal(adoption(world).text, other_rule_adoption);
    assert_non_null(strstr(verdicts(world).text, "p-2 06 adopts|"));
}

static void a_rule_that_changed_while_it_was_off_is_seen_at_the_start(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    world_write(world, "indicators.jsonc", other_rule);
    world_crash(world);
    world_load_again(world, false);
    world_start(world);
    world_finish(world);
    assert_string_equal(adoption(world).text, other_rule_adoption);
}

static void a_changed_registry_evaluates_every_period_again(void **state)
{
    struct world *world = *state;
    send_example(world);
    world_finish(world);
    world_write(world, "centres.csv",
                "id,name,type,area,head_count,opened,closed\n"
                "p-1,School 1,primary,A,101,2000-09-01,\n" /* below 5 % now, but 5 users are at least 3 */
                "p-2,School 2,primary,C,50,2000-09-01,\n"
                "p-4,School 4,primary,C,40,2000-09-01,\n");
    world_load_again(world, true);
    assert_string_equal(adoption(world).text, "46 05 3/1/1|46 06 3/3/1|46 07 3/2/1|A 05 1/0/0|A 06 1/1/1|C 05 2/1/1|"
                                              "C 06 2/2/0|C 07 2/1/1|N 07 1/1/0|");
}

/* Periods after today hold facts only in rehearsals; a changed rule must not lose them. */
static void a_changed_rule_keeps_periods_that_lie_ahead(void **state)
{
    struct world *world = *state;
    struct store_reader *reader = NULL;
    struct lines lines = {0};
    const struct adoption_filter filter = {.area = "46", .from_period = 2098 * 12, .to_period = 2100 * 12};
    teach(world, "p-1", 1, "2099-03-02");
    world_finish(world);
    world_write(world, "indicators.jsonc", other_rule);
    world_load_again(world, true);
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_adoption(reader, &filter, list_adoption, &lines, &world->error));
    store_reader_close(&reader);
    assert_string_equal(lines.text, "46 03 4/1/1|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(verdicts_are_those_worked_out_by_hand),
        WITH_WORLD(areas_add_up_as_they_were_on_the_last_day),
        WITH_WORLD(results_do_not_depend_on_how_often_they_are_made),
        WITH_WORLD(a_silent_province_has_rows_too),
        WITH_WORLD(a_late_event_changes_the_verdict_of_its_own_month),
        WITH_WORLD(nothing_new_is_evaluated_twice),
        WITH_WORLD(a_changed_rule_evaluates_every_period_again),
        WITH_WORLD(a_rule_that_changed_while_it_was_off_is_seen_at_the_start),
        WITH_WORLD(a_changed_registry_evaluates_every_period_again),
        WITH_WORLD(a_changed_rule_keeps_periods_that_lie_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
