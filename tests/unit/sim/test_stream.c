/* The stream of messages: the same every time, in order, whole, and what truth says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "sim/civil.h"
#include "sim/deliver.h"
#include "sim/format.h"
#include "sim/random.h"
#include "sim/setup.h"
#include "sim/truth.h"

#define FIXTURE TEST_DATA_DIR "/fixtures/small.jsonc"

struct text {
    char *bytes;
    size_t length;
};

static struct setup load(const char *from, const char *to, const char *centres, int64_t seed)
{
    struct setup_options options = {.scenario = FIXTURE, .from = from, .to = to, .centres = centres, .seed = seed};
    struct error error = {0};
    struct setup setup;

    if (setup_load(&options, &setup, &error)) {
        fail_msg("%s", error.text);
    }
    return setup;
}

/* The next delivery of the window, or NULL. */
static const struct delivery *next(struct deliver *deliver, const struct setup *setup)
{
    const struct delivery *delivery;
    struct error error = {0};

    while (deliver_next(deliver, &delivery, &error) > 0) {
        if (delivery->received_ms >= setup->from_ms) {
            return delivery;
        }
    }
    assert_int_equal(error.code, 0);
    return NULL;
}

/* All lines of a window whose topic holds `only` ("" for all). */
static void append_lines(struct text *text, const char *from, const char *to, const char *centres, int64_t seed,
                         const char *only)
{
    struct setup setup = load(from, to, centres, seed);
    struct deliver *deliver = deliver_open(&setup.plan, setup.to_ms);
    const struct delivery *delivery;
    char line[FORMAT_LINE_MAX];

    while ((delivery = next(deliver, &setup))) {
        size_t length = format_line(&setup.plan, delivery, line);

        line[length] = '\0';
        if (strstr(line, only)) {
            text->bytes = realloc(text->bytes, text->length + length + 1);
            assert_non_null(text->bytes);
            memcpy(text->bytes + text->length, line, length + 1);
            text->length += length;
        }
    }
    deliver_close(&deliver);
    setup_free(&setup);
}

static void must_equal(struct text *a, struct text *b)
{
    assert_true(a->length > 1000);
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->bytes, b->bytes, a->length);
    free(a->bytes);
    free(b->bytes);
}

static void the_same_seed_gives_the_same_bytes_and_another_does_not(void **state)
{
    struct text first = {0}, again = {0}, other = {0};

    (void)state;
    append_lines(&first, NULL, NULL, NULL, -1, "");
    append_lines(&again, NULL, NULL, NULL, 7, "");
    append_lines(&other, NULL, NULL, NULL, 8, "");
    assert_true(other.length != first.length || memcmp(other.bytes, first.bytes, first.length) != 0);
    free(other.bytes);
    must_equal(&first, &again);
}

static void two_windows_that_meet_give_the_whole(void **state)
{
    static const char *const cuts[] = {"2025-12-02", "2025-12-17T09:31:07.123+07:00", "2026-01-31T23:59:59.999+07:00"};

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct text whole = {0}, parts = {0};

        append_lines(&whole, NULL, NULL, NULL, -1, "");
        append_lines(&parts, NULL, cuts[i], NULL, -1, "");
        append_lines(&parts, cuts[i], NULL, NULL, -1, "");
        must_equal(&whole, &parts);
    }
}

static void a_centre_does_alone_what_it_does_among_others(void **state)
{
    struct text among = {0}, alone = {0};

    (void)state;
    append_lines(&among, NULL, NULL, NULL, -1, "/th-an/");
    append_lines(&alone, NULL, NULL, "th-an", -1, "");
    must_equal(&among, &alone);
}

static void messages_come_in_order_and_never_before_they_were_made(void **state)
{
    struct setup setup = load(NULL, NULL, NULL, -1);
    struct deliver *deliver = deliver_open(&setup.plan, setup.to_ms);
    const struct delivery *delivery;
    int64_t last_ms = 0;
    uint32_t late = 0;

    (void)state;
    while ((delivery = next(deliver, &setup))) {
        assert_true(delivery->received_ms >= last_ms);
        assert_true(delivery->count >= 1 && delivery->count <= 10);
        for (uint16_t i = 0; i < delivery->count; i++) {
            assert_true(delivery->events[i].made_ms <= delivery->received_ms);
            assert_true(i == 0 || delivery->events[i].seq == delivery->events[i - 1].seq + 1);
            late += delivery->received_ms - delivery->events[i].made_ms > 2 * CIVIL_DAY_MS ? 1 : 0;
        }
        last_ms = delivery->received_ms;
    }
    assert_true(late > 10);
    deliver_close(&deliver);
    setup_free(&setup);
}

static void every_seq_arrives_once_and_repeats_beside_it(void **state)
{
    /* Far past the last day, so that all offline stretches are over. */
    struct setup setup = load(NULL, "2026-04-30", NULL, -1);
    struct deliver *deliver = deliver_open(&setup.plan, setup.to_ms);
    uint32_t *seqs = calloc(setup.plan.device_count, sizeof *seqs);
    uint32_t kinds[3] = {0};
    const struct delivery *delivery;

    (void)state;
    assert_non_null(seqs);
    while ((delivery = next(deliver, &setup))) {
        kinds[delivery->kind]++;
        if (delivery->kind == DELIVERY_NEW) {
            assert_int_equal(delivery->events[0].seq, seqs[delivery->device] + 1);
            seqs[delivery->device] += delivery->count;
        } else if (delivery->kind == DELIVERY_REPEAT) {
            assert_true(delivery->events[0].seq <= seqs[delivery->device]);
            assert_true(delivery->first_received_ms < delivery->received_ms);
        }
    }
    assert_true(kinds[DELIVERY_NEW] > 200 && kinds[DELIVERY_REPEAT] > 50 && kinds[DELIVERY_BROKEN] > 5);
    free(seqs);
    deliver_close(&deliver);
    setup_free(&setup);
}

static void silent_and_closed_centres_say_nothing(void **state)
{
    struct setup setup = load(NULL, NULL, NULL, -1);
    struct deliver *deliver = deliver_open(&setup.plan, setup.to_ms);
    int64_t closed_ms = civil_day_start_ms(civil_day(2026, 1, 15), 420);
    const struct delivery *delivery;

    (void)state;
    while ((delivery = next(deliver, &setup))) {
        const char *id = setup.plan.centres[setup.plan.devices[delivery->device].centre].centre->id;

        assert_true(strcmp(id, "clc-dong") != 0 && strcmp(id, "mn-em") != 0);
        for (uint16_t i = 0; i < delivery->count; i++) {
            assert_true(strcmp(id, "th-binh") != 0 || delivery->events[i].made_ms < closed_ms);
            assert_int_not_equal(civil_weekday(civil_day_of(delivery->events[i].made_ms, 420)), 6);
        }
    }
    deliver_close(&deliver);
    setup_free(&setup);
}

static void live_play_moves_at_any_hour_with_an_epoch_of_its_own(void **state)
{
    struct setup calendar = load(NULL, NULL, "th-an", -1), live = load(NULL, NULL, "th-an", -1);
    struct setup_options options = {
        .scenario = FIXTURE, .centres = "th-an", .seed = -1, .from = "now", .to = "forever", .live_always = true};
    struct error error = {0};
    struct deliver *deliver;
    const struct delivery *delivery = NULL;

    (void)state;
    setup_free(&live);
    assert_int_equal(setup_load(&options, &live, &error), 0);
    deliver = deliver_open(&live.plan, live.from_ms + CIVIL_DAY_MS);
    assert_true(deliver_next(deliver, &delivery, &error) > 0);
    assert_string_not_equal(live.plan.devices[0].epoch, calendar.plan.devices[0].epoch);
    assert_int_equal(delivery->events[0].seq, 1);
    assert_true(delivery->events[0].made_ms >= live.scenario->live.start_ms);
    assert_true(delivery->received_ms - delivery->events[0].made_ms < 60000);
    deliver_close(&deliver);
    setup_free(&calendar);
    setup_free(&live);
}

/* A second opinion: reads the lines as a collector would and counts the events that are to be counted. */
static uint64_t count_by_reading(const struct text *text)
{
    uint64_t counted = 0;
    char *seen = calloc(1, 1U << 24);

    if (!seen || !text->bytes) {
        free(seen);
        fail_msg("nothing to read");
        return 0;
    }
    for (const char *at = text->bytes; *at; at += strcspn(at, "\n") + 1) {
        cJSON *line = cJSON_Parse(at);
        const cJSON *topic = cJSON_GetObjectItem(line, "topic"), *received = cJSON_GetObjectItem(line, "received");
        cJSON *message = cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItem(line, "payload")));
        const cJSON *version = cJSON_GetObjectItem(message, "v"), *event;
        const cJSON *events = version && version->valueint == 1 ? cJSON_GetObjectItem(message, "events") : NULL;
        int64_t received_ms = 0, t_ms;

        assert_non_null(line);
        assert_int_equal(civil_parse_moment(received->valuestring, 0, &received_ms), 0);
        cJSON_ArrayForEach (event, events) {
            const cJSON *t = cJSON_GetObjectItem(event, "t"), *seconds = cJSON_GetObjectItem(event, "dur");
            const cJSON *seq = cJSON_GetObjectItem(event, "seq");
            size_t slot =
                (size_t)(random_hash_bytes((uint64_t)seq->valueint, topic->valuestring, strlen(topic->valuestring)) %
                         (1U << 24));

            t_ms = cJSON_IsNumber(t) ? (int64_t)t->valuedouble : 0;
            if (seen[slot] || !cJSON_GetObjectItem(event, "type") || (seconds && seconds->valueint < 0) ||
                (cJSON_IsString(t) && civil_parse_moment(t->valuestring, 0, &t_ms))) {
                continue;
            }
            seen[slot] = 1;
            counted += t_ms >= 1577836800000 && t_ms <= received_ms + CIVIL_DAY_MS ? 1 : 0;
        }
        cJSON_Delete(message);
        cJSON_Delete(line);
    }
    free(seen);
    return counted;
}

static uint64_t count_by_truth(const char *from, const char *to, int32_t late_days, struct truth_counts *counts)
{
    struct setup setup = load(from, to, NULL, -1);
    struct deliver *deliver = deliver_open(&setup.plan, setup.to_ms);
    struct jsonc_faults faults = {0};
    struct taxonomy taxonomy;
    struct truth *truth;
    const struct delivery *delivery;

    assert_int_equal(taxonomy_load(setup.scenario->taxonomy_path, &faults, &taxonomy), 0);
    truth = truth_open(&setup.plan, &taxonomy, setup.from_ms, late_days);
    assert_non_null(truth);
    while ((delivery = next(deliver, &setup))) {
        assert_int_equal(truth_add(truth, delivery), 0);
    }
    *counts = *truth_counts(truth);
    truth_close(&truth);
    taxonomy_free(&taxonomy);
    deliver_close(&deliver);
    setup_free(&setup);
    return counts->counted;
}

static void truth_agrees_with_reading_the_lines(void **state)
{
    static const char *const windows[][2] = {{NULL, NULL}, {"2026-01-10", "2026-01-20T10:00:00+07:00"}};
    struct truth_counts counts;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct text text = {0};

        append_lines(&text, windows[i][0], windows[i][1], NULL, -1, "");
        assert_int_equal(count_by_truth(windows[i][0], windows[i][1], 60, &counts), count_by_reading(&text));
        assert_true(counts.counted > 100 && counts.clock_off > 0 && counts.bad_events > 0 && counts.repeats > 0);
        free(text.bytes);
    }
}

static void what_is_too_late_is_left_out_of_the_truth(void **state)
{
    struct truth_counts patient, strict;

    (void)state;
    (void)count_by_truth(NULL, NULL, 60, &patient);
    (void)count_by_truth(NULL, NULL, 3, &strict);
    assert_int_equal(patient.too_late, 0);
    assert_true(strict.too_late > 10);
    assert_int_equal(strict.counted + strict.too_late, patient.counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_does_not),
        cmocka_unit_test(two_windows_that_meet_give_the_whole),
        cmocka_unit_test(a_centre_does_alone_what_it_does_among_others),
        cmocka_unit_test(messages_come_in_order_and_never_before_they_were_made),
        cmocka_unit_test(every_seq_arrives_once_and_repeats_beside_it),
        cmocka_unit_test(silent_and_closed_centres_say_nothing),
        cmocka_unit_test(live_play_moves_at_any_hour_with_an_epoch_of_its_own),
        cmocka_unit_test(truth_agrees_with_reading_the_lines),
        cmocka_unit_test(what_is_too_late_is_left_out_of_the_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
