/*
 * Does the broker still deliver to us? A connection can stand, be pinged and answered, and carry nothing: subscriptions
 * that a broker forgot when it read an old session from its disk, an access list that lets us subscribe and reads
 * nothing out. Our own retained state lies below our own filters, so it comes back to us: after a silence we say it
 * again and wait for it. Time is an argument; no call blocks.
 */
#ifndef EDUTALLY_INGEST_ECHO_H
#define EDUTALLY_INGEST_ECHO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum echo_step {
    ECHO_WAIT,      /* nothing to do before echo_due_ms */
    ECHO_ASK,       /* publish our state, then echo_asked */
    ECHO_SUBSCRIBE, /* no answer: subscribe again, publish our state, then echo_asked */
    ECHO_RECONNECT, /* none again, on a broker that did answer before: begin a new connection */
    ECHO_DEAF,      /* none again, and it never did: say so. Later it is asked again */
    ECHO_HEARD      /* something came after ECHO_DEAF */
};

struct echo {
    int64_t silence_ms, answer_ms; /* ask after so long without a message; the answer may take so long */
    _Atomic int64_t heard_ms;      /* when something came, steady clock */
    _Atomic bool proven;           /* our own state came back; taken away by a reconnection in vain */
    int64_t asked_ms;              /* 0: no question is open */
    unsigned unanswered;
    bool deaf;
};

/* Any message that came. `own`: it is our state. Any thread. */
void echo_hear(struct echo *echo, int64_t now_ms, bool own);

/* The rest belongs to one thread. A connection is subscribed; our state was published or waits to be. */
void echo_begin(struct echo *echo, int64_t now_ms);
enum echo_step echo_next(struct echo *echo, int64_t now_ms);
void echo_asked(struct echo *echo, int64_t now_ms);
/* When echo_next may say something else than ECHO_WAIT. */
int64_t echo_due_ms(const struct echo *echo);

#endif
