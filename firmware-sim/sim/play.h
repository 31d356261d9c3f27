/* The play: a plan's deliveries at their virtual times, sent by a player over connections until they are covered. */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "error.h"
#include "gateway.h"
#include "plan.h"
#include "player.h"

#include <signal.h>
#include <stdint.h>

struct play_settings {
    struct link_settings link;
    struct gateway_settings gateway;
    int64_t from_ms, to_ms;     /* of arrival; to_ms INT64_MAX: for ever */
    double speed;               /* virtual by real time; 0: as fast as it goes. Never past the real now */
    int64_t connect_seconds;    /* to wait for the first connection */
    int64_t birth_wait_seconds; /* to wait for the collector to say what it has */
    int64_t drain_seconds;      /* to wait for the last acknowledgements */
    int64_t resend_seconds;
    int64_t outbox_events; /* uncovered events at which the play waits */
    const volatile sig_atomic_t *stop;
};

struct play_result {
    struct player_counts counts;
    uint64_t uncovered;
    double seconds;
    bool stopped; /* by a signal */
};

/* 0 if everything was covered, or if it was stopped. */
int play(const struct plan *plan, const struct play_settings *settings, struct play_result *result,
         struct error *error);

#endif
