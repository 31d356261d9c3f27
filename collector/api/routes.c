/*
 * The table of routes, and the way of a call through it: a desk is taken and the world held, the parameters are checked
 * against those that the route knows (a misspelt one is refused: ignored, it would give a right answer to a question
 * that nobody asked), the handler answers from one snapshot of the store.
 */
#include "internal.h"

#include "base/file.h"

#include <string.h>

struct route {
    const char *path;        /* one that ends in '/' takes everything below it */
    enum token_scope needed; /* where tokens are asked for */
    void (*answer)(struct call *call);
    const char *parameters[8]; /* NULL ended */
};

static const struct route routes[] = {
    {"/healthz", TOKEN_NOBODY, answer_health, {NULL}},
    {"/readyz", TOKEN_NOBODY, answer_ready, {NULL}},
    {"/metrics", TOKEN_READ, answer_metrics, {NULL}},
    {"/metrics/centres", TOKEN_READ, answer_metrics_centres, {"centre", NULL}},
    {"/api/v1/status", TOKEN_READ, answer_status, {NULL}},
    {"/api/v1/indicators", TOKEN_READ, answer_indicators, {"format", NULL}},
    {"/api/v1/adoption",
     TOKEN_READ,
     answer_adoption,
     {"indicator", "area", "parent", "period", "from", "to", "format", NULL}},
    {"/api/v1/centres",
     TOKEN_READ,
     answer_centres,
     {"area", "type", "limit", "after", "indicator", "period", "format", NULL}},
    {"/api/v1/centres/", TOKEN_READ, answer_centre, {"period", "format", NULL}},
    {"/api/v1/rejected", TOKEN_ADMIN, answer_rejected, {"before", "limit", "format", NULL}},
};

static const struct route *find_route(const char *path, const char **tail)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t length = strlen(routes[i].path);
        bool below = routes[i].path[length - 1] == '/';
        if (below ? strncmp(path, routes[i].path, length) == 0 && path[length] != '\0'
                  : strcmp(path, routes[i].path) == 0) {
            *tail = path + length;
            return &routes[i];
        }
    }
    return NULL;
}

static bool is_known(const struct route *route, const char *name)
{
    for (size_t i = 0; route->parameters[i] != NULL; i++) {
        if (strcmp(route->parameters[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse_parameter(struct call *call, const struct route *route, const char *name)
{
    struct buffer known = {0};
    buffer_add_text(&known, route->parameters[0] == NULL ? "none" : "");
    for (size_t i = 0; route->parameters[i] != NULL; i++) {
        buffer_print(&known, "%s%s", i > 0 ? ", " : "", route->parameters[i]);
    }
    call_problem(call, 400, "Unknown parameter", "'%.64s' is no parameter of %s; it takes: %s", name, route->path,
                 known.failed ? "" : known.bytes);
    buffer_free(&known);
}

static bool check_parameters(struct call *call, const struct route *route)
{
    const struct request *request = call->request;
    for (size_t i = 0; i < request->parameter_count; i++) {
        const char *name = request->parameters[i].name;
        if (!is_known(route, name)) {
            refuse_parameter(call, route, name);
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(request->parameters[k].name, name) == 0) {
                call_problem(call, 400, "Repeated parameter", "'%s' is given more than once", name);
                return false;
            }
        }
    }
    return true;
}

/* Without tokens whoever reaches the port may ask, so the port must be all that reaches it: a page of a stranger's,
 * open in a browser on this machine, whose name he lets point to 127.0.0.1 ("DNS rebinding") asks under that name. */
static bool check_host(struct call *call)
{
    const char *host = call->request->host;
    if (call->tokens != NULL || call->api->settings->http_behind_proxy || host == NULL || host_is_local_name(host)) {
        return true;
    }
    call_problem(call, 421, "Not under this name",
                 "ask by address or as localhost, not as '%.64s'; if a proxy that asks for credentials passes the name "
                 "on, set http.behind_proxy",
                 host);
    return false;
}

static void answer_call(struct call *call, int64_t now_steady_ms)
{
    const struct request *request = call->request;
    if (request->fault != NULL) {
        call_problem(call, request->fault_status, "Bad request", "%s", request->fault);
        return;
    }
    const struct route *route = find_route(request->path, &call->tail);
    if (!check_host(call) || (route != NULL && !access_check(call, route->needed, now_steady_ms))) {
        return;
    }
    if (route == NULL) {
        answer_asset(call);
    } else if (check_parameters(call, route)) {
        route->answer(call);
    }
    if (call->answer->body.failed) {
        call_problem(call, 500, "Out of memory", "the answer needs more memory than there is: ask for less");
    }
}

void route_request(struct api *api, const struct request *request, struct answer *answer)
{
    *answer = (struct answer){.status = 200, .content_type = "application/json", .cache_control = "no-store"};
    struct call call = {.api = api, .request = request, .answer = answer, .now_ms = clock_wall_ms()};
    bool asks_for_tokens = api->settings->http_tokens_file != NULL;
    call.desk = desks_take(&api->desks);
    call.today = zone_day(call.desk->zone, call.now_ms);
    pthread_rwlock_rdlock(&api->world_lock);
    call.world = &api->world;
    call.tokens = asks_for_tokens ? &api->tokens : NULL;
    answer_call(&call, clock_steady_ms());
    pthread_rwlock_unlock(&api->world_lock);
    if (call.reading) {
        store_reader_end(call.desk->reader);
    }
    desks_give_back(&api->desks, call.desk);
    counter_add(api->counters, COUNTER_http_requests, 1);
    if (answer->status >= 400) {
        counter_add(api->counters, COUNTER_http_errors, 1);
    }
}
