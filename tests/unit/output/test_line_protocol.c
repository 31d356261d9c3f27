/* The encoder: exact lines, hostile text, and what an independent decoder reads back. */
#include "decoder.h"

#include "base/civil.h"
#include "base/zone.h"
#include "output/line_protocol.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void must_encode(const struct line_point *point, const char *line)
{
    struct buffer out = {0};
    struct error error = {0};
    int result = line_protocol_encode(point, &out, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    assert_string_equal(out.bytes, line);
    buffer_free(&out);
}

static void must_refuse(const struct line_point *point, const char *reason)
{
    struct buffer out = {0};
    struct error error = {0};
    assert_int_equal(line_protocol_encode(point, &out, &error), ERROR_INPUT);
    assert_non_null(strstr(error.text, reason));
    assert_int_equal(out.used, 0);
    buffer_free(&out);
}

static struct line_point with_tag(const char *value)
{
    return (struct line_point){.measurement = "m",
                               .tags = {{"k", value}},
                               .tag_count = 1,
                               .fields = {{.key = "f", .integer = 1}},
                               .field_count = 1,
                               .time_s = 5};
}

static struct line_point with_float(double number)
{
    return (struct line_point){.measurement = "m",
                               .fields = {{.key = "f", .is_float = true, .number = number}},
                               .field_count = 1,
                               .time_s = -5};
}

static void hostile_tag_values_stay_one_value(void **state)
{
    static const struct {
        const char *value, *line;
    } cases[] = {
        {"plain", "m,k=plain f=1i 5\n"},
        {"a b", "m,k=a\\ b f=1i 5\n"},
        {"a,b=c", "m,k=a\\,b\\=c f=1i 5\n"},
        {"trailing\\", "m,k=trailing/ f=1i 5\n"},
        {"a\\,b", "m,k=a/\\,b f=1i 5\n"},
        {"line\nfeed", "m,k=line\\ feed f=1i 5\n"},
        {"cr\r\ttab", "m,k=cr\\ \\ tab f=1i 5\n"},
        {"\"quoted\"", "m,k=\"quoted\" f=1i 5\n"},
        {"Trường Tiểu học Lê Lợi", "m,k=Trường\\ Tiểu\\ học\\ Lê\\ Lợi f=1i 5\n"},
        {"\x7f", "m,k=\\  f=1i 5\n"},
        {"", "m f=1i 5\n"},
        {NULL, "m f=1i 5\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line_point point = with_tag(cases[i].value);
        must_encode(&point, cases[i].line);
    }
}

static void tags_are_sorted_by_their_bytes(void **state)
{
    struct line_point point = with_tag("1");
    (void)state;
    point.tags[0] = (struct line_tag){"b", "1"};
    point.tags[1] = (struct line_tag){"a", "2"};
    point.tags[2] = (struct line_tag){"Z", "3"};
    point.tag_count = 3;
    must_encode(&point, "m,Z=3,a=2,b=1 f=1i 5\n");
}

static void floats_always_have_a_point_and_read_back_the_same(void **state)
{
    static const struct {
        double number;
        const char *line;
    } cases[] = {
        {0, "m f=0.0 -5\n"},
        {1, "m f=1.0 -5\n"},
        {0.6, "m f=0.6 -5\n"},
        {0.1 + 0.2, "m f=0.30000000000000004 -5\n"},
        {1.0 / 3, "m f=0.3333333333333333 -5\n"},
        {1e300, "m f=1.0e+300 -5\n"},
        {1e-7, "m f=1.0e-07 -5\n"},
        {-2.5, "m f=-2.5 -5\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line_point point = with_float(cases[i].number);
        must_encode(&point, cases[i].line);
    }
}

static void integers_keep_all_their_digits(void **state)
{
    struct line_point point = with_tag("v");
    (void)state;
    point.fields[0].integer = INT64_MAX;
    must_encode(&point, "m,k=v f=9223372036854775807i 5\n");
    point.fields[0].integer = INT64_MIN;
    must_encode(&point, "m,k=v f=-9223372036854775808i 5\n");
}

static void what_the_format_cannot_say_is_refused(void **state)
{
    struct line_point point;
    (void)state;
    point = with_float(NAN);
    must_refuse(&point, "not a finite number");
    point = with_float(INFINITY);
    must_refuse(&point, "not a finite number");
    point = with_tag("v");
    point.field_count = 0;
    must_refuse(&point, "no field");
    point = with_tag("v");
    point.tags[0].key = "time";
    must_refuse(&point, "name of a tag");
    point.tags[0].key = "f";
    must_refuse(&point, "both as a tag and as a field");
    point = with_tag("v");
    point.tags[1] = point.tags[0];
    point.tag_count = 2;
    must_refuse(&point, "two tags");
    point = with_tag("v");
    point.fields[0].key = "_field";
    must_refuse(&point, "name of a field");
    point = with_tag("v");
    point.measurement = "# comment";
    must_refuse(&point, "measurement");
    point.measurement = "";
    must_refuse(&point, "measurement");
}

static struct zone *open_zone(const char *name)
{
    struct zone *zone = NULL;
    assert_int_equal(zone_open(&zone, name, NULL), 0);
    return zone;
}

static void must_write_above(int64_t small_cell, const struct change_row *row, const char *zone_name, const char *line)
{
    struct buffer out = {0};
    struct error error = {0};
    struct zone *zone = open_zone(zone_name);
    int result = line_protocol_change(row, zone, small_cell, &out, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    assert_string_equal(out.bytes, line);
    buffer_free(&out);
    zone_close(&zone);
}

static void must_write(const struct change_row *row, const char *zone_name, const char *line)
{
    must_write_above(0, row, zone_name, line);
}

static int32_t day(int year, int month, int day_of_month)
{
    return civil_to_day((struct civil){year, month, day_of_month});
}

static void usage_stands_at_the_first_second_of_its_local_day(void **state)
{
    struct change_row row = {.series = SERIES_USAGE,
                             .centre = "c1",
                             .activity = "teaching",
                             .day = day(2026, 10, 5),
                             .events = 12,
                             .seconds = 5400,
                             .users = 3,
                             .devices = 1};
    (void)state;
    must_write(&row, "Asia/Ho_Chi_Minh",
               "usage,activity=teaching,centre=c1 events=12i,seconds=5400i,users=3i,devices=1i 1791133200\n");
    row.day = day(2026, 3, 29); /* a day of 23 hours in Berlin */
    must_write(&row, "Europe/Berlin",
               "usage,activity=teaching,centre=c1 events=12i,seconds=5400i,users=3i,devices=1i 1774738800\n");
}

static void a_count_of_people_that_is_too_small_does_not_leave(void **state)
{
    struct change_row row = {.series = SERIES_USAGE,
                             .centre = "c1",
                             .activity = "teaching",
                             .day = day(2026, 10, 5),
                             .events = 12,
                             .users = 4,
                             .devices = 1};
    (void)state;
    must_write_above(4, &row, "Asia/Ho_Chi_Minh",
                     "usage,activity=teaching,centre=c1 events=12i,seconds=0i,users=4i,devices=1i 1791133200\n");
    must_write_above(5, &row, "Asia/Ho_Chi_Minh",
                     "usage,activity=teaching,centre=c1 events=12i,seconds=0i,devices=1i 1791133200\n");
}

static void hours_stand_at_their_first_second(void **state)
{
    struct change_row row = {.series = SERIES_USAGE_HOUR,
                             .centre = "c1",
                             .activity = "learning",
                             .hour_s = 1791162000,
                             .events = 2,
                             .seconds = 60};
    (void)state;
    must_write(&row, "Asia/Ho_Chi_Minh", "usage_hour,activity=learning,centre=c1 events=2i,seconds=60i 1791162000\n");
}

static struct change_row adoption_row(void)
{
    return (struct change_row){.series = SERIES_ADOPTION,
                               .indicator = "institutions-digital",
                               .area = "46",
                               .period_kind = "month",
                               .period = 2026 * 12 + 9,
                               .registered = 4,
                               .reporting = 3,
                               .adopting = 1,
                               .has_target = true,
                               .target = 0.6};
}

static void adoption_has_its_rate_and_honest_bounds(void **state)
{
    struct change_row row = adoption_row();
    (void)state;
    must_write(&row, "Asia/Ho_Chi_Minh",
               "adoption,area=46,indicator=institutions-digital registered=4i,reporting=3i,adopting=1i,"
               "rate=0.25,lower=0.25,upper=0.5,target=0.6 1790787600\n");
    row.has_target = false;
    row.registered = row.reporting = row.adopting = 0;
    must_write(&row, "Asia/Ho_Chi_Minh",
               "adoption,area=46,indicator=institutions-digital registered=0i,reporting=0i,adopting=0i 1790787600\n");
}

static void a_centres_adoption_is_two_counts(void **state)
{
    struct change_row row = {.series = SERIES_CENTRE_ADOPTION,
                             .indicator = "clc",
                             .centre = "c1",
                             .period_kind = "year",
                             .period = 2026,
                             .registered = 1,
                             .reporting = 1,
                             .adopting = 0};
    (void)state;
    must_write(&row, "UTC", "centre_adoption,centre=c1,indicator=clc reporting=1i,adopting=0i 1767225600\n");
}

static void a_result_that_no_longer_stands_is_overwritten_by_zeros(void **state)
{
    struct change_row row = adoption_row();
    (void)state;
    row.withdrawn = true;
    row.has_target = false;
    row.registered = row.reporting = row.adopting = 0;
    must_write(&row, "Asia/Ho_Chi_Minh",
               "adoption,area=46,indicator=institutions-digital registered=0i,reporting=0i,adopting=0i,"
               "rate=0.0,lower=0.0,upper=0.0,target=0.0 1790787600\n");
}

static void a_period_of_no_kind_is_refused(void **state)
{
    struct change_row row = adoption_row();
    struct buffer out = {0};
    struct error error = {0};
    struct zone *zone = open_zone("UTC");
    (void)state;
    row.period_kind = "fortnight";
    assert_int_equal(line_protocol_change(&row, zone, 0, &out, &error), ERROR_INPUT);
    assert_non_null(strstr(error.text, "fortnight"));
    zone_close(&zone);
    buffer_free(&out);
}

/* What the encoder maps text to, said a second time. */
static void expected_text(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        *out++ = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text == '\\' ? '/' : *text;
    }
    *out = '\0';
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void anything_is_read_back_by_a_decoder_of_other_make(void **state)
{
    static const char alphabet[] = "ab,= \\\n\r\t\"'#_/0i.\x7f\xc3\xa9";
    unsigned seed = 20261005;
    (void)state;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char value[24], expected[24];
        struct buffer out = {0};
        struct decoded_point read;
        const char *reason = NULL;
        size_t length = next_random(&seed) % (sizeof value - 1);
        for (size_t i = 0; i < length; i++) {
            value[i] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
        }
        value[length] = '\0';
        struct line_point point = with_tag(value);
        point.fields[1] = (struct line_field){.key = "share", .is_float = true, .number = next_random(&seed) / 1e7};
        point.field_count = 2;

        assert_int_equal(line_protocol_encode(&point, &out, NULL), 0);

        assert_int_equal(out.bytes[out.used - 1], '\n');
        assert_null(memchr(out.bytes, '\n', out.used - 1));
        bool good = decode_line(out.bytes, out.used - 1, &read, &reason);
        assert_null(reason);
        assert_true(good);
        expected_text(value, expected);
        if (length == 0) {
            assert_null(decoded_tag(&read, "k"));
        } else {
            assert_string_equal(decoded_tag(&read, "k"), expected);
        }
        assert_string_equal(decoded_field(&read, "f"), "1i");
        assert_true(strtod(decoded_field(&read, "share"), NULL) == point.fields[1].number);
        assert_int_equal(read.time, 5);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_tag_values_stay_one_value),
        cmocka_unit_test(tags_are_sorted_by_their_bytes),
        cmocka_unit_test(floats_always_have_a_point_and_read_back_the_same),
        cmocka_unit_test(integers_keep_all_their_digits),
        cmocka_unit_test(what_the_format_cannot_say_is_refused),
        cmocka_unit_test(usage_stands_at_the_first_second_of_its_local_day),
        cmocka_unit_test(a_count_of_people_that_is_too_small_does_not_leave),
        cmocka_unit_test(hours_stand_at_their_first_second),
        cmocka_unit_test(adoption_has_its_rate_and_honest_bounds),
        cmocka_unit_test(a_centres_adoption_is_two_counts),
        cmocka_unit_test(a_result_that_no_longer_stands_is_overwritten_by_zeros),
        cmocka_unit_test(a_period_of_no_kind_is_refused),
        cmocka_unit_test(anything_is_read_back_by_a_decoder_of_other_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
