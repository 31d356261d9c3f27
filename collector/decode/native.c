/*
 * Native messages: a batch {v, epoch, events} or one bare event. The message is checked from the outside in, and the
 * first thing that is wrong with it is its fault; past the envelope each event stands for itself, so that a bad one
 * takes none of its neighbours with it.
 *
 * Everything is cut from one parse in the arena: an event borrows its strings from the tree, and only a fault costs
 * more (its event is printed again, with the epoch that it had from the envelope, so that it can be tried again alone).
 *
 * A bad event still tells its epoch and seq where it can: its sequence counts as received, and no device sends a bad
 * event for ever.
 */
#include "internal.h"

#include "base/civil.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

enum { DUR_MOST = 86400, USER_LEAST = 8, TEXT_MOST = 64 };

/* The keys that an object of each kind has; whatever else stands in it is passed over, even if it stands there twice.
 */
enum {
    SEQUENCE_KEYS = 1 << MEMBER_EPOCH | 1 << MEMBER_SEQ,
    ENVELOPE_KEYS = 1 << MEMBER_V | 1 << MEMBER_EPOCH | 1 << MEMBER_EVENTS,
    EVENT_KEYS = SEQUENCE_KEYS | 1 << MEMBER_V | 1 << MEMBER_ID | 1 << MEMBER_T | 1 << MEMBER_TYPE | 1 << MEMBER_ROLE |
                 1 << MEMBER_USER | 1 << MEMBER_DUR | 1 << MEMBER_APP
};

struct message {
    const struct decode_limits *limits;
    struct arena *arena;
    struct decode_result *result;
    struct decode_text payload;
    struct decode_text epoch; /* of the envelope */
    const cJSON *root;
    size_t most_faults; /* a bound for the list, which is made with the first fault */
    struct slice slice; /* over the batch's events, begun with the first fault */
};

static int add_fault(struct message *message, const struct decode_fault *fault)
{
    struct decode_result *result = message->result;
    if (result->faults == NULL) {
        result->faults = arena_alloc(message->arena, message->most_faults * sizeof *result->faults);
        if (result->faults == NULL) {
            return ERROR_MEMORY;
        }
    }
    result->faults[result->fault_count++] = *fault;
    return 0;
}

/* A fault of the message as a whole, or of the bare event that it is. */
static int refuse_message(struct message *message, const struct refusal *refusal, const struct decode_event *event)
{
    struct decode_fault fault = {.reason = refusal->reason, .index = -1, .seq = -1, .raw = message->payload};
    memcpy(fault.detail, refusal->detail, sizeof fault.detail);
    if (event != NULL && event->epoch.at != NULL && event->seq >= 0) {
        fault.epoch = event->epoch;
        fault.seq = event->seq;
    }
    message->most_faults = 1;
    return add_fault(message, &fault);
}

/* Which member of the object `events` is; there is one. */
static size_t number_of_events(const cJSON *root)
{
    size_t number = 0;
    for (const cJSON *item = root->child; strcmp(item->string, "events") != 0; item = item->next) {
        number++;
    }
    return number;
}

/* The event as it came, with the epoch of the envelope in front where it has none of its own. */
static int cut_raw(struct message *message, int64_t index, const cJSON *item, struct decode_text *raw)
{
    static const char before[] = "{\"epoch\":\"", after[] = "\",";
    if (message->slice.text == NULL) {
        slice_begin(&message->slice, message->payload.at, number_of_events(message->root));
    }
    *raw = slice_take(&message->slice, index);
    if (message->epoch.at == NULL || !cJSON_IsObject(item) || cJSON_GetObjectItemCaseSensitive(item, "epoch") != NULL) {
        return 0;
    }
    size_t quote = item->child != NULL ? sizeof after - 1 : 1; /* no comma before a brace */
    size_t length = sizeof before - 1 + message->epoch.length + quote + raw->length - 1;
    char *longer = arena_alloc(message->arena, length), *at = longer;
    if (longer == NULL) {
        return ERROR_MEMORY;
    }
    at = (char *)memcpy(at, before, sizeof before - 1) + sizeof before - 1;
    at = (char *)memcpy(at, message->epoch.at, message->epoch.length) + message->epoch.length;
    at = (char *)memcpy(at, after, quote) + quote;
    memcpy(at, raw->at + 1, raw->length - 1);
    *raw = (struct decode_text){.at = longer, .length = length};
    return 0;
}

static int refuse_event(struct message *message, const struct refusal *refusal, int64_t index, const cJSON *item,
                        const struct decode_event *event)
{
    struct decode_fault fault = {.reason = refusal->reason, .index = index, .seq = -1};
    memcpy(fault.detail, refusal->detail, sizeof fault.detail);
    if (event->epoch.at != NULL && event->seq >= 0) {
        fault.epoch = event->epoch;
        fault.seq = event->seq;
    }
    int result = cut_raw(message, index, item, &fault.raw);
    return result != 0 ? result : add_fault(message, &fault);
}

static bool parse_uuid(const cJSON *item, unsigned char id[16])
{
    static const unsigned char nil[16];
    if (!cJSON_IsString(item)) {
        return false;
    }
    const char *text = item->valuestring;
    size_t digits = 0;
    memset(id, 0, 16);
    for (size_t i = 0; i < 36; i++) {
        char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return false;
            }
            continue;
        }
        int lower = c | 0x20;
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'f')) {
            return false;
        }
        int value = c <= '9' ? c - '0' : lower - 'a' + 10;
        id[digits / 2] = (unsigned char)(id[digits / 2] << 4 | value);
        digits++;
    }
    /* The nil UUID is what a generator that failed leaves behind: with it every event would be the same one. */
    return text[36] == '\0' && memcmp(id, nil, sizeof nil) != 0;
}

/* What tells the event from every other one. Epoch and seq are filled in where they can be, whatever else is wrong. */
static bool read_identity(const struct members *members, struct decode_event *event, struct refusal *refusal)
{
    const cJSON *seq = members->of[MEMBER_SEQ], *id = members->of[MEMBER_ID], *epoch = members->of[MEMBER_EPOCH];
    if (epoch != NULL && !member_word(epoch, &event->epoch)) {
        event->epoch = (struct decode_text){0};
        return refuse(refusal, DECODE_BAD_EPOCH, "epoch is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
    }
    if (seq != NULL && !member_whole(seq, 0, DECODE_LARGEST_SEQ, &event->seq)) {
        return refuse(refusal, DECODE_BAD_SEQ, "seq is not a whole number from 0 to 2^53 - 1");
    }
    if (id != NULL && seq != NULL) {
        return refuse(refusal, DECODE_BAD_ID, "id stands beside a seq; an event has one of them");
    }
    if (id != NULL) {
        event->identity = IDENTITY_ID;
        event->epoch = (struct decode_text){0};
        return parse_uuid(id, event->id) || refuse(refusal, DECODE_BAD_ID, "id is not a UUID, or the nil UUID");
    }
    if (seq != NULL) {
        event->identity = IDENTITY_SEQ;
        return event->epoch.at != NULL || refuse(refusal, DECODE_BAD_EPOCH, "seq needs an epoch; there is none");
    }
    event->identity = IDENTITY_CONTENT;
    return event->epoch.at == NULL || refuse(refusal, DECODE_BAD_SEQ, "seq is missing; there is an epoch");
}

static bool read_time(const cJSON *item, int64_t *t_ms, struct refusal *refusal)
{
    if (item == NULL) {
        return refuse(refusal, DECODE_BAD_TIME, "t is missing");
    }
    if (cJSON_IsString(item)) {
        return civil_parse_time(item->valuestring, strlen(item->valuestring), t_ms) == 0 ||
               refuse(refusal, DECODE_BAD_TIME, "t is not RFC 3339 with a zone, as 2026-10-05T08:30:00+07:00");
    }
    return member_whole(item, -DECODE_LARGEST_SEQ, DECODE_LARGEST_SEQ, t_ms) ||
           refuse(refusal, DECODE_BAD_TIME, "t is neither a string nor whole milliseconds below 2^53");
}

static bool read_duration(const cJSON *item, int64_t *seconds, struct refusal *refusal)
{
    if (item == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(item)) {
        return refuse(refusal, DECODE_BAD_DURATION, "dur is not a number");
    }
    double dur = item->valuedouble;
    if (!(dur >= 0 && dur <= DUR_MOST)) {
        return refuse(refusal, DECODE_BAD_DURATION, "dur is %.10g, at least 0 and at most %d", dur, DUR_MOST);
    }
    /* Half a second counts up. The difference is exact, where `dur + 0.5` would round 0.49999999999999994 to 1. */
    int64_t whole = (int64_t)dur;
    *seconds = whole + (dur - (double)whole >= 0.5);
    return true;
}

static bool read_texts(const struct members *members, struct decode_event *event, struct refusal *refusal)
{
    const cJSON *type = members->of[MEMBER_TYPE], *role = members->of[MEMBER_ROLE];
    const cJSON *user = members->of[MEMBER_USER], *app = members->of[MEMBER_APP];
    if (type == NULL) {
        return refuse(refusal, DECODE_BAD_TYPE, "type is missing");
    }
    if (!member_word(type, &event->type)) {
        return refuse(refusal, DECODE_BAD_TYPE, "type is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
    }
    if (role != NULL && !member_word(role, &event->role)) {
        return refuse(refusal, DECODE_BAD_ROLE, "role is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
    }
    if (user != NULL && !member_text(user, USER_LEAST, TEXT_MOST, &event->user)) {
        return refuse(refusal, DECODE_BAD_USER,
                      "user is not a string of 8 to 64 characters without control characters");
    }
    if (app != NULL && !member_text(app, 1, TEXT_MOST, &event->app)) {
        return refuse(refusal, DECODE_BAD_APP, "app is not a string of 1 to 64 characters without control characters");
    }
    return true;
}

/* `event` comes with the envelope's epoch. */
static bool read_event(const struct members *members, struct decode_event *event, struct refusal *refusal)
{
    if (!members_refuse_twice(members, SEQUENCE_KEYS, refusal)) {
        event->epoch = (struct decode_text){0}; /* which of the two is meant cannot be known */
        return false;
    }
    bool identified = read_identity(members, event, refusal);
    if (!members_refuse_twice(members, EVENT_KEYS, refusal) || !identified) {
        return false;
    }
    if (members->of[MEMBER_V] != NULL && !member_is_version_1(members->of[MEMBER_V])) {
        return refuse(refusal, DECODE_BAD_VERSION, "v is not the number 1");
    }
    return read_time(members->of[MEMBER_T], &event->t_ms, refusal) && read_texts(members, event, refusal) &&
           read_duration(members->of[MEMBER_DUR], &event->seconds, refusal);
}

static int decode_batch(struct message *message, const cJSON *events, size_t count)
{
    struct decode_result *result = message->result;
    if (count == 0) {
        return 0;
    }
    result->events = arena_alloc(message->arena, count * sizeof *result->events);
    if (result->events == NULL) {
        return ERROR_MEMORY;
    }
    message->most_faults = count;
    int64_t index = 0;
    for (const cJSON *item = events->child; item != NULL; item = item->next, index++) {
        struct decode_event *event = &result->events[result->event_count];
        struct members members;
        struct refusal refusal;
        *event = (struct decode_event){.epoch = message->epoch, .seq = -1};
        bool good = false;
        if (!cJSON_IsObject(item)) {
            refuse(&refusal, DECODE_BAD_EVENT, "event %" PRId64 " is not an object", index);
        } else {
            members_collect(&members, item);
            good = read_event(&members, event, &refusal);
        }
        if (good) {
            result->event_count++;
        } else if (refuse_event(message, &refusal, index, item, event) != 0) {
            return ERROR_MEMORY;
        }
    }
    return 0;
}

static bool check_envelope(struct message *message, const struct members *members, size_t *count,
                           struct refusal *refusal)
{
    const cJSON *events = members->of[MEMBER_EVENTS], *epoch = members->of[MEMBER_EPOCH];
    if (!members_refuse_twice(members, ENVELOPE_KEYS, refusal)) {
        return false;
    }
    if (!member_is_version_1(members->of[MEMBER_V])) {
        return refuse(refusal, DECODE_BAD_VERSION,
                      members->of[MEMBER_V] == NULL ? "v is missing" : "v is not the number 1");
    }
    if (!cJSON_IsArray(events)) {
        return refuse(refusal, DECODE_BAD_ENVELOPE, "events is not an array");
    }
    if (epoch != NULL && !member_word(epoch, &message->epoch)) {
        return refuse(refusal, DECODE_BAD_EPOCH, "the envelope's epoch is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
    }
    *count = (size_t)cJSON_GetArraySize(events);
    if (*count > message->limits->batch_events) {
        return refuse(refusal, DECODE_TOO_MANY_EVENTS, "%zu events, at most %zu", *count,
                      message->limits->batch_events);
    }
    return true;
}

static int decode_bare(struct message *message, const struct members *members)
{
    struct decode_result *result = message->result;
    struct refusal refusal;
    result->events = arena_alloc(message->arena, sizeof *result->events);
    if (result->events == NULL) {
        return ERROR_MEMORY;
    }
    *result->events = (struct decode_event){.seq = -1};
    if (!read_event(members, result->events, &refusal)) {
        return refuse_message(message, &refusal, result->events);
    }
    result->event_count = 1;
    return 0;
}

static int decode_root(struct message *message)
{
    const cJSON *root = message->root;
    struct members members;
    struct refusal refusal;
    size_t count = 0;
    if (!cJSON_IsObject(root)) {
        refuse(&refusal, DECODE_BAD_ENVELOPE, "the message is not an object");
        return refuse_message(message, &refusal, NULL);
    }
    members_collect(&members, root);
    if (members.of[MEMBER_EVENTS] != NULL) {
        return check_envelope(message, &members, &count, &refusal)
                   ? decode_batch(message, members.of[MEMBER_EVENTS], count)
                   : refuse_message(message, &refusal, NULL);
    }
    if (members.of[MEMBER_TYPE] != NULL || members.of[MEMBER_T] != NULL) {
        return decode_bare(message, &members);
    }
    refuse(&refusal, DECODE_BAD_ENVELOPE, "the message has neither events nor type");
    return refuse_message(message, &refusal, NULL);
}

int decode_native(const char *payload, size_t length, const struct decode_limits *limits, struct arena *arena,
                  struct decode_result *result)
{
    struct message message = {
        .limits = limits, .arena = arena, .result = result, .payload = {.at = payload, .length = length}};
    struct refusal refusal;
    cJSON *root = NULL;
    *result = (struct decode_result){0};
    if (length == 0) {
        refuse(&refusal, DECODE_EMPTY, "no bytes");
        return refuse_message(&message, &refusal, NULL);
    }
    if (length > limits->payload_bytes) {
        refuse(&refusal, DECODE_TOO_LARGE, "%zu bytes, at most %zu", length, limits->payload_bytes);
        return refuse_message(&message, &refusal, NULL);
    }
    int parsed = json_parse(payload, length, limits->depth, arena, &root, &refusal);
    if (parsed == ERROR_INPUT) {
        return refuse_message(&message, &refusal, NULL);
    }
    message.root = root;
    return parsed != 0 ? parsed : decode_root(&message);
}
