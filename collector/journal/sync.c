/*
 * What is on the disk, and how far that is known.
 *
 * A failed sync is final: the kernel takes the pages that it could not write for written, the next sync succeeds
 * without them, and they are read from memory as if they were there (PostgreSQL's "fsyncgate", 2018). So once a sync
 * failed the journal refuses everything; and the next process, to which the kernel shows the same pages, must not
 * believe them either. What no sync of the former process vouches for it writes anew before its own sync: bytes that
 * were written are written again, whatever the kernel thinks of them.
 *
 * How far a former process had synced, it says in a file of its own, `synced`:
 *   0  "edusync\n"     8 bytes
 *   8  position        u64        everything below it is synced
 *  16  CRC-32C of the above  u32
 * It is written after a sync, at each 4 MiB and when the journal is closed, and needs no sync: pages that lie about the
 * disk do not outlive a crash of the machine, so the hint is asked only where it is as it was written. A hint that is
 * too low, or none, costs time and nothing else: without one the last two segments are written anew. So a start after
 * a clean stop writes nothing; one after a death, 4 MiB and what came after the last sync.
 *
 * What is not synced lies in the last two segments alone, for journal.c begins no third one before. The names of
 * segments are synced at each start. Should the sync of a directory have failed before, its file system has stopped
 * writing (ext4, xfs and btrfs all do when they cannot log a change), and no later sync succeeds.
 */
#include "internal.h"
#include "segment.h"

#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HINT_BYTES = 20, HINT_EVERY = 4 * 1024 * 1024, CHUNK = 64 * 1024 };

static const unsigned char hint_magic[8] = {'e', 'd', 'u', 's', 'y', 'n', 'c', '\n'};

int journal_refuse_broken(struct error *error)
{
    return error_set(error, ERROR_IO,
                     "the journal could not be synced to disk before; restart the collector once the disk "
                     "is well");
}

/* Syncing. */

/* What has to be synced: descriptors of one's own, so that rotation cannot close one under a running sync. */
struct debt {
    int last, before, directory; /* -1: none */
    int64_t end;                 /* all below lies in these two and in what is synced */
};

static void give_back(const struct debt *debt)
{
    const int fds[] = {debt->last, debt->before, debt->directory};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static int borrow(struct journal *journal, struct debt *debt, struct error *error)
{
    pthread_mutex_lock(&journal->lock);
    bool owes = journal->owed >= 0;
    *debt = (struct debt){.end = journal_end(journal), .before = -1, .directory = -1};
    debt->last = fcntl(journal->fd, F_DUPFD_CLOEXEC, 0);
    if (owes) {
        debt->before = fcntl(journal->owed, F_DUPFD_CLOEXEC, 0);
    }
    pthread_mutex_unlock(&journal->lock);
    if (owes) {
        debt->directory = open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (debt->last < 0 || (owes && (debt->before < 0 || debt->directory < 0))) {
        int result = error_errno(error, "cannot sync the journal in %s", journal->directory);
        give_back(debt);
        return result;
    }
    return 0;
}

/* The older one first: power loss in between leaves less of a hole. */
static bool sync_all(const struct debt *debt)
{
    if (debt->before < 0) {
        return fdatasync(debt->last) == 0;
    }
    return fdatasync(debt->before) == 0 && fsync(debt->last) == 0 && fsync(debt->directory) == 0;
}

/* Under `syncing`. */
static int settle(struct journal *journal, struct error *error)
{
    struct debt debt;
    if (atomic_load(&journal->broken)) {
        return journal_refuse_broken(error);
    }
    if (borrow(journal, &debt, error) != 0) {
        return ERROR_IO;
    }
    bool is_safe = sync_all(&debt);
    if (!is_safe) {
        error_errno(error, "cannot sync the journal in %s", journal->directory);
        atomic_store(&journal->broken, true);
    }
    give_back(&debt);
    if (!is_safe) {
        return ERROR_IO;
    }
    counter_add(journal->counters, COUNTER_journal_syncs, 1);
    if (debt.before >= 0) {
        pthread_mutex_lock(&journal->lock);
        close(journal->owed);
        journal->owed = -1;
        pthread_mutex_unlock(&journal->lock);
    }
    atomic_store(&journal->synced, debt.end);
    if (debt.end - atomic_load(&journal->hinted) >= HINT_EVERY) {
        journal_save_hint(journal);
    }
    return 0;
}

int journal_settle(struct journal *journal, struct error *error)
{
    pthread_mutex_lock(&journal->syncing);
    int result = settle(journal, error);
    pthread_mutex_unlock(&journal->syncing);
    return result;
}

int journal_settle_owed(struct journal *journal, struct error *error)
{
    pthread_mutex_lock(&journal->lock);
    bool owes = journal->owed >= 0;
    pthread_mutex_unlock(&journal->lock);
    if (!owes) {
        return 0;
    }
    pthread_mutex_lock(&journal->syncing);
    int result = journal->owed >= 0 ? settle(journal, error) : 0; /* another thread may just have done it */
    pthread_mutex_unlock(&journal->syncing);
    return result;
}

int journal_sync(struct journal *journal, struct error *error)
{
    if (atomic_load(&journal->broken)) {
        return journal_refuse_broken(error);
    }
    return atomic_load(&journal->synced) < journal_end(journal) ? journal_settle(journal, error) : 0;
}

/* The hint. */

static char *hint_path(const struct journal *journal)
{
    size_t size = strlen(journal->directory) + sizeof "/synced";
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/synced", journal->directory);
    }
    return path;
}

/* Returns whether it was written, and synced if that was asked for. */
static bool write_hint(const struct journal *journal, int64_t position, bool sync)
{
    unsigned char bytes[HINT_BYTES];
    memcpy(bytes, hint_magic, sizeof hint_magic);
    bytes_put(bytes + 8, (uint64_t)position, 8);
    bytes_put(bytes + 16, crc32c_extend(0, bytes, 16), 4);
    char *path = hint_path(journal);
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640) : -1;
    free(path);
    if (fd < 0) {
        return false;
    }
    bool is_written = pwrite(fd, bytes, sizeof bytes, 0) == sizeof bytes && (!sync || fdatasync(fd) == 0);
    close(fd);
    return is_written;
}

void journal_save_hint(struct journal *journal)
{
    int64_t synced = atomic_load(&journal->synced);
    if (synced > 0 && synced > atomic_load(&journal->hinted) && write_hint(journal, synced, false)) {
        atomic_store(&journal->hinted, synced);
    }
}

bool journal_disk_answers(struct journal *journal)
{
    int64_t hinted = atomic_load(&journal->hinted);
    return journal->is_reading || write_hint(journal, hinted > 0 ? hinted : 0, true);
}

/* The position in the hint, -1 if there is none that is whole. */
static int64_t read_hint(const char *path)
{
    unsigned char bytes[HINT_BYTES];
    int64_t position = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    if (pread(fd, bytes, sizeof bytes, 0) == sizeof bytes && memcmp(bytes, hint_magic, sizeof hint_magic) == 0 &&
        bytes_get(bytes + 16, 4) == crc32c_extend(0, bytes, 16)) {
        position = (int64_t)bytes_get(bytes + 8, 8);
    }
    close(fd);
    return position;
}

int journal_load_hint(struct journal *journal, struct error *error)
{
    char *path = hint_path(journal);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    int result = 0;
    int64_t position = read_hint(path);
    if (position > journal_end(journal)) {
        result = unlink(path) == 0 || errno == ENOENT
                     ? 0
                     : error_errno(error, "cannot remove %s, which tells of bytes that are gone", path);
        position = -1;
    }
    atomic_store(&journal->hinted, position);
    free(path);
    return result;
}

/* Writing anew. */

/* Writes the file's bytes from `at` on over themselves, in place: where power is lost meanwhile, a sector holds what it
 * held before. Blocks that cannot be read are left to the readers, who pass over them. */
static int write_from(int fd, off_t at, const char *path, struct error *error)
{
    char chunk[CHUNK];
    size_t piece = sizeof chunk;
    for (;;) {
        ssize_t done = pread(fd, chunk, piece, at);
        if (done < 0 && segment_is_unreadable(errno) && piece == sizeof chunk) {
            piece = SEGMENT_BLOCK - (size_t)(at % SEGMENT_BLOCK);
            continue;
        }
        if (done < 0 && segment_is_unreadable(errno)) {
            at += (off_t)piece;
            piece = SEGMENT_BLOCK;
            continue;
        }
        if (done > 0) {
            done = pwrite(fd, chunk, (size_t)done, at); /* what a short one left is read again */
            piece = done > 0 ? sizeof chunk : piece;
        } else if (done == 0) {
            return 0;
        }
        if (done < 0 && errno != EINTR) {
            return error_errno(error, "cannot write %s anew", path);
        }
        at += done > 0 ? done : 0;
    }
}

/* The segment's bytes from the position on; all of them, with its header, if it begins there or later. Whole chunks: a
 * write that failed was one of whole pages. */
static int write_segment_again(const struct journal *journal, int64_t first, int64_t from, struct error *error)
{
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int result = 0;
    int64_t offset = from > first ? (from - first) / CHUNK * CHUNK : 0; /* the header before it is less than a chunk */
    int fd = open(path, O_RDWR | O_CLOEXEC); /* with O_APPEND, Linux' pwrite would write at the end */
    if (fd < 0) {
        result = error_errno(error, "cannot open %s", path);
    } else {
        result = write_from(fd, (off_t)offset, path, error);
        if (result == 0 && fdatasync(fd) != 0) {
            result = error_errno(error, "cannot sync %s", path);
        }
        close(fd);
    }
    free(path);
    return result;
}

int journal_write_again(struct journal *journal, struct error *error)
{
    int64_t from = atomic_load(&journal->hinted), limit = journal_end(journal);
    int result = 0;
    for (size_t i = journal->count; i > 0 && i + 2 > journal->count && result == 0; i--) {
        int64_t first = journal->list[i - 1].first;
        if (from < limit || from <= first) { /* the header of one that holds nothing may not be there either */
            result = write_segment_again(journal, first, from, error);
        }
        limit = first;
    }
    return result;
}
