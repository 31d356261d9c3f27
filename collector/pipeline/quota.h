/*
 * Each device's share of the rows that rejected and quarantined events take: so many malformed ones an hour, so many
 * set aside a day, by the time of receipt; and QUOTA_CENTRE times as many for a centre, whose devices may be invented
 * names. One that floods uses up its own share and nobody else's. Shares are taken in the open batch: they are used up
 * once it is committed, and given back if it is abandoned.
 */
#ifndef EDUTALLY_PIPELINE_QUOTA_H
#define EDUTALLY_PIPELINE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_kind { QUOTA_REJECTED, QUOTA_QUARANTINED };

enum { QUOTA_CENTRE = 10 };

/* Who takes a share. All NULL: whoever sends to topics that are none. */
struct quota_sender {
    const char *realm, *centre, *device;
};

struct quotas;

/* NULL when out of memory, or of random numbers. Fixed size (some 800 KiB). One thread. */
struct quotas *quotas_new(int64_t rejected_an_hour, int64_t quarantined_a_day);
void quotas_free(struct quotas **quotas);

/* True if the sender may have one more row now. */
bool quota_has_room(struct quotas *quotas, enum quota_kind kind, const struct quota_sender *sender,
                    int64_t received_ms);
/* Takes one, whether there is room or not. */
void quota_take(struct quotas *quotas, enum quota_kind kind, const struct quota_sender *sender, int64_t received_ms);

/* The batch that took shares was committed, or rolled back. */
void quotas_commit(struct quotas *quotas);
void quotas_abandon(struct quotas *quotas);

#endif
