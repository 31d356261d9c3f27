/*
 * The devices of a plan while they are played: each has an outbox, announces itself, sends, and listens to the
 * collector's acknowledgements. One thread.
 */
#ifndef SIM_PLAYER_H
#define SIM_PLAYER_H

#include "deliver.h"
#include "gateway.h"
#include "link.h"
#include "plan.h"

#include <stdbool.h>
#include <stdint.h>

struct player_counts {
    uint64_t events;  /* taken from the scenario */
    uint64_t covered; /* acknowledged end to end, those that were so already before included */
    uint64_t skipped; /* of these: were covered before they were sent */
    uint64_t sent;    /* events in messages, resends included */
    uint64_t resent;
    uint64_t messages;
    uint64_t bad_acks;            /* acknowledgements that are none, or for another epoch */
    uint32_t announced, answered; /* devices */
};

struct player;

/* Borrows all but copies nothing; NULL without memory. `resend_ms`: wait for an acknowledgement. */
struct player *player_open(const struct plan *plan, const struct gateways *gateways, struct links *links,
                           uint32_t resend_ms);
void player_close(struct player **player);

/* Notes that the device made events up to this one before the play began; they are not sent. */
void player_passed(struct player *player, const struct delivery *delivery);

/* Digests what the connections report, and frees the note's strings. */
int player_note(struct player *player, struct link_note *note);

/* Announces devices, as far as there is room on the connections. True when all are announced. */
bool player_announce(struct player *player);

/* Takes a delivery and sends it. 1: taken; 0: its connection has no room now, offer it again; negative: no memory. */
int player_offer(struct player *player, const struct delivery *delivery);

/* Sends what is due again. */
void player_resend(struct player *player);

/* Publishes every announced device's state as offline, waiting for room up to a bound. */
void player_say_goodbye(struct player *player, int wait_ms);

uint64_t player_uncovered(const struct player *player);
const struct player_counts *player_counts(const struct player *player);

#endif
