/*
 * MQTT in: receives the realms' messages and hands each to a sink before the broker gets its acknowledgement. The only
 * room that knows Paho (MQTTAsync). Design §3 says what the threads may do; the story is at the top of ingest.c.
 */
#ifndef EDUTALLY_INGEST_INGEST_H
#define EDUTALLY_INGEST_INGEST_H

#include "base/counters.h"
#include "base/error.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct ingest;

/* Topics. Subscribed with QoS 1, for each realm: `edu/v1/{realm}/+/+/event` and `edu/v1/{realm}/+/+/state`. The
 * collector's own state, retained, is `edu/v1/{first realm}/collector/{client id}/state`: {"v":1,"status":"online"}
 * after it connected and again after a minute without a message (the broker must send it back: echo.h),
 * {"v":1,"status":"offline"} when it stops and as its last will. States of the centre "collector" never reach the sink.
 */

/* Where the messages go. */
struct ingest_sink {
    /* On Paho's receive thread, for every message; `topic` is not NUL-terminated. 0: it is safe, the broker may forget
     * it. Anything else: there is no room now; the message is offered again a little later, up to a third of the
     * keep-alive; then the connection is dropped with the message unacknowledged, so that the broker sends it again. */
    int (*take)(void *context, const char *topic, size_t topic_length, const void *payload, size_t payload_length);
    /* After such an end, on the room's own thread, a few times a second: the next connection waits until it is true.
     * NULL: it waits as after any other end. */
    bool (*has_room)(void *context);
    void *context;
};

/* Starts its own thread, which connects, subscribes and reconnects for ever. `settings` must outlive it and have an
 * mqtt section; passwords are read from their files at every connect; `sink` is copied. `state_directory` keeps the
 * list of filters subscribed in the session, so that removed ones are unsubscribed. Errors: ERROR_CONFIG, ERROR_MEMORY;
 * an absent broker is none. */
int ingest_start(struct ingest **ingest, const struct settings *settings, const char *state_directory,
                 struct counters *counters, const struct ingest_sink *sink, struct error *error);

/* Publishes; QoS 0 or 1; copies topic and payload. Any thread, never blocks on the network (nor on the sink).
 * ERROR_BUSY while not connected or while more than a bounded number of messages waits (8,192, 8 MiB): the caller drops
 * or repeats. ERROR_MEMORY. What was taken is sent, on the next connection if this one breaks, unless the process ends
 * before. */
int ingest_publish(struct ingest *ingest, const char *topic, const void *payload, size_t length, int qos,
                   bool retained);

/* Connected, and every filter subscribed. Any thread. */
bool ingest_is_connected(const struct ingest *ingest);

/* Tells the broker good-bye (retained state "offline"), keeps the session, stops the thread. A message for which the
 * sink has no room is left unacknowledged. Takes a few seconds at most, and as long as the system's resolver if that
 * hangs. */
void ingest_stop(struct ingest **ingest);

/* For `edutally check`: connects and subscribes once under a client id of its own (client_id + "-check", clean
 * session), within `timeout_ms`. ERROR_IO with the broker's reason. */
int ingest_probe(const struct settings *settings, int64_t timeout_ms, struct error *error);

/* Paho's version, "" if it does not say. */
const char *ingest_library_version(void);

#endif
