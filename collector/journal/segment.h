/* Inside the journal: one segment file, its header, its records, and a window through which they are read. The format
 * is drawn in journal.c. */
#ifndef EDUTALLY_JOURNAL_SEGMENT_H
#define EDUTALLY_JOURNAL_SEGMENT_H

#include "base/error.h"
#include "journal/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEGMENT_HEADER = 32, SEGMENT_NAME_SIZE = 32, RECORD_HEADER = 18 };

/* Writes "00000000000000000042.seg"; returns `out`. */
const char *segment_name(int64_t first, char out[SEGMENT_NAME_SIZE]);

/* False if it is not the name of a segment. */
bool segment_parse_name(const char *name, int64_t *first);

/* The path of a segment; caller frees, NULL when out of memory. */
char *segment_path(const char *directory, int64_t first);

/* Makes a new segment whose header, and name in the directory, survive power loss when this returns 0. `*fd` appends.
 * On failure nothing is left behind. ERROR_IO, ERROR_MEMORY. */
int segment_create(const char *directory, int64_t first, int *fd, struct error *error);

/* Writes and syncs the header of an open segment that holds no records. ERROR_IO. */
int segment_write_header(int fd, int64_t first, struct error *error);

/* 1: as it should be; 0: damaged or cut off. ERROR_INPUT: whole, but of a format that this program does not know.
 * ERROR_IO. */
int segment_check_header(int fd, int64_t first, const char *path, struct error *error);

/* Fills the header of a record that will begin at `position`. The lengths and the time are within bounds. */
void record_write_header(unsigned char header[RECORD_HEADER], int64_t position, int64_t received_ms, const char *topic,
                         size_t topic_length, const void *payload, size_t payload_length);

/* What a record of these lengths takes in the file. */
int64_t record_size(size_t topic_length, size_t payload_length);

/* True if a record may carry this time: within ±2^48 ms, which covers the years 0 to 9999. */
bool record_time_fits(int64_t received_ms);

/* A part of one segment in memory. It grows to the largest record and shrinks again after it. */
struct window {
    int fd;        /* -1: no segment; owned by whoever set it */
    int64_t first; /* position of the segment's first record */
    int64_t limit; /* nothing at or past this position is looked at */
    char *bytes;
    size_t size;
    int64_t at; /* position of bytes[0] */
    size_t used;
};

/* From now on the window looks at another segment. */
void window_set(struct window *window, int fd, int64_t first, int64_t limit);
void window_free(struct window *window);

/* 1 and the record that begins at `position` (it points into the window); 0 if no good record begins there. ERROR_IO,
 * ERROR_MEMORY. */
int window_read(struct window *window, int64_t position, struct journal_record *record, struct error *error);

/* 1 and the first position from `from` on at which a good record begins; 0 if there is none before the limit. ERROR_IO,
 * ERROR_MEMORY. */
int window_find(struct window *window, int64_t from, int64_t *found, struct error *error);

#endif
