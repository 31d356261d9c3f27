/*
 * Devices take turns; each message is the next `batch` seqs of its device, stamped now. A device remembers its last
 * few messages with the time of sending until an end-to-end acknowledgement covers them. In a closed loop the
 * connections' in-flight bound sets the pace; with a rate, message i is due at begin + i / rate, so a stall is caught
 * up and not forgiven. Nothing is sent twice: what is lost is seen.
 */
#include "flood.h"

#include "civil.h"
#include "device/ack.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES = 256, WINDOW = 64, TURN = 256, PAYLOAD_MAX = 128 + FLOOD_BATCH_MAX * 160, TOPIC_MAX = 256 };

struct sent {
    uint32_t last_seq;
    int64_t at_us;
};

struct flood_device {
    uint32_t seq;
    uint32_t oldest, watched; /* a ring of messages that are not covered */
    struct sent window[WINDOW];
};

struct flood {
    const struct flood_settings *settings;
    struct gateways gateways;
    struct links *links;
    struct flood_device *devices;
    struct flood_result *result;
    uint32_t next_device;
    char run[9]; /* in device names, and the epoch */
    int64_t begin_us, last_acked_us, last_covered_us, last_progress_us;
    struct progress progress;
};

static size_t format_message(struct flood *flood, uint32_t index, char payload[PAYLOAD_MAX])
{
    struct flood_device *device = &flood->devices[index];
    int64_t now_ms = civil_now_ms();
    size_t length = (size_t)snprintf(payload, PAYLOAD_MAX, "{\"v\":1,\"epoch\":\"%s\",\"events\":[", flood->run);

    for (uint32_t i = 0; i < flood->settings->batch; i++) {
        uint32_t seq = ++device->seq;

        length += (size_t)snprintf(payload + length, PAYLOAD_MAX - length,
                                   "%s{\"seq\":%u,\"t\":%lld,\"type\":\"quiz.answered\",\"role\":\"learner\","
                                   "\"user\":\"%08x%08x\",\"dur\":60}",
                                   i ? "," : "", seq, (long long)now_ms, index, seq % 500U);
    }
    length += (size_t)snprintf(payload + length, PAYLOAD_MAX - length, "]}");
    return length;
}

static uint32_t link_of(const struct flood *flood, uint32_t index)
{
    return gateway_of(&flood->gateways, index % flood->settings->centre_count);
}

static int send_message(struct flood *flood, uint32_t index)
{
    const struct flood_settings *settings = flood->settings;
    struct flood_device *device = &flood->devices[index];
    char topic[TOPIC_MAX], payload[PAYLOAD_MAX];
    uint32_t seq = device->seq;
    int64_t now_us = civil_tick_us();
    size_t length = format_message(flood, index, payload);

    (void)snprintf(topic, sizeof topic, "edu/v1/%s/%s/flood-%s-%u/event", settings->gateway.realm,
                   settings->centre_ids[index % settings->centre_count], flood->run, index);
    if (links_publish(flood->links, link_of(flood, index), topic, payload, length, settings->qos, false,
                      (uint64_t)now_us)) {
        device->seq = seq;
        return ERROR_FAILED;
    }
    if (device->watched == WINDOW) {
        device->oldest++;
        device->watched--;
        flood->result->untracked++;
    }
    device->window[(device->oldest + device->watched++) % WINDOW] = (struct sent){device->seq, now_us};
    flood->result->sent++;
    flood->result->events += settings->batch;
    return 0;
}

/* Sends what is due and finds room. Devices whose connection has none are passed over. */
static void send_due(struct flood *flood)
{
    const struct flood_settings *settings = flood->settings;
    double passed_s = (double)(civil_tick_us() - flood->begin_us) / 1e6;
    uint64_t due = settings->messages;
    uint32_t passed_over = 0;

    if (settings->rate > 0 && passed_s * settings->rate + 1 < (double)due) {
        due = (uint64_t)(passed_s * settings->rate) + 1;
    }
    for (int i = 0; i < TURN && flood->result->sent < due && passed_over < settings->devices;) {
        uint32_t index = flood->next_device;

        flood->next_device = (index + 1) % settings->devices;
        if (!links_ready(flood->links, link_of(flood, index)) || send_message(flood, index)) {
            passed_over++;
            continue;
        }
        passed_over = 0;
        i++;
    }
}

static bool is_covered(const struct ack *ack, uint32_t last_seq, uint32_t batch)
{
    for (uint32_t i = 0; i < batch; i++) {
        if (!ack_covers(ack, last_seq - i)) {
            return false;
        }
    }
    return true;
}

/* The device's index from "edu/v1/{realm}/{centre}/flood-{run}-{index}/ack", or `devices` if it is none of ours. */
static uint32_t device_of(const struct flood *flood, const char *topic)
{
    const char *name = strstr(topic, "/flood-");
    size_t length = sizeof("/flood-") - 1;
    unsigned long index;

    if (!name || strncmp(name + length, flood->run, 8) != 0 || name[length + 8] != '-') {
        return flood->settings->devices;
    }
    index = strtoul(name + length + 9, NULL, 10);
    return index < flood->settings->devices ? (uint32_t)index : flood->settings->devices;
}

static void take_ack(struct flood *flood, const struct link_note *note)
{
    uint32_t index = device_of(flood, note->topic);
    struct flood_device *device;
    struct ack ack;

    if (index == flood->settings->devices || ack_parse(note->payload, note->length, &ack) != ACK_OK ||
        strcmp(ack.epoch, flood->run) != 0) {
        return;
    }
    device = &flood->devices[index];
    while (device->watched > 0 &&
           is_covered(&ack, device->window[device->oldest % WINDOW].last_seq, flood->settings->batch)) {
        int64_t waited_us = note->at_us - device->window[device->oldest % WINDOW].at_us;

        histogram_add(&flood->result->to_covered_us, waited_us > 0 ? (uint64_t)waited_us : 0);
        device->oldest++;
        device->watched--;
        flood->result->covered++;
        flood->last_covered_us = note->at_us;
        flood->last_progress_us = note->at_us;
    }
}

static void take_notes(struct flood *flood, int wait_ms)
{
    struct link_note notes[NOTES];
    uint32_t count = links_take(flood->links, notes, NOTES, wait_ms);

    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].kind == LINK_PUBLISHED) {
            int64_t waited_us = notes[i].at_us - (int64_t)notes[i].tag;

            histogram_add(&flood->result->to_broker_us, waited_us > 0 ? (uint64_t)waited_us : 0);
            flood->result->broker_acked++;
            flood->last_acked_us = notes[i].at_us;
            flood->last_progress_us = notes[i].at_us;
        } else if (notes[i].kind == LINK_REFUSED) {
            flood->result->refused++;
        } else if (notes[i].kind == LINK_MESSAGE) {
            take_ack(flood, &notes[i]);
        }
        free(notes[i].topic);
        free(notes[i].payload);
    }
}

static void show(struct flood *flood)
{
    char line[128];

    (void)snprintf(line, sizeof line, "flood  sent %llu/%llu  broker %llu  covered %llu  in flight %u%s%s",
                   (unsigned long long)flood->result->sent, (unsigned long long)flood->settings->messages,
                   (unsigned long long)flood->result->broker_acked, (unsigned long long)flood->result->covered,
                   links_in_flight(flood->links), links_trouble(flood->links)[0] ? "  " : "",
                   links_trouble(flood->links));
    progress_show(&flood->progress, line);
}

static int connect_all(struct flood *flood, struct error *error)
{
    int64_t begin_us = civil_tick_us();

    while (links_up(flood->links) < flood->gateways.count && !*flood->settings->stop) {
        links_poll(flood->links);
        take_notes(flood, 20);
        if (links_rejected(flood->links) || civil_tick_us() - begin_us > flood->settings->connect_seconds * 1000000) {
            return error_set(error, ERROR_FAILED, "%u of %u connections to %s: %s; check the broker and its limits",
                             links_up(flood->links), flood->gateways.count, flood->settings->link.server,
                             links_trouble(flood->links)[0] ? links_trouble(flood->links) : "no answer in time");
        }
    }
    return 0;
}

/* Sent, or given up: everything is acknowledged by the broker and, if a collector answers at all, covered. */
static bool is_finished(const struct flood *flood)
{
    const struct flood_result *result = flood->result;
    bool sent = result->sent == flood->settings->messages;
    bool quiet = civil_tick_us() - flood->last_progress_us > flood->settings->drain_seconds * 1000000;
    bool acked = result->broker_acked + result->refused >= result->sent;
    bool covered = result->covered + result->untracked >= result->sent;

    return *flood->settings->stop || (sent && acked && covered) || (quiet && (sent || links_up(flood->links) == 0));
}

static void loop(struct flood *flood)
{
    flood->begin_us = civil_tick_us();
    flood->last_progress_us = flood->begin_us;
    while (!is_finished(flood)) {
        bool sending = flood->result->sent < flood->settings->messages;

        links_poll(flood->links);
        send_due(flood);
        take_notes(flood, sending && flood->settings->rate > 0 ? 1 : 5);
        if (progress_due(&flood->progress)) {
            show(flood);
        }
    }
    flood->result->send_seconds = (double)(flood->last_acked_us - flood->begin_us) / 1e6;
    flood->result->covered_seconds = (double)(flood->last_covered_us - flood->begin_us) / 1e6;
    show(flood);
    progress_end(&flood->progress);
}

int flood(const struct flood_settings *settings, struct flood_result *result, struct error *error)
{
    struct flood flood = {.settings = settings, .result = result};
    int failed = 0;

    *result = (struct flood_result){0};
    (void)snprintf(flood.run, sizeof flood.run, "%08x", (unsigned)(civil_now_ms() & 0xffffffff));
    progress_begin(&flood.progress, 5);
    flood.devices = calloc(settings->devices, sizeof *flood.devices);
    if (!flood.devices) {
        return error_set(error, ERROR_MEMORY, "out of memory for %u devices; lower --devices", settings->devices);
    }
    failed = gateways_make(&settings->gateway, settings->centre_ids, settings->centre_count, &flood.gateways, error);
    if (failed == 0) {
        failed = links_open(&settings->link, flood.gateways.identities, flood.gateways.count, &flood.links, error);
    }
    failed = failed ? failed : connect_all(&flood, error);
    if (failed == 0) {
        loop(&flood);
        if (result->broker_acked < settings->messages && !*settings->stop) {
            failed = error_set(error, ERROR_FAILED, "the broker acknowledged %llu of %llu messages (%llu refused)",
                               (unsigned long long)result->broker_acked, (unsigned long long)settings->messages,
                               (unsigned long long)result->refused);
        }
    }
    links_close(&flood.links, 1000);
    gateways_free(&flood.gateways);
    free(flood.devices);
    return failed;
}
