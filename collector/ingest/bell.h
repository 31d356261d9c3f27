/*
 * What the room's threads wait on: one lock and one condition for everything that they share (outbox, link, stop). It
 * is rung after every change. The lock is never held while Paho is called: Paho holds its own while it calls us.
 */
#ifndef EDUTALLY_INGEST_BELL_H
#define EDUTALLY_INGEST_BELL_H

#include <pthread.h>
#include <stdint.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
};

/* ERROR_MEMORY. */
int bell_init(struct bell *bell);
void bell_destroy(struct bell *bell);

/* With the lock held: waits until it is rung or the steady clock (base/file.h) has reached `until_ms`. */
void bell_wait(struct bell *bell, int64_t until_ms);

#endif
