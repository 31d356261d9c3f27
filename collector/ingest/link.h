/*
 * One connection to the broker: one Paho handle, from CONNECT to its end, never used twice. So nothing that Paho keeps
 * over a reconnection (queued acknowledgements, half-sent commands) can reach the next one. The only part of the room
 * that calls Paho; the story is in link.c.
 */
#ifndef EDUTALLY_INGEST_LINK_H
#define EDUTALLY_INGEST_LINK_H

#include "bell.h"
#include "outbox.h"

#include "base/buffer.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

struct link_message {
    const char *topic; /* not NUL-terminated */
    size_t topic_length;
    const void *payload;
    size_t payload_length;
    int qos;
    bool repeated; /* the broker marked it as sent again */
};

/* On Paho's receive thread, with Paho's lock held: must not call anything that calls Paho. 0: the broker gets its
 * acknowledgement. Anything else: the connection is cut and the message is not acknowledged. */
typedef int link_arrived(void *context, const struct link_message *message);

struct link_options {
    const char *uri; /* as Paho reads it (server.h) */
    bool tls;
    const char *ca_file, *cert_file, *key_file; /* or NULL */
    const char *client_id;
    const char *username;          /* or NULL */
    const struct buffer *password; /* or NULL */
    int mqtt_version;              /* 5, or 4 for 3.1.1 */
    bool clean;                    /* a session of its own that ends with the connection */
    int keep_alive_s;
    uint32_t session_expiry_s;
    uint32_t packet_bytes;  /* the broker shall not send larger ones (MQTT 5) */
    const char *will_topic; /* or NULL: no will */
    const char *will_payload;
    link_arrived *arrived;
    void *context;
    struct bell *bell;
    const _Atomic bool *stopping; /* ends every wait, after the bell was rung */
    int64_t deadline_ms;          /* on the steady clock, ends every wait for an answer; 0: 30 s for each */
};

/* How the broker answered. */
struct link_answer {
    bool session_present;
    bool wrong_version; /* it says that it does not speak this version */
    bool hung_up;       /* it was greeted and said nothing: old brokers do that to MQTT 5, bad networks to anything */
};

/* Connects and waits for the broker's answer. ERROR_IO with the reason; ERROR_MEMORY; ERROR_BUSY when stopping. */
int link_open(struct link **link, const struct link_options *options, struct link_answer *answer, struct error *error);

/* Waits for the broker's answer. ERROR_INPUT: the broker refused, the connection stands. ERROR_IO: the connection is
 * gone or does not answer: close it. ERROR_BUSY when stopping. */
int link_subscribe(struct link *link, const char *filter, struct error *error);
int link_unsubscribe(struct link *link, const char *filter, struct error *error);

/* Hands the message to Paho, which tells the outbox when it is done. ERROR_IO: it is not under way. */
int link_send(struct link *link, struct outbox_message *message);

/* With the bell's lock held, or racing with the end that it asks for. */
bool link_is_lost(const struct link *link);
/* Why, for the log; valid once it is lost. */
const char *link_lost_reason(const struct link *link);
/* It is lost because another client connected with our id; brokers say so in MQTT 5 alone. */
bool link_was_taken_over(const struct link *link);
/* It is lost because `arrived` refused a message. */
bool link_was_cut(const struct link *link);

/* Closes and frees. `good_bye`: with a DISCONNECT, so that the will is not published (waits for at most 3 s). No
 * callback runs after it. */
void link_close(struct link **link, bool good_bye);

/* Keeps Paho's own state from being torn down with the last link and built anew with the next: Paho 1.3.12 then takes
 * another index of OpenSSL's each time, which OpenSSL keeps for ever (some 100 bytes for each attempt to connect).
 * ERROR_MEMORY. */
int link_library_hold(void **hold, struct error *error);
void link_library_release(void **hold);

/* Paho's version, as text that lives for ever; "" if it does not say. */
const char *link_library_version(void);

#endif
