/* The load generator: numbered events of many devices, as fast as wanted, with what became of each message. */
#ifndef SIM_FLOOD_H
#define SIM_FLOOD_H

#include "error.h"
#include "gateway.h"
#include "histogram.h"
#include "link.h"

#include <signal.h>
#include <stdint.h>

struct flood_settings {
    struct link_settings link;
    struct gateway_settings gateway;
    const char *const *centre_ids; /* borrowed */
    uint32_t centre_count;
    uint32_t devices;
    double rate; /* messages a second; 0: as fast as the broker acknowledges */
    uint64_t messages;
    uint32_t batch; /* events in a message, up to FLOOD_BATCH_MAX */
    int qos;
    int64_t connect_seconds, drain_seconds;
    const volatile sig_atomic_t *stop;
};

enum { FLOOD_BATCH_MAX = 50 };

struct flood_result {
    uint64_t sent, broker_acked, refused, covered; /* messages */
    uint64_t events;                               /* in the messages sent */
    uint64_t untracked; /* sent past the window of a device without any acknowledgement: coverage not watched */
    double send_seconds, covered_seconds; /* until the last was sent and acknowledged; until the last was covered */
    struct histogram to_broker_us, to_covered_us;
};

/* 0 when everything that was to be sent was sent and acknowledged by the broker. */
int flood(const struct flood_settings *settings, struct flood_result *result, struct error *error);

#endif
