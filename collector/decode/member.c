/*
 * The members of an object, found in one walk, and the readers of their values. Keys are compared exactly: cJSON's own
 * look-up ignores case and walks the list again for each key.
 */
#include "internal.h"

#include <string.h>

static const char *const names[MEMBERS] = {
    [MEMBER_V] = "v",       [MEMBER_EPOCH] = "epoch", [MEMBER_EVENTS] = "events", [MEMBER_SEQ] = "seq",
    [MEMBER_ID] = "id",     [MEMBER_T] = "t",         [MEMBER_TYPE] = "type",     [MEMBER_ROLE] = "role",
    [MEMBER_USER] = "user", [MEMBER_DUR] = "dur",     [MEMBER_APP] = "app",       [MEMBER_STATUS] = "status"};

/* The only candidate by the key's first letters; MEMBERS if there is none. */
static enum member candidate_of(const char *key)
{
    switch (key[0]) {
    case 'v':
        return MEMBER_V;
    case 'e':
        return key[1] == 'p' ? MEMBER_EPOCH : MEMBER_EVENTS;
    case 's':
        return key[1] == 'e' ? MEMBER_SEQ : MEMBER_STATUS;
    case 'i':
        return MEMBER_ID;
    case 't':
        return key[1] == '\0' ? MEMBER_T : MEMBER_TYPE;
    case 'r':
        return MEMBER_ROLE;
    case 'u':
        return MEMBER_USER;
    case 'd':
        return MEMBER_DUR;
    case 'a':
        return MEMBER_APP;
    default:
        return MEMBERS;
    }
}

void members_collect(struct members *members, const cJSON *object)
{
    *members = (struct members){0};
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        enum member member = candidate_of(item->string);
        if (member == MEMBERS || strcmp(item->string, names[member]) != 0) {
            continue;
        }
        if (members->of[member] == NULL) {
            members->of[member] = item;
        } else {
            members->twice |= 1u << member;
        }
    }
}

bool members_refuse_twice(const struct members *members, unsigned keys, struct refusal *refusal)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        if ((members->twice & keys & 1u << i) != 0) {
            return refuse(refusal, DECODE_DUPLICATE_KEY, "%s stands there twice", names[i]);
        }
    }
    return true;
}

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
}

bool member_word(const cJSON *item, struct decode_text *out)
{
    if (!cJSON_IsString(item)) {
        return false;
    }
    size_t length = 0;
    while (length <= 64 && is_word_character(item->valuestring[length])) {
        length++;
    }
    if (length == 0 || length > 64 || item->valuestring[length] != '\0') {
        return false;
    }
    *out = (struct decode_text){.at = item->valuestring, .length = length};
    return true;
}

/* C0, DEL, or C1 (U+0080 to U+009F are 0xc2 0x80 to 0xc2 0x9f in UTF-8). */
static bool is_control(unsigned char c, unsigned char next)
{
    return c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0);
}

bool member_text(const cJSON *item, size_t least, size_t most, struct decode_text *out)
{
    if (!cJSON_IsString(item)) {
        return false;
    }
    const unsigned char *text = (const unsigned char *)item->valuestring;
    size_t length = 0, points = 0;
    for (; text[length] != '\0' && points <= most; length++) {
        if (is_control(text[length], text[length + 1])) {
            return false;
        }
        points += (text[length] & 0xc0) != 0x80;
    }
    if (points < least || points > most) {
        return false;
    }
    *out = (struct decode_text){.at = item->valuestring, .length = length};
    return true;
}

bool member_whole(const cJSON *item, int64_t least, int64_t most, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)least && item->valuedouble <= (double)most)) {
        return false;
    }
    int64_t whole = (int64_t)item->valuedouble;
    if ((double)whole != item->valuedouble) {
        return false;
    }
    *out = whole;
    return true;
}

bool member_is_version_1(const cJSON *item)
{
    int64_t version;
    return member_whole(item, 1, 1, &version);
}
