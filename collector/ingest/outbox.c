#include "outbox.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void outbox_init(struct outbox *outbox, struct bell *bell)
{
    *outbox = (struct outbox){.bell = bell};
}

static void message_free(struct outbox_message *message)
{
    free(message->topic);
    free(message->payload);
    free(message);
}

void outbox_free(struct outbox *outbox)
{
    while (outbox->first != NULL) {
        struct outbox_message *message = outbox->first;
        outbox->first = message->next;
        message_free(message);
    }
    *outbox = (struct outbox){.bell = outbox->bell};
}

static struct outbox_message *message_new(const char *topic, const void *payload, size_t length, int qos, bool retained)
{
    struct outbox_message *message = calloc(1, sizeof *message);
    if (message == NULL) {
        return NULL;
    }
    message->topic = strdup(topic);
    message->payload = malloc(length == 0 ? 1 : length);
    if (message->topic == NULL || message->payload == NULL) {
        message_free(message);
        return NULL;
    }
    if (length > 0) {
        memcpy(message->payload, payload, length);
    }
    message->length = length;
    message->qos = qos;
    message->retained = retained;
    return message;
}

static size_t weight(const struct outbox_message *message)
{
    return sizeof *message + strlen(message->topic) + message->length;
}

int outbox_add(struct outbox *outbox, const char *topic, const void *payload, size_t length, int qos, bool retained)
{
    struct outbox_message *message = message_new(topic, payload, length, qos, retained);
    if (message == NULL) {
        return ERROR_MEMORY;
    }
    pthread_mutex_lock(&outbox->bell->lock);
    bool full = outbox->messages >= OUTBOX_MESSAGES || outbox->bytes + weight(message) > OUTBOX_BYTES;
    if (!full) {
        message->outbox = outbox;
        message->previous = outbox->last;
        if (outbox->last != NULL) {
            outbox->last->next = message;
        } else {
            outbox->first = message;
        }
        outbox->last = message;
        outbox->messages++;
        outbox->bytes += weight(message);
        pthread_cond_broadcast(&outbox->bell->rung);
    }
    pthread_mutex_unlock(&outbox->bell->lock);
    if (full) {
        message_free(message);
        return ERROR_BUSY;
    }
    return 0;
}

/* Those under way are the oldest, so the search ends after at most OUTBOX_UNDER_WAY steps. */
static struct outbox_message *next_of(const struct outbox *outbox)
{
    struct outbox_message *message = outbox->under_way < OUTBOX_UNDER_WAY ? outbox->first : NULL;
    while (message != NULL && message->under_way) {
        message = message->next;
    }
    return message;
}

bool outbox_has_next(const struct outbox *outbox)
{
    return next_of(outbox) != NULL;
}

struct outbox_message *outbox_take(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->bell->lock);
    struct outbox_message *message = next_of(outbox);
    if (message != NULL) {
        message->under_way = true;
        outbox->under_way++;
    }
    pthread_mutex_unlock(&outbox->bell->lock);
    return message;
}

void outbox_done(struct outbox_message *message)
{
    struct outbox *outbox = message->outbox;
    pthread_mutex_lock(&outbox->bell->lock);
    if (message->previous != NULL) {
        message->previous->next = message->next;
    } else {
        outbox->first = message->next;
    }
    if (message->next != NULL) {
        message->next->previous = message->previous;
    } else {
        outbox->last = message->previous;
    }
    outbox->messages--;
    outbox->bytes -= weight(message);
    outbox->under_way -= message->under_way ? 1 : 0;
    pthread_cond_broadcast(&outbox->bell->rung);
    pthread_mutex_unlock(&outbox->bell->lock);
    message_free(message);
}

void outbox_take_back(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->bell->lock);
    for (struct outbox_message *message = outbox->first; message != NULL; message = message->next) {
        message->under_way = false;
    }
    outbox->under_way = 0;
    pthread_mutex_unlock(&outbox->bell->lock);
}
