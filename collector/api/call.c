/*
 * What the handlers share: reading parameters, opening the store, and refusing. A handler that meets a fault makes the
 * answer a problem document that says what to do, and returns; `call_has_failed` tells.
 */
#include "internal.h"

#include "base/civil.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *call_parameter(const struct call *call, const char *name)
{
    const struct request *request = call->request;
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (strcmp(request->parameters[i].name, name) == 0) {
            return request->parameters[i].value[0] != '\0' ? request->parameters[i].value : NULL;
        }
    }
    return NULL;
}

void call_problem(struct call *call, unsigned status, const char *title, const char *detail, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, detail);
    vsnprintf(text, sizeof text, detail, arguments);
    va_end(arguments);
    struct answer *answer = call->answer;
    buffer_clear(&answer->body);
    answer->status = status;
    answer->content_type = "application/problem+json";
    buffer_add_text(&answer->body, "{\"title\":");
    rows_add_json_text(&answer->body, title);
    buffer_print(&answer->body, ",\"status\":%u,\"detail\":", status);
    rows_add_json_text(&answer->body, text);
    buffer_add_text(&answer->body, "}\n");
}

bool call_has_failed(const struct call *call)
{
    return call->answer->status >= 400;
}

enum rows_format call_format(struct call *call)
{
    const char *format = call_parameter(call, "format");
    if (format == NULL) {
        const char *accept = call->request->accept;
        bool csv = accept_quality(accept, "text/csv") > accept_quality(accept, "application/json");
        return csv ? ROWS_CSV : ROWS_JSON;
    }
    if (strcmp(format, "csv") != 0 && strcmp(format, "json") != 0) {
        call_problem(call, 400, "Unknown format", "format is json or csv, not '%s'", format);
    }
    return strcmp(format, "csv") == 0 ? ROWS_CSV : ROWS_JSON;
}

void call_store_failed(struct call *call, const struct error *error)
{
    char path[API_PATH_BYTES + 1];
    log_error("api_read_failed", "path=\"%s\" error=\"%s\"", log_safe(call->request->path, path, sizeof path),
              error->text);
    if (call->reading) {
        store_reader_end(call->desk->reader);
        call->reading = false;
    }
    store_reader_close(&call->desk->reader);
    call_problem(call, 500, "The store cannot be read", "%s", error->text);
}

bool call_read_store(struct call *call)
{
    struct error error = {0};
    struct desk *desk = call->desk;
    if (desk->reader == NULL && store_reader_open(&desk->reader, call->api->settings->data_dir, &error) != 0) {
        if (error.code == ERROR_MISSING) {
            call_problem(
                call, 503, "There is no data yet",
                "nothing was counted so far: the store appears with the first `edutally run` or `edutally ingest`");
        } else {
            call_problem(call, 503, "The store cannot be opened", "%s", error.text);
        }
        return false;
    }
    if (store_reader_begin(desk->reader, &error) != 0) {
        call_store_failed(call, &error);
        return false;
    }
    call->reading = true;
    return true;
}

bool call_limit(struct call *call, size_t usual, size_t *limit)
{
    const char *text = call_parameter(call, "limit");
    *limit = usual;
    if (text == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || errno != 0 || value < 1 || value > API_MAX_CENTRES) {
        call_problem(call, 400, "Not a limit", "limit is a number from 1 to %d, not '%s'", API_MAX_CENTRES, text);
        return false;
    }
    *limit = (size_t)value;
    return true;
}

bool call_period(struct call *call, const char *name, enum period_kind *kind, int32_t *period)
{
    const char *label = call_parameter(call, name);
    if (label == NULL || period_parse(label, kind, period) == 0) {
        return true;
    }
    call_problem(
        call, 400, "Not a period",
        "'%s' is no period: %s is a month (2026-10), quarter (2026-Q4), school year (2026/2027) or year (2026)", label,
        name);
    return false;
}

const char *call_area(struct call *call, const char *name, const char *fallback)
{
    const char *code = call_parameter(call, name);
    if (code == NULL) {
        return fallback;
    }
    if (registry_find_area(call->world->registry, code, call->today) == REGISTRY_NONE) {
        call_problem(call, 404, "Unknown area", "no area with the code '%s' is in the registry (areas.csv)", code);
        return NULL;
    }
    return code;
}

const struct indicator *call_indicator(struct call *call)
{
    const char *id = call_parameter(call, "indicator");
    const struct indicator *indicator = id != NULL ? indicators_find(call->world->indicators, id) : NULL;
    if (id != NULL && indicator == NULL) {
        call_problem(call, 404, "Unknown indicator", "no indicator '%s'; /api/v1/indicators lists them", id);
    }
    return indicator;
}

struct adoption_question call_question(const struct call *call)
{
    return (struct adoption_question){.registry = call->world->registry,
                                      .indicators = call->world->indicators,
                                      .from_day = ADOPTION_FIRST_DAY,
                                      .to_day = ADOPTION_LAST_DAY,
                                      .today = call->today};
}

void call_add_time(const struct call *call, struct buffer *out, int64_t t_ms)
{
    char text[CIVIL_TIME_SIZE];
    rows_add_json_text(out, t_ms > 0 ? zone_format_time(call->desk->zone, t_ms, text, sizeof text) : NULL);
}
