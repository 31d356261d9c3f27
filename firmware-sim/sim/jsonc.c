/*
 * JSON with comments over cJSON. cJSON keeps no positions, so comments are blanked in place (line breaks stay), and
 * the line of a fault is found by walking the text along the place's keys: slow, and only ever done for a fault.
 * The only file of the simulator that includes cJSON's header.
 */
#include "jsonc.h"

#include "civil.h"
#include "error.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSONC_SIZE_MAX ((size_t)4194304)

/* Between the steps of a place: keys may hold dots. Shown as a dot. */
#define STEP '\037'

struct jsonc {
    char *path;
    char *text; /* comments blanked */
    cJSON *root;
    struct jsonc_faults *faults;
};

static void append_fault(struct jsonc_faults *faults, const char *where, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void append_fault(struct jsonc_faults *faults, const char *where, const char *format, va_list arguments)
{
    char what[512];
    int length;
    size_t room = sizeof faults->text - faults->length;

    faults->count++;
    (void)vsnprintf(what, sizeof what, format, arguments);
    length = snprintf(faults->text + faults->length, room, "%s%s\n", where, what);
    if (length > 0 && (size_t)length < room) {
        faults->length += (size_t)length;
    } else {
        faults->text[faults->length] = '\0';
    }
}

void jsonc_fault_at(struct jsonc_faults *faults, const char *path, int line, const char *format, ...)
{
    char where[512];
    va_list arguments;

    if (line > 0) {
        (void)snprintf(where, sizeof where, "%s:%d: ", path, line);
    } else {
        (void)snprintf(where, sizeof where, "%s: ", path);
    }
    va_start(arguments, format);
    append_fault(faults, where, format, arguments);
    va_end(arguments);
}

/* Blanks comments, leaves strings alone. */
static void blank_comments(char *text)
{
    bool in_string = false;

    for (char *at = text; *at; at++) {
        if (in_string) {
            if (*at == '\\' && at[1]) {
                at++;
            } else if (*at == '"') {
                in_string = false;
            }
        } else if (*at == '"') {
            in_string = true;
        } else if (at[0] == '/' && at[1] == '/') {
            for (; at[0] && at[1] != '\n' && at[1]; at++) {
                *at = ' ';
            }
            *at = ' ';
        } else if (at[0] == '/' && at[1] == '*') {
            for (; *at && !(at[0] == '*' && at[1] == '/'); at++) {
                *at = *at == '\n' ? '\n' : ' ';
            }
            if (!*at) {
                return;
            }
            *at++ = ' ';
            *at = ' ';
        }
    }
}

static int line_at(const char *text, const char *at)
{
    int line = 1;

    for (; text < at && *text; text++) {
        line += *text == '\n' ? 1 : 0;
    }
    return line;
}

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) {
            at++;
        }
    }
    return *at ? at + 1 : at;
}

/* Past one value of text that has been parsed before. */
static const char *skip_value(const char *at)
{
    int depth = 0;

    at = skip_space(at);
    do {
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at) {
            at++;
        }
    } while (*at && (depth > 0 || !strchr(",]}", *at)));
    return at;
}

/* Steps from the opening bracket at `at` to the child named by `step` ("key", or "3" in an array). NULL if none. */
static const char *step_into(const char *at, const char *step, size_t step_length)
{
    bool array = *at == '[';
    long wanted = array ? strtol(step, NULL, 10) : 0;

    at++;
    for (long i = 0;; i++) {
        const char *key;

        at = skip_space(at);
        if (!*at || *at == ']' || *at == '}') {
            return NULL;
        }
        key = at;
        if (!array) {
            at = skip_space(skip_string(at));
            at = *at == ':' ? skip_space(at + 1) : at;
        }
        if (array ? i == wanted : strncmp(key + 1, step, step_length) == 0 && key[1 + step_length] == '"') {
            return at;
        }
        at = skip_space(skip_value(at));
        if (*at != ',') {
            return NULL;
        }
        at++;
    }
}

/* The line of a place; the deepest place that exists counts. */
static int line_of(const struct jsonc *file, const char *place)
{
    const char *at = skip_space(file->text);

    while (*place && (*at == '{' || *at == '[')) {
        const char steps[] = {STEP, '\0'};
        size_t length = strcspn(place, steps);
        const char *next = step_into(at, place, length);

        if (!next) {
            break;
        }
        at = next;
        place += length;
        place += *place == STEP ? 1 : 0;
    }
    return line_at(file->text, at);
}

void jsonc_fault(const struct jsonc_node *node, const char *format, ...)
{
    char where[512], place[sizeof node->place];
    va_list arguments;

    memcpy(place, node->place, sizeof place);
    for (char *at = place; *at; at++) {
        *at = *at == STEP ? '.' : *at;
    }
    (void)snprintf(where, sizeof where, "%s:%d: %s: ", node->file->path, line_of(node->file, node->place),
                   place[0] ? place : "(top)");
    va_start(arguments, format);
    append_fault(node->file->faults, where, format, arguments);
    va_end(arguments);
}

static char *read_whole(const char *path, struct jsonc_faults *faults)
{
    FILE *stream = fopen(path, "rb");
    char *text = NULL;
    size_t length;

    if (!stream) {
        jsonc_fault_at(faults, path, 0, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    text = malloc(JSONC_SIZE_MAX + 1);
    if (!text) {
        jsonc_fault_at(faults, path, 0, "out of memory");
        goto out;
    }
    length = fread(text, 1, JSONC_SIZE_MAX + 1, stream);
    if (ferror(stream) || length > JSONC_SIZE_MAX) {
        jsonc_fault_at(faults, path, 0, "%s", ferror(stream) ? "cannot be read" : "larger than 4 MiB");
        free(text);
        text = NULL;
        goto out;
    }
    text[length] = '\0';
out:
    (void)fclose(stream);
    return text;
}

int jsonc_open(const char *path, struct jsonc_faults *faults, struct jsonc **file)
{
    struct jsonc *opened = calloc(1, sizeof *opened);
    const char *end = NULL;

    *file = NULL;
    if (!opened) {
        return ERROR_MEMORY;
    }
    opened->faults = faults;
    opened->path = strdup(path);
    opened->text = opened->path ? read_whole(path, faults) : NULL;
    if (!opened->text) {
        jsonc_close(&opened);
        return ERROR_CONFIG;
    }
    blank_comments(opened->text);
    opened->root = cJSON_ParseWithOpts(opened->text, &end, 1);
    if (!opened->root || !cJSON_IsObject(opened->root)) {
        jsonc_fault_at(faults, path, end ? line_at(opened->text, end) : 1,
                       opened->root ? "must hold a JSON object { ... }"
                                    : "is not JSON from here on; look for a missing comma, quote or bracket on this "
                                      "line or the one before");
        jsonc_close(&opened);
        return ERROR_CONFIG;
    }
    *file = opened;
    return 0;
}

void jsonc_close(struct jsonc **file)
{
    if (!*file) {
        return;
    }
    cJSON_Delete((*file)->root);
    free((*file)->text);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

struct jsonc_node jsonc_root(struct jsonc *file)
{
    return (struct jsonc_node){.file = file, .value = file->root, .place = ""};
}

/* A place too long for its room is cut: it only ever serves to tell where a fault is. */
static void put_step(char *at, size_t room, const char *step)
{
    size_t length = strlen(step);

    length = length < room ? length : room - 1;
    memcpy(at, step, length);
    at[length] = '\0';
}

static struct jsonc_node child_of(const struct jsonc_node *parent, const cJSON *value, const char *step)
{
    struct jsonc_node child = *parent;
    size_t length = strlen(child.place);

    child.value = value;
    if (length > 0 && length + 1 < sizeof child.place) {
        child.place[length++] = STEP;
    }
    put_step(child.place + length, sizeof child.place - length, step);
    return child;
}

struct jsonc_node jsonc_member(const struct jsonc_node *node, const char *key, bool required)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(node->value, key);
    struct jsonc_node child = child_of(node, value, key);

    if (!value && required) {
        jsonc_fault(&child, "is missing; add \"%s\"", key);
    }
    return child;
}

struct jsonc_node jsonc_first(const struct jsonc_node *node)
{
    const cJSON *value = node->value ? node->value->child : NULL;

    return child_of(node, value, value && value->string ? value->string : "0");
}

struct jsonc_node jsonc_first_element(const struct jsonc_node *node)
{
    if (node->value && !cJSON_IsArray(node->value)) {
        jsonc_fault(node, "must be a list [ ... ]");
        return (struct jsonc_node){.file = node->file};
    }
    return jsonc_first(node);
}

struct jsonc_node jsonc_next(const struct jsonc_node *child)
{
    struct jsonc_node next = *child;
    char *last = strrchr(next.place, STEP);
    char *step = last ? last + 1 : next.place;
    size_t room = sizeof next.place - (size_t)(step - next.place);

    next.value = child->value->next;
    if (next.value && next.value->string) {
        put_step(step, room, next.value->string);
    } else {
        char number[24];

        (void)snprintf(number, sizeof number, "%ld", strtol(step, NULL, 10) + 1);
        put_step(step, room, number);
    }
    return next;
}

const char *jsonc_key(const struct jsonc_node *child)
{
    return child->value && child->value->string ? child->value->string : "";
}

void jsonc_known_keys(const struct jsonc_node *node, const char *const *keys)
{
    for (struct jsonc_node child = jsonc_first(node); child.value; child = jsonc_next(&child)) {
        bool known = strcmp(jsonc_key(&child), "$schema") == 0;

        for (const char *const *key = keys; *key && !known; key++) {
            known = strcmp(*key, jsonc_key(&child)) == 0;
        }
        if (!known) {
            jsonc_fault(&child, "is not a known key; see config/schema/scenario.schema.json, or remove it");
        }
    }
}

bool jsonc_is_object(const struct jsonc_node *node)
{
    return cJSON_IsObject(node->value) != 0;
}

bool jsonc_is_array(const struct jsonc_node *node)
{
    return cJSON_IsArray(node->value) != 0;
}

bool jsonc_is_string(const struct jsonc_node *node)
{
    return cJSON_IsString(node->value) != 0;
}

double jsonc_number(const struct jsonc_node *node, double minimum, double maximum, double fallback)
{
    if (!node->value) {
        return fallback;
    }
    if (!cJSON_IsNumber(node->value) || node->value->valuedouble < minimum || node->value->valuedouble > maximum) {
        jsonc_fault(node, "must be a number from %g to %g", minimum, maximum);
        return fallback;
    }
    return node->value->valuedouble;
}

int64_t jsonc_integer(const struct jsonc_node *node, int64_t minimum, int64_t maximum, int64_t fallback)
{
    if (!node->value) {
        return fallback;
    }
    if (!cJSON_IsNumber(node->value) || floor(node->value->valuedouble) != node->value->valuedouble ||
        node->value->valuedouble < (double)minimum || node->value->valuedouble > (double)maximum) {
        jsonc_fault(node, "must be a whole number from %lld to %lld", (long long)minimum, (long long)maximum);
        return fallback;
    }
    return (int64_t)node->value->valuedouble;
}

void jsonc_string(const struct jsonc_node *node, char *text, size_t size)
{
    size_t length;

    text[0] = '\0';
    if (!node->value) {
        return;
    }
    length = cJSON_IsString(node->value) ? strlen(node->value->valuestring) : 0;
    if (length < 1 || length >= size) {
        jsonc_fault(node, "must be a string of 1 to %zu bytes", size - 1);
        return;
    }
    memcpy(text, node->value->valuestring, length + 1);
}

int32_t jsonc_date(const struct jsonc_node *node, int32_t fallback)
{
    int32_t day;

    if (!node->value) {
        return fallback;
    }
    if (!cJSON_IsString(node->value) || civil_parse_date(node->value->valuestring, &day)) {
        jsonc_fault(node, "must be a date such as \"2026-02-14\"");
        return fallback;
    }
    return day;
}
