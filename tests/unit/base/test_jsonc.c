/* JSON with comments: what is blanked and what is not, and that a fault names the right line. */
#include "base/jsonc.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void must_parse(struct jsonc *file, const char *text)
{
    struct faults faults = {0};
    if (jsonc_parse(file, "test.jsonc", text, strlen(text), &faults) != 0) {
        fail_msg("refused at line %u: %s", faults.list[0].line, text);
    }
    assert_int_equal(faults.count, 0);
    faults_clear(&faults);
}

static void must_reject(const char *text, size_t length, unsigned line)
{
    struct jsonc file;
    struct faults faults = {0};
    if (jsonc_parse(&file, "test.jsonc", text, length, &faults) != ERROR_CONFIG) {
        fail_msg("parsed: %s", text);
    }
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.list[0].file, "test.jsonc");
    if (faults.list[0].line != line) {
        fail_msg("line %u and not %u: %s", faults.list[0].line, line, text);
    }
    jsonc_free(&file);
    faults_clear(&faults);
}

static double number(const struct jsonc *file, const char *name)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(file->root, name);
    assert_true(cJSON_IsNumber(node));
    return node->valuedouble;
}

static void comments_of_both_kinds_are_blanked(void **state)
{
    struct jsonc file;
    (void)state;
    must_parse(&file,
               "// first\n{ /* one */ \"a\": /**/ 1, // two\n /* three\n lines ***/ \"b\":2 /*/ odd /*/ }\n//last");
    assert_true(number(&file, "a") == 1.0 && number(&file, "b") == 2.0);
    jsonc_free(&file);
    must_parse(&file, "{\"a\":1}//");
    jsonc_free(&file);
    must_parse(&file, "{\r\n\"a\":1 // with a carriage return\r\n}\r\n");
    jsonc_free(&file);
}

static void what_looks_like_a_comment_in_a_string_stays(void **state)
{
    struct jsonc file;
    (void)state;
    must_parse(&file, "{\"url\":\"http://x/*y*/\",\"quote\":\"\\\"//\\\\\",\"end\":1}");
    assert_string_equal(cJSON_GetObjectItem(file.root, "url")->valuestring, "http://x/*y*/");
    assert_string_equal(cJSON_GetObjectItem(file.root, "quote")->valuestring, "\"//\\");
    assert_true(number(&file, "end") == 1.0);
    jsonc_free(&file);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    struct jsonc file;
    (void)state;
    must_parse(&file, "\xef\xbb\xbf// from an editor that writes one\n{\"a\":1}");
    assert_int_equal(jsonc_line(&file, cJSON_GetObjectItem(file.root, "a")), 2);
    jsonc_free(&file);
}

static void a_fault_names_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } rejected[] = {
        {"", 1},
        {"\n\n{\"a\":1,}", 3},
        {"{\n\"a\":1\n\"b\":2\n}", 3},
        {"{\n\"a\": tru\n}", 2},
        {"{\"a\":1}\n\n!", 3},
        {"// only a comment\n", 2},
        {"{\"a\":1} /* never closed\n\n", 1},
        {"{\n/* never closed\n\"a\":1}\n", 2},
        {"{\"a\":1}\n/*/", 2},
        {"{\"a\":\n\n\"never closed}", 3},
        {"[1,2", 1},
        {"{\"a\":1}{\"a\":2}", 1},
        {"{\"a\":1} / 2", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rejected / sizeof rejected[0]; i++) {
        must_reject(rejected[i].text, strlen(rejected[i].text), rejected[i].line);
    }
    must_reject("{\"a\":1}\n\0{\"hidden\":2}", 21, 2);
}

static void every_node_knows_its_line_after_comments(void **state)
{
    static const char text[] = "// 1: a comment with \"quotes\" and { brackets\n"
                               "{\n"
                               "  /* 3\n"
                               "     4 */ \"first\": \"value: with, all { signs }\",\n"
                               "  \"second\": [ -1.5e+3, // 5\n"
                               "    true, null,\n"
                               "    { \"third\" : 7 }, [],\n"
                               "    \"eight\"\n"
                               "  ],\n"
                               "  \"tenth\":\n"
                               "     {}, \"eleven\": 1 }\n";
    struct jsonc file;
    (void)state;
    must_parse(&file, text);
    const cJSON *second = cJSON_GetObjectItem(file.root, "second");
    assert_int_equal(jsonc_line(&file, file.root), 2);
    assert_int_equal(jsonc_line(&file, cJSON_GetObjectItem(file.root, "first")), 4);
    assert_int_equal(jsonc_line(&file, second), 5);
    assert_int_equal(jsonc_line(&file, cJSON_GetArrayItem(second, 0)), 5);
    assert_int_equal(jsonc_line(&file, cJSON_GetArrayItem(second, 1)), 6);
    assert_int_equal(jsonc_line(&file, cJSON_GetArrayItem(second, 2)), 6);
    assert_int_equal(jsonc_line(&file, cJSON_GetObjectItem(cJSON_GetArrayItem(second, 3), "third")), 7);
    assert_int_equal(jsonc_line(&file, cJSON_GetArrayItem(second, 4)), 7);
    assert_int_equal(jsonc_line(&file, cJSON_GetArrayItem(second, 5)), 8);
    assert_int_equal(jsonc_line(&file, cJSON_GetObjectItem(file.root, "tenth")), 11);
    assert_int_equal(jsonc_line(&file, cJSON_GetObjectItem(file.root, "eleven")), 11);
    assert_int_equal(jsonc_line(&file, NULL), 0);
    cJSON stranger = {0};
    assert_int_equal(jsonc_line(&file, &stranger), 0);
    jsonc_free(&file);
}

static void a_fault_is_put_at_a_node(void **state)
{
    struct jsonc file;
    struct faults faults = {0};
    (void)state;
    must_parse(&file, "{\n\n\"late_days\": 0}");
    jsonc_fault(&file, cJSON_GetObjectItem(file.root, "late_days"), &faults, "write 1 to 3650", "%s is %d", "late_days",
                0);
    assert_int_equal(faults.list[0].line, 3);
    assert_string_equal(faults.list[0].what, "late_days is 0");
    faults_clear(&faults);
    jsonc_free(&file);
}

static void a_file_is_read_or_its_absence_is_a_fault(void **state)
{
    char path[] = "/tmp/edutally-jsonc-XXXXXX";
    struct jsonc file;
    struct faults faults = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0 && write(fd, "{\"a\": 5} // x\n", 14) == 14);
    close(fd);
    assert_int_equal(jsonc_load(&file, path, &faults), 0);
    assert_string_equal(file.path, path);
    assert_true(number(&file, "a") == 5.0);
    jsonc_free(&file);
    unlink(path);
    assert_int_equal(jsonc_load(&file, path, &faults), ERROR_CONFIG);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.list[0].line, 0);
    assert_non_null(strstr(faults.list[0].what, "No such file"));
    jsonc_free(&file);
    faults_clear(&faults);
}

/* Any cut of a good file is either good or a fault with a line; never a crash (the sanitizers look on). */
static void any_cut_of_a_file_is_survived(void **state)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"\\\"/*\"}],/*c*/\"d\":-1.5e3,//e\n\"f\":null}";
    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        char *exact = malloc(length + 1);
        struct jsonc file;
        struct faults faults = {0};
        memcpy(exact, text, length);
        assert_int_equal(jsonc_parse(&file, "cut", exact, length, &faults), ERROR_CONFIG);
        assert_in_range(faults.list[0].line, 1, 2);
        jsonc_free(&file);
        faults_clear(&faults);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_of_both_kinds_are_blanked),
        cmocka_unit_test(what_looks_like_a_comment_in_a_string_stays),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(a_fault_names_its_line),
        cmocka_unit_test(every_node_knows_its_line_after_comments),
        cmocka_unit_test(a_fault_is_put_at_a_node),
        cmocka_unit_test(a_file_is_read_or_its_absence_is_a_fault),
        cmocka_unit_test(any_cut_of_a_file_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
