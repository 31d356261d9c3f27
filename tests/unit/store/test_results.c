/* Verdicts and adoption rows keep their revision while they say the same; what indicators are computed from. */
#include "support.h"

#include "base/civil.h"
#include "facts/distinct.h"

static struct store_adoption_row adoption(const char *area, int32_t period, int64_t adopting)
{
    return (struct store_adoption_row){.indicator = "institutions-digital",
                                       .area = area,
                                       .period = period,
                                       .period_kind = "month",
                                       .registered = 10,
                                       .reporting = 8,
                                       .adopting = adopting,
                                       .has_target = true,
                                       .target = 0.6,
                                       .rule_hash = "r",
                                       .registry_hash = "g"};
}

static int64_t adoption_revision(struct place *place)
{
    return place_number(place, "SELECT revision FROM adoption WHERE area = '46'");
}

static void save_adoption(struct place *place, const struct store_adoption_row *row)
{
    place_begin(place);
    MUST(place, store_adoption_save(place->store, row, &place->error));
    place_commit(place);
}

static void an_unchanged_adoption_row_keeps_its_revision(void **state)
{
    struct place *place = *state;
    struct store_adoption_row row = adoption("46", 24321, 5);
    save_adoption(place, &row);
    save_adoption(place, &row);
    assert_int_equal(adoption_revision(place), 1);
    row.adopting = 6;
    save_adoption(place, &row);
    assert_int_equal(adoption_revision(place), 3);
    row.has_target = false;
    save_adoption(place, &row);
    assert_int_equal(adoption_revision(place), 4);
    save_adoption(place, &row); /* no target stays no target: NULL is itself */
    assert_int_equal(adoption_revision(place), 4);
    row.rule_hash = "another";
    save_adoption(place, &row);
    assert_int_equal(adoption_revision(place), 6);
    assert_int_equal(place_number(place, "SELECT count(*) FROM adoption"), 1);
}

static struct store_verdict_row verdict(struct place *place, const char *centre, bool adopts)
{
    struct store_verdict_row row = {.indicator = "institutions-digital",
                                    .period = 24321,
                                    .period_kind = "month",
                                    .reporting = true,
                                    .adopts = adopts,
                                    .conditions = "[]"};
    MUST(place, store_centre(place->store, centre, &row.centre, &place->error));
    return row;
}

static void save_verdict(struct place *place, const char *centre, bool adopts)
{
    place_begin(place);
    struct store_verdict_row row = verdict(place, centre, adopts);
    MUST(place, store_verdict_save(place->store, &row, &place->error));
    place_commit(place);
}

static void an_unchanged_verdict_keeps_its_revision(void **state)
{
    struct place *place = *state;
    save_verdict(place, "th-1", true);
    save_verdict(place, "th-1", true);
    assert_int_equal(place_number(place, "SELECT revision FROM verdict"), 1);
    save_verdict(place, "th-1", false);
    assert_int_equal(place_number(place, "SELECT revision FROM verdict"), 3);
}

struct lines {
    char text[4096];
};

static void add_line(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_line(struct lines *lines, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(lines->text);
    va_start(arguments, format);
    vsnprintf(lines->text + used, sizeof lines->text - used, format, arguments);
    va_end(arguments);
}

static int list_adoption(void *context, const struct adoption_row *row)
{
    add_line(context, "%s %s %d %lld/%lld/%lld %s|", row->indicator, row->area, row->period, (long long)row->registered,
             (long long)row->reporting, (long long)row->adopting, row->has_target ? "target" : "-");
    return 0;
}

static void adoption_is_read_by_indicator_area_and_period(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *indicator, *area;
        int32_t period;
    } rows[] = {{"b", "46", 1}, {"a", "474", 3}, {"a", "46", 3}, {"a", "46", 2}};
    struct lines all = {0}, one = {0};
    place_begin(place);
    for (size_t i = 0; i < 4; i++) {
        struct store_adoption_row row = adoption(rows[i].area, rows[i].period, (int64_t)i);
        row.indicator = rows[i].indicator;
        row.has_target = i != 0;
        MUST(place, store_adoption_save(place->store, &row, &place->error));
    }
    place_commit(place);
    struct adoption_filter filter = {.any_period = true};
    MUST(place, store_read_adoption(place_reader(place), &filter, list_adoption, &all, &place->error));
    assert_string_equal(all.text, "a 46 2 10/8/3 target|a 46 3 10/8/2 target|a 474 3 10/8/1 target|b 46 1 10/8/0 -|");
    filter = (struct adoption_filter){.indicator = "a", .area = "46", .from_period = 3, .to_period = 9};
    MUST(place, store_read_adoption(place->reader, &filter, list_adoption, &one, &place->error));
    assert_string_equal(one.text, "a 46 3 10/8/2 target|");
}

static int list_verdict(void *context, const struct verdict_row *row)
{
    add_line(context, "%s %s %d %s%s|", row->indicator, row->centre, row->period, row->reporting ? "r" : "-",
             row->adopts ? "a" : "-");
    return 0;
}

static void verdicts_are_read_by_indicator_centre_and_period(void **state)
{
    struct place *place = *state;
    struct lines all = {0}, one = {0};
    save_verdict(place, "th-2", true);
    save_verdict(place, "th-10", false);
    struct verdict_filter filter = {.any_period = true};
    MUST(place, store_read_verdicts(place_reader(place), &filter, list_verdict, &all, &place->error));
    assert_string_equal(all.text, "institutions-digital th-10 24321 r-|institutions-digital th-2 24321 ra|");
    filter = (struct verdict_filter){.centre = "th-2", .from_period = 24321, .to_period = 24321};
    MUST(place, store_read_verdicts(place->reader, &filter, list_verdict, &one, &place->error));
    assert_string_equal(one.text, "institutions-digital th-2 24321 ra|");
}

static int list_sum(void *context, uint32_t centre, bool reporting, bool adopts)
{
    add_line(context, "%u%d%d|", centre, reporting, adopts);
    return 0;
}

static void clearing_removes_all_results(void **state)
{
    struct place *place = *state;
    struct lines before = {0}, after = {0};
    struct store_adoption_row row = adoption("46", 24321, 5);
    save_adoption(place, &row);
    save_verdict(place, "th-1", true);
    MUST(place, store_each_verdict(place->store, "institutions-digital", 24321, list_sum, &before, &place->error));
    assert_string_equal(before.text, "111|");
    place_begin(place);
    MUST(place, store_results_clear(place->store, &place->error));
    MUST(place, store_adoption_save(place->store, &row, &place->error));
    place_commit(place);
    MUST(place, store_each_verdict(place->store, "institutions-digital", 24321, list_sum, &after, &place->error));
    assert_string_equal(after.text, "");
    assert_int_equal(adoption_revision(place), 3);
}

static int list_changed(void *context, uint32_t centre, int32_t month)
{
    add_line(context, "%u:%d-%02d|", centre, month / 12, month % 12 + 1);
    return 0;
}

static void changed_months_are_those_of_changed_days(void **state)
{
    struct place *place = *state;
    struct lines all = {0}, later = {0}, none = {0};
    int32_t leap_day = civil_to_day((struct civil){2028, 2, 29});
    place_begin(place);
    place_save_day(place, "th-1", leap_day, "teaching", 1);
    place_save_day(place, "th-1", leap_day, "learning", 1);
    place_commit(place);
    place_begin(place);
    place_save_day(place, "th-2", leap_day + 1, "teaching", 1);
    place_save_day(place, "th-2", civil_to_day((struct civil){2027, 12, 31}), "teaching", 1);
    place_commit(place);
    MUST(place, store_each_changed(place->store, 0, list_changed, &all, &place->error));
    MUST(place, store_each_changed(place->store, 1, list_changed, &later, &place->error));
    MUST(place, store_each_changed(place->store, 2, list_changed, &none, &place->error));
    assert_string_equal(all.text, "1:2028-02|2:2027-12|2:2028-03|");
    assert_string_equal(later.text, "2:2027-12|2:2028-03|");
    assert_string_equal(none.text, "");
}

static void day_bounds_are_those_of_all_centres(void **state)
{
    struct place *place = *state;
    int32_t first = 0, last = 0;
    assert_int_equal(store_day_bounds(place->store, &first, &last, &place->error), 0);
    place_begin(place);
    place_save_day(place, "th-1", civil_to_day((struct civil){2026, 10, 5}), "teaching", 1);
    place_save_day(place, "th-2", civil_to_day((struct civil){2025, 12, 31}), "teaching", 1);
    place_save_day(place, "th-3", civil_to_day((struct civil){2027, 1, 1}), "teaching", 1);
    place_commit(place);
    assert_int_equal(store_day_bounds(place->store, &first, &last, &place->error), 1);
    assert_int_equal(first, civil_to_day((struct civil){2025, 12, 31}));
    assert_int_equal(last, civil_to_day((struct civil){2027, 1, 1}));
}

static void save_month(struct place *place, int32_t month, uint64_t first_user, uint64_t users)
{
    struct distinct set = {0};
    struct buffer bytes = {0};
    struct store_fact fact = {.span = SPAN_MONTH, .index = month, .events = 1, .users = (int64_t)users, .devices = 1};
    for (uint64_t i = 0; i < users; i++) {
        assert_int_equal(distinct_add(&set, (first_user + i) * 0x9e3779b97f4a7c15u), 1);
    }
    distinct_write(&set, &bytes);
    fact.user_set = fact.device_set = bytes.bytes;
    fact.user_set_bytes = fact.device_set_bytes = bytes.used;
    MUST(place, store_centre(place->store, "th-1", &fact.centre, &place->error));
    MUST(place, store_activity(place->store, "teaching", &fact.activity, &place->error));
    MUST(place, store_fact_save(place->store, &fact, &place->error));
    buffer_free(&bytes);
    distinct_free(&set);
}

static int list_figures(void *context, const struct store_figures *figures)
{
    add_line(context, "%s %lldd %lld %llds %lldu %lldv|", figures->activity, (long long)figures->active_days,
             (long long)figures->events, (long long)figures->seconds, (long long)figures->users,
             (long long)figures->devices);
    return 0;
}

static void figures_of_months_are_sums_of_days_and_unions_of_sets(void **state)
{
    struct place *place = *state;
    struct lines month = {0}, quarter = {0}, none = {0};
    const int32_t october = 2026 * 12 + 9;
    place_begin(place);
    place_save_day(place, "th-1", civil_to_day((struct civil){2026, 9, 30}), "teaching", 100);
    place_save_day(place, "th-1", civil_to_day((struct civil){2026, 10, 1}), "teaching", 3);
    place_save_day(place, "th-1", civil_to_day((struct civil){2026, 10, 31}), "teaching", 4);
    place_save_day(place, "th-1", civil_to_day((struct civil){2026, 12, 31}), "teaching", 5);
    place_save_day(place, "th-1", civil_to_day((struct civil){2027, 1, 1}), "teaching", 100);
    save_month(place, october, 1, 20);
    save_month(place, october + 2, 11, 20); /* ten of October's come again */
    place_commit(place);
    MUST(place, store_each_figures(place->store, 1, october, october, list_figures, &month, &place->error));
    MUST(place, store_each_figures(place->store, 1, october, october + 2, list_figures, &quarter, &place->error));
    MUST(place, store_each_figures(place->store, 2, october, october, list_figures, &none, &place->error));
    assert_string_equal(month.text, "teaching 2d 7 420s 20u 1v|");
    assert_string_equal(quarter.text, "teaching 3d 12 720s 30u 30v|");
    assert_string_equal(none.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(an_unchanged_adoption_row_keeps_its_revision),
        WITH_PLACE(an_unchanged_verdict_keeps_its_revision),
        WITH_PLACE(adoption_is_read_by_indicator_area_and_period),
        WITH_PLACE(verdicts_are_read_by_indicator_centre_and_period),
        WITH_PLACE(clearing_removes_all_results),
        WITH_PLACE(changed_months_are_those_of_changed_days),
        WITH_PLACE(day_bounds_are_those_of_all_centres),
        WITH_PLACE(figures_of_months_are_sums_of_days_and_unions_of_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
