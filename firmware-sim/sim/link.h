/*
 * MQTT connections for many simulated devices, over Eclipse Paho. The only room that includes MQTTAsync.h.
 *
 * All calls come from one thread. Paho's own threads only put notes into an inbox that links_take empties, so nothing
 * else is shared. A connection that is lost is built anew with capped, jittered backoff; what was in flight on it is
 * forgotten here (the outbox knows). Payloads and topics are copied by links_publish.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link_settings {
    const char *server;        /* mqtt://host:port, mqtts://, ws://, wss:// */
    const char *client_prefix; /* client id is "prefix-N" */
    const char *ca_file, *cert_file, *key_file;
    bool mqtt_311;      /* no attempt with MQTT 5 */
    uint32_t in_flight; /* unacknowledged messages on a connection */
};

/* Of one connection. Borrowed until links_close. */
struct link_identity {
    const char *username, *password; /* NULL: none */
    const char *will_topic, *will_payload;
    const char *const *filters; /* subscribed at each connect, QoS 1 */
    uint32_t filter_count;
};

enum link_note_kind {
    LINK_UP,        /* connected and subscribed; `code` is the number of refused filters */
    LINK_DOWN,      /* lost, or an attempt failed; all that was in flight there is void */
    LINK_PUBLISHED, /* the broker acknowledged the message with this `tag` */
    LINK_REFUSED,   /* it did not */
    LINK_MESSAGE
};

struct link_note {
    enum link_note_kind kind;
    uint32_t link;
    uint32_t token; /* private */
    uint32_t generation;
    uint64_t tag;
    int64_t at_us; /* civil_tick_us */
    int code;      /* of LINK_DOWN: as Paho tells it */
    char *topic;   /* of LINK_MESSAGE, and payload: the taker frees both */
    char *payload;
    size_t length;
};

struct links;

/* Checks the settings; connects nothing yet. Errors: a server scheme that is none, TLS files without TLS, memory. */
int links_open(const struct link_settings *settings, const struct link_identity *identities, uint32_t count,
               struct links **links, struct error *error);
/* Disconnects cleanly and waits up to `wait_ms` for that. */
void links_close(struct links **links, int wait_ms);

/* Begins connection attempts that are due. Call it a few times a second. */
void links_poll(struct links *links);

/* Waits up to `wait_ms` for notes and takes up to `room`. */
uint32_t links_take(struct links *links, struct link_note *notes, uint32_t room, int wait_ms);

/* Room for another message on the connection: it is up and less than in_flight are unacknowledged. */
bool links_ready(const struct links *links, uint32_t link);
uint32_t links_in_flight(const struct links *links);
uint32_t links_up(const struct links *links);

/* 0, or negative if the connection takes no message now. */
int links_publish(struct links *links, uint32_t link, const char *topic, const char *payload, size_t length, int qos,
                  bool retained, uint64_t tag);

/* Whether the last failed attempts were refused for who we are (user, password, client id): retrying is no use. */
bool links_rejected(const struct links *links);
/* What went wrong last, for people; "" if nothing. */
const char *links_trouble(const struct links *links);

#endif
