/*
 * The file is text, so that an operator can read what the broker was asked for:
 *
 *     edutally-filters 1
 *     client edutally-46
 *     filter edu/v1/46/+/+/event
 *     filter edu/v1/46/+/+/state
 *
 * It holds every filter that the session may have: it is written with the old and the new ones before the broker is
 * asked, and with the new ones alone after it answered. So a crash in between leaves nothing that nobody remembers.
 */
#include "filters.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "edutally-filters 1"

enum { FILE_MOST_BYTES = 1 << 20 };

bool filters_contain(const struct filters *filters, const char *filter)
{
    for (size_t i = 0; i < filters->count; i++) {
        if (strcmp(filters->list[i], filter) == 0) {
            return true;
        }
    }
    return false;
}

int filters_add(struct filters *filters, const char *filter)
{
    if (filters_contain(filters, filter)) {
        return 0;
    }
    char **grown = realloc(filters->list, (filters->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return ERROR_MEMORY;
    }
    filters->list = grown;
    filters->list[filters->count] = strdup(filter);
    if (filters->list[filters->count] == NULL) {
        return ERROR_MEMORY;
    }
    filters->count++;
    return 0;
}

bool filters_equal(const struct filters *left, const struct filters *right)
{
    for (size_t i = 0; i < left->count; i++) {
        if (!filters_contain(right, left->list[i])) {
            return false;
        }
    }
    return left->count == right->count; /* neither holds a filter twice */
}

void filters_free(struct filters *filters)
{
    for (size_t i = 0; i < filters->count; i++) {
        free(filters->list[i]);
    }
    free(filters->list);
    *filters = (struct filters){0};
}

int filters_wanted(struct filters *filters, char *const *realms, size_t realm_count, struct error *error)
{
    static const char *const kinds[] = {"event", "state"};
    *filters = (struct filters){0};
    for (size_t i = 0; i < realm_count; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            struct buffer filter = {0};
            buffer_print(&filter, "edu/v1/%s/+/+/%s", realms[i], kinds[k]);
            int result = filter.failed ? ERROR_MEMORY : filters_add(filters, filter.bytes);
            buffer_free(&filter);
            if (result != 0) {
                return error_set(error, ERROR_MEMORY, "out of memory for topic filters");
            }
        }
    }
    return 0;
}

/* Cuts the next line off `*rest`; NULL at the end. A last line without its line end was torn: it is not given. */
static char *next_line(char **rest)
{
    char *line = *rest;
    char *end = strchr(line, '\n');
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    *rest = end + 1;
    return line;
}

static int parse(struct filters *filters, bool *known, char *text, const char *path, const char *client_id)
{
    char *line = next_line(&text);
    if (line == NULL || strcmp(line, HEADER) != 0) {
        log_warning("filters_unreadable", "path=\"%s\" remedy=\"none needed: the session is subscribed anew\"", path);
        return 0;
    }
    line = next_line(&text);
    if (line == NULL || strncmp(line, "client ", 7) != 0 || strcmp(line + 7, client_id) != 0) {
        return 0;
    }
    *known = true;
    while ((line = next_line(&text)) != NULL) {
        if (strncmp(line, "filter ", 7) == 0 && filters_add(filters, line + 7) != 0) {
            return ERROR_MEMORY;
        }
    }
    return 0;
}

int filters_load(struct filters *filters, bool *known, const char *path, const char *client_id, struct error *error)
{
    struct buffer text = {0};
    *filters = (struct filters){0};
    *known = false;
    if (access(path, F_OK) != 0) {
        return 0;
    }
    int result = file_read(path, FILE_MOST_BYTES, &text, error);
    if (result == 0 && text.used > 0) {
        result = parse(filters, known, text.bytes, path, client_id);
        if (result != 0) {
            filters_free(filters);
            *known = false;
            error_set(error, result, "out of memory reading %s", path);
        }
    }
    buffer_free(&text);
    return result;
}

int filters_save(const struct filters *filters, const char *path, const char *client_id, struct error *error)
{
    struct buffer text = {0};
    buffer_print(&text, "%s\nclient %s\n", HEADER, client_id);
    for (size_t i = 0; i < filters->count; i++) {
        buffer_print(&text, "filter %s\n", filters->list[i]);
    }
    int result = text.failed ? error_set(error, ERROR_MEMORY, "out of memory writing %s", path)
                             : file_replace(path, text.bytes, text.used, 0640, error);
    buffer_free(&text);
    return result;
}
