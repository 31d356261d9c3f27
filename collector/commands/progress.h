/* A progress line for long work: redrawn in place on a terminal, nothing elsewhere. */
#ifndef EDUTALLY_COMMANDS_PROGRESS_H
#define EDUTALLY_COMMANDS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown; /* standard error is a terminal */
    int64_t started_ms, drawn_ms;
    int64_t total; /* of `done`; 0: unknown */
    const char *unit;
};

void progress_start(struct progress *progress, int64_t total, const char *unit);
/* Draws at most ten times a second: how much of the total is done, how many items, how fast. */
void progress_show(struct progress *progress, int64_t done, int64_t items);
/* Clears the line. */
void progress_end(const struct progress *progress);

#endif
