/* Rows as JSON and CSV: what is escaped, quoted, rounded and left out. */
#include "api/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct text_case {
    const char *text, *json, *csv;
};

static void texts_are_escaped_for_where_they_go(void **state)
{
    static const struct text_case table[] = {
        {"plain", "\"plain\"", "plain"},
        {"Thừa Thiên Huế", "\"Thừa Thiên Huế\"", "Thừa Thiên Huế"},
        {"", "\"\"", ""},
        {NULL, "null", ""},
        {"a,b", "\"a,b\"", "\"a,b\""},
        {"say \"so\"", "\"say \\\"so\\\"\"", "\"say \"\"so\"\"\""},
        {"two\nlines", "\"two\\u000alines\"", "\"two\nlines\""},
        {"\\", "\"\\\\\"", "\\"},
        {"=SUM(A1)", "\"=SUM(A1)\"", "'=SUM(A1)"},
        {"+1", "\"+1\"", "'+1"},
        {"-1", "\"-1\"", "'-1"},
        {"@x", "\"@x\"", "'@x"},
        {"\tx", "\"\\u0009x\"", "'\tx"},
        {"\rx", "\"\\u000dx\"", "\"'\rx\""},
        {"\nx", "\"\\u000ax\"", "\"'\nx\""},
        {"＝1", "\"＝1\"", "'＝1"},
        {"＋1", "\"＋1\"", "'＋1"},
        {"－1", "\"－1\"", "'－1"},
        {"＠x", "\"＠x\"", "'＠x"},
        {"＞x", "\"＞x\"", "＞x"},
        {"=a,\"b\"", "\"=a,\\\"b\\\"\"", "\"'=a,\"\"b\"\"\""},
        {"a=b", "\"a=b\"", "a=b"},
        {"\x7f", "\"\\u007f\"", "\x7f"},
        /* not UTF-8: cut, overlong, a surrogate, past U+10FFFF, a lone continuation */
        {"x\xe1\xbb", "\"x\xef\xbf\xbd\xef\xbf\xbd\"", "x\xe1\xbb"},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xc0\x80"},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\xed\xa0\x80"},
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\xf4\x90\x80\x80"},
        {"\x80", "\"\xef\xbf\xbd\"", "\x80"},
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer json = {0}, csv = {0};
        struct rows rows;
        rows_add_json_text(&json, table[i].text);
        assert_string_equal(json.bytes, table[i].json);
        rows_open(&rows, &csv, ROWS_CSV_UNIX, "");
        buffer_clear(&csv);
        rows_begin(&rows);
        rows_text(&rows, "x", table[i].text);
        assert_string_equal(csv.bytes, table[i].csv);
        buffer_free(&json);
        buffer_free(&csv);
    }
}

struct number_case {
    double value;
    const char *json;
};

static void shares_have_six_decimals_and_no_negative_zero(void **state)
{
    static const struct number_case table[] = {
        {0, "0"},     {-0.0, "0"},           {-0.0000001, "0"},     {1, "1"},
        {0.6, "0.6"}, {1.0 / 3, "0.333333"}, {2.0 / 3, "0.666667"}, {-0.25, "-0.25"},
        {10, "10"},   {100, "100"},          {0.0 / 1, "0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer out = {0};
        rows_add_json_number(&out, table[i].value);
        assert_string_equal(out.bytes, table[i].json);
        buffer_free(&out);
    }
}

static void write_two_rows(struct buffer *out, enum rows_format format)
{
    struct rows rows;
    rows_open(&rows, out, format, "name,count,rate,gap,open,users,more");
    for (int i = 0; i < 2; i++) {
        rows_begin(&rows);
        rows_text(&rows, "name", i == 0 ? "-a" : "b");
        rows_integer(&rows, "count", -5);
        rows_share(&rows, "rate", i == 0, 0.5);
        rows_share(&rows, "gap", true, -0.1);
        rows_boolean(&rows, "open", i == 0);
        rows_people(&rows, "users", 4, i == 0 ? 5 : 4);
        rows_null(&rows, "more");
        rows_end(&rows);
    }
}

static void one_row_is_the_same_in_all_formats(void **state)
{
    struct buffer out = {0};
    (void)state;
    write_two_rows(&out, ROWS_CSV);
    assert_string_equal(out.bytes, "name,count,rate,gap,open,users,more\r\n'-a,-5,0.500000,-0.100000,true,,\r\n"
                                   "b,-5,,-0.100000,false,4,\r\n");
    buffer_clear(&out);
    write_two_rows(&out, ROWS_CSV_UNIX);
    assert_string_equal(out.bytes, "name,count,rate,gap,open,users,more\n'-a,-5,0.500000,-0.100000,true,,\n"
                                   "b,-5,,-0.100000,false,4,\n");
    buffer_clear(&out);
    write_two_rows(&out, ROWS_JSON_LINES);
    assert_string_equal(
        out.bytes,
        "{\"name\":\"-a\",\"count\":-5,\"rate\":0.5,\"gap\":-0.1,\"open\":true,\"users\":null,\"more\":null}\n"
        "{\"name\":\"b\",\"count\":-5,\"rate\":null,\"gap\":-0.1,\"open\":false,\"users\":4,\"more\":null}\n");
    buffer_clear(&out);
    write_two_rows(&out, ROWS_JSON);
    assert_string_equal(
        out.bytes,
        "{\"name\":\"-a\",\"count\":-5,\"rate\":0.5,\"gap\":-0.1,\"open\":true,\"users\":null,\"more\":null},\n"
        "{\"name\":\"b\",\"count\":-5,\"rate\":null,\"gap\":-0.1,\"open\":false,\"users\":4,\"more\":null}");
    buffer_free(&out);
}

static void csv_without_rows_has_its_header(void **state)
{
    struct buffer out = {0};
    struct rows rows;
    (void)state;
    rows_open(&rows, &out, ROWS_CSV, "a,b");
    assert_string_equal(out.bytes, "a,b\r\n");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped_for_where_they_go),
        cmocka_unit_test(shares_have_six_decimals_and_no_negative_zero),
        cmocka_unit_test(one_row_is_the_same_in_all_formats),
        cmocka_unit_test(csv_without_rows_has_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
