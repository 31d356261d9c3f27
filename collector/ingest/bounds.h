/* The room's times, apart from those that are settings: tests set their own instead of waiting for minutes. */
#ifndef EDUTALLY_INGEST_BOUNDS_H
#define EDUTALLY_INGEST_BOUNDS_H

#include "ingest/ingest.h"

struct ingest_bounds {
    int64_t backoff_first_ms, backoff_most_ms; /* between two connections (backoff.h) */
    int64_t stable_ms;                         /* a connection that held this long starts the waits anew */
    int64_t silence_ms, answer_ms;             /* echo.h */
};

/* ingest_start with other times; they are copied. */
int ingest_start_bounded(struct ingest **ingest, const struct settings *settings, const char *state_directory,
                         struct counters *counters, const struct ingest_sink *sink, const struct ingest_bounds *bounds,
                         struct error *error);

#endif
