/*
 * Any bytes as a collector's acknowledgement to a device, and a device's outbox that acts on it. Promises: what the
 * device takes for covered is covered by what a full JSON parser reads in the same bytes, never more; the outbox
 * forgets nothing else, and its counts agree with its records.
 */
#include "fuzz.h"

#include "device/ack.h"
#include "device/outbox.h"

#include <cJSON.h>
#include <stdbool.h>
#include <string.h>

enum { RECORDS = 64 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Whether the second opinion's acknowledgement covers `seq`. */
static bool covered(const cJSON *upto, const cJSON *missing, double seq)
{
    const cJSON *range;
    if (seq > upto->valuedouble) {
        return false;
    }
    cJSON_ArrayForEach (range, missing) {
        if (seq >= cJSON_GetArrayItem(range, 0)->valuedouble && seq <= cJSON_GetArrayItem(range, 1)->valuedouble) {
            return false;
        }
    }
    return true;
}

static bool has_twice(const cJSON *root)
{
    for (const cJSON *item = root->child; item != NULL; item = item->next) {
        for (const cJSON *other = item->next; other != NULL; other = other->next) {
            if (strcmp(item->string, other->string) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_against_json(const struct ack *ack, const uint8_t *data, size_t size)
{
    static const uint32_t seqs[] = {1, 2, 3, 10, 1000, UINT32_MAX - 1, UINT32_MAX};
    cJSON *root = cJSON_ParseWithLength((const char *)data, size);
    if (root == NULL || has_twice(root)) { /* the device skips what it does not know without looking closely */
        cJSON_Delete(root);
        return;
    }
    const cJSON *upto = cJSON_GetObjectItemCaseSensitive(root, "upto");
    const cJSON *missing = cJSON_GetObjectItemCaseSensitive(root, "missing");
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(root, "epoch");
    PROMISE(cJSON_IsString(epoch) && strcmp(epoch->valuestring, ack->epoch) == 0);
    PROMISE(cJSON_IsNumber(upto) && upto->valuedouble >= ack->upto);
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        PROMISE(!ack_covers(ack, seqs[i]) || covered(upto, missing, seqs[i]));
    }
    for (uint32_t i = 0; i < ack->missing_count; i++) {
        PROMISE(!covered(upto, missing, ack->missing[i].first) && !covered(upto, missing, ack->missing[i].last));
        PROMISE(ack->missing[i].first == 1 || !ack_covers(ack, ack->missing[i].first - 1) ||
                covered(upto, missing, ack->missing[i].first - 1));
    }
    cJSON_Delete(root);
}

static void check_outbox(const struct ack *ack, uint32_t first_seq)
{
    static const struct outbox_timing timing = {.first_ms = 1000, .most_ms = 60000, .grace_ms = 500};
    struct outbox_slot slots[RECORDS];
    struct outbox outbox;
    uint32_t indexes[RECORDS], covers = 0;
    outbox_init(&outbox, slots, RECORDS, &timing, 1);
    for (uint32_t i = 0; i < RECORDS; i++) {
        int64_t index = outbox_push(&outbox, first_seq + i);
        PROMISE(index >= 0 && index < RECORDS);
        outbox_sent(&outbox, (uint32_t)index, 0);
        covers += ack_covers(ack, first_seq + i);
    }
    PROMISE(outbox_apply(&outbox, ack, 10000) == covers);
    PROMISE(outbox.uncovered == RECORDS - covers);
    PROMISE(outbox_apply(&outbox, ack, 10001) == 0);
    outbox_rewind(&outbox);
    uint32_t due = outbox_due(&outbox, 20000, indexes, RECORDS);
    PROMISE(due == RECORDS - covers);
    for (uint32_t i = 0; i < due; i++) {
        PROMISE(indexes[i] < RECORDS && !ack_covers(ack, slots[indexes[i]].seq));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ack ack;
    if (ack_parse((const char *)data, size, &ack) != ACK_OK) {
        return 0;
    }
    PROMISE(ack.epoch[0] != '\0' && memchr(ack.epoch, '\0', sizeof ack.epoch) != NULL && ack.now_ms >= 0);
    PROMISE(ack.missing_count <= ACK_MISSING_MAX);
    for (uint32_t i = 0; i < ack.missing_count; i++) {
        PROMISE(ack.missing[i].first >= 1 && ack.missing[i].first <= ack.missing[i].last);
    }
    check_against_json(&ack, data, size);
    check_outbox(&ack, 1);
    check_outbox(&ack, ack.upto > RECORDS && ack.upto < UINT32_MAX - RECORDS ? ack.upto - RECORDS / 2 : 1);
    return 0;
}
