/*
 * Bytes from outside -> events (design §4.1, §4.2). Pure: no clock, no disk. Strict about size, depth, UTF-8, types and
 * ranges; the good events of a batch are taken, each bad one becomes a fault with a reason.
 */
#ifndef EDUTALLY_DECODE_DECODE_H
#define EDUTALLY_DECODE_DECODE_H

#include "base/arena.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode_text {
    const char *at; /* NUL-terminated as well; NULL if absent */
    size_t length;
};

enum decode_topic_kind { TOPIC_EVENT, TOPIC_XAPI, TOPIC_STATE, TOPIC_ACK, TOPIC_ADOPTION };

struct decode_topic {
    enum decode_topic_kind kind;
    char realm[65];
    char centre[65];
    char device[65]; /* empty for TOPIC_ADOPTION */
};

/* 2^53 - 1: up to here every whole number of JSON is exact in a double. */
#define DECODE_LARGEST_SEQ INT64_C(9007199254740991)

/* How an event is told from every other one. */
enum decode_identity {
    IDENTITY_SEQ,    /* device, epoch, seq */
    IDENTITY_ID,     /* a UUID */
    IDENTITY_CONTENT /* a bare event with neither: the same content from the same device is the same event */
};

struct decode_event {
    enum decode_identity identity;
    struct decode_text epoch; /* IDENTITY_SEQ */
    int64_t seq;              /* IDENTITY_SEQ, 0 to 2^53 - 1 */
    unsigned char id[16];     /* IDENTITY_ID */
    int64_t t_ms;    /* event time, ms since 1970 UTC, any value: whether the clock is off is not judged here */
    int64_t seconds; /* dur; 0 if absent */
    struct decode_text type, role, user, app;
};

enum decode_reason {
#define REASON(name, word, text) DECODE_##name,
#include "decode/reasons.def"
#undef REASON
    DECODE_REASONS
};

struct decode_fault {
    enum decode_reason reason;
    char detail[120];         /* what exactly, e.g. "dur is 90000, at most 86400" */
    int64_t index;            /* in the batch; -1: the whole message */
    struct decode_text epoch; /* of the bad event where it has a usable epoch and seq, so that the sequence counts as */
    int64_t seq;              /* received; -1 if not */
    /* The bad event as it came, with the epoch that it had from the envelope; or, of a whole message and of a bare
     * event, the payload as it came. No NUL need follow, and a payload may hold some. */
    struct decode_text raw;
};

struct decode_limits {
    size_t payload_bytes;
    size_t batch_events;
    size_t depth; /* of nested arrays and objects */
};

struct decode_result {
    struct decode_event *events;
    size_t event_count;
    struct decode_fault *faults;
    size_t fault_count;
};

/* A birth or last will on …/state: {"v":1,"status":"online","epoch":"…","seq":N}. */
struct decode_state {
    bool online;
    struct decode_text epoch; /* or NULL */
    int64_t seq;              /* the last one given out; -1 if absent */
};

/* Splits and checks a topic of `length` bytes. True if it is one of ours; identifiers are [A-Za-z0-9._-]{1,64}. */
bool decode_topic(const char *topic, size_t length, struct decode_topic *out);

/* Decodes a native message. Everything in `result` lives in `arena` (and `payload` must outlive it too). Never fails
 * but for lack of memory: ERROR_MEMORY; an undecodable message is one fault. json_arena_install must have been called.
 */
int decode_native(const char *payload, size_t length, const struct decode_limits *limits, struct arena *arena,
                  struct decode_result *result);

/* The same for a state message. 0, or ERROR_INPUT if it is none (empty payload: the retained birth was cleared). */
int decode_state(const char *payload, size_t length, struct arena *arena, struct decode_state *state);

/* The event as a bare native message that decodes to the same event: how quarantined events are kept. */
void decode_print_event(const struct decode_event *event, struct buffer *out);

/* A 128-bit fingerprint of an IDENTITY_CONTENT event's content (XXH3). */
void decode_fingerprint(const struct decode_event *event, unsigned char out[16]);

/* "bad_json", … and a sentence for people; both static. */
const char *decode_reason_word(enum decode_reason reason);
const char *decode_reason_text(enum decode_reason reason);

#endif
