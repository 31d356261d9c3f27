/* Properties of the decoder that are not one payload each: the canonical form, the fingerprint, limits, many threads of
 * events in one message. The seed of what is random is printed and can be given in EDUTALLY_SEED. */
#include "base/json_arena.h"
#include "decode/decode.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct decode_limits limits = {.payload_bytes = 1 << 20, .batch_events = 10000, .depth = 16};

struct random {
    uint64_t state;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t random_below(struct random *random, size_t bound)
{
    return (size_t)(random_next(random) % bound);
}

static struct random random_start(void)
{
    const char *given = getenv("EDUTALLY_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL)};
    print_message("seed %" PRIu64 "\n", random.state);
    return random;
}

struct random_event {
    struct decode_event event;
    char epoch[65], type[65], role[65], user[257], app[257];
};

static void random_word(struct random *random, char out[65], struct decode_text *text)
{
    static const char letters[] = "ABCXYZabcxyz0189._-";
    size_t length = 1 + random_below(random, 64);
    for (size_t i = 0; i < length; i++) {
        out[i] = letters[random_below(random, sizeof letters - 1)];
    }
    out[length] = '\0';
    *text = (struct decode_text){.at = out, .length = length};
}

static void random_text(struct random *random, size_t least, char out[257], struct decode_text *text)
{
    static const char *const points[] = {"a",      "Z",      "\"",     "\\",         "/", " ",
                                         "\u00a0", "\u1ea4", "\u20ac", "\U0001f600", "{", "'"};
    size_t count = least + random_below(random, 65 - least), length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *point = points[random_below(random, sizeof points / sizeof *points)];
        memcpy(out + length, point, strlen(point));
        length += strlen(point);
    }
    out[length] = '\0';
    *text = (struct decode_text){.at = out, .length = length};
}

static void random_event_fill(struct random *random, struct random_event *it)
{
    struct decode_event *event = &it->event;
    *event = (struct decode_event){.identity = (enum decode_identity)random_below(random, 3), .seq = -1};
    if (event->identity == IDENTITY_SEQ) {
        random_word(random, it->epoch, &event->epoch);
        event->seq = (int64_t)(random_next(random) >> (11 + random_below(random, 50)));
    } else if (event->identity == IDENTITY_ID) {
        for (size_t i = 0; i < 16; i++) {
            event->id[i] = (unsigned char)(1 + random_below(random, 255));
        }
    }
    event->t_ms = (int64_t)(random_next(random) >> (11 + random_below(random, 50)));
    event->t_ms = random_below(random, 2) == 0 ? event->t_ms : -event->t_ms;
    event->seconds = random_below(random, 2) == 0 ? 0 : (int64_t)random_below(random, 86401);
    random_word(random, it->type, &event->type);
    if (random_below(random, 2) == 0) {
        random_word(random, it->role, &event->role);
    }
    if (random_below(random, 2) == 0) {
        random_text(random, 8, it->user, &event->user);
    }
    if (random_below(random, 2) == 0) {
        random_text(random, 1, it->app, &event->app);
    }
}

static void assert_same_text(const struct decode_text *a, const struct decode_text *b)
{
    assert_int_equal(a->at == NULL, b->at == NULL);
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->length > 0 ? a->at : "", b->length > 0 ? b->at : "", a->length);
}

static void assert_same_event(const struct decode_event *a, const struct decode_event *b)
{
    assert_int_equal(a->identity, b->identity);
    assert_same_text(&a->epoch, &b->epoch);
    assert_true(a->seq == b->seq);
    assert_memory_equal(a->id, b->id, sizeof a->id);
    assert_true(a->t_ms == b->t_ms);
    assert_true(a->seconds == b->seconds);
    assert_same_text(&a->type, &b->type);
    assert_same_text(&a->role, &b->role);
    assert_same_text(&a->user, &b->user);
    assert_same_text(&a->app, &b->app);
}

static void a_printed_event_decodes_to_the_same_event(void **state)
{
    (void)state;
    struct random random = random_start();
    struct buffer text = {0};
    struct arena arena;
    arena_init(&arena, 16384);
    for (int i = 0; i < 20000; i++) {
        struct random_event it;
        struct decode_result result;
        random_event_fill(&random, &it);

        buffer_clear(&text);
        arena_reset(&arena);
        decode_print_event(&it.event, &text);
        assert_int_equal(decode_native(text.bytes, text.used, &limits, &arena, &result), 0);

        if (result.event_count != 1) {
            fail_msg("%s: %s", text.bytes, result.faults[0].detail);
        }
        assert_same_event(&result.events[0], &it.event);
    }
    arena_free(&arena);
    buffer_free(&text);
}

static void the_printed_form_is_canonical(void **state)
{
    (void)state;
    const struct decode_event event = {.identity = IDENTITY_SEQ,
                                       .epoch = {"5f3a90c1", 8},
                                       .seq = 1041,
                                       .t_ms = 1791163800000,
                                       .seconds = 2700,
                                       .type = {"lesson.delivered", 16},
                                       .role = {"teacher", 7},
                                       .user = {"pupil \"1\"", 9},
                                       .app = {"k12\\online", 10}};
    struct buffer text = {0};
    decode_print_event(&event, &text);
    assert_string_equal(text.bytes, "{\"v\":1,\"epoch\":\"5f3a90c1\",\"seq\":1041,\"t\":1791163800000,"
                                    "\"type\":\"lesson.delivered\",\"role\":\"teacher\",\"user\":\"pupil \\\"1\\\"\","
                                    "\"dur\":2700,\"app\":\"k12\\\\online\"}");
    buffer_free(&text);
}

static void fingerprint_of(const char *payload, unsigned char out[16])
{
    struct arena arena;
    struct decode_result result;
    arena_init(&arena, 4096);
    assert_int_equal(decode_native(payload, strlen(payload), &limits, &arena, &result), 0);
    assert_int_equal(result.event_count, 1);
    decode_fingerprint(&result.events[0], out);
    arena_free(&arena);
}

static void the_fingerprint_tells_contents_apart(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"t\":1,\"type\":\"ab\"}",
        "{\"t\":2,\"type\":\"ab\"}",
        "{\"t\":1,\"type\":\"ab\",\"dur\":1}",
        "{\"t\":1,\"type\":\"a\",\"role\":\"b\"}",
        "{\"t\":1,\"type\":\"ab\",\"role\":\"b\"}",
        "{\"t\":1,\"type\":\"ab\",\"user\":\"12345678\"}",
        "{\"t\":1,\"type\":\"ab\",\"app\":\"12345678\"}",
        "{\"t\":1,\"type\":\"ab\",\"role\":\"12345678\"}",
    };
    enum { COUNT = sizeof payloads / sizeof *payloads };
    unsigned char prints[COUNT][16];
    for (size_t i = 0; i < COUNT; i++) {
        fingerprint_of(payloads[i], prints[i]);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(prints[i], prints[k], 16);
        }
    }
}

static void the_fingerprint_does_not_depend_on_how_the_content_is_written(void **state)
{
    (void)state;
    unsigned char one[16], other[16];
    fingerprint_of("{\"t\":1791163800000,\"type\":\"ab\",\"dur\":60,\"app\":\"\xc3\xa9\"}", one);
    fingerprint_of(
        " {\"app\":\"\\u00e9\", \"dur\":59.5, \"x\":1, \"type\":\"\\u0061b\",\"t\":\"2026-10-05T08:30:00+07:00\"}",
        other);
    assert_memory_equal(one, other, 16);
}

static enum decode_reason reason_under(const char *payload, const struct decode_limits *with)
{
    struct arena arena;
    struct decode_result result;
    arena_init(&arena, 4096);
    assert_int_equal(decode_native(payload, strlen(payload), with, &arena, &result), 0);
    enum decode_reason reason = result.fault_count > 0 ? result.faults[0].reason : DECODE_REASONS;
    arena_free(&arena);
    return reason;
}

static void limits_bind_exactly(void **state)
{
    (void)state;
    const char *payload = "{\"v\":1,\"events\":[{\"t\":1,\"type\":\"a\"},{\"t\":2,\"type\":\"a\"}]}";
    const struct decode_limits exact = {.payload_bytes = strlen(payload), .batch_events = 2, .depth = 3};
    struct decode_limits bytes = exact, events = exact, depth = exact;
    bytes.payload_bytes--;
    events.batch_events--;
    depth.depth--;
    assert_int_equal(reason_under(payload, &exact), DECODE_REASONS);
    assert_int_equal(reason_under(payload, &bytes), DECODE_TOO_LARGE);
    assert_int_equal(reason_under(payload, &events), DECODE_TOO_MANY_EVENTS);
    assert_int_equal(reason_under(payload, &depth), DECODE_TOO_DEEP);
}

/* cJSON gives up at 1,000 levels: a configured bound above that must not turn depth into lack of memory. */
static void a_generous_depth_limit_stops_where_the_parser_does(void **state)
{
    (void)state;
    const struct decode_limits generous = {.payload_bytes = 1 << 20, .batch_events = 2, .depth = 100000};
    for (int depth = 999; depth <= 1002; depth++) {
        struct buffer text = {0};
        buffer_add_text(&text, "{\"t\":1,\"type\":\"a\",\"x\":");
        for (int i = 1; i < depth; i++) {
            buffer_add(&text, "[", 1);
        }
        for (int i = 1; i < depth; i++) {
            buffer_add(&text, "]", 1);
        }
        buffer_add(&text, "}", 1);
        assert_int_equal(reason_under(text.bytes, &generous), depth <= 1000 ? DECODE_REASONS : DECODE_TOO_DEEP);
        buffer_free(&text);
    }
}

static void assert_text(const struct decode_text *text, const char *expected)
{
    assert_int_equal(text->length, strlen(expected));
    assert_memory_equal(text->at, expected, text->length);
}

static void a_bad_event_is_kept_as_it_came_and_has_the_same_fault_alone(void **state)
{
    (void)state;
    const char *payload =
        "\xef\xbb\xbf { \"x\" : [\"\\\"]}\", {}] , \"v\":1, \"events\" : [ "
        "{ \"seq\":9007199254740991, \"t\":\"\xe1\xba\xbf\\n\", \"x\":[1e400,{\"]\":null}] } ,"
        "{\"seq\":2,\"t\":1,\"type\":\"a\"}, {} , -1.5e3 , null,{\"epoch\":\"f\", \"seq\":3,\"t\":1 }], "
        "\"epoch\":\"5f3a90c1\" } ";
    static const struct {
        const char *raw;
        int64_t index;
        int64_t seq;
    } expected[] = {
        {"{\"epoch\":\"5f3a90c1\", \"seq\":9007199254740991, \"t\":\"\xe1\xba\xbf\\n\", \"x\":[1e400,{\"]\":null}] }",
         0, 9007199254740991},
        {"{\"epoch\":\"5f3a90c1\"}", 2, -1},
        {"-1.5e3", 3, -1},
        {"null", 4, -1},
        {"{\"epoch\":\"f\", \"seq\":3,\"t\":1 }", 5, 3},
    };
    struct arena arena;
    struct decode_result result;
    arena_init(&arena, 4096);
    assert_int_equal(decode_native(payload, strlen(payload), &limits, &arena, &result), 0);
    assert_int_equal(result.event_count, 1);
    assert_int_equal(result.fault_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < result.fault_count; i++) {
        const struct decode_fault *fault = &result.faults[i];
        assert_text(&fault->raw, expected[i].raw);
        assert_true(fault->index == expected[i].index);
        assert_true(fault->seq == expected[i].seq);

        struct decode_result again;
        assert_int_equal(decode_native(fault->raw.at, fault->raw.length, &limits, &arena, &again), 0);
        assert_int_equal(again.event_count, 0);
        assert_int_equal(again.fault_count, 1);
        assert_true(again.faults[0].seq == fault->seq);
    }
    arena_free(&arena);
}

static void every_reason_has_a_word_of_its_own_and_a_text(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DECODE_REASONS; i++) {
        assert_true(strlen(decode_reason_text((enum decode_reason)i)) > 5);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(decode_reason_word((enum decode_reason)i),
                                    decode_reason_word((enum decode_reason)k));
        }
    }
}

int main(void)
{
    json_arena_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_printed_event_decodes_to_the_same_event),
        cmocka_unit_test(the_printed_form_is_canonical),
        cmocka_unit_test(the_fingerprint_tells_contents_apart),
        cmocka_unit_test(the_fingerprint_does_not_depend_on_how_the_content_is_written),
        cmocka_unit_test(limits_bind_exactly),
        cmocka_unit_test(a_generous_depth_limit_stops_where_the_parser_does),
        cmocka_unit_test(a_bad_event_is_kept_as_it_came_and_has_the_same_fault_alone),
        cmocka_unit_test(every_reason_has_a_word_of_its_own_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
