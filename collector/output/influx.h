/* One server that takes line protocol over HTTP: its address, its credentials, and single requests. One thread. */
#ifndef EDUTALLY_OUTPUT_INFLUX_H
#define EDUTALLY_OUTPUT_INFLUX_H

#include "base/error.h"
#include "settings/settings.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct influx;

enum { INFLUX_TEXT_SIZE = 400 };

struct influx_reply {
    bool answered;     /* false: no whole answer came; `text` says why */
    bool ours_to_mend; /* not answered, and for a reason that time does not heal (address, certificate) */
    bool timed_out;    /* not answered, and bytes of the request had been sent */
    long status;       /* HTTP */
    bool has_body;
    int64_t retry_after_s;       /* what the server asks for, 0: nothing */
    char text[INFLUX_TEXT_SIZE]; /* the body's beginning or curl's reason, fit for a log line; holds no secret */
};

/* Reads the secrets too. ERROR_CONFIG (a secret cannot be read), ERROR_MEMORY. `settings` must outlive it. */
int influx_open(struct influx **influx, const struct settings_output *settings, struct error *error);
void influx_close(struct influx **influx);

/* Reads the secrets again: 1 if they have changed since, 0 if not. As influx_open; the old ones stay if it fails. */
int influx_read_secrets(struct influx *influx, struct error *error);

/* Requests end at once when the steady clock passes `*abort_at_ms`; may be NULL. */
void influx_set_abort(struct influx *influx, const _Atomic int64_t *abort_at_ms);

/* Sends lines (or none) to the write address, as gzip if the settings say so. ERROR_MEMORY; else 0 and a reply. */
int influx_write(struct influx *influx, const char *lines, size_t length, struct influx_reply *reply);

/* GETs a path of the server. */
int influx_get(struct influx *influx, const char *path, struct influx_reply *reply);

#endif
