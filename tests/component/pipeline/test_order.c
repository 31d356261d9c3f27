/*
 * Promise 1: any order of delivery, any number of repeats, any number of crashes: the same set of events gives the same
 * facts, byte for byte. Messages are made by chance from a printed seed and delivered in different ways to several
 * worlds, whose readers must see the same.
 */
#include "world.h"

#include <time.h>

enum { MESSAGES = 400 };

struct message {
    char received[40];
    char centre[8], device[16];
    char payload[4096];
};

static uint64_t seed_of_run(void)
{
    const char *given = getenv("TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static uint64_t draw(uint64_t *state, uint64_t bound)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % bound;
}

/* An event is made from its identity alone, so the same number always stands for the same event. */
static int print_event(char *out, size_t size, uint64_t identity, const char *name)
{
    static const char *const types[] = {"lesson.delivered", "quiz.taken", "forum.post"};
    uint64_t state = identity * 0x9e3779b97f4a7c15u;
    unsigned day = 1 + (unsigned)draw(&state, 28), hour = (unsigned)draw(&state, 24),
             minute = (unsigned)draw(&state, 60);
    return snprintf(
        out, size, "{%s,\"t\":\"2025-06-%02uT%02u:%02u:00+07:00\",\"type\":\"%s\",\"dur\":%u,\"user\":\"user-%04u\"}",
        name, day, hour, minute, types[draw(&state, 3)], (unsigned)draw(&state, 3600), (unsigned)draw(&state, 50));
}

static void make_batch(struct message *message, uint64_t *random, int device)
{
    char name[40];
    int epoch = (int)draw(random, 2);
    uint64_t first = 1 + draw(random, 150), count = 1 + draw(random, 12);
    size_t used =
        (size_t)snprintf(message->payload, sizeof message->payload, "{\"v\":1,\"epoch\":\"e%d\",\"events\":[", epoch);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = first + i;
        snprintf(name, sizeof name, "\"seq\":%llu", (unsigned long long)seq);
        used += (size_t)snprintf(message->payload + used, sizeof message->payload - used, "%s", i > 0 ? "," : "");
        used += (size_t)print_event(message->payload + used, sizeof message->payload - used,
                                    seq * 100 + (uint64_t)(device * 2 + epoch), name);
    }
    snprintf(message->payload + used, sizeof message->payload - used, "]}");
}

static void make_message(struct message *message, uint64_t *random)
{
    char name[80];
    int device = (int)draw(random, 12);
    uint64_t kind = draw(random, 10), number = draw(random, 30) * 12 + (uint64_t)device;
    snprintf(message->received, sizeof message->received, "2025-06-29T%02u:00:00+07:00", (unsigned)draw(random, 24));
    snprintf(message->centre, sizeof message->centre, "p-%d", 1 + device % 5);
    snprintf(message->device, sizeof message->device, "tablet-%d", device);
    if (kind < 7) {
        make_batch(message, random, device);
    } else if (kind < 9) {
        snprintf(name, sizeof name, "\"id\":\"00000000-0000-4000-8000-%012llu\"", (unsigned long long)number);
        print_event(message->payload, sizeof message->payload, 1000000 + number, name);
    } else {
        print_event(message->payload, sizeof message->payload, 2000000 + number, "\"app\":\"without identity\"");
    }
}

static void send_message(struct world *world, const struct message *message)
{
    world_send(world, message->received, message->centre, message->device, message->payload);
}

static void shuffle(int *order, int count, uint64_t *random)
{
    for (int i = count; i > 1; i--) {
        int other = (int)draw(random, (uint64_t)i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static void assert_same(struct world *one, struct world *other)
{
    world_finish(one);
    world_finish(other);
    char *first = world_dump(one, true), *second = world_dump(other, true);
    if (strcmp(first, second) != 0) {
        size_t at = 0;
        while (first[at] == second[at]) {
            at++;
        }
        at = at > 80 ? at - 80 : 0;
        fail_msg("different from here on:\n%.200s\n%.200s", first + at, second + at);
    }
    assert_true(strlen(first) > 10000);
    free(first);
    free(second);
}

static struct message *make_messages(uint64_t *random)
{
    struct message *messages = calloc(MESSAGES, sizeof *messages);
    for (int i = 0; i < MESSAGES; i++) {
        make_message(&messages[i], random);
    }
    return messages;
}

static void any_order_and_any_repeats_give_the_same_facts(void **state)
{
    struct world *one = *state, *other = world_new();
    uint64_t random = seed_of_run();
    struct message *messages = make_messages(&random);
    int order[MESSAGES * 3];
    for (int i = 0; i < MESSAGES; i++) {
        send_message(one, &messages[i]);
    }
    for (int i = 0; i < MESSAGES * 3; i++) {
        order[i] = i % MESSAGES;
    }
    shuffle(order, MESSAGES * 3, &random);
    for (int i = 0; i < MESSAGES * 3; i++) {
        send_message(other, &messages[order[i]]);
        if (draw(&random, 20) == 0) {
            world_count(other);
        }
    }
    /* The secret differs between the two: it must not show in any count. */
    assert_same(one, other);
    world_free(&other);
    free(messages);
}

/* Turns count without a commit (its interval is a minute), so what a crash finds is uncommitted work of any size. */
static void any_number_of_crashes_gives_the_same_facts(void **state)
{
    struct world *one = *state, *other = world_new();
    uint64_t random = seed_of_run();
    struct message *messages = make_messages(&random);
    int64_t revision;
    for (int i = 0; i < MESSAGES; i++) {
        send_message(one, &messages[i]);
        send_message(other, &messages[i]);
        uint64_t what = draw(&random, 24);
        if (what < 4) {
            MUST(other, pipeline_turn(other->pipeline, 0, &revision, &other->error));
        } else if (what == 4) {
            world_count(other);
        } else if (what == 5) {
            world_crash(other);
            world_start(other);
        } else if (what == 6) {
            world_finish(other);
        }
    }
    world_crash(other);
    world_start(other);
    assert_same(one, other);
    world_free(&other);
    free(messages);
}

/* So little memory that every commit throws the facts out and they come back from the store. */
static void a_small_cache_gives_the_same_facts(void **state)
{
    struct world *one = *state, *other = world_new();
    uint64_t random = seed_of_run();
    struct message *messages = make_messages(&random);
    other->settings.memory_facts_bytes = 1;
    other->settings.commit_max_events = 7;
    for (int i = 0; i < MESSAGES; i++) {
        send_message(one, &messages[i]);
        send_message(other, &messages[i]);
        if (i % 3 == 0) {
            world_count(other);
        }
    }
    assert_same(one, other);
    world_free(&other);
    free(messages);
}

static void an_event_with_an_id_counts_once(void **state)
{
    struct world *world = *state;
    static const char event[] = "{\"id\":\"6f1b2c3d-0000-4000-8000-000000000001\",\"t\":\"2025-06-02T08:00:00+07:00\","
                                "\"type\":\"lesson.delivered\",\"dur\":60}";
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app", event);
    world_send(world, "2025-06-02T09:00:00+07:00", "p-1", "app", event);
    world_count(world);
    world_crash(world);
    world_start(world);
    world_send(world, "2025-06-02T10:00:00+07:00", "p-1", "another", event); /* the centre's server sends it again */
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 teaching 1 60 0 1|");
    world_send(world, "2025-06-02T10:00:00+07:00", "p-2", "app", event); /* nobody uses up another centre's ids */
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 teaching 1 60 0 1|p-2 2025-06-02 teaching 1 60 0 1|");
}

static void the_same_content_from_the_same_device_counts_once(void **state)
{
    struct world *world = *state;
    static const char event[] = "{\"t\":\"2025-06-02T08:00:00+07:00\",\"type\":\"lesson.delivered\",\"dur\":60}";
    static const char spaced[] = "{ \"dur\":60, \"type\":\"lesson.delivered\", \"t\":\"2025-06-02T01:00:00Z\" }";
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app", event);
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app", event);
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app", spaced);
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app 2", event);
    world_send(world, "2025-06-02T08:00:00+07:00", "p-1", "app-2", event);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 teaching 2 120 0 2|");
    assert_string_equal(world_rejected(world), "!wrong_topic x1|");
}

/* A day is the province's, not UTC's; a late event updates its own day. */
static void an_event_counts_on_its_own_local_day(void **state)
{
    struct world *world = *state;
    world_send_event(world, "2025-06-05T08:00:00+07:00", "p-1", "d", 1, "2025-06-02T23:59:59+07:00", "lesson.x", "");
    world_send_event(world, "2025-06-05T08:00:00+07:00", "p-1", "d", 2, "2025-06-02T17:00:00Z", "lesson.x", "");
    world_count(world);
    world_send_event(world, "2025-06-25T08:00:00+07:00", "p-1", "d", 3, "2025-06-02T10:00:00+07:00", "lesson.x", "");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 teaching 2 120 0 1|p-1 2025-06-03 teaching 1 60 0 1|");
}

static void users_and_devices_are_counted_once_a_day(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 40; i++) {
        char user[16], device[16];
        snprintf(user, sizeof user, "pupil-%04d", i % 10);
        snprintf(device, sizeof device, "tablet-%d", i % 4);
        world_send_event(world, "2025-06-02T12:00:00+07:00", "p-1", device, i / 4 + 1, "2025-06-02T08:00:00+07:00",
                         "quiz.taken", user);
        if (i % 7 == 0) {
            world_count(world);
        }
    }
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 learning 40 2400 10 4|");
}

static void a_type_that_the_taxonomy_does_not_know_is_other(void **state)
{
    struct world *world = *state;
    world_send_event(world, "2025-06-02T12:00:00+07:00", "p-1", "d", 1, "2025-06-02T08:00:00+07:00", "unheard.of", "");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-02 other 1 60 0 1|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(any_order_and_any_repeats_give_the_same_facts),
        WITH_WORLD(any_number_of_crashes_gives_the_same_facts),
        WITH_WORLD(a_small_cache_gives_the_same_facts),
        WITH_WORLD(an_event_with_an_id_counts_once),
        WITH_WORLD(the_same_content_from_the_same_device_counts_once),
        WITH_WORLD(an_event_counts_on_its_own_local_day),
        WITH_WORLD(users_and_devices_are_counted_once_a_day),
        WITH_WORLD(a_type_that_the_taxonomy_does_not_know_is_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
