/*
 * The journal: every message that arrived, in order, in append-only segment files. It is the queue between receiving
 * and counting (the pipeline reads from it, live and after a crash alike) and the audit trail from which facts can be
 * rebuilt.
 *
 * A position is the number of bytes since the journal began; it never repeats. Segment files carry the position of
 * their first record in their names. File format: drawn in journal.c.
 */
#ifndef EDUTALLY_JOURNAL_JOURNAL_H
#define EDUTALLY_JOURNAL_JOURNAL_H

#include "base/counters.h"
#include "base/error.h"

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
 * cut off and logged; damage never stops the start. Segments grow to about `segment_bytes`. `counters` must outlive it.
 * ERROR_IO, ERROR_MEMORY, ERROR_INPUT (a segment that a newer program wrote). */
int journal_open(struct journal **journal, const char *directory, int64_t segment_bytes, struct counters *counters,
                 struct error *error);

/* Writes and syncs what is left, after the last call of every other thread. */
void journal_close(struct journal **journal);

/* Appends one record with a single write(): it survives the death of the process when this returns 0. One thread at a
 * time. On ERROR_IO (disk full) nothing was appended and the call may be repeated. ERROR_LIMIT: past the bounds above,
 * or a time outside of the years 0 to 9999. */
int journal_append(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                   const void *payload, size_t payload_length, struct error *error);

/* As journal_append, but gathers records in memory until journal_flush or 1 MiB: for bulk input, where nothing was
 * acknowledged to anybody. On an error this record was not taken; those gathered before are kept for the next try. */
int journal_append_lazily(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                          const void *payload, size_t payload_length, struct error *error);
int journal_flush(struct journal *journal, struct error *error);

/* The position after the last complete record that was written. Any thread. */
int64_t journal_end(const struct journal *journal);

/* Makes everything written so far survive power loss; nothing to do is no system call. Any one thread. ERROR_IO: after
 * that the journal must not be trusted to hold what was not synced before. */
int journal_sync(struct journal *journal, struct error *error);

/* True once a sync failed: it then refuses everything until it is opened again. Any thread. */
bool journal_is_broken(const struct journal *journal);

/* Waits until the journal ends past `position`, journal_wake is called, or the time is over. A wake while nobody waits
 * ends the next wait at once; of several waiters one may consume it. Any thread. */
void journal_wait(struct journal *journal, int64_t position, int64_t timeout_ms);
void journal_wake(struct journal *journal);

/* Removes segments that lie wholly before `position` and are older than `keep_days` or exceed `keep_bytes` in total
 * (0: no bound); the segment being written stays. ERROR_IO. */
int journal_trim(struct journal *journal, int64_t position, int64_t keep_days, int64_t keep_bytes, struct error *error);

/* A reader from `position` (which must be a record's beginning or the end; positions before the oldest segment start at
 * the oldest, with a warning in the log). A position past the end (the journal was lost) makes the journal go on from
 * there, so that positions never repeat: open such a reader before the first append. Each reader belongs to one thread.
 * ERROR_IO, ERROR_MEMORY. */
int journal_reader_open(struct journal_reader **reader, struct journal *journal, int64_t position, struct error *error);
void journal_reader_close(struct journal_reader **reader);

/* 1 and a record; 0 when there is none yet; ERROR_IO. A record that fails its CRC is passed over, logged and counted;
 * the ones after it are found again. */
int journal_read(struct journal_reader *reader, struct journal_record *record, struct error *error);

/* Where the reader stands: after the last record read and after what was passed over since. */
int64_t journal_reader_position(const struct journal_reader *reader);

#endif
