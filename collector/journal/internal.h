/* Inside the journal: what its files share. */
#ifndef EDUTALLY_JOURNAL_INTERNAL_H
#define EDUTALLY_JOURNAL_INTERNAL_H

#include "journal/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct journal {
    char *directory;
    int64_t segment_bytes;
    struct counters *counters;

    pthread_mutex_t writing;
    char *gathered; /* records of journal_append_lazily: they begin at `end` */
    size_t gathered_bytes, gathered_records;
    int64_t last;      /* where the last segment begins */
    bool needs_repair; /* the last segment may hold part of a record past `end` */

    pthread_mutex_t lock;
    int64_t *firsts; /* of all segments, ascending; never empty */
    size_t count, size;
    int fd; /* the last segment's; changed under both locks */

    _Atomic int64_t end;
    _Atomic int64_t synced;
    _Atomic bool broken; /* a sync failed */

    pthread_mutex_t bell;
    pthread_cond_t rung;
    _Atomic int waiting;
    bool woken;
};

/* Takes a segment into the list, behind all others. Under `lock`, or while nobody else knows the journal. ERROR_MEMORY.
 */
int journal_list_segment(struct journal *journal, int64_t first);

/* Lists the directory's segments and makes the last one ready to be appended to. As journal_open. */
int journal_open_segments(struct journal *journal, struct error *error);

/* Where a position lies. */
struct journal_place {
    int64_t first;  /* of the segment that holds the position, or that is the last one before it */
    int64_t limit;  /* where the next segment begins, or the journal's end */
    bool is_before; /* the position lies before the oldest segment, `first` is the oldest's */
};

/* Any thread. */
void journal_locate(struct journal *journal, int64_t position, struct journal_place *place);

/* For a position past the end (the journal was lost, or its last record was damaged, after the store had committed):
 * begins a new segment there, so that no position ever stands for two records. ERROR_IO. */
int journal_advance(struct journal *journal, int64_t position, struct error *error);

#endif
