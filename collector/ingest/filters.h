/*
 * The topic filters that we want, and those that the broker keeps for our session. A persistent session outlives
 * changes of the configuration: what it subscribed once, it gets for ever. So the list is kept in a file, and what is
 * no longer wanted is unsubscribed.
 */
#ifndef EDUTALLY_INGEST_FILTERS_H
#define EDUTALLY_INGEST_FILTERS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct filters {
    char **list;
    size_t count;
};

/* `edu/v1/{realm}/+/+/event` and `…/state` for each realm. ERROR_MEMORY. Free with filters_free in any case. */
int filters_wanted(struct filters *filters, char *const *realms, size_t realm_count, struct error *error);

/* Adds a copy unless it is there. ERROR_MEMORY. */
int filters_add(struct filters *filters, const char *filter);
bool filters_contain(const struct filters *filters, const char *filter);
/* The same set, in whatever order. */
bool filters_equal(const struct filters *left, const struct filters *right);
void filters_free(struct filters *filters);

/* Reads the list kept for `client_id`. `*known` is false, and the list empty, if there is no file, or one of another
 * client id, or one that is not ours (a warning is logged: the session is then subscribed anew). ERROR_IO,
 * ERROR_MEMORY. */
int filters_load(struct filters *filters, bool *known, const char *path, const char *client_id, struct error *error);

/* Replaces the file. ERROR_IO, ERROR_MEMORY. */
int filters_save(const struct filters *filters, const char *path, const char *client_id, struct error *error);

#endif
