/*
 * /metrics in Prometheus' text format 0.0.4: every row of counters.def, the build, and where the whole deployment
 * stands in the latest period of each indicator. A store that cannot be read leaves the latter out and says so in a
 * gauge; a scrape never fails because of it.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { MAX_INDICATORS = 64 };

/* Kept past the call that brought them: only the figures and the indicator may be looked at. */
struct standings {
    struct adoption_answer list[MAX_INDICATORS];
    size_t count;
};

static void add_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_print(out, "# HELP edutally_%s %s\n# TYPE edutally_%s %s\n", name, help, name, type);
}

static void add_counters(struct buffer *out, const struct counters *counters)
{
    for (int i = 0; i < COUNTERS; i++) {
        const struct counter_info *info = counter_info((enum counter)i);
        char name[96];
        snprintf(name, sizeof name, "%s%s", info->name, info->is_gauge ? "" : "_total");
        add_head(out, name, info->is_gauge ? "gauge" : "counter", info->help);
        buffer_print(out, "edutally_%s %lld\n", name, (long long)counter_get(counters, (enum counter)i));
    }
}

/* A label's value: backslash, quote and line feed are escaped. */
static void add_label(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buffer_add_text(out, "\\n");
        } else {
            buffer_print(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
        }
    }
}

/* Answers come ascending within an indicator: the last one that has centres stays, but for one in which nobody reported
 * yet while somebody did before. */
static int keep_last(void *context, const struct adoption_answer *answer)
{
    struct standings *standings = context;
    size_t last = standings->count;
    if (!answer->known) {
        return 0;
    }
    if (last == 0 || standings->list[last - 1].indicator != answer->indicator) {
        if (last == MAX_INDICATORS) {
            return 0;
        }
        standings->count++;
        last++;
    } else if (answer->reporting == 0 && standings->list[last - 1].reporting > 0) {
        return 0;
    }
    standings->list[last - 1] = *answer;
    return 0;
}

static bool read_standings(struct call *call, struct standings *standings)
{
    struct error error = {0};
    struct desk *desk = call->desk;
    if (desk->reader == NULL && store_reader_open(&desk->reader, call->api->settings->data_dir, &error) != 0) {
        return false;
    }
    struct adoption_question question = call_question(call);
    question.area = registry_root(call->world->registry);
    if (adoption_read(desk->reader, &question, keep_last, standings, &error) != 0) {
        store_reader_close(&desk->reader);
        return false;
    }
    return true;
}

enum standing_value { STANDING_RATE, STANDING_LOWER, STANDING_UPPER, STANDING_TARGET, STANDING_VALUES };

static const struct {
    const char *name, *help;
} values[STANDING_VALUES] = {
    {"adoption_rate", "Adopting centres among registered ones, whole deployment, latest period"},
    {"adoption_lower_bound", "The rate if no silent centre adopted"},
    {"adoption_upper_bound", "The rate if every silent centre adopted"},
    {"adoption_target", "The target in force, if there is one"},
};

static double pick(const struct adoption_answer *answer, enum standing_value value)
{
    const double picked[STANDING_VALUES] = {answer->rate, answer->lower, answer->upper, answer->target};
    return picked[value];
}

static void add_shares(struct buffer *out, const struct standings *standings)
{
    for (int value = 0; value < STANDING_VALUES; value++) {
        add_head(out, values[value].name, "gauge", values[value].help);
        for (size_t i = 0; i < standings->count; i++) {
            const struct adoption_answer *one = &standings->list[i];
            if (value == STANDING_TARGET && !one->has_target) {
                continue;
            }
            buffer_print(out, "edutally_%s{indicator=\"", values[value].name);
            add_label(out, one->indicator->id);
            buffer_add_text(out, "\"} ");
            rows_add_json_number(out, pick(one, (enum standing_value)value));
            buffer_add_text(out, "\n");
        }
    }
}

static void add_centres(struct buffer *out, const struct standings *standings)
{
    add_head(out, "centres", "gauge", "Centres by state, whole deployment, latest period");
    for (size_t i = 0; i < standings->count; i++) {
        const struct adoption_answer *latest = &standings->list[i];
        const char *const states[] = {"registered", "reporting", "adopting"};
        const int64_t counts[] = {latest->registered, latest->reporting, latest->adopting};
        for (size_t k = 0; k < 3; k++) {
            buffer_add_text(out, "edutally_centres{indicator=\"");
            add_label(out, latest->indicator->id);
            buffer_print(out, "\",state=\"%s\"} %lld\n", states[k], (long long)counts[k]);
        }
    }
}

void answer_metrics(struct call *call)
{
    struct buffer *out = &call->answer->body;
    struct standings standings = {.count = 0};
    bool readable = read_standings(call, &standings);
    add_head(out, "build_info", "gauge", "The program's version, as a label");
    buffer_add_text(out, "edutally_build_info{version=\"");
    add_label(out, call->api->version);
    buffer_add_text(out, "\"} 1\n");
    add_counters(out, call->api->counters);
    add_head(out, "store_readable", "gauge", "1 if the store can be read");
    buffer_print(out, "edutally_store_readable %d\n", readable ? 1 : 0);
    add_shares(out, &standings);
    add_centres(out, &standings);
    call->answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
}
