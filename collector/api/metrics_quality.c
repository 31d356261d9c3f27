/*
 * /metrics/centres in Prometheus' text format: what became of each centre's events, or, with ?centre=ID, of each of its
 * devices'. A page of its own, for a thousand centres are ten thousand series: whoever wants them scrapes them. The
 * samples of one figure must stand together in that format, so the rows are gathered first.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum figure { EXPECTED, RECEIVED, MISSING, REPEATED, LATE, GIVEN_UP, REJECTED, QUARANTINED, LET_GO, FIGURES };

/* Devices have the figures before REJECTED: what was rejected is known by its centre. */
static const struct {
    const char *name, *help;
} figures[FIGURES] = {
    [EXPECTED] = {"events_expected", "Events that must exist, by their sequence numbers"},
    [RECEIVED] = {"events_received", "Events that came, each once"},
    [MISSING] = {"events_missing", "Sequence numbers that did not come yet"},
    [REPEATED] = {"events_repeated", "Events that came again"},
    [LATE] = {"events_late", "Events that came over 24 hours after their time"},
    [GIVEN_UP] = {"events_given_up", "Missing sequence numbers that are not asked for any more"},
    [REJECTED] = {"events_rejected", "Malformed events among the rows kept"},
    [QUARANTINED] = {"events_quarantined", "Events set aside now"},
    [LET_GO] = {"events_let_go", "Rejected or quarantined events that the bounds on their rows let go"},
};

struct source {
    char name[65]; /* of a centre or a device */
    int64_t figures[FIGURES];
};

struct sources {
    struct source *list;
    size_t count, size;
};

static struct source *add_source(struct sources *sources, const char *name)
{
    if (sources->count == sources->size) {
        size_t size = sources->size == 0 ? 256 : sources->size * 2;
        struct source *grown = realloc(sources->list, size * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        sources->list = grown;
        sources->size = size;
    }
    struct source *source = &sources->list[sources->count++];
    *source = (struct source){.name = ""};
    snprintf(source->name, sizeof source->name, "%s", name);
    return source;
}

static int gather_centre(void *context, const struct quality_row *row)
{
    struct source *source = add_source(context, row->centre);
    if (source == NULL) {
        return ERROR_MEMORY;
    }
    const int64_t known[FIGURES] = {
        [EXPECTED] = row->expected, [RECEIVED] = row->received, [MISSING] = row->missing,
        [REPEATED] = row->repeated, [LATE] = row->late,         [GIVEN_UP] = row->given_up,
        [REJECTED] = row->rejected, [LET_GO] = row->let_go,     [QUARANTINED] = row->quarantined,
    };
    memcpy(source->figures, known, sizeof known);
    return 0;
}

/* Rows come by device; its epochs are added up. */
static int gather_device(void *context, const struct device_row *row)
{
    struct sources *sources = context;
    bool same = sources->count > 0 && strcmp(sources->list[sources->count - 1].name, row->device) == 0;
    struct source *source = same ? &sources->list[sources->count - 1] : add_source(sources, row->device);
    if (source == NULL) {
        return ERROR_MEMORY;
    }
    source->figures[EXPECTED] += row->received + row->missing + row->given_up;
    source->figures[RECEIVED] += row->received;
    source->figures[MISSING] += row->missing;
    source->figures[REPEATED] += row->repeated;
    source->figures[LATE] += row->late;
    source->figures[GIVEN_UP] += row->given_up;
    return 0;
}

/* Identifiers hold nothing that a label would have to escape. */
static void print_figures(struct buffer *out, const struct sources *sources, const char *centre)
{
    const char *kind = centre == NULL ? "centre" : "device";
    for (int figure = 0; figure < (centre == NULL ? FIGURES : REJECTED); figure++) {
        const char *name = figures[figure].name;
        buffer_print(out, "# HELP edutally_%s_%s %s\n# TYPE edutally_%s_%s gauge\n", kind, name, figures[figure].help,
                     kind, name);
        for (size_t i = 0; i < sources->count; i++) {
            const struct source *source = &sources->list[i];
            buffer_print(out, "edutally_%s_%s{centre=\"%s\"", kind, name, centre == NULL ? source->name : centre);
            if (centre != NULL) {
                buffer_print(out, ",device=\"%s\"", source->name);
            }
            buffer_print(out, "} %lld\n", (long long)source->figures[figure]);
        }
    }
}

void answer_metrics_centres(struct call *call)
{
    struct error error = {0};
    struct sources sources = {0};
    const char *centre = call_parameter(call, "centre");
    if (!call_read_store(call)) {
        return;
    }
    int failed = centre == NULL ? store_read_quality(call->desk->reader, NULL, gather_centre, &sources, &error)
                                : store_read_devices(call->desk->reader, centre, gather_device, &sources, &error);
    if (failed != 0) {
        call_store_failed(call, &error);
    } else if (centre != NULL && sources.count == 0) {
        call_problem(call, 404, "No such centre", "nothing ever came from a centre '%.64s'", centre);
    } else {
        print_figures(&call->answer->body, &sources, centre);
        call->answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    }
    free(sources.list);
}
