/* Inside the journal: one segment file, its header and its key. The format is drawn in journal.c. */
#ifndef EDUTALLY_JOURNAL_SEGMENT_H
#define EDUTALLY_JOURNAL_SEGMENT_H

#include "base/crypt.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEGMENT_NAME_SIZE = 32,
    SEGMENT_BLOCK = 4096, /* of a copy of the header: the sector of today's disks, so that no torn one holds both */
    SEGMENT_HEADER = 2 * SEGMENT_BLOCK,
    SEGMENT_PLAIN_HEADER = 32 /* of format 1 */
};

enum segment_state {
    SEGMENT_SEALED,  /* format 2, its key is at hand */
    SEGMENT_PLAIN,   /* format 1, without a key */
    SEGMENT_ERASED,  /* its key was erased */
    SEGMENT_FOREIGN, /* its key was wrapped with another secret */
    SEGMENT_LOST     /* no copy of its header is whole, and so is no copy of its key */
};

/* What is known of an open segment. */
struct segment {
    int64_t first;
    enum segment_state state;
    struct crypt *crypt; /* its key, for SEGMENT_SEALED; one thread's */
    int64_t made_ms;     /* when it was begun, by the clock of that time */
    bool whole[2];       /* which copies of the header are; format 1 has one */
    bool is_unread;      /* the disk did not give all of the header */
};

/* True of an errno of read() that speaks of this place on the disk and not of the call. */
bool segment_is_unreadable(int code);

/* Writes "00000000000000000042.seg"; returns `out`. */
const char *segment_name(int64_t first, char out[SEGMENT_NAME_SIZE]);

/* False if it is not the name of a segment. */
bool segment_parse_name(const char *name, int64_t *first);

/* The path of a segment; caller frees, NULL when out of memory. */
char *segment_path(const char *directory, int64_t first);

/* Where in its file the record at a position begins. */
int64_t segment_offset(const struct segment *segment, int64_t position);

/* Makes a new segment with a key of its own. `*fd` appends. Its header survives power loss once the file was synced,
 * its name once the directory was. On failure nothing is left behind. ERROR_IO, ERROR_MEMORY. */
int segment_create(const char *directory, int64_t first, const struct secret *secret, int *fd, struct segment *segment,
                   struct error *error);

/* Empties the open file of a segment that holds no records, and gives it a header and a key. As segment_create. */
int segment_begin(int fd, int64_t first, const struct secret *secret, struct segment *segment, struct error *error);

/* Fills `segment`, which close has to be called for; its state says what is damaged, or cannot be read. ERROR_INPUT: of
 * a format that this program does not know. ERROR_IO, ERROR_MEMORY. */
int segment_open(int fd, int64_t first, const struct secret *secret, const char *path, struct segment *segment,
                 struct error *error);
/* Wipes the key. The file is the caller's. */
void segment_close(struct segment *segment);

/* Copies the whole copy of the header over the damaged one. ERROR_IO. */
int segment_mend(const struct segment *segment, const char *path, struct error *error);

/* Overwrites both copies of the key, of format 1 all records, syncs, and removes the file; where overwriting fails (a
 * full disk below a file system that never writes in place), says so in the log and removes it all the same. The caller
 * syncs the directory. Nothing to do if the file is gone. ERROR_IO, ERROR_MEMORY. */
int segment_erase(const char *directory, int64_t first, struct error *error);

#endif
