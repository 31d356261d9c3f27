/* What the tests of the server stand on: the world that is served, and questions to it. */
#include "serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct served_world world;
struct reply reply;

static void load_world(void)
{
    struct faults faults = {0};
    struct error error = {0};
    assert_int_equal(settings_load(&world.settings, world.files.config, &faults), 0);
    struct registry_files files = {world.settings.registry_centres, world.settings.registry_areas,
                                   world.settings.taxonomy};
    assert_int_equal(registry_load(&world.registry, &files, &faults), 0);
    assert_int_equal(indicators_load(&world.indicators, world.settings.indicators, world.registry, &faults), 0);
    assert_int_equal(zone_open(&world.zone, world.settings.time_zone, &error), 0);
    faults_clear(&faults);
}

void serve_prepare(const char *more)
{
    memset(&world, 0, sizeof world);
    small_world_make(&world.files, more);
    load_world();
    fake_store_set(&small_world_rows);
}

void serve_open(void)
{
    struct error error = {0};
    struct api_world answers = {world.registry, &world.indicators, world.zone};
    if (api_start(&world.api, &world.settings, "1.2.3", &world.counters, &answers, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

void serve_start(const char *more)
{
    serve_prepare(more);
    serve_open();
}

void serve_stop(void)
{
    api_stop(&world.api);
    indicators_free(&world.indicators);
    registry_free(&world.registry);
    zone_close(&world.zone);
    settings_free(&world.settings);
    small_world_remove(&world.files);
}

int serve_begin(void **state)
{
    (void)state;
    serve_start("");
    return 0;
}

int serve_end(void **state)
{
    (void)state;
    reply_free(&reply);
    serve_stop();
    return 0;
}

void get(const char *target)
{
    reply_free(&reply);
    client_ask(&reply, api_url(world.api), "GET", target, "");
}

void get_with(const char *target, const char *headers)
{
    reply_free(&reply);
    client_ask(&reply, api_url(world.api), "GET", target, headers);
}

void assert_has(const char *text)
{
    if (strstr(reply.body, text) == NULL) {
        fail_msg("no %s in\n%s", text, reply.body);
    }
}

void assert_problem(int status, const char *word)
{
    assert_int_equal(reply.status, status);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
    cJSON *root = cJSON_Parse(reply.body);
    assert_non_null(root);
    assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItem(root, "title")));
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(root, "status")), status);
    const char *detail = cJSON_GetStringValue(cJSON_GetObjectItem(root, "detail"));
    if (detail == NULL || strstr(detail, word) == NULL) {
        fail_msg("no \"%s\" in %s", word, reply.body);
    }
    cJSON_Delete(root);
}

cJSON *parse_reply(void)
{
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    cJSON *root = cJSON_Parse(reply.body);
    if (root == NULL) {
        fail_msg("not JSON:\n%s", reply.body);
    }
    return root;
}
