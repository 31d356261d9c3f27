/*
 * HTTP: JSON and CSV for programs, the page for people, /metrics for Prometheus. Read-only. The only room that knows
 * libmicrohttpd. Routes and answers: docs/api.md.
 */
#ifndef EDUTALLY_API_API_H
#define EDUTALLY_API_API_H

#include "base/counters.h"
#include "base/error.h"
#include "base/zone.h"
#include "indicator/indicator.h"
#include "registry/registry.h"
#include "settings/settings.h"

#include <stdint.h>

struct api;

/* What answers are made from besides the store; replaced as a whole when files are reloaded. */
struct api_world {
    const struct registry *registry;
    const struct indicators *indicators;
    const struct zone *zone; /* copied at the start; a later world cannot change it */
};

/* Listens on settings->http_listen. `settings`, `counters` and the world must outlive it. ERROR_IO (port taken),
 * ERROR_CONFIG (not an address; a tokens file, certificate or key that cannot be used, or no token), ERROR_MEMORY. */
int api_start(struct api **api, const struct settings *settings, const char *version, struct counters *counters,
              const struct api_world *world, struct error *error);

/* The address it listens on, "http://127.0.0.1:8080", or "https://…". */
const char *api_url(const struct api *api);

/* From now on answers come from `world`; returns when no request uses the old one any more. Any thread. */
void api_replace_world(struct api *api, const struct api_world *world);

/* Reads tokens, certificate and key again. What cannot be used is logged, and that of before stays in force. Not at the
 * same time as another reload or api_stop. A new certificate waits up to two seconds for answers on their way. */
void api_reload(struct api *api);

void api_stop(struct api **api);

/* For those who ask before it starts: whether the files of http.tokens_file and http.tls can be used; as api_start.
 * Nothing is wrong with a setting that is not there (no token, expires_s 0). `expires_s`: of the certificate, since
 * 1970. */
int api_check_tokens(const struct settings *settings, size_t *count, struct error *error);
int api_check_tls(const struct settings *settings, int64_t *expires_s, struct error *error);

/* libmicrohttpd's version. */
const char *api_library_version(void);

#endif
