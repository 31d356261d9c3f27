/*
 * The journal: every message that arrived, in order, in append-only segment files. It is the queue between receiving
 * and counting (the pipeline reads from it, live and after a crash alike) and the audit trail from which facts can be
 * rebuilt.
 *
 * A position is the number of bytes since the journal began; it never repeats. Segment files carry the position of
 * their first record in their names. What they hold is sealed, each with a key of its own that is wrapped with the
 * deployment's secret. File format: drawn in journal.c.
 */
#ifndef EDUTALLY_JOURNAL_JOURNAL_H
#define EDUTALLY_JOURNAL_JOURNAL_H

#include "base/counters.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;
struct journal_reader;

struct journal_record {
    int64_t position; /* where it begins */
    int64_t next;     /* where the next one begins: commit this to continue after the record */
    int64_t received_ms;
    const char *topic; /* not NUL-terminated; valid until the reader's next call */
    size_t topic_length;
    const char *payload;
    size_t payload_length;
};

enum { JOURNAL_MAX_TOPIC = 65535, JOURNAL_MAX_PAYLOAD = 256 * 1024 * 1024 };

/* Opens or makes the journal in `directory`. A torn tail (an incomplete or damaged last record of the last segment) is
 * cut off and logged; damage, and bytes that the disk does not give, never stop the start. What a former process did
 * not know to be on the disk is written anew and synced: nothing after a clean stop, 4 MiB and what was not synced
 * after a death, the last two segments where nothing is known. Segments grow to about `segment_bytes`, and take records
 * for a day. `secret` and `counters` must outlive it. ERROR_CONFIG: another secret than the one it was made with,
 * nothing was touched. ERROR_INPUT: a segment that a newer program wrote. ERROR_IO, ERROR_MEMORY. */
int journal_open(struct journal **journal, const char *directory, int64_t segment_bytes, const struct secret *secret,
                 struct counters *counters, struct error *error);

/* Opens the journal as it is now, beside a running collector or without one, and changes nothing: for readers,
 * journal_survey, journal_end and journal_close alone. What is appended later is not seen; what is removed later is
 * passed over without being called damage. As journal_open; ERROR_MISSING if there is no journal. */
int journal_open_for_reading(struct journal **journal, const char *directory, const struct secret *secret,
                             struct counters *counters, struct error *error);

/* Writes and syncs what is left, after the last call of every other thread. */
void journal_close(struct journal **journal);

/* Appends one record with a single write(): it survives the death of the process when this returns 0. One thread at a
 * time. Where a segment is full it makes the next one, without any sync; but if that is the second one since the last
 * journal_sync it syncs by itself, and takes as long as up to four syncs do. On ERROR_IO (disk full) nothing was
 * appended and the call may be repeated. ERROR_LIMIT: past the bounds above, or a time outside of the years 0 to 9999.
 * ERROR_MEMORY: as ERROR_IO. */
int journal_append(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                   const void *payload, size_t payload_length, struct error *error);

/* As journal_append, but gathers records in memory until journal_flush or 1 MiB: for bulk input, where nothing was
 * acknowledged to anybody. On an error this record was not taken; those gathered before are kept for the next try. */
int journal_append_lazily(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                          const void *payload, size_t payload_length, struct error *error);
int journal_flush(struct journal *journal, struct error *error);

/* The position after the last complete record that was written. Any thread. */
int64_t journal_end(const struct journal *journal);

/* Makes everything written so far survive power loss: one sync, three after a segment was begun; nothing to do is no
 * system call. Any thread. ERROR_IO: after that the journal must not be trusted to hold what was not synced before. */
int journal_sync(struct journal *journal, struct error *error);

/* True once a sync failed: it then refuses everything until it is opened again. Any thread. */
bool journal_is_broken(const struct journal *journal);

/* Waits until the journal ends past `position`, journal_wake is called, or the time is over. A wake while nobody waits
 * ends the next wait at once; of several waiters one may consume it. Any thread. */
void journal_wait(struct journal *journal, int64_t position, int64_t timeout_ms);
void journal_wake(struct journal *journal);

/* Removes segments that lie wholly before `position` and are older than `keep_days` or exceed `keep_bytes` in total
 * (0: no bound), the oldest first: erases the key (of format 1, which has none, the records), then the file. The
 * segment being written stays. Works on a full disk and while appends fail. A segment's age is that of its last record,
 * counted from one segment to the next: a step that no healthy clock makes counts for nothing, so a clock that is years
 * ahead removes nothing. One thread at a time. ERROR_IO, ERROR_MEMORY. */
int journal_trim(struct journal *journal, int64_t position, int64_t keep_days, int64_t keep_bytes, struct error *error);

/* Removes, whatever the age that is kept, the oldest segments that lie wholly before `position` and whose records were
 * all received before `before_ms` (a segment that cannot be read: was written before then); `*erased` is their number.
 * Begins a new segment if the one being written is one of them. As journal_trim. */
int journal_erase(struct journal *journal, int64_t position, int64_t before_ms, int64_t *erased, struct error *error);

enum journal_condition {
    JOURNAL_WHOLE,
    JOURNAL_DAMAGED,     /* in parts, or wholly: then records is 0 */
    JOURNAL_ERASED,      /* its key was erased */
    JOURNAL_OTHER_SECRET /* its key was wrapped with another secret */
};

struct journal_segment {
    int64_t first, next; /* positions: of the first record, and behind the last one */
    int64_t file_bytes;
    int64_t records;        /* whole ones */
    int64_t from_ms, to_ms; /* when the first and the last of them were received, if there are any */
    int64_t made_ms;        /* when it was begun */
    int64_t damages;        /* stretches that no record could be read from */
    int64_t damaged_bytes;  /* their sum */
    int64_t tail_bytes;     /* behind the last record of the last segment: being written, or cut off by a crash */
    int format;             /* 1: in plain; 2: sealed */
    int header_copies;      /* whole ones, of 2 */
    enum journal_condition condition;
    bool is_last; /* the one being written */
};

struct journal_damage {
    int64_t segment; /* where the segment begins */
    int64_t position, bytes;
    const char *what;
};

/* Each returns 0 to go on; anything else stops and is returned. */
typedef int journal_each_segment(void *context, const struct journal_segment *segment);
typedef int journal_each_damage(void *context, const struct journal_damage *damage);

/* Reads everything and tells of each segment, after each damage in it (NULL: nobody is told). Any thread.
 * ERROR_IO, ERROR_MEMORY, ERROR_INPUT, or what a callback returned. */
int journal_survey(struct journal *journal, journal_each_segment *each_segment, journal_each_damage *each_damage,
                   void *context, struct error *error);

/* A reader from `position` (which must be a record's beginning or the end; positions before the oldest segment start at
 * the oldest, with a warning in the log). A position past the end (the journal was lost) makes the journal go on from
 * there, so that positions never repeat: open such a reader before the first append. Each reader belongs to one thread.
 * ERROR_IO, ERROR_MEMORY. */
int journal_reader_open(struct journal_reader **reader, struct journal *journal, int64_t position, struct error *error);
void journal_reader_close(struct journal_reader **reader);

/* 1 and a record; 0 when there is none yet; ERROR_IO, ERROR_MEMORY: try again later. A record that is not as it was
 * written is passed over, logged and counted (journal_damaged); the ones after it are found again. So is a segment
 * whose key was erased (journal_erased) or is lost. What the disk does not give is passed over likewise, by blocks of 4
 * KiB, if the disk still takes a write and a sync; ERROR_IO if it does not, for then it is away and may come back. */
int journal_read(struct journal_reader *reader, struct journal_record *record, struct error *error);

/* Where the reader stands: after the last record read and after what was passed over since. */
int64_t journal_reader_position(const struct journal_reader *reader);

#endif
