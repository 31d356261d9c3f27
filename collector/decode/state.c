/* A device's birth and last will. Bounds are fixed: a state message carries a few members, however large events may be.
 */
#include "internal.h"

#include "base/error.h"

#include <string.h>

enum { STATE_BYTES = 16384, STATE_DEPTH = 8 };

static bool read_state(const cJSON *root, struct decode_state *state)
{
    struct members members;
    members_collect(&members, root);
    const cJSON *status = members.of[MEMBER_STATUS], *epoch = members.of[MEMBER_EPOCH], *seq = members.of[MEMBER_SEQ];
    if (members.twice != 0 || (members.of[MEMBER_V] != NULL && !member_is_version_1(members.of[MEMBER_V])) ||
        !cJSON_IsString(status)) {
        return false;
    }
    state->online = strcmp(status->valuestring, "online") == 0;
    if (!state->online && strcmp(status->valuestring, "offline") != 0) {
        return false;
    }
    if (epoch != NULL && !member_word(epoch, &state->epoch)) {
        return false;
    }
    return seq == NULL || (epoch != NULL && member_whole(seq, 0, DECODE_LARGEST_SEQ, &state->seq));
}

int decode_state(const char *payload, size_t length, struct arena *arena, struct decode_state *state)
{
    struct refusal refusal;
    cJSON *root;
    *state = (struct decode_state){.seq = -1};
    if (length == 0 || length > STATE_BYTES) {
        return ERROR_INPUT;
    }
    int result = json_parse(payload, length, STATE_DEPTH, arena, &root, &refusal);
    if (result != 0) {
        return result;
    }
    return cJSON_IsObject(root) && read_state(root, state) ? 0 : ERROR_INPUT;
}
