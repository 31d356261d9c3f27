/* Inside the journal: what its files share. */
#ifndef EDUTALLY_JOURNAL_INTERNAL_H
#define EDUTALLY_JOURNAL_INTERNAL_H

#include "journal/journal.h"
#include "segment.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What the list knows of a segment. */
struct listed {
    int64_t first;
    int64_t made_ms; /* when it was begun (format 1: last written to), by the clock of that time */
};

struct journal {
    char *directory;
    const struct secret *secret;
    int64_t segment_bytes;
    struct counters *counters;
    bool is_reading; /* journal_open_for_reading: nothing is ever written */

    pthread_mutex_t writing;
    char *gathered; /* records of journal_append_lazily, composed and not yet sealed: they begin at `end` */
    size_t gathered_bytes, gathered_records;
    char *sealed; /* what is about to be written */
    size_t sealed_size;
    struct segment last; /* the last segment, with its key */
    bool is_closed;      /* the last segment takes no more records: format 1, or its key is gone */
    bool needs_repair;   /* it may hold part of a record past `end` */
    uint64_t salt;       /* of the next record: random when opened, one more for each record that is sealed */

    pthread_mutex_t syncing; /* one at a time: a failure is told once, and whoever comes next must know of it */

    pthread_mutex_t lock;
    struct listed *list; /* all segments, ascending; never empty */
    size_t count, size;
    int fd;   /* the last segment's; changed under both locks; -1 for reading */
    int owed; /* of the segment before the last one, which the next sync owes, with the last one's header and name; -1:
               * none; set by who writes, where there is none, and struck out by who syncs */

    _Atomic int64_t end;
    _Atomic int64_t synced;
    _Atomic int64_t hinted; /* how far the next start will know that it is synced; -1: not at all */
    _Atomic bool broken;    /* a sync failed */

    pthread_mutex_t bell;
    pthread_cond_t rung;
    _Atomic int waiting;
    bool woken;
};

/* Takes a segment into the list, behind all others. Under `lock`, or while nobody else knows the journal. ERROR_MEMORY.
 */
int journal_list_segment(struct journal *journal, int64_t first, int64_t made_ms);

/* Lists the directory's segments and makes the last one ready to be appended to (not for reading). As journal_open. */
int journal_open_segments(struct journal *journal, struct error *error);

/* Brings all that is written to the disk. Any thread. ERROR_IO: the journal is broken, or nothing could be tried. */
int journal_settle(struct journal *journal, struct error *error);

/* The same, if the sync of a segment before the last one is owed. */
int journal_settle_owed(struct journal *journal, struct error *error);

/* What a broken journal says. ERROR_IO. */
int journal_refuse_broken(struct error *error);

/* Learns how far a former process knew that its bytes are on the disk. A hint past the end is of bytes that are gone:
 * it is removed. ERROR_IO: it could not be. */
int journal_load_hint(struct journal *journal, struct error *error);

/* Leaves word of how far the journal is synced. Where that cannot be written, the word before it, or none, is true too,
 * and the next start has more to do. */
void journal_save_hint(struct journal *journal);

/* Writes anew what the hint does not vouch for, and syncs it. For opening; the list and the end are known. ERROR_IO,
 * ERROR_MEMORY. */
int journal_write_again(struct journal *journal, struct error *error);

/* True if the disk takes a write and brings it to its end: then what it does not give is damaged, and not merely out of
 * reach for now. A journal that is read alone writes nothing, and takes it for damaged. */
bool journal_disk_answers(struct journal *journal);

/* Where a position lies. */
struct journal_place {
    int64_t first;  /* of the segment that holds the position, or that is the last one before it */
    int64_t limit;  /* where the next segment begins, or the journal's end */
    bool is_before; /* the position lies before the oldest segment, `first` is the oldest's */
    bool is_last;   /* there is no next segment */
};

/* Any thread. */
void journal_locate(struct journal *journal, int64_t position, struct journal_place *place);

/* Opens the segment file that begins at `first`. 1; 0 if there is none. ERROR_IO, ERROR_MEMORY, ERROR_INPUT. The caller
 * closes both. */
int journal_open_segment(const struct journal *journal, int64_t first, int *fd, struct segment *segment,
                         struct error *error);

/* Begins a new segment at the end, if the last one holds any records, so that it may go. ERROR_IO, ERROR_MEMORY. */
int journal_turn_over(struct journal *journal, struct error *error);

/* For a position past the end (the journal was lost, or its last record was damaged, after the store had committed):
 * begins a new segment there, so that no position ever stands for two records. ERROR_IO. */
int journal_advance(struct journal *journal, int64_t position, struct error *error);

/* Looks at every record of the segment at `place`. As journal_survey. */
int journal_survey_segment(const struct journal *journal, const struct journal_place *place,
                           struct journal_segment *segment, journal_each_damage *each_damage, void *context,
                           struct error *error);

/* How long ago, in ms, the segment that begins at list[index] was begun, as far as clocks can be believed. Pure. */
int64_t journal_age(const struct listed *list, size_t count, size_t index, int64_t now_ms, int64_t keep_ms);

#endif
