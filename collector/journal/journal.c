/*
 * Appending, syncing, rotating. A segment file is, all numbers little-endian:
 *
 *   0  "edujrnl\n"           8 bytes   the header, synced before the first record is written
 *   8  format version, 1     u32
 *  12  0                     u32
 *  16  first position        u64       as in the file's name, <20 digits>.seg
 *  24  0                     u32
 *  28  CRC-32C of the above  u32
 *  32  records, one after the other; the one at position p begins at byte 32 + p - first:
 *        length              u32       of all that follows the CRC
 *        CRC-32C             u32       over p (u64, not stored), length, and all that follows
 *        received            i64       milliseconds since 1970
 *        topic length        u16
 *        topic, payload
 *
 * Invariants. Bytes below `end` are whole records and never change. A segment is synced before the next one exists, so
 * what is not synced lies in the last one alone. `end` moves after the write and after the segment is listed, so
 * readers need no lock for bytes. A failed sync is final: the kernel forgets pages that it could not write, and the
 * next sync would succeed without them (PostgreSQL's "fsyncgate", 2018), so from then on the journal refuses
 * everything.
 *
 * Locks, in this order: `writing` (appending, rotating, advancing), `lock` (the list of segments, which descriptor is
 * the last one's), `bell` (waiting).
 */
#include "internal.h"
#include "segment.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LAZY_BYTES = 1024 * 1024 };

int64_t journal_end(const struct journal *journal)
{
    return atomic_load(&journal->end);
}

static struct journal *make_journal(const char *directory, int64_t segment_bytes, struct counters *counters)
{
    pthread_condattr_t steady;
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return NULL;
    }
    journal->directory = strdup(directory);
    journal->segment_bytes = segment_bytes;
    journal->counters = counters;
    journal->fd = -1;
    pthread_mutex_init(&journal->writing, NULL);
    pthread_mutex_init(&journal->lock, NULL);
    pthread_mutex_init(&journal->bell, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->rung, &steady);
    pthread_condattr_destroy(&steady);
    return journal;
}

static void free_journal(struct journal **journal)
{
    if ((*journal)->fd >= 0) {
        close((*journal)->fd);
    }
    pthread_cond_destroy(&(*journal)->rung);
    pthread_mutex_destroy(&(*journal)->bell);
    pthread_mutex_destroy(&(*journal)->lock);
    pthread_mutex_destroy(&(*journal)->writing);
    free((*journal)->firsts);
    free((*journal)->gathered);
    free((*journal)->directory);
    free(*journal);
    *journal = NULL;
}

int journal_open(struct journal **out, const char *directory, int64_t segment_bytes, struct counters *counters,
                 struct error *error)
{
    struct journal *journal = make_journal(directory, segment_bytes, counters);
    if (journal == NULL || journal->directory == NULL) {
        if (journal != NULL) {
            free_journal(&journal);
        }
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    int result = journal_open_segments(journal, error);
    if (result != 0) {
        free_journal(&journal);
        return result;
    }
    atomic_store(&journal->synced, journal_end(journal));
    counter_set(counters, COUNTER_journal_position, journal_end(journal));
    *out = journal;
    return 0;
}

void journal_close(struct journal **journal)
{
    struct error error;
    if (*journal == NULL) {
        return;
    }
    if (journal_flush(*journal, &error) != 0 || journal_sync(*journal, &error) != 0) {
        log_error("journal_close", "error=\"%s\"", error.text);
    }
    free_journal(journal);
}

/* Appending: all under `writing`. */

/* For the waiter this and `waiting` are a pair: each side writes its own and then reads the other's, both in one total
 * order, so either the waiter sees the new end or the appender sees the waiter. */
static void publish(struct journal *journal, int64_t end)
{
    atomic_store(&journal->end, end);
    counter_set(journal->counters, COUNTER_journal_position, end);
    if (atomic_load(&journal->waiting) > 0) {
        pthread_mutex_lock(&journal->bell);
        pthread_cond_broadcast(&journal->rung);
        pthread_mutex_unlock(&journal->bell);
    }
}

/* Cuts off what a failed write left behind `end`. */
static int repair(struct journal *journal, struct error *error)
{
    int64_t keep = SEGMENT_HEADER + (journal_end(journal) - journal->last);
    if (ftruncate(journal->fd, (off_t)keep) != 0) {
        journal->needs_repair = true;
        return error_errno(error, "cannot cut a half-written record off the journal in %s", journal->directory);
    }
    journal->needs_repair = false;
    return 0;
}

bool journal_is_broken(const struct journal *journal)
{
    return atomic_load(&journal->broken);
}

static int refuse_broken(struct error *error)
{
    return error_set(error, ERROR_IO,
                     "the journal could not be synced to disk before; restart the collector once the disk "
                     "is well");
}

/* Syncs the last segment and begins one at `first`. Nothing has changed if it fails, and it may be tried again. */
static int rotate(struct journal *journal, int64_t first, struct error *error)
{
    int fd;
    if (journal->needs_repair && repair(journal, error) != 0) {
        return ERROR_IO;
    }
    if (fdatasync(journal->fd) != 0) {
        atomic_store(&journal->broken, true);
        return error_errno(error, "cannot sync the journal in %s", journal->directory);
    }
    counter_add(journal->counters, COUNTER_journal_syncs, 1);
    int result = segment_create(journal->directory, first, &fd, error);
    if (result != 0) {
        return result;
    }
    pthread_mutex_lock(&journal->lock);
    result = journal_list_segment(journal, first);
    if (result == 0) {
        int old = journal->fd;
        journal->fd = fd;
        journal->last = first;
        fd = old;
    }
    pthread_mutex_unlock(&journal->lock);
    close(fd);
    if (result != 0) {
        char *path = segment_path(journal->directory, first);
        if (path == NULL || unlink(path) != 0) {
            log_error("journal_segment_left", "position=%" PRId64, first);
        }
        free(path);
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    return 0;
}

/* Writes whole records, `count` bytes of them, at the end. All or nothing. */
static int write_records(struct journal *journal, const struct iovec *parts, int part_count, size_t count,
                         int64_t records, struct error *error)
{
    int64_t end = journal_end(journal);
    if (atomic_load(&journal->broken)) {
        return refuse_broken(error);
    }
    if (end > journal->last && end - journal->last + (int64_t)count > journal->segment_bytes) {
        int result = rotate(journal, end, error);
        if (result != 0) {
            return result;
        }
    }
    if (journal->needs_repair && repair(journal, error) != 0) {
        return ERROR_IO;
    }
    ssize_t done;
    do {
        done = writev(journal->fd, parts, part_count);
    } while (done < 0 && errno == EINTR);
    if (done != (ssize_t)count) {
        struct error second;
        if (done >= 0) {
            errno = ENOSPC; /* a file system that takes a part has no room for the rest */
        }
        error_errno(error, "cannot write to the journal in %s", journal->directory);
        if (done > 0 && repair(journal, &second) != 0) {
            log_error("journal_repair", "error=\"%s\"", second.text);
        }
        return ERROR_IO;
    }
    counter_add(journal->counters, COUNTER_journal_records, records);
    counter_add(journal->counters, COUNTER_journal_bytes, (int64_t)count);
    publish(journal, end + (int64_t)count);
    return 0;
}

static int flush(struct journal *journal, struct error *error)
{
    if (journal->gathered_bytes == 0) {
        return 0;
    }
    struct iovec part = {.iov_base = journal->gathered, .iov_len = journal->gathered_bytes};
    int result = write_records(journal, &part, 1, journal->gathered_bytes, (int64_t)journal->gathered_records, error);
    if (result == 0) {
        journal->gathered_bytes = 0;
        journal->gathered_records = 0;
    }
    return result;
}

static int check_bounds(int64_t received_ms, size_t topic_length, size_t payload_length, struct error *error)
{
    if (topic_length > JOURNAL_MAX_TOPIC || payload_length > JOURNAL_MAX_PAYLOAD) {
        return error_set(error, ERROR_LIMIT, "a message of %zu bytes on a topic of %zu is too large for the journal",
                         payload_length, topic_length);
    }
    if (!record_time_fits(received_ms)) {
        return error_set(error, ERROR_LIMIT, "a message received at %" PRId64 " ms lies outside of the years 0 to 9999",
                         received_ms);
    }
    return 0;
}

static int append_now(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                      const void *payload, size_t payload_length, struct error *error)
{
    unsigned char header[RECORD_HEADER];
    int result = flush(journal, error);
    if (result != 0) {
        return result;
    }
    record_write_header(header, journal_end(journal), received_ms, topic, topic_length, payload, payload_length);
    /* writev takes pointers to what may be changed, and changes nothing */
    struct iovec parts[3] = {{.iov_base = header, .iov_len = sizeof header},
                             {.iov_base = (void *)(uintptr_t)topic, .iov_len = topic_length},
                             {.iov_base = (void *)(uintptr_t)payload, .iov_len = payload_length}};
    return write_records(journal, parts, 3, (size_t)record_size(topic_length, payload_length), 1, error);
}

int journal_append(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                   const void *payload, size_t payload_length, struct error *error)
{
    int result = check_bounds(received_ms, topic_length, payload_length, error);
    if (result != 0) {
        return result;
    }
    pthread_mutex_lock(&journal->writing);
    result = append_now(journal, received_ms, topic, topic_length, payload, payload_length, error);
    pthread_mutex_unlock(&journal->writing);
    return result;
}

/* Room for `size` more bytes behind the records gathered. */
static int make_room(struct journal *journal, size_t size, struct error *error)
{
    if (journal->gathered == NULL) {
        journal->gathered = malloc(LAZY_BYTES);
    }
    if (journal->gathered == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    return journal->gathered_bytes + size > LAZY_BYTES ? flush(journal, error) : 0;
}

/* Copies one record behind those gathered; there is room. */
static void gather(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                   const void *payload, size_t payload_length)
{
    char *to = journal->gathered + journal->gathered_bytes;
    unsigned char header[RECORD_HEADER];
    record_write_header(header, journal_end(journal) + (int64_t)journal->gathered_bytes, received_ms, topic,
                        topic_length, payload, payload_length);
    memcpy(to, header, sizeof header);
    if (topic_length > 0) {
        memcpy(to + RECORD_HEADER, topic, topic_length);
    }
    if (payload_length > 0) {
        memcpy(to + RECORD_HEADER + topic_length, payload, payload_length);
    }
    journal->gathered_bytes += (size_t)record_size(topic_length, payload_length);
    journal->gathered_records++;
}

int journal_append_lazily(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                          const void *payload, size_t payload_length, struct error *error)
{
    int result = check_bounds(received_ms, topic_length, payload_length, error);
    if (result != 0) {
        return result;
    }
    size_t size = (size_t)record_size(topic_length, payload_length);
    pthread_mutex_lock(&journal->writing);
    if (size > LAZY_BYTES) {
        result = append_now(journal, received_ms, topic, topic_length, payload, payload_length, error);
    } else {
        result = make_room(journal, size, error);
        if (result == 0) {
            gather(journal, received_ms, topic, topic_length, payload, payload_length);
        }
    }
    pthread_mutex_unlock(&journal->writing);
    return result;
}

int journal_flush(struct journal *journal, struct error *error)
{
    pthread_mutex_lock(&journal->writing);
    int result = flush(journal, error);
    pthread_mutex_unlock(&journal->writing);
    return result;
}

int journal_advance(struct journal *journal, int64_t position, struct error *error)
{
    pthread_mutex_lock(&journal->writing);
    int result = flush(journal, error);
    if (result == 0 && position > journal_end(journal)) {
        result = atomic_load(&journal->broken) ? refuse_broken(error) : rotate(journal, position, error);
        if (result == 0) {
            atomic_store(&journal->synced, position);
            publish(journal, position);
        }
    }
    pthread_mutex_unlock(&journal->writing);
    return result;
}

/* Syncing. */

/* A descriptor of one's own, so that rotation cannot close it under a running sync. Whichever segment is the last one
 * when it is taken: those before it are synced. */
static int borrow_last(struct journal *journal, int64_t *end)
{
    pthread_mutex_lock(&journal->lock);
    *end = journal_end(journal);
    int fd = fcntl(journal->fd, F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&journal->lock);
    return fd;
}

int journal_sync(struct journal *journal, struct error *error)
{
    int64_t end;
    if (atomic_load(&journal->broken)) {
        return refuse_broken(error);
    }
    if (atomic_load(&journal->synced) >= journal_end(journal)) {
        return 0;
    }
    int fd = borrow_last(journal, &end);
    if (fd < 0) {
        return error_errno(error, "cannot sync the journal in %s", journal->directory);
    }
    int failed = fdatasync(fd);
    if (failed != 0) {
        error_errno(error, "cannot sync the journal in %s", journal->directory);
        atomic_store(&journal->broken, true);
    }
    close(fd);
    if (failed != 0) {
        return ERROR_IO;
    }
    counter_add(journal->counters, COUNTER_journal_syncs, 1);
    if (atomic_load(&journal->broken)) {
        return refuse_broken(error); /* a rotation failed to sync meanwhile */
    }
    atomic_store(&journal->synced, end);
    return 0;
}

/* Waiting. */

static struct timespec steady_after(int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
}

void journal_wait(struct journal *journal, int64_t position, int64_t timeout_ms)
{
    struct timespec until = steady_after(timeout_ms);
    pthread_mutex_lock(&journal->bell);
    atomic_fetch_add(&journal->waiting, 1);
    while (journal_end(journal) <= position && !journal->woken) {
        if (pthread_cond_timedwait(&journal->rung, &journal->bell, &until) == ETIMEDOUT) {
            break;
        }
    }
    journal->woken = false;
    atomic_fetch_sub(&journal->waiting, 1);
    pthread_mutex_unlock(&journal->bell);
}

void journal_wake(struct journal *journal)
{
    pthread_mutex_lock(&journal->bell);
    journal->woken = true;
    pthread_cond_broadcast(&journal->rung);
    pthread_mutex_unlock(&journal->bell);
}
