/* What the journal's tests share: a directory of their own, and hands to damage the files in it. */
#ifndef EDUTALLY_TESTS_JOURNAL_SUPPORT_H
#define EDUTALLY_TESTS_JOURNAL_SUPPORT_H

#include "base/counters.h"
#include "journal/journal.h"

#include <stddef.h>
#include <stdint.h>

enum { HEADER = 8192, COPY = 4096, PLAIN_HEADER = 32, RECORD = 20 };

struct place {
    char directory[64];
    struct secret *secret;
    struct counters counters;
    struct journal *journal;
    struct error error;
};

/* A fresh directory, an open journal in it; given back by teardown. */
int place_setup(void **state);
int place_teardown(void **state);

/* Closes the journal and opens it again. */
void place_reopen(struct place *place, int64_t segment_bytes);

/* Closes the journal; opens it as it is, for reading alone. */
void place_open_for_reading(struct place *place);

/* Appends one record; the test fails if that fails. */
void place_append(struct place *place, const char *topic, const char *payload);

/* Appends `count` records whose payloads are "<number> xxxx…" of `bytes` bytes, numbered from `from`. */
void place_append_numbered(struct place *place, int from, int count, size_t bytes);

/* Closes the journal and puts one segment in the place of all that are there, as if this were its disk. */
void place_restore(struct place *place, const char *bytes, size_t count);

/* The path of the segment that begins at `first`; valid until the next call. */
const char *place_segment(const struct place *place, int64_t first);
long place_count_segments(const struct place *place);

int64_t file_size(const char *path);
void file_flip(const char *path, int64_t offset, unsigned char mask);
void file_cut(const char *path, int64_t size);
/* The file's bytes, caller frees. */
char *file_bytes(const char *path, size_t *count);
void file_put(const char *path, const char *bytes, size_t count);

/* Reads from `position` to the end; `payloads` gets the payloads joined by '|' (cut to `size`). Returns their number.
 */
int place_read_all(struct place *place, int64_t position, char *payloads, size_t size);

/* What a survey says, of at most MOST_SURVEYED segments and damages. */
enum { MOST_SURVEYED = 16 };
struct surveyed {
    struct journal_segment segments[MOST_SURVEYED];
    struct journal_damage damages[MOST_SURVEYED];
    size_t segment_count, damage_count;
};
void place_survey(struct place *place, struct surveyed *surveyed);

/* Sets when a segment was begun, in both copies of its header. */
void place_set_made(const struct place *place, int64_t first, int64_t made_ms);

/* Lets no file grow past `bytes` until it is called with -1: a full disk, for write() takes a part and then fails. */
void disk_size(int64_t bytes);

int64_t counted(const struct place *place, enum counter counter);

#endif
