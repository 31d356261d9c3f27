/* The acknowledgement parser: what must be read, and what must be refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/ack.h"

static void must_read(const char *text, const char *epoch, uint32_t upto, uint32_t missing_count, int64_t now_ms)
{
    struct ack ack;

    if (ack_parse(text, strlen(text), &ack) != ACK_OK) {
        fail_msg("refused: %s", text);
    }
    assert_string_equal(ack.epoch, epoch);
    assert_int_equal(ack.upto, upto);
    assert_int_equal(ack.missing_count, missing_count);
    assert_int_equal(ack.now_ms, now_ms);
}

static void must_refuse(const char *text, enum ack_result reason)
{
    struct ack ack;
    enum ack_result result = ack_parse(text, strlen(text), &ack);

    if (result != reason) {
        fail_msg("%s gave %d, not %d", text, (int)result, (int)reason);
    }
}

static void well_formed_acknowledgements_are_read(void **state)
{
    (void)state;
    must_read("{\"epoch\":\"5f3a90c1\",\"upto\":1041,\"missing\":[[1030,1032]],\"now\":1764000000123}", "5f3a90c1",
              1041, 1, 1764000000123);
    must_read(" { \"upto\" : 0 , \"epoch\" : \"a\" } ", "a", 0, 0, 0);
    must_read("{\"epoch\":\"a\",\"upto\":4294967295,\"missing\":[]}", "a", UINT32_MAX, 0, 0);
    must_read("{\"epoch\":\"a\",\"upto\":9,\"missing\":[[1,1],[3,5]]}", "a", 9, 2, 0);
    must_read("{\"x\":{\"y\":[1,{\"z\":\"}]\\\"\"}],\"w\":null},\"epoch\":\"a\",\"b\":-1.5e3,\"upto\":3,\"c\":true}",
              "a", 3, 0, 0);
}

static void garbage_is_refused_with_its_reason(void **state)
{
    (void)state;
    must_refuse("", ACK_NOT_JSON);
    must_refuse("null", ACK_NOT_JSON);
    must_refuse("[]", ACK_NOT_JSON);
    must_refuse("{", ACK_NOT_JSON);
    must_refuse("{}", ACK_BAD_EPOCH);
    must_refuse("{\"upto\":1}", ACK_BAD_EPOCH);
    must_refuse("{\"epoch\":\"a\"}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"\",\"upto\":1}", ACK_BAD_EPOCH);
    must_refuse("{\"epoch\":5,\"upto\":1}", ACK_BAD_EPOCH);
    must_refuse("{\"epoch\":\"a\\u0062\",\"upto\":1}", ACK_BAD_EPOCH);
    must_refuse("{\"epoch\":\"a\",\"upto\":9,\"\\u006dissing\":[[3,3]]}", ACK_NOT_JSON);
    must_refuse("{\"epoch\":\"a\",\"upto\":-1}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":1.5}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":1e3}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":01}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":\"1\"}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":4294967296}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":99999999999999999999999}", ACK_BAD_UPTO);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":5}", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":[[0,1]]}", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":[[2,1]]}", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":[[1]]}", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":[[1,1],]}", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"missing\":[[1,1]", ACK_BAD_MISSING);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,\"now\":\"x\"}", ACK_BAD_NOW);
    must_refuse("{\"epoch\":\"a\",\"upto\":1} x", ACK_NOT_JSON);
    must_refuse("{\"epoch\":\"a\",\"upto\":1}}", ACK_NOT_JSON);
    must_refuse("{\"epoch\":\"a\",\"upto\":1,}", ACK_NOT_JSON);
    must_refuse("{\"epoch\":\"a\",\"upto\":1", ACK_NOT_JSON);
    must_refuse("{\"epoch\":\"a", ACK_BAD_EPOCH);
    must_refuse("{\"x\":[1,2", ACK_NOT_JSON);
    must_refuse("{\"x\":]}", ACK_NOT_JSON);
}

static void every_truncation_is_refused(void **state)
{
    static const char whole[] =
        "{\"epoch\":\"5f3a90c1\",\"upto\":1041,\"missing\":[[1030,1032]],\"now\":17,\"x\":[\"\\\"\"]}";
    struct ack ack;

    (void)state;
    for (size_t length = 0; length + 1 < sizeof whole - 1; length++) {
        assert_int_not_equal(ack_parse(whole, length, &ack), ACK_OK);
    }
    assert_int_equal(ack_parse(whole, sizeof whole - 1, &ack), ACK_OK);
}

static void a_nul_byte_inside_is_refused(void **state)
{
    static const char bytes[] = "{\"epoch\":\"a\",\"upto\":1}\0{}";
    struct ack ack;

    (void)state;
    assert_int_equal(ack_parse(bytes, sizeof bytes - 1, &ack), ACK_NOT_JSON);
}

static void covers_what_is_up_to_and_not_missing(void **state)
{
    static const char text[] = "{\"epoch\":\"a\",\"upto\":10,\"missing\":[[3,4],[7,7]]}";
    struct ack ack;

    (void)state;
    assert_int_equal(ack_parse(text, sizeof text - 1, &ack), ACK_OK);
    for (uint32_t seq = 1; seq <= 12; seq++) {
        assert_int_equal(ack_covers(&ack, seq), seq <= 10 && seq != 3 && seq != 4 && seq != 7);
    }
}

static void more_ranges_than_room_claim_less_never_more(void **state)
{
    char text[1024];
    size_t length = (size_t)snprintf(text, sizeof text, "{\"epoch\":\"a\",\"upto\":1000,\"missing\":[");
    struct ack ack;

    (void)state;
    for (uint32_t i = 0; i < ACK_MISSING_MAX + 4; i++) {
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s[%u,%u]", i ? "," : "", 10 * i + 1, 10 * i + 2);
    }
    length += (size_t)snprintf(text + length, sizeof text - length, "]}");
    assert_int_equal(ack_parse(text, length, &ack), ACK_OK);
    assert_int_equal(ack.missing_count, ACK_MISSING_MAX);
    assert_int_equal(ack.upto, 10 * ACK_MISSING_MAX);
    assert_false(ack_covers(&ack, 10 * ACK_MISSING_MAX + 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_acknowledgements_are_read),
        cmocka_unit_test(garbage_is_refused_with_its_reason),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_nul_byte_inside_is_refused),
        cmocka_unit_test(covers_what_is_up_to_and_not_missing),
        cmocka_unit_test(more_ranges_than_room_claim_less_never_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
