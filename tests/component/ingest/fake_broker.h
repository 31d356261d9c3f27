/* A broker that is old or unfriendly: enough of MQTT 3.1.1 to take a client in, one at a time, and ways to refuse. */
#ifndef TESTS_INGEST_FAKE_BROKER_H
#define TESTS_INGEST_FAKE_BROKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum fake_refusal {
    FAKE_REFUSES_WITH_84, /* CONNACK of MQTT 5, reason "unsupported protocol version" */
    FAKE_REFUSES_WITH_1,  /* CONNACK of MQTT 3.1.1, "unacceptable protocol version" */
    FAKE_CLOSES           /* not a word */
};

struct fake_broker {
    enum fake_refusal refusal;   /* of MQTT 5 */
    _Atomic int subacks_refused; /* so many SUBACKs more say 0x80 */
    int port;
    int listener;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int greetings_5, greetings_4; /* CONNECTs received */
    _Atomic int subscribes;
    _Atomic int acknowledged; /* PUBACKs received for the message that it sends after each granted SUBSCRIBE */
};

void fake_broker_start(struct fake_broker *broker);
void fake_broker_stop(struct fake_broker *broker);

#endif
