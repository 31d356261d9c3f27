/* A broker that is old or unfriendly: enough of MQTT to take a client in, one at a time, and ways to fail it. What a
 * client publishes it gets back, as a broker does that has its subscription. */
#ifndef TESTS_INGEST_FAKE_BROKER_H
#define TESTS_INGEST_FAKE_BROKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum fake_refusal {
    FAKE_REFUSES_WITH_84, /* CONNACK of MQTT 5, reason "unsupported protocol version" */
    FAKE_REFUSES_WITH_1,  /* CONNACK of MQTT 3.1.1, "unacceptable protocol version" */
    FAKE_CLOSES,          /* not a word */
    FAKE_SPEAKS_5         /* it does not refuse it */
};

struct fake_broker {
    enum fake_refusal refusal;   /* of MQTT 5 */
    _Atomic int subacks_refused; /* so many SUBACKs more say 0x80, in MQTT 5 0x87 */
    _Atomic bool mute;           /* it answers and delivers nothing */
    _Atomic int takeovers;       /* so many connections more end with "session taken over" after a PUBLISH (MQTT 5) */
    _Atomic int hang_ups;        /* after the first greeting so many more are answered by closing (MQTT 5) */
    bool subscribe_unmutes;      /* as if it had forgotten the subscription */
    int port;
    int listener;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int greetings_5, greetings_4; /* CONNECTs received */
    _Atomic int subscribes;
    _Atomic int published;    /* PUBLISHes received */
    _Atomic int acknowledged; /* PUBACKs received: for the message that it sends after each granted SUBSCRIBE, and for
                                 what it sent back */
    bool is_5;                /* the thread's own: the client it serves speaks MQTT 5 */
};

void fake_broker_start(struct fake_broker *broker);
void fake_broker_stop(struct fake_broker *broker);

#endif
