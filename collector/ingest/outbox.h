/*
 * Messages on their way out: a bounded queue between any thread that publishes and the one thread that may call Paho. A
 * message stays in it until the broker has it (QoS 1) or the socket took it (QoS 0); one that was under way when the
 * connection broke is sent again on the next one.
 */
#ifndef EDUTALLY_INGEST_OUTBOX_H
#define EDUTALLY_INGEST_OUTBOX_H

#include "bell.h"

#include <stdbool.h>
#include <stddef.h>

/* Bounds of what waits. UNDER_WAY is what Paho holds at a time: it is above the 20 that mosquitto takes at once, and
 * small against Paho's own lists, which are searched one by one. */
enum { OUTBOX_MESSAGES = 8192, OUTBOX_BYTES = 8 << 20, OUTBOX_UNDER_WAY = 64 };

struct outbox {
    struct bell *bell;
    struct outbox_message *first, *last;
    size_t messages, bytes, under_way;
};

struct outbox_message {
    struct outbox *outbox;
    struct outbox_message *next, *previous;
    char *topic;
    void *payload;
    size_t length;
    int qos;
    bool retained;
    bool under_way;
};

void outbox_init(struct outbox *outbox, struct bell *bell);
/* Paho must not know any of its messages any more. */
void outbox_free(struct outbox *outbox);

/* Copies the message and rings. ERROR_BUSY past the bounds, ERROR_MEMORY. Any thread. */
int outbox_add(struct outbox *outbox, const char *topic, const void *payload, size_t length, int qos, bool retained);

/* True if outbox_take would give a message. The bell's lock is held. */
bool outbox_has_next(const struct outbox *outbox);
/* The oldest message that is not under way, which it then is; NULL if there is none or enough are. */
struct outbox_message *outbox_take(struct outbox *outbox);

/* The message is done with: frees it and rings. */
void outbox_done(struct outbox_message *message);
/* All that was under way is not: the connection is gone and Paho has forgotten them. */
void outbox_take_back(struct outbox *outbox);

#endif
