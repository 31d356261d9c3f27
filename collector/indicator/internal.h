/* What the files of this room share: the rule as a tree, and the reading of it with its faults. */
#ifndef EDUTALLY_INDICATOR_INTERNAL_H
#define EDUTALLY_INDICATOR_INTERNAL_H

#include "indicator/indicator.h"

#include "base/buffer.h"
#include "base/jsonc.h"

enum metric {
    METRIC_ACTIVE_DAYS,
    METRIC_EVENTS,
    METRIC_SECONDS,
    METRIC_USERS,
    METRIC_DEVICES,
    METRIC_USERS_SHARE,
    METRICS
};

extern const char *const metric_names[METRICS];

enum rule_kind { RULE_ALL, RULE_ANY, RULE_NOT, RULE_COMPARISON };

/* Deep enough for any rule that a person can defend, and what keeps every path within indicator_condition.path: two
 * digits in an index need ten conditions before them, and there are at most 64. */
enum { RULE_DEEPEST = 8, INDICATORS_MOST = 64 };

struct rule_bounds {
    bool used, has_min, has_max;
    double min, max;
};

struct rule {
    enum rule_kind kind;
    struct rule *children; /* of all, any, not */
    size_t child_count;
    char path[sizeof((struct indicator_condition *)0)->path];
    uint32_t activity; /* of a comparison */
    struct rule_bounds bounds[METRICS];
};

/* One file being read; what is wrong is added to `faults`, and the reading goes on to find the next mistake. */
struct reading {
    const struct jsonc *file;
    const struct registry *registry;
    struct faults *faults;
    bool wrong; /* something was: the result is not to be used */
};

#define READING_FAULT(reading, node, remedy, ...)                                                                      \
    ((reading)->wrong = true, jsonc_fault((reading)->file, (node), (reading)->faults, (remedy), __VA_ARGS__))

/* read.c: values, each with a fault where it is not what it should be. */
void read_no_memory(struct reading *reading);
bool read_object(struct reading *reading, const cJSON *node, const char *what, const char *remedy);
/* A fault for each key that is not one of `keys` (NULL ended) or stands there twice; false if there is one:
 * what seems to be missing is then likely to be what is misspelt. */
bool read_keys(struct reading *reading, const cJSON *object, const char *what, const char *const *keys);
/* The member, or NULL after a fault. */
const cJSON *read_member(struct reading *reading, const cJSON *object, const char *key, const char *what,
                         const char *remedy);

/* rule.c: reads the rule at `node`; `rule` can be freed whatever came of it. */
void rule_read(struct reading *reading, const cJSON *node, enum period_kind period, struct rule *rule);
void rule_free(struct rule *rule);

/* words.c: "did you mean …?" for the nearest of `known` (`count` words), or the list of them all; returns `out`. */
const char *words_suggest(const char *word, const char *const *known, size_t count, char *out, size_t size);

/* canonical.c: JSON with sorted keys and without white space; a number in the fewest digits that give it back. */
void canonical_print(const cJSON *node, struct buffer *out);
void canonical_number(double value, struct buffer *out);

#endif
