/* What the verbs of `edutally journal` share: the journal opened for reading. */
#ifndef EDUTALLY_COMMANDS_JOURNAL_VIEW_H
#define EDUTALLY_COMMANDS_JOURNAL_VIEW_H

#include "base/counters.h"
#include "base/secret.h"
#include "base/zone.h"
#include "journal/journal.h"
#include "settings/settings.h"

#include <cJSON.h>
#include <stdbool.h>

struct journal_options {
    const char *config, *before;
    int64_t from, limit; /* limit < 0: none */
    bool json, raw;
};

struct journal_view {
    struct settings settings;
    struct zone *zone;
    struct secret *secret;
    struct counters counters;
    struct journal *journal;
};

/* Needs settings and secret alone, so that a journal can be looked at while the registry is at fault, and beside a
 * running collector. An exit code, having said on standard error what failed; close in any case. */
int journal_view_open(struct journal_view *view, const char *config_path);
void journal_view_close(struct journal_view *view);

/* Prints the object on a line of its own and deletes it. ERROR_MEMORY. */
int journal_print_json(cJSON *object);

/* Writes "2026-10-05 08:30" in the deployment's zone. */
const char *journal_local_time(const struct journal_view *view, int64_t t_ms, char *out, size_t size);

/* The verbs: exit codes. */
int journal_list(const struct journal_options *options);
int journal_verify(const struct journal_options *options);
int journal_dump(const struct journal_options *options);
int journal_erase_before(const struct journal_options *options);

#endif
