/* Inside the journal: records as they stand in a file, and the window through which they are read. The format is drawn
 * in journal.c. */
#ifndef EDUTALLY_JOURNAL_WINDOW_H
#define EDUTALLY_JOURNAL_WINDOW_H

#include "base/error.h"
#include "journal/journal.h"
#include "segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_HEADER = 20,
    RECORD_FIXED = 10,       /* of the body: received time, topic length */
    RECORD_PLAIN_HEADER = 8, /* of format 1 */
    RECORD_MOST = RECORD_HEADER + RECORD_FIXED + JOURNAL_MAX_TOPIC + JOURNAL_MAX_PAYLOAD + CRYPT_TAG
};

/* What a record of these lengths takes in a file. */
int64_t record_size(size_t topic_length, size_t payload_length);

/* True if a record may carry this time: within ±2^48 ms, which covers the years 0 to 9999. */
bool record_time_fits(int64_t received_ms);

/* Writes the body of a record at `at` + RECORD_HEADER, and its length at `at`. The lengths and the time are within
 * bounds; `at` has room for record_size bytes. Returns that size. */
size_t record_compose(char *at, int64_t received_ms, const char *topic, size_t topic_length, const void *payload,
                      size_t payload_length);

/* The size of a record that record_compose wrote. */
size_t record_composed_size(const char *at);

/* Seals a composed record into `out` (which may be `composed`) for a position. No `salt` may ever come back for the
 * same position and key. ERROR_MEMORY. */
int record_seal(struct crypt *crypt, int64_t position, uint64_t salt, const char *composed, char *out);

/* A part of one segment in memory. What the disk does not give (a bad sector) is held as zeros, which are no record, in
 * blocks of SEGMENT_BLOCK, and said in the log. It grows to the largest record and shrinks again after it. Records are
 * opened where they lie, so a window is read forward. */
struct window {
    int fd;                        /* -1: no segment; owned by whoever set it */
    const struct segment *segment; /* borrowed: sealed or plain; its key may be missing where nothing is read */
    int64_t limit;                 /* nothing at or past this position is looked at */
    char *bytes;
    size_t size;
    int64_t at; /* position of bytes[0] */
    size_t used;
    int64_t opened;             /* what lies before this position in `bytes` is not as in the file any more */
    int64_t searched;           /* bytes of bodies that window_find looked at in vain */
    int64_t unread_until;       /* behind the last byte that the disk did not give; the segment's first: it gave all */
    int64_t told_from, told_to; /* the stretch of such bytes that the log names already */
};

/* From now on the window looks at another segment. */
void window_set(struct window *window, int fd, const struct segment *segment, int64_t limit);
void window_free(struct window *window);

/* What is read next comes from the file again. */
void window_forget(struct window *window);

/* 1 if a whole record begins at `position`, `*next` is behind it: needs no key. 0 if none does. ERROR_IO, ERROR_MEMORY.
 */
int window_check(struct window *window, int64_t position, int64_t *next, struct error *error);

/* 1 and the record that begins at `position` (it points into the window); 0 if no good record begins there. ERROR_IO,
 * ERROR_MEMORY. */
int window_read(struct window *window, int64_t position, struct journal_record *record, struct error *error);

enum { WINDOW_GAVE_UP = 2 };

/* 1 and the first position from `from` on at which a whole record begins; 0 if there is none before the limit.
 * WINDOW_GAVE_UP: there are more look-alikes than bytes would come to look like records by chance. The work is linear
 * in the size of the segment, whatever its bytes are. ERROR_IO, ERROR_MEMORY. */
int window_find(struct window *window, int64_t from, int64_t *found, struct error *error);

#endif
