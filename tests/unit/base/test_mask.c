/* What may be shown of a message, and what never is. */
#include "base/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool knows(const void *context, const char *word, size_t length)
{
    return strlen(context) == length && memcmp(word, context, length) == 0;
}

static void must_show(const char *message, const char *shown)
{
    struct buffer out = {0};
    mask_message(message, strlen(message), 1000, knows, "lesson.delivered", &out);
    assert_string_equal(out.used > 0 ? out.bytes : "", shown);
    buffer_free(&out);
}

static void what_names_nobody_is_shown_and_users_are_not(void **state)
{
    (void)state;
    must_show("{\"v\":1,\"epoch\":\"5f3a90c1\",\"events\":[{\"seq\":1041,\"t\":\"2026-10-05T08:30:00+07:00\","
              "\"type\":\"lesson.delivered\",\"role\":\"teacher\",\"user\":\"9f8a3c1d77e0b2aa\",\"dur\":2700}]}",
              "{\"v\":1,\"epoch\":\"********\",\"events\":[{\"seq\":1041,\"t\":\"2026-10-05T08:30:00+07:00\","
              "\"type\":\"lesson.delivered\",\"role\":\"teacher\",\"user\":\"****************\",\"dur\":2700}]}");
    must_show("{\"t\" : 1764000000123}", "{\"t\" : 1764000000123}");
    must_show("{\"t\":\"2026-10-05T08:30:00.125Z\"}", "{\"t\":\"2026-10-05T08:30:00.125Z\"}");
}

/* A name in a wrong place, a name inside a value, an escaped key, a telephone number, a cut-off message, no JSON. */
static void whatever_is_not_known_to_be_harmless_is_hidden(void **state)
{
    static const struct {
        const char *message, *shown;
    } table[] = {
        {"{\"name\":\"Nguyen Van An\"}", "{\"****\":\"*************\"}"},
        {"{\"user\":\"planted-key-1", "{\"user\":\"*************"},
        {"{\"us\\u0065r\":\"planted-key-1\"}", "{\"*********\":\"*************\"}"},
        {"{\"user\":\"a\\\"type:lesson.delivered\"}", "{\"user\":\"************************\"}"},
        {"{\"user\":\"type:nguyenva\"}", "{\"user\":\"*************\"}"},
        {"{\"user\":\"t 0912345679\"}", "{\"user\":\"************\"}"},
        {"{\"type\":\"9f8a3c1d77e0b2aa\"}", "{\"type\":\"****************\"}"},
        {"{\"type\":\"tran.thi.binh\"}", "{\"type\":\"*************\"}"},
        {"{\"type\":{\"user\":\"planted\"}}", "{\"type\":{\"user\":\"*******\"}}"},
        {"{\"type\":[\"lesson.delivered\"]}", "{\"type\":[\"****************\"]}"},
        {"{\"role\":\"pham.thi.dung\"}", "{\"role\":\"*************\"}"},
        {"{\"app\":\"9f8a3c1d\"}", "{\"app\":\"********\"}"},
        {"{\"seq\":\"0987654321\"}", "{\"seq\":\"**********\"}"},
        {"{\"seq\":987654321}", "{\"seq\":*********}"},
        {"{\"dur\":\"60\"}", "{\"dur\":\"**\"}"},
        {"{\"t\":\"0987654322\"}", "{\"t\":\"**********\"}"},
        {"{\"t\":\"2026-10-05T08:30:00 An\"}", "{\"t\":\"**********************\"}"},
        {"{\"user\":12345678,\"ok\":true}", "{\"user\":********,\"**\":true}"},
        {"user=planted; type=planted", "****=*******; ****=*******"},
        {"An said \xe1\xbb\x87 hello", "** **** *** *****"},
        {"\x01\x7f", "**"},
        {"\"", "\""},
        {"\"\\", "\"*"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        must_show(table[i].message, table[i].shown);
    }
}

/* A cut through a word must not make it look like another one. */
static void a_long_message_is_cut(void **state)
{
    static const char message[] = "{\"seq\":1234567890,\"type\":\"lesson.delivered\"}";
    struct buffer out = {0};
    (void)state;
    mask_message(message, sizeof message - 1, 12, NULL, NULL, &out);
    assert_string_equal(out.bytes, "{\"seq\":*****");
    buffer_clear(&out);
    mask_message("true-name", 9, 4, NULL, NULL, &out);
    assert_string_equal(out.bytes, "****");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_names_nobody_is_shown_and_users_are_not),
        cmocka_unit_test(whatever_is_not_known_to_be_harmless_is_hidden),
        cmocka_unit_test(a_long_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
