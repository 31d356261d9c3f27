/*
 * An event goes from a delivery into its device's outbox and out in a message at once if the connection has room, or
 * with the next resend. It leaves the outbox when an end-to-end acknowledgement covers it; the broker's own
 * acknowledgement only makes room on the connection. What the collector's answer to a birth covers is never sent.
 */
#include "player.h"

#include "civil.h"
#include "device/outbox.h"
#include "format.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

struct player_device {
    struct outbox outbox;
    struct event *records; /* by slot index */
    uint32_t seq;          /* the highest made */
    uint32_t link;
    uint32_t covered_before; /* upto of the first answer: earlier messages are over, with their repeats */
    bool announced, answered;
    struct ack known; /* the last acknowledgement */
};

struct player {
    const struct plan *plan;
    struct links *links;
    struct player_device *devices;
    uint32_t *by_name; /* hash table of device index + 1 */
    uint32_t by_name_size;
    uint32_t next_birth;
    bool births_due;
    uint32_t resend_ms;
    uint64_t uncovered;
    struct player_counts counts;
};

static uint32_t tick_ms(void)
{
    return (uint32_t)(civil_tick_us() / 1000);
}

static uint64_t hash_name(const char *centre, size_t centre_length, const char *name, size_t name_length)
{
    return random_hash_bytes(random_hash_bytes(0, centre, centre_length), name, name_length);
}

static void index_names(struct player *player)
{
    const struct plan *plan = player->plan;

    for (uint32_t i = 0; i < plan->device_count; i++) {
        const char *centre = plan->centres[plan->devices[i].centre].centre->id;
        uint64_t at = hash_name(centre, strlen(centre), plan->devices[i].name, strlen(plan->devices[i].name));

        while (player->by_name[at & (player->by_name_size - 1)]) {
            at++;
        }
        player->by_name[at & (player->by_name_size - 1)] = i + 1;
    }
}

/* Cuts "edu/v1/{realm}/{centre}/{device}/ack" and finds the device; NULL if it is none of ours. */
static struct player_device *find_device(struct player *player, const char *topic, uint32_t *index)
{
    const char *part[6];
    size_t length[6];

    for (int i = 0; i < 6; i++) {
        part[i] = topic;
        length[i] = strcspn(topic, "/");
        topic += length[i];
        topic += *topic ? 1 : 0;
    }
    for (uint64_t at = hash_name(part[3], length[3], part[4], length[4]);; at++) {
        uint32_t found = player->by_name[at & (player->by_name_size - 1)];
        const struct plan_device *device;
        const char *centre;

        if (!found) {
            return NULL;
        }
        device = &player->plan->devices[found - 1];
        centre = player->plan->centres[device->centre].centre->id;
        if (strlen(centre) == length[3] && memcmp(centre, part[3], length[3]) == 0 &&
            strlen(device->name) == length[4] && memcmp(device->name, part[4], length[4]) == 0) {
            *index = found - 1;
            return &player->devices[found - 1];
        }
    }
}

static int open_device(struct player *player, uint32_t index, uint32_t link)
{
    struct player_device *device = &player->devices[index];
    const struct outbox_timing timing = {
        .first_ms = player->resend_ms, .most_ms = player->resend_ms * 8, .grace_ms = player->resend_ms / 4};
    struct outbox_slot *slots = calloc(FIRST_CAPACITY, sizeof *slots);

    device->records = calloc(FIRST_CAPACITY, sizeof *device->records);
    if (!slots || !device->records) {
        free(slots);
        return ERROR_MEMORY;
    }
    outbox_init(&device->outbox, slots, FIRST_CAPACITY, &timing, (uint32_t)player->plan->devices[index].key);
    device->link = link;
    return 0;
}

struct player *player_open(const struct plan *plan, const struct gateways *gateways, struct links *links,
                           uint32_t resend_ms)
{
    struct player *player = calloc(1, sizeof *player);

    if (!player) {
        return NULL;
    }
    *player = (struct player){.plan = plan, .links = links, .resend_ms = resend_ms, .by_name_size = 16};
    while (player->by_name_size < plan->device_count * 2) {
        player->by_name_size *= 2;
    }
    player->devices = calloc(plan->device_count, sizeof *player->devices);
    player->by_name = calloc(player->by_name_size, sizeof *player->by_name);
    if (!player->devices || !player->by_name) {
        player_close(&player);
        return NULL;
    }
    for (uint32_t i = 0; i < plan->device_count; i++) {
        if (open_device(player, i, gateway_of(gateways, plan->devices[i].centre))) {
            player_close(&player);
            return NULL;
        }
    }
    index_names(player);
    return player;
}

void player_close(struct player **player)
{
    struct player *closed = *player;

    if (!closed) {
        return;
    }
    for (uint32_t i = 0; closed->devices && i < closed->plan->device_count; i++) {
        free(closed->devices[i].outbox.slots);
        free(closed->devices[i].records);
    }
    free(closed->devices);
    free(closed->by_name);
    free(closed);
    *player = NULL;
}

void player_passed(struct player *player, const struct delivery *delivery)
{
    struct player_device *device = &player->devices[delivery->device];
    uint32_t last = delivery->events[delivery->count - 1].seq;

    device->seq = last > device->seq ? last : device->seq;
}

static void take_ack(struct player *player, const struct link_note *note)
{
    uint32_t index, covered;
    struct player_device *device = find_device(player, note->topic, &index);
    struct ack ack;

    if (!device) {
        return;
    }
    if (ack_parse(note->payload, note->length, &ack) != ACK_OK ||
        strcmp(ack.epoch, player->plan->devices[index].epoch) != 0) {
        player->counts.bad_acks++;
        return;
    }
    device->known = ack;
    if (!device->answered) {
        device->answered = true;
        device->covered_before = device->seq == 0 ? ack.upto : 0;
        player->counts.answered++;
    }
    covered = outbox_apply(&device->outbox, &ack, tick_ms());
    player->counts.covered += covered;
    player->uncovered -= covered;
}

/* What was on its way over a lost connection is sent again, and its devices announce themselves anew. */
static void lose_link(struct player *player, uint32_t link)
{
    for (uint32_t i = 0; i < player->plan->device_count; i++) {
        struct player_device *device = &player->devices[i];

        if (device->link == link) {
            outbox_rewind(&device->outbox);
            player->counts.announced -= device->announced ? 1 : 0;
            device->announced = false;
        }
    }
    player->births_due = true;
}

int player_note(struct player *player, struct link_note *note)
{
    switch (note->kind) {
    case LINK_UP:
        player->births_due = true;
        break;
    case LINK_DOWN:
        lose_link(player, note->link);
        break;
    case LINK_MESSAGE:
        take_ack(player, note);
        break;
    case LINK_PUBLISHED:
    case LINK_REFUSED:
        /* A refused message stays in the outbox until its time-out. */
        break;
    }
    free(note->topic);
    free(note->payload);
    return 0;
}

static int publish_state(struct player *player, uint32_t index, const char *status)
{
    const struct plan_device *plan_device = &player->plan->devices[index];
    char topic[FORMAT_TOPIC_MAX], payload[128];
    int length = snprintf(payload, sizeof payload, "{\"v\":1,\"status\":\"%s\",\"epoch\":\"%s\",\"seq\":%u}", status,
                          plan_device->epoch, player->devices[index].seq);

    (void)format_topic(player->plan, plan_device, "state", topic);
    return links_publish(player->links, player->devices[index].link, topic, payload, (size_t)length, 1, true, 0);
}

bool player_announce(struct player *player)
{
    uint32_t count = player->plan->device_count;

    if (!player->births_due) {
        return player->counts.announced == count;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct player_device *device = &player->devices[i];

        if (!device->announced && links_ready(player->links, device->link) && publish_state(player, i, "online") == 0) {
            device->announced = true;
            player->counts.announced++;
        }
    }
    player->births_due = player->counts.announced < count;
    return !player->births_due;
}

static int grow_outbox(struct player_device *device)
{
    struct outbox *outbox = &device->outbox;
    uint32_t capacity = outbox->capacity * 2;
    struct outbox_slot *slots = calloc(capacity, sizeof *slots), *old_slots = outbox->slots;
    struct event *records = calloc(capacity, sizeof *records);

    if (!slots || !records) {
        free(slots);
        free(records);
        return ERROR_MEMORY;
    }
    for (uint32_t i = outbox->head; i != outbox->head + outbox->count; i++) {
        records[i & (capacity - 1)] = device->records[i & (outbox->capacity - 1)];
    }
    outbox_grow(outbox, slots, capacity);
    free(old_slots);
    free(device->records);
    device->records = records;
    return 0;
}

/* Sends up to a batch of what is due; returns the number of events. */
static uint32_t send_due(struct player *player, uint32_t index, uint32_t now_ms)
{
    struct player_device *device = &player->devices[index];
    uint32_t due[SCENARIO_BATCH_MAX], count;
    struct event events[SCENARIO_BATCH_MAX];
    char topic[FORMAT_TOPIC_MAX], payload[FORMAT_PAYLOAD_MAX];
    size_t length;

    if (!links_ready(player->links, device->link)) {
        return 0;
    }
    count = outbox_due(&device->outbox, now_ms, due, player->plan->scenario->network.batch_events);
    if (count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        events[i] = device->records[due[i]];
    }
    length = format_payload(player->plan, &player->plan->devices[index], events, count, payload);
    (void)format_topic(player->plan, &player->plan->devices[index], "event", topic);
    if (links_publish(player->links, device->link, topic, payload, length, 1, false, 0)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        player->counts.resent += device->outbox.slots[due[i]].tries ? 1 : 0;
        outbox_sent(&device->outbox, due[i], now_ms);
    }
    player->counts.sent += count;
    player->counts.messages++;
    return count;
}

/* Bytes as they are, past the outbox: repeats and broken messages. */
static int send_as_is(struct player *player, const struct delivery *delivery)
{
    const struct plan_device *device = &player->plan->devices[delivery->device];
    char topic[FORMAT_TOPIC_MAX], payload[FORMAT_PAYLOAD_MAX];
    size_t length;

    if (delivery->events[delivery->count - 1].seq <= player->devices[delivery->device].covered_before) {
        return 1;
    }
    length = format_delivery(player->plan, delivery, payload);
    (void)format_topic(player->plan, device, "event", topic);
    if (links_publish(player->links, player->devices[delivery->device].link, topic, payload, length, 1, false, 0)) {
        return 0;
    }
    player->counts.messages++;
    return 1;
}

static int keep_events(struct player *player, const struct delivery *delivery)
{
    struct player_device *device = &player->devices[delivery->device];

    for (uint16_t i = 0; i < delivery->count; i++) {
        int64_t slot;

        if (device->answered && ack_covers(&device->known, delivery->events[i].seq)) {
            player->counts.skipped++;
            player->counts.covered++;
            continue;
        }
        if (device->outbox.count == device->outbox.capacity && grow_outbox(device)) {
            return ERROR_MEMORY;
        }
        slot = outbox_push(&device->outbox, delivery->events[i].seq);
        device->records[slot] = delivery->events[i];
        player->uncovered++;
    }
    player->counts.events += delivery->count;
    return 0;
}

int player_offer(struct player *player, const struct delivery *delivery)
{
    struct player_device *device = &player->devices[delivery->device];

    if (!links_ready(player->links, device->link)) {
        return 0;
    }
    if (delivery->kind != DELIVERY_NEW) {
        return send_as_is(player, delivery);
    }
    if (keep_events(player, delivery)) {
        return ERROR_MEMORY;
    }
    player_passed(player, delivery);
    if (device->outbox.waiting > 0) {
        (void)send_due(player, delivery->device, tick_ms());
    }
    return 1;
}

void player_resend(struct player *player)
{
    uint32_t now_ms = tick_ms();

    for (uint32_t i = 0; i < player->plan->device_count; i++) {
        while (outbox_may_be_due(&player->devices[i].outbox, now_ms) && send_due(player, i, now_ms) > 0) {
        }
    }
}

void player_say_goodbye(struct player *player, int wait_ms)
{
    struct link_note notes[64];
    int64_t until_us = civil_tick_us() + wait_ms * INT64_C(1000);

    for (uint32_t i = 0; i < player->plan->device_count && civil_tick_us() < until_us;) {
        uint32_t count;

        if (!player->devices[i].announced || publish_state(player, i, "offline") == 0) {
            i++;
            continue;
        }
        count = links_take(player->links, notes, 64, 20);
        for (uint32_t n = 0; n < count; n++) {
            (void)player_note(player, &notes[n]);
        }
    }
    while (links_in_flight(player->links) > 0 && civil_tick_us() < until_us) {
        uint32_t count = links_take(player->links, notes, 64, 20);

        for (uint32_t n = 0; n < count; n++) {
            (void)player_note(player, &notes[n]);
        }
    }
}

uint64_t player_uncovered(const struct player *player)
{
    return player->uncovered;
}

const struct player_counts *player_counts(const struct player *player)
{
    return &player->counts;
}
