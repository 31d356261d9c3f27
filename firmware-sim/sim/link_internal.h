/* What link.c (the pool, on the caller's thread) and link_paho.c (one connection, and Paho's threads) share. */
#ifndef SIM_LINK_INTERNAL_H
#define SIM_LINK_INTERNAL_H

#include "link.h"
#include "random.h"

#include <MQTTAsync.h>
#include <pthread.h>

enum link_state { STATE_DOWN, STATE_CONNECTING, STATE_SUBSCRIBING, STATE_UP };

struct token {
    struct link *link;
    uint32_t index, generation;
    uint64_t tag;
    bool used;
};

struct link {
    struct links *links;
    uint32_t index;
    const struct link_identity *identity;
    enum link_state state;
    uint32_t generation;
    uint32_t handle_generation; /* what the callbacks of the present handle stamp their notes with */
    MQTTAsync handle;
    bool mqtt_311;
    int64_t next_attempt_us;
    int backoff_ms;
    struct token *tokens;
    uint32_t *free_tokens;
    uint32_t free_count;
};

struct links {
    struct link_settings settings;
    char uri[256];
    bool tls;
    struct link *links;
    uint32_t count, up, in_flight;
    struct random random;
    bool rejected;
    char trouble[192];
    pthread_mutex_t lock; /* guards the inbox below; taken by Paho's threads and the caller's */
    pthread_cond_t arrived;
    struct link_note *inbox;
    uint32_t first, waiting, room;
};

/* Puts a note into the inbox; from any thread. Takes the note's strings. */
void link_post(struct links *links, struct link_note *note);

/* A fresh handle, and its connect begun. MQTTASYNC_SUCCESS or another code of Paho. */
int link_connect(struct link *link);

/* MQTTASYNC_SUCCESS, and later a note about the token, or another code of Paho. */
int link_send(struct link *link, struct token *token, const char *topic, const char *payload, size_t length, int qos,
              bool retained);

#endif
