/*
 * The journal's end and what is committed of it are two counters. One look cannot tell how long the difference has been
 * there, so the watch remembers the end that it saw: once commits pass it, everything that waited then is counted.
 * Looks that are far apart can only make the lag look smaller, never larger.
 */
#include "internal.h"

int watch_open(struct watch *watch)
{
    *watch = (struct watch){0};
    return pthread_mutex_init(&watch->lock, NULL) == 0 ? 0 : ERROR_MEMORY;
}

void watch_close(struct watch *watch)
{
    pthread_mutex_destroy(&watch->lock);
}

struct progress watch_look(struct watch *watch, const struct counters *counters, int64_t now_steady_ms)
{
    /* Committed first: read the other way round, a commit in between would look like being ahead of the journal. */
    int64_t committed = counter_get(counters, COUNTER_journal_committed);
    int64_t position = counter_get(counters, COUNTER_journal_position);
    pthread_mutex_lock(&watch->lock);
    if (committed >= position || committed != watch->last_committed || !watch->waiting) {
        watch->last_moved_ms = now_steady_ms;
    }
    watch->last_committed = committed;
    if (committed >= position) {
        watch->waiting = false;
    } else if (!watch->waiting || committed >= watch->awaited_position) {
        watch->waiting = true;
        watch->awaited_position = position;
        watch->awaited_since_ms = now_steady_ms;
    }
    struct progress progress = {.started = position > 0,
                                .lag_ms = watch->waiting ? now_steady_ms - watch->awaited_since_ms : 0,
                                .stalled_ms = now_steady_ms - watch->last_moved_ms};
    pthread_mutex_unlock(&watch->lock);
    return progress;
}
