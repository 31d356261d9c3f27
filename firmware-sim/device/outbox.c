/*
 * The ring holds records in order of seq. Covered ones in the middle stay as gaps until the head reaches them, so an
 * index never moves. Invariants: `waiting` counts the OUTBOX_WAITING slots, `uncovered` those that are not
 * OUTBOX_COVERED, and the head slot, if there is one, is uncovered.
 */
#include "device/outbox.h"

#include <string.h>

/* Wrap-safe: whether `a` lies before `b`. */
static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static struct outbox_slot *slot_at(const struct outbox *outbox, uint32_t position)
{
    return &outbox->slots[(outbox->head + position) & (outbox->capacity - 1U)];
}

void outbox_init(struct outbox *outbox, struct outbox_slot *slots, uint32_t capacity,
                 const struct outbox_timing *timing, uint32_t jitter_seed)
{
    memset(outbox, 0, sizeof *outbox);
    outbox->slots = slots;
    outbox->capacity = capacity;
    outbox->timing = *timing;
    outbox->jitter = jitter_seed | 1U;
}

void outbox_grow(struct outbox *outbox, struct outbox_slot *slots, uint32_t capacity)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        slots[(outbox->head + i) & (capacity - 1U)] = *slot_at(outbox, i);
    }
    outbox->slots = slots;
    outbox->capacity = capacity;
}

int64_t outbox_push(struct outbox *outbox, uint32_t seq)
{
    struct outbox_slot *slot;

    if (outbox->count == outbox->capacity) {
        return -1;
    }
    slot = slot_at(outbox, outbox->count++);
    memset(slot, 0, sizeof *slot);
    slot->seq = seq;
    slot->state = (uint8_t)OUTBOX_WAITING;
    outbox->waiting++;
    outbox->uncovered++;
    return slot - outbox->slots;
}

static void drop_covered_head(struct outbox *outbox)
{
    while (outbox->count > 0U && slot_at(outbox, 0)->state == (uint8_t)OUTBOX_COVERED) {
        outbox->head++;
        outbox->count--;
    }
}

uint32_t outbox_apply(struct outbox *outbox, const struct ack *ack, uint32_t now_ms)
{
    uint32_t covered = 0;

    for (uint32_t i = 0; i < outbox->count; i++) {
        struct outbox_slot *slot = slot_at(outbox, i);

        if (slot->seq > ack->upto) {
            break;
        }
        if (slot->state == (uint8_t)OUTBOX_COVERED) {
            continue;
        }
        if (ack_covers(ack, slot->seq)) {
            outbox->waiting -= slot->state == (uint8_t)OUTBOX_WAITING ? 1U : 0U;
            outbox->uncovered--;
            slot->state = (uint8_t)OUTBOX_COVERED;
            covered++;
        } else if (slot->state == (uint8_t)OUTBOX_SENT && !before(now_ms, slot->sent_ms + outbox->timing.grace_ms)) {
            slot->state = (uint8_t)OUTBOX_WAITING;
            outbox->waiting++;
        }
    }
    drop_covered_head(outbox);
    return covered;
}

uint32_t outbox_due(struct outbox *outbox, uint32_t now_ms, uint32_t *indexes, uint32_t room)
{
    uint32_t found = 0, next_ms = now_ms + outbox->timing.most_ms;

    for (uint32_t i = 0; i < outbox->count; i++) {
        struct outbox_slot *slot = slot_at(outbox, i);

        if (slot->state == (uint8_t)OUTBOX_WAITING ||
            (slot->state == (uint8_t)OUTBOX_SENT && !before(now_ms, slot->due_ms))) {
            if (found == room) {
                next_ms = now_ms;
                break;
            }
            indexes[found++] = (uint32_t)(slot - outbox->slots);
        } else if (slot->state == (uint8_t)OUTBOX_SENT && before(slot->due_ms, next_ms)) {
            next_ms = slot->due_ms;
        }
    }
    outbox->next_check_ms = next_ms;
    return found;
}

void outbox_sent(struct outbox *outbox, uint32_t index, uint32_t now_ms)
{
    struct outbox_slot *slot = &outbox->slots[index];
    uint32_t wait_ms = outbox->timing.first_ms;

    if (slot->state == (uint8_t)OUTBOX_COVERED) {
        return;
    }
    for (uint8_t i = 0; i < slot->tries && wait_ms < outbox->timing.most_ms; i++) {
        wait_ms *= 2U;
    }
    if (wait_ms > outbox->timing.most_ms) {
        wait_ms = outbox->timing.most_ms;
    }
    /* xorshift32 (Marsaglia 2003): up to half as long again, so that devices do not resend in step. */
    outbox->jitter ^= outbox->jitter << 13;
    outbox->jitter ^= outbox->jitter >> 17;
    outbox->jitter ^= outbox->jitter << 5;
    wait_ms += outbox->jitter % (wait_ms / 2U + 1U);
    outbox->waiting -= slot->state == (uint8_t)OUTBOX_WAITING ? 1U : 0U;
    slot->state = (uint8_t)OUTBOX_SENT;
    slot->sent_ms = now_ms;
    slot->due_ms = now_ms + wait_ms;
    slot->tries = (uint8_t)(slot->tries < 255U ? slot->tries + 1U : 255U);
    if (before(slot->due_ms, outbox->next_check_ms)) {
        outbox->next_check_ms = slot->due_ms;
    }
}

void outbox_rewind(struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        struct outbox_slot *slot = slot_at(outbox, i);

        if (slot->state == (uint8_t)OUTBOX_SENT) {
            slot->state = (uint8_t)OUTBOX_WAITING;
            outbox->waiting++;
        }
    }
}

bool outbox_may_be_due(const struct outbox *outbox, uint32_t now_ms)
{
    return outbox->waiting > 0U || (outbox->uncovered > 0U && !before(now_ms, outbox->next_check_ms));
}
