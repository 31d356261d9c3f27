/* The question that `edutally check` asks: would the broker let us in and subscribe? A session of its own, so that the
 * running collector's stays as it is. */
#include "ingest/ingest.h"

#include "bell.h"
#include "connect.h"
#include "filters.h"
#include "link.h"

#include "base/file.h"

#include <stdatomic.h>
#include <stdio.h>

struct probe {
    struct bell bell;
    struct connect_plan plan;
    struct filters wanted;
    _Atomic bool stopping;
    char client_id[256];
};

/* Retained messages may come with the subscription: they stay retained whatever we answer. */
static int ignore(void *context, const struct link_message *message)
{
    (void)context;
    (void)message;
    return 0;
}

static int try_once(struct probe *probe, struct error *error)
{
    struct link *link = NULL;
    struct link_answer answer;
    int result = connect_link(&link, &probe->plan, &answer, error);
    for (size_t i = 0; i < probe->wanted.count && result == 0; i++) {
        result = link_subscribe(link, probe->wanted.list[i], error);
    }
    link_close(&link, true);
    return result == 0 || result == ERROR_MEMORY || result == ERROR_CONFIG ? result : ERROR_IO;
}

int ingest_probe(const struct settings *settings, int64_t timeout_ms, struct error *error)
{
    struct probe probe = {0};
    if (bell_init(&probe.bell) != 0) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int result = connect_prepare(&probe.plan, settings, error);
    if (result == 0) {
        result = filters_wanted(&probe.wanted, settings->realms, settings->realm_count, error);
    }
    if (result == 0) {
        snprintf(probe.client_id, sizeof probe.client_id, "%s-check", settings->mqtt_client_id);
        probe.plan.link.client_id = probe.client_id;
        probe.plan.link.clean = true;
        probe.plan.link.arrived = ignore;
        probe.plan.link.bell = &probe.bell;
        probe.plan.link.stopping = &probe.stopping;
        probe.plan.link.deadline_ms = clock_steady_ms() + timeout_ms;
        result = try_once(&probe, error);
    }
    if (result != 0 && error != NULL) {
        error->code = result;
    }
    filters_free(&probe.wanted);
    bell_destroy(&probe.bell);
    return result;
}
