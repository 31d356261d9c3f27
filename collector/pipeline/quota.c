/*
 * Tables of fixed size, WAYS places for each hash: one table for devices, one for centres, so that invented devices
 * crowd out no centre. The hash is keyed at random, so that nobody can choose a name that shares another's places. A
 * place whose hour (or day) is over is free. Where all places of a hash are taken by others that flood just now, the
 * one that took the least is shared: more devices than fit must flood at once before that happens, and what they then
 * share is the strictness.
 */
#include "quota.h"

#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { SETS = 1024, WAYS = 8, HOUR_MS = 3600000, DAY_MS = 86400000, KINDS = 2 };

enum level { OF_DEVICE, OF_CENTRE, LEVELS };

struct place {
    uint64_t key;
    int32_t window;   /* hours or days since 1970 */
    uint32_t taken;   /* by batches that are committed */
    uint32_t pending; /* by the open one */
};

struct quotas {
    int64_t most[KINDS];
    struct keyer *keyer;
    bool is_pending;
    struct place places[KINDS][LEVELS][SETS][WAYS];
};

struct quotas *quotas_new(int64_t rejected_an_hour, int64_t quarantined_a_day)
{
    struct quotas *quotas = calloc(1, sizeof *quotas);
    unsigned char secret[16];
    if (quotas == NULL || getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret ||
        keyer_new(&quotas->keyer, secret, sizeof secret, NULL) != 0) {
        quotas_free(&quotas);
        return NULL;
    }
    quotas->most[QUOTA_REJECTED] = rejected_an_hour;
    quotas->most[QUOTA_QUARANTINED] = quarantined_a_day;
    return quotas;
}

void quotas_free(struct quotas **quotas)
{
    if (*quotas != NULL) {
        keyer_free(&(*quotas)->keyer);
        free(*quotas);
        *quotas = NULL;
    }
}

/* Of the names, which hold no '/'. */
static uint64_t key_of(const struct quotas *quotas, enum level level, const struct quota_sender *sender)
{
    char text[3 * 65 + 1];
    int length = snprintf(text, sizeof text, "%.64s/%.64s/%.64s", sender->realm != NULL ? sender->realm : "",
                          sender->centre != NULL ? sender->centre : "",
                          level == OF_DEVICE && sender->device != NULL ? sender->device : "");
    return keyer_key(quotas->keyer, text, (size_t)length);
}

static struct place *find(struct quotas *quotas, enum quota_kind kind, enum level level,
                          const struct quota_sender *sender, int64_t received_ms)
{
    uint64_t key = key_of(quotas, level, sender);
    struct place *set = quotas->places[kind][level][key % SETS], *least = &set[0];
    int32_t window = (int32_t)(received_ms / (kind == QUOTA_REJECTED ? HOUR_MS : DAY_MS));
    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key && set[i].window == window) {
            return &set[i];
        }
    }
    for (int i = 0; i < WAYS; i++) {
        if (set[i].window != window) {
            set[i] = (struct place){.key = key, .window = window};
            return &set[i];
        }
        least = set[i].taken + set[i].pending < least->taken + least->pending ? &set[i] : least;
    }
    return least;
}

bool quota_has_room(struct quotas *quotas, enum quota_kind kind, const struct quota_sender *sender, int64_t received_ms)
{
    const struct place *device = find(quotas, kind, OF_DEVICE, sender, received_ms);
    const struct place *centre = find(quotas, kind, OF_CENTRE, sender, received_ms);
    return (int64_t)device->taken + device->pending < quotas->most[kind] &&
           (int64_t)centre->taken + centre->pending < QUOTA_CENTRE * quotas->most[kind];
}

void quota_take(struct quotas *quotas, enum quota_kind kind, const struct quota_sender *sender, int64_t received_ms)
{
    find(quotas, kind, OF_DEVICE, sender, received_ms)->pending++;
    find(quotas, kind, OF_CENTRE, sender, received_ms)->pending++;
    quotas->is_pending = true;
}

static void settle(struct quotas *quotas, bool committed)
{
    struct place *place = &quotas->places[0][0][0][0];
    if (!quotas->is_pending) {
        return;
    }
    for (size_t i = 0; i < sizeof quotas->places / sizeof *place; i++) {
        place[i].taken += committed ? place[i].pending : 0;
        place[i].pending = 0;
    }
    quotas->is_pending = false;
}

void quotas_commit(struct quotas *quotas)
{
    settle(quotas, true);
}

void quotas_abandon(struct quotas *quotas)
{
    settle(quotas, false);
}
