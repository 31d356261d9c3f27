#include "progress.h"

#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

enum { REDRAW_MS = 100, BAR = 30 };

void progress_start(struct progress *progress, int64_t total, const char *unit)
{
    *progress = (struct progress){
        .shown = isatty(STDERR_FILENO) != 0, .started_ms = clock_steady_ms(), .total = total, .unit = unit};
}

void progress_show(struct progress *progress, int64_t done, int64_t items)
{
    int64_t now_ms = clock_steady_ms();
    if (!progress->shown || now_ms - progress->drawn_ms < REDRAW_MS) {
        return;
    }
    progress->drawn_ms = now_ms;
    int64_t elapsed_ms = now_ms - progress->started_ms > 0 ? now_ms - progress->started_ms : 1;
    long long rate = (long long)(items * 1000 / elapsed_ms);
    if (progress->total <= 0) {
        fprintf(stderr, "\r\033[K%lld %s, %lld/s", (long long)items, progress->unit, rate);
        return;
    }
    int filled = (int)(done * BAR / progress->total);
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR] = '\0';
    int64_t left_s = done > 0 ? (progress->total - done) * elapsed_ms / done / 1000 : 0;
    fprintf(stderr, "\r\033[K[%s] %3d%%  %lld %s, %lld/s, %llds left", bar, (int)(done * 100 / progress->total),
            (long long)items, progress->unit, rate, (long long)left_s);
}

void progress_end(const struct progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r\033[K");
    }
}
