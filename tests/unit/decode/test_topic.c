/* Topics and state messages, as tables. */
#include "base/error.h"
#include "base/json_arena.h"
#include "decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void topics_of_the_design_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        struct decode_topic expected;
    } table[] = {
        {"edu/v1/46/th-1/tablet/event", {TOPIC_EVENT, "46", "th-1", "tablet"}},
        {"edu/v1/46/th-1/tablet/xapi", {TOPIC_XAPI, "46", "th-1", "tablet"}},
        {"edu/v1/46/th-1/tablet/state", {TOPIC_STATE, "46", "th-1", "tablet"}},
        {"edu/v1/46/th-1/tablet/ack", {TOPIC_ACK, "46", "th-1", "tablet"}},
        {"edu/v1/46/th-1/adoption", {TOPIC_ADOPTION, "46", "th-1", ""}},
        {"edu/v1/46/th-1/adoption/event", {TOPIC_EVENT, "46", "th-1", "adoption"}},
        {"edu/v1/a.B_9-/event/event/event", {TOPIC_EVENT, "a.B_9-", "event", "event"}},
        {"edu/v1/" SIXTY_FOUR "/" SIXTY_FOUR "/" SIXTY_FOUR "/event",
         {TOPIC_EVENT, SIXTY_FOUR, SIXTY_FOUR, SIXTY_FOUR}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct decode_topic topic;
        assert_true(decode_topic(table[i].topic, strlen(table[i].topic), &topic));
        assert_int_equal(topic.kind, table[i].expected.kind);
        assert_string_equal(topic.realm, table[i].expected.realm);
        assert_string_equal(topic.centre, table[i].expected.centre);
        assert_string_equal(topic.device, table[i].expected.device);
    }
}

static void other_topics_are_not_ours(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "edu",
        "edu/v1/",
        "edu/v1",
        "edu/v2/46/th-1/tablet/event",
        "Edu/v1/46/th-1/tablet/event",
        "/edu/v1/46/th-1/tablet/event",
        "edu/v1/46/th-1/tablet/event/",
        "edu/v1/46/th-1/tablet/event/more",
        "edu/v1/46/th-1/tablet/events",
        "edu/v1/46/th-1/tablet/even",
        "edu/v1/46/th-1/tablet/Event",
        "edu/v1/46/th-1/tablet/",
        "edu/v1/46/th-1/tablet",
        "edu/v1/46/th-1/event",
        "edu/v1/46/adoption",
        "edu/v1/46//tablet/event",
        "edu/v1//th-1/tablet/event",
        "edu/v1/46/th-1//event",
        "edu/v1/46/th 1/tablet/event",
        "edu/v1/46/th+1/tablet/event",
        "edu/v1/46/#",
        "edu/v1/+/+/+/event",
        "edu/v1/46/trường/tablet/event",
        "edu/v1/46/th-1\n/tablet/event",
        ("edu/v1/46/" SIXTY_FOUR "x/tablet/event"),
        ("edu/v1/" SIXTY_FOUR "x/th-1/tablet/event"),
        ("edu/v1/46/th-1/" SIXTY_FOUR "x/event"),
        "$share/g/edu/v1/46/th-1/tablet/event",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct decode_topic topic;
        if (decode_topic(table[i], strlen(table[i]), &topic)) {
            fail_msg("\"%s\" was taken for a topic", table[i]);
        }
    }
}

static void a_topic_ends_with_its_length_and_holds_no_nul(void **state)
{
    (void)state;
    struct decode_topic topic;
    const char *text = "edu/v1/46/th-1/tablet/eventful";
    assert_true(decode_topic(text, strlen(text) - 3, &topic));
    assert_false(decode_topic(text, strlen(text), &topic));
    assert_false(decode_topic("edu/v1/46/th-1\0/tablet/event", 28, &topic));
    assert_false(decode_topic("edu/v1/46/th-1/tablet/event\0", 28, &topic));
}

static void state_messages_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        bool online;
        const char *epoch; /* NULL: absent */
        int64_t seq;
    } table[] = {
        {"{\"v\":1,\"status\":\"online\",\"epoch\":\"5f3a90c1\",\"seq\":1041}", true, "5f3a90c1", 1041},
        {"{\"v\":1,\"status\":\"online\",\"epoch\":\"5f3a90c1\",\"seq\":0,\"firmware\":{\"version\":\"2\"}}", true,
         "5f3a90c1", 0},
        {"{\"v\":1,\"status\":\"online\",\"epoch\":\"e\"}", true, "e", -1},
        {"{\"v\":1,\"status\":\"offline\"}", false, NULL, -1},
        {"{\"status\":\"offline\"}", false, NULL, -1},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct decode_state read;
        assert_int_equal(decode_state(table[i].payload, strlen(table[i].payload), &arena, &read), 0);
        assert_int_equal(read.online, table[i].online);
        assert_true(read.seq == table[i].seq);
        if (table[i].epoch == NULL) {
            assert_null(read.epoch.at);
        } else {
            assert_string_equal(read.epoch.at, table[i].epoch);
            assert_int_equal(read.epoch.length, strlen(table[i].epoch));
        }
    }
    arena_free(&arena);
}

static void other_state_messages_are_refused(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "online",
        "[]",
        "{}",
        "{\"v\":1}",
        "{\"v\":2,\"status\":\"online\"}",
        "{\"v\":1,\"status\":\"Online\"}",
        "{\"v\":1,\"status\":true}",
        "{\"v\":1,\"status\":\"online\",\"epoch\":\"\"}",
        "{\"v\":1,\"status\":\"online\",\"epoch\":7}",
        "{\"v\":1,\"status\":\"online\",\"epoch\":\"e\",\"seq\":-1}",
        "{\"v\":1,\"status\":\"online\",\"epoch\":\"e\",\"seq\":\"1\"}",
        "{\"v\":1,\"status\":\"online\",\"seq\":1}",
        "{\"v\":1,\"status\":\"online\",\"status\":\"offline\"}",
        "{\"v\":1,\"status\":\"online\"",
        "{\"v\":1,\"status\":\"online\",\"x\":[[[[[[[[]]]]]]]]}",
    };
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct decode_state read;
        if (decode_state(table[i], strlen(table[i]), &arena, &read) != ERROR_INPUT) {
            fail_msg("\"%s\" was taken for a state", table[i]);
        }
    }
    arena_free(&arena);
}

int main(void)
{
    json_arena_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_of_the_design_are_taken_apart),
        cmocka_unit_test(other_topics_are_not_ours),
        cmocka_unit_test(a_topic_ends_with_its_length_and_holds_no_nul),
        cmocka_unit_test(state_messages_are_read),
        cmocka_unit_test(other_state_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
