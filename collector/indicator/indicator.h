/*
 * Indicators are data (design §6, §7): an indicator says whom it covers, by which rule a centre adopts, and which share
 * is the target from when on. This room reads and checks them and applies a rule to figures; it is pure: no clock, no
 * store.
 */
#ifndef EDUTALLY_INDICATOR_INDICATOR_H
#define EDUTALLY_INDICATOR_INDICATOR_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/faults.h"
#include "indicator/period.h"
#include "registry/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct indicator_target {
    int32_t from_day;
    double value; /* 0 to 1 */
};

struct rule; /* a tree of all, any, not over comparisons */

struct indicator {
    char *id;
    char *name_vi;
    char *name_en;
    char *source;              /* empty if not given */
    const char **centre_types; /* interned by the registry: compare pointers */
    size_t centre_type_count;
    enum period_kind period;
    struct indicator_target *targets; /* by day, ascending */
    size_t target_count;
    struct rule *rule;
    char *rule_json;                 /* the rule alone: keys sorted, no white space and comments */
    char rule_hash[DIGEST_HEX_SIZE]; /* SHA-256 of what decides the result: types, period and rule */
};

struct indicators {
    struct indicator *list;
    size_t count;
    char hash[DIGEST_HEX_SIZE]; /* of all ids and rule hashes, whatever their order in the file */
};

/* What a centre did in a period, by activity number of the registry. */
struct indicator_figures {
    int64_t active_days[REGISTRY_MAX_ACTIVITIES];
    int64_t events[REGISTRY_MAX_ACTIVITIES];
    int64_t seconds[REGISTRY_MAX_ACTIVITIES];
    int64_t users[REGISTRY_MAX_ACTIVITIES];   /* distinct over the period */
    int64_t devices[REGISTRY_MAX_ACTIVITIES]; /* distinct over the period */
    int64_t head_count;                       /* registered; users_share is users / head_count, 0 if that is 0 */
    bool reporting;                           /* any event fell into the period */
};

enum { INDICATOR_MAX_CONDITIONS = 64 };

/* One comparison of the rule with what was found. */
struct indicator_condition {
    char path[48]; /* its place in the rule: "all/2/any/0"; empty where the rule is one comparison */
    const char *activity;
    const char *metric; /* "active_days", … */
    bool has_min, has_max;
    bool negated; /* stands under an odd number of "not" */
    bool met;     /* as the rule wants it: within min and max, or outside of them where negated */
    double min, max, actual;
};

struct indicator_verdict {
    bool reporting;
    bool adopts;
    struct indicator_condition conditions[INDICATOR_MAX_CONDITIONS];
    size_t condition_count;
};

/* Reads indicators.jsonc against a registry; adds a fault for every mistake. 0 or ERROR_CONFIG; free in both cases. The
 * registry must outlive the result. */
int indicators_load(struct indicators *indicators, const char *path, const struct registry *registry,
                    struct faults *faults);
/* The same for text in memory, as of a preview; `name` stands for the path in faults. */
int indicators_parse(struct indicators *indicators, const char *name, const char *text, size_t length,
                     const struct registry *registry, struct faults *faults);
void indicators_free(struct indicators *indicators);
const struct indicator *indicators_find(const struct indicators *indicators, const char *id);

/* SHA-256 over all ids and rule hashes: names the set of rules. */
void indicators_hash(const struct indicators *indicators, char out[DIGEST_HEX_SIZE]);

bool indicator_covers(const struct indicator *indicator, const struct registry_centre *centre);

/* The target in force on `day`; false if there is none yet. */
bool indicator_target_on(const struct indicator *indicator, int32_t day, double *value);

/* Applies the rule. A silent centre (figures->reporting false) adopts nothing. */
void indicator_evaluate(const struct indicator *indicator, const struct registry *registry,
                        const struct indicator_figures *figures, struct indicator_verdict *verdict);

/* The conditions as a JSON array, as stored and as the API gives them:
 * [{"path":"all/0","activity":"management","metric":"active_days","min":8,"max":null,"actual":6,"negated":false,
 *   "met":false}, …] */
void indicator_print_conditions(const struct indicator_verdict *verdict, struct buffer *out);

#endif
