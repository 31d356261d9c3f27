/*
 * One line of progress on stderr: rewritten in place at a terminal, a plain line every few seconds elsewhere (a log
 * file). One thread.
 */
#ifndef SIM_PROGRESS_H
#define SIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal, shown;
    int64_t next_us;
    int64_t every_us; /* between plain lines; 0: none at all unless at a terminal */
};

/* `plain_seconds` between lines where stderr is no terminal; 0 for none. */
void progress_begin(struct progress *progress, int plain_seconds);

/* Whether it is time for the next line: ask before composing one. */
bool progress_due(struct progress *progress);
void progress_show(struct progress *progress, const char *line);

/* Leaves the cursor on a fresh line. */
void progress_end(struct progress *progress);

#endif
