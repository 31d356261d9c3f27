/*
 * Why a centre does not adopt, in words. The store keeps a verdict's comparisons as a list, each with its place in the
 * rule
 * ("all/3/any/0"); from the places the tree grows again. Walking it with what a part should have been, true or false,
 * tells which comparisons stand in the way: of an `any` that failed all branches are alternatives, one that succeeded
 * lacks nothing, and `not` turns the wish round.
 */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MOST_CONDITIONS = 256 };

/* A comparison and what is left of its place below the part of the rule in hand. */
struct piece {
    const cJSON *condition;
    const char *rest;
};

struct part {
    struct piece pieces[MOST_CONDITIONS];
    size_t count;
};

struct telling {
    enum language language;
    int64_t small_cell;
    struct buffer *out;
};

static bool begins_with(const char *rest, const char *word)
{
    size_t length = strlen(word);
    return strncmp(rest, word, length) == 0 && (rest[length] == '/' || rest[length] == '\0');
}

static const char *behind_slash(const char *rest)
{
    const char *slash = strchr(rest, '/');
    return slash != NULL ? slash + 1 : rest + strlen(rest);
}

/* The pieces of `part` from `from` on that share the branch of the first of them, without its number; where they end.
 */
static size_t take_branch(const struct part *part, size_t from, struct part *branch)
{
    const char *first = behind_slash(part->pieces[from].rest);
    size_t number = strcspn(first, "/"), i = from;
    branch->count = 0;
    for (; i < part->count; i++) {
        const char *rest = behind_slash(part->pieces[i].rest);
        if (strcspn(rest, "/") != number || strncmp(rest, first, number) != 0) {
            break;
        }
        branch->pieces[branch->count++] = (struct piece){part->pieces[i].condition, behind_slash(rest)};
    }
    return i;
}

/* The one branch of a `not`; its number, if it has one, is passed over. */
static void take_negated(const struct part *part, struct part *branch)
{
    branch->count = part->count;
    for (size_t i = 0; i < part->count; i++) {
        const char *rest = behind_slash(part->pieces[i].rest);
        branch->pieces[i] =
            (struct piece){part->pieces[i].condition, isdigit((unsigned char)*rest) ? behind_slash(rest) : rest};
    }
}

/* Whether the comparison itself is true. The stored "met" is what the rule wants of it: below a `not` the opposite. */
static bool is_true(const cJSON *condition)
{
    bool met = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(condition, "met"));
    return met != cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(condition, "negated"));
}

static bool holds(const struct part *part)
{
    const char *rest = part->count > 0 ? part->pieces[0].rest : "";
    bool all = begins_with(rest, "all"), any = begins_with(rest, "any");
    struct part branch;
    if (begins_with(rest, "not")) {
        take_negated(part, &branch);
        return !holds(&branch);
    }
    for (size_t i = 0; i < part->count;) {
        bool one;
        if (all || any) {
            i = take_branch(part, i, &branch);
            one = holds(&branch);
        } else {
            one = is_true(part->pieces[i++].condition);
        }
        if (one == any) {
            return any;
        }
    }
    return !any;
}

static const char *activity_word(enum language language, const char *activity)
{
    static const struct {
        const char *name, *vietnamese;
    } known[] = {{"management", "quản lý"},
                 {"teaching", "dạy"},
                 {"learning", "học"},
                 {"community", "cộng đồng"},
                 {"other", "khác"}};
    for (size_t i = 0; language == LANGUAGE_VI && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(activity, known[i].name) == 0) {
            return known[i].vietnamese;
        }
    }
    return activity;
}

static const char *metric_word(enum language language, const char *metric)
{
    static const struct {
        const char *name, *words[LANGUAGES];
    } known[] = {
        {"active_days", {"active days", "ngày hoạt động"}},
        {"events", {"events", "sự kiện"}},
        {"seconds", {"seconds", "giây"}},
        {"users", {"people", "người"}},
        {"devices", {"devices", "thiết bị"}},
        {"users_share", {"of the registered people", "số người đăng ký"}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(metric, known[i].name) == 0) {
            return known[i].words[language];
        }
    }
    return metric;
}

static const char *text_of(const cJSON *condition, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(condition, key));
    return text != NULL ? text : "?";
}

static const char *number_words(enum language language, bool share, double value, char out[WORDS_NUMBER_SIZE])
{
    return share ? words_percent(language, value, true, out) : words_count(language, (int64_t)value, out);
}

/* What was found: "6", "12 %", or that it is too small to be said. */
static void tell_actual(const struct telling *telling, const cJSON *actual, bool share)
{
    static const char *const fewer[] = {"fewer than ", "dưới "}, *const people[] = {" people", " người"};
    char number[WORDS_NUMBER_SIZE];
    if (cJSON_IsNumber(actual)) {
        buffer_add_text(telling->out, number_words(telling->language, share, actual->valuedouble, number));
    } else {
        buffer_print(telling->out, "%s%s%s", fewer[telling->language],
                     words_count(telling->language, telling->small_cell, number),
                     share ? people[telling->language] : "");
    }
}

enum bound { BOUND_LEAST, BOUND_MOST, BOUND_BELOW, BOUND_ABOVE };

static void tell_bound(const struct telling *telling, enum bound bound, bool share, double value)
{
    static const char *const english[] = {", at least %s needed", ", at most %s allowed", ", fewer than %s needed",
                                          ", more than %s needed"};
    static const char *const vietnamese[] = {", cần ít nhất %s", ", chỉ được tối đa %s", ", cần dưới %s",
                                             ", cần trên %s"};
    char number[WORDS_NUMBER_SIZE];
    const char *const *forms = telling->language == LANGUAGE_VI ? vietnamese : english;
    const char *form = forms[bound], *hole = strstr(form, "%s");
    buffer_add(telling->out, form, (size_t)(hole - form));
    buffer_add_text(telling->out, number_words(telling->language, share, value, number));
    buffer_add_text(telling->out, hole + 2);
}

/* "teaching: 6 of 8 active days": the comparison should have been `want`, and was not. */
static void tell_comparison(const struct telling *telling, const cJSON *condition, bool want)
{
    enum language language = telling->language;
    const char *metric = text_of(condition, "metric");
    const cJSON *actual = cJSON_GetObjectItemCaseSensitive(condition, "actual");
    const cJSON *least = cJSON_GetObjectItemCaseSensitive(condition, "min");
    const cJSON *most = cJSON_GetObjectItemCaseSensitive(condition, "max");
    bool share = strcmp(metric, "users_share") == 0;
    bool too_many = cJSON_IsNumber(most) && cJSON_IsNumber(actual) && actual->valuedouble > most->valuedouble;
    buffer_print(telling->out, "%s: ", activity_word(language, text_of(condition, "activity")));
    tell_actual(telling, actual, share);
    if (want && cJSON_IsNumber(least) && !too_many && !share) {
        char number[WORDS_NUMBER_SIZE];
        buffer_print(telling->out, language == LANGUAGE_VI ? "/%s" : " of %s",
                     words_count(language, (int64_t)least->valuedouble, number));
    }
    buffer_print(telling->out, " %s", metric_word(language, metric));
    if (want && too_many) {
        tell_bound(telling, BOUND_MOST, share, most->valuedouble);
    } else if (want && share && cJSON_IsNumber(least)) {
        tell_bound(telling, BOUND_LEAST, share, least->valuedouble);
    } else if (!want && cJSON_IsNumber(least)) {
        tell_bound(telling, BOUND_BELOW, share, least->valuedouble);
    } else if (!want && cJSON_IsNumber(most)) {
        tell_bound(telling, BOUND_ABOVE, share, most->valuedouble);
    }
}

/* Says what must change so that `part` becomes `want`; `all_of` joins what must change together. */
static void tell(const struct telling *telling, const struct part *part, bool want, const char *all_of)
{
    const char *rest = part->count > 0 ? part->pieces[0].rest : "";
    bool all = begins_with(rest, "all"), any = begins_with(rest, "any");
    struct part branch;
    if (begins_with(rest, "not")) {
        take_negated(part, &branch);
        tell(telling, &branch, !want, all_of);
        return;
    }
    char one_of[16], together[16];
    snprintf(one_of, sizeof one_of, " %s ", words_say(telling->language, WORD_OR));
    snprintf(together, sizeof together, " %s ", words_say(telling->language, WORD_AND));
    bool alternatives = any == want; /* one true branch of an `any`, or one false branch of an `all`, is enough */
    bool first = true;
    for (size_t i = 0; i < part->count;) {
        size_t at = i;
        bool branches = all || any;
        i = branches ? take_branch(part, i, &branch) : i + 1;
        if ((branches ? holds(&branch) : is_true(part->pieces[at].condition)) == want) {
            continue;
        }
        buffer_add_text(telling->out, first ? "" : alternatives ? one_of : all_of);
        first = false;
        if (branches) {
            tell(telling, &branch, want, alternatives ? together : all_of);
        } else {
            tell_comparison(telling, part->pieces[at].condition, want);
        }
    }
}

void words_explain(enum language language, const cJSON *conditions, int64_t small_cell, struct buffer *out)
{
    struct telling telling = {language, small_cell, out};
    struct part whole = {.count = 0};
    const cJSON *condition;
    cJSON_ArrayForEach (condition, conditions) {
        if (whole.count < MOST_CONDITIONS) {
            const char *place = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(condition, "path"));
            whole.pieces[whole.count++] = (struct piece){condition, place != NULL ? place : ""};
        }
    }
    if (whole.count > 0 && !holds(&whole)) {
        tell(&telling, &whole, true, "\n");
    }
}
