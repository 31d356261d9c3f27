/* Progress for people: quick at a terminal, sparse in a file. */
#include "progress.h"

#include "civil.h"

#include <stdio.h>
#include <unistd.h>

#define TERMINAL_US 200000

void progress_begin(struct progress *progress, int plain_seconds)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1, .every_us = plain_seconds * INT64_C(1000000)};
    progress->next_us = civil_tick_us() + (progress->terminal ? TERMINAL_US : progress->every_us);
}

bool progress_due(struct progress *progress)
{
    int64_t now_us;

    if (!progress->terminal && progress->every_us == 0) {
        return false;
    }
    now_us = civil_tick_us();
    if (now_us < progress->next_us) {
        return false;
    }
    progress->next_us = now_us + (progress->terminal ? TERMINAL_US : progress->every_us);
    return true;
}

void progress_show(struct progress *progress, const char *line)
{
    if (progress->terminal) {
        /* Back to the left edge, and clear what the last line leaves over. */
        (void)fprintf(stderr, "\r%.79s\033[K", line);
        progress->shown = true;
    } else {
        (void)fprintf(stderr, "%s\n", line);
    }
    (void)fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        (void)fputc('\n', stderr);
        progress->shown = false;
    }
}
