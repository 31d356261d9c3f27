/* What the files of this room share: a checked parse, the members of an object by known key, and readers of values. */
#ifndef EDUTALLY_DECODE_INTERNAL_H
#define EDUTALLY_DECODE_INTERNAL_H

#include "decode/decode.h"

#include <cJSON.h>

/* Why something is refused; filled by the first check that fails. */
struct refusal {
    enum decode_reason reason;
    char detail[sizeof((struct decode_fault *)0)->detail];
};

/* Fills `refusal` and returns false, so that a check can write `return refuse(…)`. */
bool refuse(struct refusal *refusal, enum decode_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True if `text` is UTF-8 without NUL characters, escaped ones included, and JSON (RFC 8259) that cJSON can hold:
 * nested at most `depth` deep, numbers of at most 63 characters. Linear, no memory. */
bool json_check(const char *text, size_t length, size_t depth, struct refusal *refusal);

/* Parses into `arena`. 0; ERROR_INPUT with `refusal` filled; ERROR_MEMORY. A byte order mark in front is skipped. */
int json_parse(const char *text, size_t length, size_t depth, struct arena *arena, cJSON **root,
               struct refusal *refusal);

enum member {
    MEMBER_V,
    MEMBER_EPOCH,
    MEMBER_EVENTS,
    MEMBER_SEQ,
    MEMBER_ID,
    MEMBER_T,
    MEMBER_TYPE,
    MEMBER_ROLE,
    MEMBER_USER,
    MEMBER_DUR,
    MEMBER_APP,
    MEMBER_STATUS,
    MEMBERS
};

struct members {
    const cJSON *of[MEMBERS]; /* NULL: absent */
    unsigned twice;           /* a bit for each key that stands there more than once; the first one is in `of` */
};

/* Walks an object once. Keys that are not known are passed over. */
void members_collect(struct members *members, const cJSON *object);
/* False if one of `keys` (a bit for each enum member) stands there twice. */
bool members_refuse_twice(const struct members *members, unsigned keys, struct refusal *refusal);

/* [A-Za-z0-9._-]{1,64} */
bool member_word(const cJSON *item, struct decode_text *out);
/* A string of `least` to `most` code points without control characters. */
bool member_text(const cJSON *item, size_t least, size_t most, struct decode_text *out);
/* A number without a fraction, `least` to `most`; both within 2^53. */
bool member_whole(const cJSON *item, int64_t least, int64_t most, int64_t *out);
bool member_is_version_1(const cJSON *item);

/* Where the walk over a batch's events stands: a walk that only goes on, so that many faults cost one pass. */
struct slice {
    const char *text;
    size_t at;
    int64_t index;
};

/* Goes to the array that is member number `member` (from 0) of the object that `text` is; json_check accepted it. */
void slice_begin(struct slice *slice, const char *text, size_t member);
/* The bytes of element `index`, not below that of the call before. No NUL follows them. */
struct decode_text slice_take(struct slice *slice, int64_t index);

#endif
