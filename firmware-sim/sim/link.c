/*
 * A connection is DOWN until its next attempt is due, CONNECTING while Paho works on it, SUBSCRIBING until the broker
 * has the filters, UP after. Each attempt uses a fresh Paho handle, so no state of an earlier connection can answer
 * for a later one; the broker's session lives on by the client id (clean start off). The generation counts attempts,
 * and a note of an older one is dropped.
 *
 * No call into Paho is made with the inbox's lock held, as its callbacks (link_paho.c) take that lock with Paho's own
 * held.
 */
#include "link.h"

#include "civil.h"
#include "link_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKOFF_FIRST_MS 300
#define BACKOFF_MOST_MS  20000
#define INBOX_MAX        (1U << 20)

static bool grow_inbox(struct links *links)
{
    uint32_t room = links->room ? links->room * 2 : 1024;
    struct link_note *larger = room <= INBOX_MAX ? malloc(room * sizeof *larger) : NULL;

    if (!larger) {
        return false;
    }
    for (uint32_t i = 0; i < links->waiting; i++) {
        larger[i] = links->inbox[(links->first + i) & (links->room - 1)];
    }
    free(links->inbox);
    links->inbox = larger;
    links->first = 0;
    links->room = room;
    return true;
}

/* From any thread. A note that finds no room is dropped: acknowledgements come again, and a lost PUBLISHED only keeps
 * its token busy until the connection is built anew. */
void link_post(struct links *links, struct link_note *note)
{
    note->at_us = civil_tick_us();
    (void)pthread_mutex_lock(&links->lock);
    if (links->waiting < links->room || grow_inbox(links)) {
        links->inbox[(links->first + links->waiting++) & (links->room - 1)] = *note;
        (void)pthread_cond_signal(&links->arrived);
    } else {
        free(note->topic);
        free(note->payload);
    }
    (void)pthread_mutex_unlock(&links->lock);
}

static void plan_attempt(struct link *link)
{
    double jitter = 0.5 + random_unit(&link->links->random);

    link->next_attempt_us = civil_tick_us() + (int64_t)((double)link->backoff_ms * jitter) * 1000;
    link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MOST_MS ? link->backoff_ms * 2 : BACKOFF_MOST_MS;
}

static void forget_in_flight(struct link *link)
{
    uint32_t in_flight = link->links->settings.in_flight;

    link->links->in_flight -= in_flight - link->free_count;
    link->free_count = in_flight;
    for (uint32_t i = 0; i < in_flight; i++) {
        link->free_tokens[i] = i;
        link->tokens[i].used = false;
    }
}

static void go_down(struct link *link, int code)
{
    struct links *links = link->links;
    bool refused_version = !link->mqtt_311 && (code == 0x84 || code == 1);

    if (link->state == STATE_DOWN) {
        return;
    }
    links->up -= link->state == STATE_UP ? 1 : 0;
    (void)snprintf(links->trouble, sizeof links->trouble, "connection %u: %s", link->index,
                   link->state == STATE_UP ? "lost"
                   : code == 0x84          ? "MQTT 5 refused"
                                           : "no connection");
    if (code == 4 || code == 5 || code == 0x85 || code == 0x86 || code == 0x87) {
        links->rejected = true;
        (void)snprintf(links->trouble, sizeof links->trouble,
                       "the broker refused the user name, the password or the client id (code %d)", code);
    }
    link->state = STATE_DOWN;
    link->generation++;
    forget_in_flight(link);
    link->mqtt_311 = link->mqtt_311 || refused_version;
    plan_attempt(link);
}

void links_poll(struct links *links)
{
    int64_t now_us = civil_tick_us();

    for (uint32_t i = 0; i < links->count; i++) {
        struct link *link = &links->links[i];
        int result;

        if (link->state != STATE_DOWN || now_us < link->next_attempt_us) {
            continue;
        }
        link->handle_generation = link->generation;
        link->state = STATE_CONNECTING;
        result = link_connect(link);
        if (result != MQTTASYNC_SUCCESS) {
            go_down(link, result);
        }
    }
}

/* Brings the connection's own state up to date. False: the note is of an earlier connection and not to be shown. */
static bool digest(struct links *links, struct link_note *note)
{
    struct link *link = &links->links[note->link];

    if (note->generation != link->generation) {
        return note->kind == LINK_MESSAGE;
    }
    switch (note->kind) {
    case LINK_UP:
        if (link->state != STATE_UP) {
            link->state = STATE_UP;
            link->backoff_ms = BACKOFF_FIRST_MS;
            links->up++;
            links->trouble[0] = '\0';
        }
        return true;
    case LINK_DOWN:
        go_down(link, note->code);
        return true;
    case LINK_PUBLISHED:
    case LINK_REFUSED:
        if (!link->tokens[note->token].used) {
            return false;
        }
        link->tokens[note->token].used = false;
        link->free_tokens[link->free_count++] = note->token;
        links->in_flight--;
        return true;
    case LINK_MESSAGE:
        break;
    }
    return true;
}

uint32_t links_take(struct links *links, struct link_note *notes, uint32_t room, int wait_ms)
{
    uint32_t taken = 0, kept = 0;
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&links->lock);
    while (links->waiting == 0 && wait_ms > 0 && pthread_cond_timedwait(&links->arrived, &links->lock, &until) == 0) {
    }
    while (taken < room && links->waiting > 0) {
        notes[taken++] = links->inbox[links->first];
        links->first = (links->first + 1) & (links->room - 1);
        links->waiting--;
    }
    (void)pthread_mutex_unlock(&links->lock);
    for (uint32_t i = 0; i < taken; i++) {
        if (digest(links, &notes[i])) {
            notes[kept++] = notes[i];
        }
    }
    return kept;
}

bool links_ready(const struct links *links, uint32_t link)
{
    return links->links[link].state == STATE_UP && links->links[link].free_count > 0;
}

uint32_t links_in_flight(const struct links *links)
{
    return links->in_flight;
}

uint32_t links_up(const struct links *links)
{
    return links->up;
}

int links_publish(struct links *links, uint32_t index, const char *topic, const char *payload, size_t length, int qos,
                  bool retained, uint64_t tag)
{
    struct link *link = &links->links[index];
    struct token *token;
    int result;

    if (!links_ready(links, index)) {
        return ERROR_FAILED;
    }
    token = &link->tokens[link->free_tokens[link->free_count - 1]];
    *token = (struct token){.link = link,
                            .index = link->free_tokens[link->free_count - 1],
                            .generation = link->generation,
                            .tag = tag,
                            .used = true};
    result = link_send(link, token, topic, payload, length, qos, retained);
    if (result != MQTTASYNC_SUCCESS) {
        token->used = false;
        return ERROR_FAILED;
    }
    link->free_count--;
    links->in_flight++;
    return 0;
}

bool links_rejected(const struct links *links)
{
    return links->rejected;
}

const char *links_trouble(const struct links *links)
{
    return links->trouble;
}

static int translate_server(struct links *links, struct error *error)
{
    static const struct {
        const char *ours, *paho;
        bool tls;
    } schemes[] = {{"mqtt://", "tcp://", false},
                   {"mqtts://", "ssl://", true},
                   {"ws://", "ws://", false},
                   {"wss://", "wss://", true}};
    const char *server = links->settings.server;

    for (size_t i = 0; server && i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].ours);

        if (strncmp(server, schemes[i].ours, length) == 0 && server[length]) {
            links->tls = schemes[i].tls;
            (void)snprintf(links->uri, sizeof links->uri, "%s%s", schemes[i].paho, server + length);
            if (!links->tls && (links->settings.ca_file || links->settings.cert_file || links->settings.key_file)) {
                return error_set(error, ERROR_USAGE, "TLS files are given but %s is not encrypted; use mqtts://",
                                 server);
            }
            return 0;
        }
    }
    return error_set(error, ERROR_USAGE, "--server is \"%s\"; it takes mqtt://HOST:PORT, mqtts://, ws:// or wss://",
                     server ? server : "missing");
}

static int open_link(struct links *links, uint32_t index, const struct link_identity *identity)
{
    struct link *link = &links->links[index];
    uint32_t in_flight = links->settings.in_flight;

    *link = (struct link){.links = links,
                          .index = index,
                          .identity = identity,
                          .generation = 1,
                          .mqtt_311 = links->settings.mqtt_311,
                          .backoff_ms = BACKOFF_FIRST_MS,
                          .free_count = in_flight};
    link->tokens = calloc(in_flight, sizeof *link->tokens);
    link->free_tokens = calloc(in_flight, sizeof *link->free_tokens);
    if (!link->tokens || !link->free_tokens) {
        return ERROR_MEMORY;
    }
    forget_in_flight(link);
    return 0;
}

static int start_inbox(struct links *links)
{
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);

    if (result == 0) {
        result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        result = result ? result : pthread_cond_init(&links->arrived, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    return result ? result : pthread_mutex_init(&links->lock, NULL);
}

int links_open(const struct link_settings *settings, const struct link_identity *identities, uint32_t count,
               struct links **links, struct error *error)
{
    struct links *opened = calloc(1, sizeof *opened);

    *links = NULL;
    if (!opened || start_inbox(opened)) {
        free(opened);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    opened->settings = *settings;
    opened->random.state = (uint64_t)civil_tick_us();
    opened->links = calloc(count, sizeof *opened->links);
    if (!opened->links) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    } else if (translate_server(opened, error) == 0) {
        for (; opened->count < count && !error->code; opened->count++) {
            if (open_link(opened, opened->count, &identities[opened->count])) {
                (void)error_set(error, ERROR_MEMORY, "out of memory for %u connections", count);
            }
        }
    }
    if (error->code) {
        links_close(&opened, 0);
        return error->code;
    }
    *links = opened;
    return 0;
}

void links_close(struct links **links, int wait_ms)
{
    struct links *closed = *links;

    if (!closed) {
        return;
    }
    for (uint32_t i = 0; i < closed->count; i++) {
        MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;

        /* The callers have waited for what was in flight; any timeout makes Paho look again only a second later. */
        options.timeout = 0;
        if (closed->links[i].state == STATE_UP) {
            (void)MQTTAsync_disconnect(closed->links[i].handle, &options);
        }
    }
    for (uint32_t i = 0; i < closed->count; i++) {
        struct link *link = &closed->links[i];

        for (int waited_ms = 0; link->handle && MQTTAsync_isConnected(link->handle) && waited_ms < wait_ms;
             waited_ms += 10) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
        if (link->handle) {
            MQTTAsync_destroy(&link->handle);
        }
        free(link->tokens);
        free(link->free_tokens);
    }
    for (uint32_t i = 0; i < closed->waiting; i++) {
        struct link_note *note = &closed->inbox[(closed->first + i) & (closed->room - 1)];

        free(note->topic);
        free(note->payload);
    }
    (void)pthread_cond_destroy(&closed->arrived);
    (void)pthread_mutex_destroy(&closed->lock);
    free(closed->inbox);
    free(closed->links);
    free(closed);
    *links = NULL;
}
