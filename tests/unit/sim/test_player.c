/* The player between a scenario and its connections; the connections here are a double that keeps what is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/player.h"
#include "sim/setup.h"

/* The double: the last message, how many, and whether there is room. */
static struct {
    bool ready;
    uint32_t states, messages;
    char topic[256], payload[20000];
} wire;

bool links_ready(const struct links *links, uint32_t link)
{
    (void)links;
    (void)link;
    return wire.ready;
}

uint32_t links_in_flight(const struct links *links)
{
    (void)links;
    return 0;
}

uint32_t links_take(struct links *links, struct link_note *notes, uint32_t room, int wait_ms)
{
    (void)links;
    (void)notes;
    (void)room;
    (void)wait_ms;
    return 0;
}

int links_publish(struct links *links, uint32_t link, const char *topic, const char *payload, size_t length, int qos,
                  bool retained, uint64_t tag)
{
    (void)links;
    (void)link;
    (void)tag;
    assert_int_equal(qos, 1);
    wire.states += retained ? 1 : 0;
    wire.messages += retained ? 0 : 1;
    (void)snprintf(wire.topic, sizeof wire.topic, "%s", topic);
    (void)snprintf(wire.payload, sizeof wire.payload, "%.*s", (int)length, payload);
    return 0;
}

struct fixture {
    struct setup setup;
    struct gateways gateways;
    struct player *player;
    struct delivery *delivery; /* of one device, three events */
};

static int open_player(void **state)
{
    static const char *const ids[] = {"th-an"};
    struct setup_options options = {.scenario = TEST_DATA_DIR "/fixtures/small.jsonc", .centres = "th-an", .seed = -1};
    struct gateway_settings settings = {.realm = "t1", .connections = 1};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error = {0};

    if (!fixture || setup_load(&options, &fixture->setup, &error) ||
        gateways_make(&settings, ids, 1, &fixture->gateways, &error)) {
        return -1;
    }
    memset(&wire, 0, sizeof wire);
    wire.ready = true;
    fixture->player = player_open(&fixture->setup.plan, &fixture->gateways, NULL, 1000);
    fixture->delivery = calloc(1, sizeof *fixture->delivery + 3 * sizeof(struct event));
    if (!fixture->player || !fixture->delivery) {
        return -1;
    }
    fixture->delivery->kind = DELIVERY_NEW;
    fixture->delivery->count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        fixture->delivery->events[i].seq = i + 1;
    }
    *state = fixture;
    return 0;
}

static int close_player(void **state)
{
    struct fixture *fixture = *state;

    player_close(&fixture->player);
    gateways_free(&fixture->gateways);
    setup_free(&fixture->setup);
    free(fixture->delivery);
    free(fixture);
    return 0;
}

static void hear(struct fixture *fixture, const char *device, const char *payload)
{
    char topic[128];
    struct link_note note = {.kind = LINK_MESSAGE, .length = strlen(payload), .payload = strdup(payload)};

    (void)snprintf(topic, sizeof topic, "edu/v1/t1/th-an/%s/ack", device);
    note.topic = strdup(topic);
    assert_int_equal(player_note(fixture->player, &note), 0);
}

static void hear_ack(struct fixture *fixture, const char *rest)
{
    char payload[256];

    (void)snprintf(payload, sizeof payload, "{\"epoch\":\"%s\",%s}", fixture->setup.plan.devices[0].epoch, rest);
    hear(fixture, fixture->setup.plan.devices[0].name, payload);
}

static void a_delivery_is_sent_at_once_and_kept_until_covered(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(player_offer(fixture->player, fixture->delivery), 1);
    assert_int_equal(wire.messages, 1);
    assert_string_equal(wire.topic, "edu/v1/t1/th-an/office-1/event");
    assert_non_null(strstr(wire.payload, "\"seq\":3"));
    assert_int_equal(player_uncovered(fixture->player), 3);
    hear_ack(fixture, "\"upto\":3,\"missing\":[[2,2]]");
    assert_int_equal(player_uncovered(fixture->player), 1);
    hear_ack(fixture, "\"upto\":3");
    assert_int_equal(player_uncovered(fixture->player), 0);
    assert_int_equal(player_counts(fixture->player)->covered, 3);
}

static void acknowledgements_of_another_epoch_or_of_garbage_cover_nothing(void **state)
{
    struct fixture *fixture = *state;

    (void)player_offer(fixture->player, fixture->delivery);
    hear(fixture, "office-1", "{\"epoch\":\"00000000\",\"upto\":3}");
    hear(fixture, "office-1", "{\"epoch\":");
    hear(fixture, "office-1", "");
    hear(fixture, "nobody-1", "{\"epoch\":\"00000000\",\"upto\":3}");
    assert_int_equal(player_uncovered(fixture->player), 3);
    assert_int_equal(player_counts(fixture->player)->bad_acks, 3);
}

static void what_the_answer_to_the_birth_covers_is_not_sent(void **state)
{
    struct fixture *fixture = *state;

    hear_ack(fixture, "\"upto\":3,\"missing\":[[3,3]]");
    assert_int_equal(player_offer(fixture->player, fixture->delivery), 1);
    assert_int_equal(wire.messages, 1);
    assert_null(strstr(wire.payload, "\"seq\":2"));
    assert_non_null(strstr(wire.payload, "\"seq\":3"));
    assert_int_equal(player_uncovered(fixture->player), 1);
    assert_int_equal(player_counts(fixture->player)->skipped, 2);
    fixture->delivery->kind = DELIVERY_REPEAT;
    assert_int_equal(player_offer(fixture->player, fixture->delivery), 1);
    assert_int_equal(wire.messages, 1);
}

static void without_room_nothing_is_taken(void **state)
{
    struct fixture *fixture = *state;

    wire.ready = false;
    assert_int_equal(player_offer(fixture->player, fixture->delivery), 0);
    assert_int_equal(player_counts(fixture->player)->events, 0);
}

static void a_lost_connection_brings_births_and_resends(void **state)
{
    struct fixture *fixture = *state;
    struct link_note down = {.kind = LINK_DOWN}, up = {.kind = LINK_UP};
    uint32_t devices = fixture->setup.plan.device_count;

    (void)player_note(fixture->player, &up);
    assert_true(player_announce(fixture->player));
    assert_int_equal(wire.states, devices);
    (void)player_offer(fixture->player, fixture->delivery);
    (void)player_note(fixture->player, &down);
    (void)player_note(fixture->player, &up);
    assert_true(player_announce(fixture->player));
    assert_int_equal(wire.states, 2 * devices);
    player_resend(fixture->player);
    assert_int_equal(wire.messages, 2);
    assert_int_equal(player_counts(fixture->player)->resent, 3);
}

static void the_outbox_grows_past_its_first_size(void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(player_offer(fixture->player, fixture->delivery), 1);
        for (uint32_t e = 0; e < 3; e++) {
            fixture->delivery->events[e].seq += 3;
        }
    }
    assert_int_equal(player_uncovered(fixture->player), 300);
    hear_ack(fixture, "\"upto\":300,\"missing\":[[17,17],[100,110]]");
    assert_int_equal(player_uncovered(fixture->player), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delivery_is_sent_at_once_and_kept_until_covered, open_player, close_player),
        cmocka_unit_test_setup_teardown(acknowledgements_of_another_epoch_or_of_garbage_cover_nothing, open_player,
                                        close_player),
        cmocka_unit_test_setup_teardown(what_the_answer_to_the_birth_covers_is_not_sent, open_player, close_player),
        cmocka_unit_test_setup_teardown(without_room_nothing_is_taken, open_player, close_player),
        cmocka_unit_test_setup_teardown(a_lost_connection_brings_births_and_resends, open_player, close_player),
        cmocka_unit_test_setup_teardown(the_outbox_grows_past_its_first_size, open_player, close_player),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
