/*
 * Appending, syncing, rotating. A segment file is, all numbers little-endian:
 *
 *   0  header, written and synced before the first record:
 *   0    "edujrnl\n"           8 bytes
 *   8    format version, 2     u32
 *  12    0: has a key, 1: the key was erased, u32
 *  16    first position        u64       as in the file's name, <20 digits>.seg
 *  24    0                     u32
 *  28    CRC-32C of the above  u32       so far as in format 1, which had no more
 *  32    nonce                12 bytes   random
 *  44    key, wrapped         48 bytes   AES-256-GCM with the key that is derived from the secret for "journal"; bound
 *                                        to bytes 0 to 31
 *  92    when it was begun     i64       milliseconds since 1970
 * 100    zeros
 *4092    CRC-32C of the above  u32
 *4096  the same again: a flipped bit or a torn sector in one copy costs nothing
 *8192  records, one after the other; the one at position p begins at byte 8192 + p - first:
 *        length                u32       of the sealed body, tag included
 *        salt                  u64
 *        CRC-32C of the body   u32
 *        CRC-32C               u32       over p (u64, not stored) and the 16 bytes above
 *        body, AES-256-GCM with the segment's key; nonce: salt, then the low 32 bits of p; bound to p (u64) and length:
 *          received            i64       milliseconds since 1970
 *          topic length        u16
 *          topic, payload
 *          tag                16 bytes
 *
 * Format 1 is read, and never appended to: a header of 32 bytes, then records of
 *        length u32, CRC-32C u32 over p, length and all that follows, received i64, topic length u16, topic, payload
 *
 * The nonce. Two texts under one nonce and key would give both away, so none may come back, although a position does:
 * after a write that failed, and after a crash that left a torn tail, another record is written where the torn one was.
 * Hence the salt: 64 bits, random whenever the journal is opened, and one more for every record that is sealed, whether
 * it reaches the disk or not. Within one opening no salt comes back; records of two openings under the same key have
 * the same nonce only if the same place was written twice and two random salts meet there: 2^-64 for each such pair.
 *
 * Invariants. Bytes below `end` are whole records and never change. `end` moves after the write and after the segment
 * is listed, so readers need no lock for bytes. Who appends is the thread that receives, which the broker throws out if
 * it is held: so it begins a segment without any sync, and leaves that to the next journal_sync (sync.c). Only where a
 * third segment is needed before that does it sync by itself, so what is not synced lies in the last two alone. Power
 * loss may leave the one before the last torn and the last one whole: what is missing in between was not synced, hence
 * not counted, and the readers pass over it as over any damage.
 *
 * Locks, in this order: `writing` (appending, rotating, advancing), `syncing`, `lock` (the list of segments, which
 *descriptor is the last one's), `bell` (waiting).
 */
#include "internal.h"
#include "segment.h"
#include "window.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LAZY_BYTES = 1024 * 1024 };

static const int64_t longest_ms = INT64_C(86400000); /* that a segment takes records */

int64_t journal_end(const struct journal *journal)
{
    return atomic_load(&journal->end);
}

static struct journal *make_journal(const char *directory, const struct secret *secret, struct counters *counters)
{
    pthread_condattr_t steady;
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return NULL;
    }
    journal->directory = strdup(directory);
    journal->secret = secret;
    journal->counters = counters;
    journal->fd = -1;
    journal->owed = -1;
    journal->hinted = -1;
    pthread_mutex_init(&journal->writing, NULL);
    pthread_mutex_init(&journal->syncing, NULL);
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
    if ((*journal)->owed >= 0) {
        close((*journal)->owed);
    }
    pthread_cond_destroy(&(*journal)->rung);
    pthread_mutex_destroy(&(*journal)->bell);
    pthread_mutex_destroy(&(*journal)->lock);
    pthread_mutex_destroy(&(*journal)->syncing);
    pthread_mutex_destroy(&(*journal)->writing);
    segment_close(&(*journal)->last);
    free((*journal)->list);
    if ((*journal)->gathered != NULL) {
        crypt_wipe((*journal)->gathered, LAZY_BYTES);
    }
    free((*journal)->gathered);
    free((*journal)->sealed);
    free((*journal)->directory);
    free(*journal);
    *journal = NULL;
}

static int open_journal(struct journal **out, struct journal *journal, struct error *error)
{
    int result = journal->directory != NULL ? crypt_random(&journal->salt, sizeof journal->salt, error)
                                            : error_set(error, ERROR_MEMORY, "out of memory for the journal");
    if (result == 0) {
        result = journal_open_segments(journal, error);
    }
    if (result != 0) {
        free_journal(&journal);
        return result;
    }
    atomic_store(&journal->synced, journal_end(journal));
    if (!journal->is_reading) {
        journal_save_hint(journal);
    }
    counter_set(journal->counters, COUNTER_journal_position, journal_end(journal));
    *out = journal;
    return 0;
}

int journal_open(struct journal **out, const char *directory, int64_t segment_bytes, const struct secret *secret,
                 struct counters *counters, struct error *error)
{
    struct journal *journal = make_journal(directory, secret, counters);
    if (journal == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    journal->segment_bytes = segment_bytes;
    return open_journal(out, journal, error);
}

int journal_open_for_reading(struct journal **out, const char *directory, const struct secret *secret,
                             struct counters *counters, struct error *error)
{
    struct journal *journal = make_journal(directory, secret, counters);
    if (journal == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    journal->is_reading = true;
    return open_journal(out, journal, error);
}

void journal_close(struct journal **journal)
{
    struct error error;
    if (*journal == NULL) {
        return;
    }
    if ((*journal)->is_reading) {
        free_journal(journal);
        return;
    }
    if (journal_flush(*journal, &error) != 0 || journal_sync(*journal, &error) != 0) {
        log_error("journal_close", "error=\"%s\"", error.text);
    }
    journal_save_hint(*journal);
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
    int64_t keep = segment_offset(&journal->last, journal_end(journal));
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

/* Puts a new segment in the place of the last one, whose sync is owed from then on. ERROR_MEMORY. */
static int take_over(struct journal *journal, int fd, const struct segment *segment)
{
    pthread_mutex_lock(&journal->lock);
    int result = journal_list_segment(journal, segment->first, segment->made_ms);
    if (result == 0) {
        segment_close(&journal->last);
        journal->owed = journal->fd;
        journal->fd = fd;
        journal->last = *segment;
        journal->is_closed = false;
    }
    pthread_mutex_unlock(&journal->lock);
    return result;
}

/* Begins a segment at `first`. Nothing has changed if it fails, and it may be tried again. */
static int rotate(struct journal *journal, int64_t first, struct error *error)
{
    int fd;
    struct segment segment;
    if (journal->needs_repair && repair(journal, error) != 0) {
        return ERROR_IO;
    }
    int result = journal_settle_owed(journal, error);
    if (result == 0) {
        result = segment_create(journal->directory, first, journal->secret, &fd, &segment, error);
    }
    if (result != 0) {
        return result;
    }
    if (take_over(journal, fd, &segment) != 0) {
        char *path = segment_path(journal->directory, first);
        if (path == NULL || unlink(path) != 0) {
            log_error("journal_segment_left", "position=%" PRId64, first);
        }
        free(path);
        close(fd);
        segment_close(&segment);
        return error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    return 0;
}

/* As rotate, for threads that may be held: the segment is safe when this returns 0. */
static int rotate_now(struct journal *journal, int64_t first, struct error *error)
{
    if (atomic_load(&journal->broken)) {
        return journal_refuse_broken(error);
    }
    int result = rotate(journal, first, error);
    return result == 0 ? journal_settle(journal, error) : result;
}

/* A segment ends when it is full, and after a day, so that what it holds can go when its time has come. */
static bool must_rotate(const struct journal *journal, size_t count)
{
    int64_t held = journal_end(journal) - journal->last.first;
    if (held == 0 || journal->is_closed) {
        return journal->is_closed;
    }
    int64_t age_ms = clock_wall_ms() - journal->last.made_ms;
    return held + (int64_t)count > journal->segment_bytes || age_ms >= longest_ms || age_ms <= -longest_ms;
}

/* Room on disk and in `sealed` for `count` bytes of records at the end, in a segment that takes them. */
static int prepare(struct journal *journal, size_t count, struct error *error)
{
    if (atomic_load(&journal->broken)) {
        return journal_refuse_broken(error);
    }
    if (must_rotate(journal, count)) {
        int result = rotate(journal, journal_end(journal), error);
        if (result != 0) {
            return result;
        }
    }
    if (journal->needs_repair && repair(journal, error) != 0) {
        return ERROR_IO;
    }
    if (journal->sealed_size < count) {
        free(journal->sealed);
        journal->sealed_size = count > LAZY_BYTES / 16 ? count : LAZY_BYTES / 16;
        journal->sealed = malloc(journal->sealed_size);
    }
    if (journal->sealed == NULL) {
        journal->sealed_size = 0;
        return error_set(error, ERROR_MEMORY, "out of memory for %zu bytes of the journal", count);
    }
    return 0;
}

/* Writes what is sealed, `count` bytes of whole records, at the end. All or nothing. */
static int write_sealed(struct journal *journal, size_t count, int64_t records, struct error *error)
{
    ssize_t done;
    do {
        done = write(journal->fd, journal->sealed, count);
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
    publish(journal, journal_end(journal) + (int64_t)count);
    if (journal->sealed_size > LAZY_BYTES) {
        free(journal->sealed);
        journal->sealed = NULL;
        journal->sealed_size = 0;
    }
    return 0;
}

/* Seals one composed record for a position, with a salt that nothing was sealed with before. */
static int seal(struct journal *journal, int64_t position, const char *composed, char *out, struct error *error)
{
    int result = record_seal(journal->last.crypt, position, journal->salt++, composed, out);
    return result == 0 ? 0 : error_set(error, result, "cannot seal a record of the journal");
}

/* Gathered records stay as they are until they are written: another try may go to another segment, with another key. */
static int flush(struct journal *journal, struct error *error)
{
    if (journal->gathered_bytes == 0) {
        return 0;
    }
    int result = prepare(journal, journal->gathered_bytes, error);
    for (size_t at = 0; result == 0 && at < journal->gathered_bytes;) {
        result = seal(journal, journal_end(journal) + (int64_t)at, journal->gathered + at, journal->sealed + at, error);
        at += record_composed_size(journal->gathered + at);
    }
    if (result == 0) {
        result = write_sealed(journal, journal->gathered_bytes, (int64_t)journal->gathered_records, error);
    }
    if (result == 0) {
        journal->gathered_bytes = 0;
        journal->gathered_records = 0;
    }
    return result;
}

static int check_bounds(const struct journal *journal, int64_t received_ms, size_t topic_length, size_t payload_length,
                        struct error *error)
{
    if (journal->is_reading) {
        return error_set(error, ERROR_BUSY, "the journal in %s was opened for reading", journal->directory);
    }
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
    size_t count = (size_t)record_size(topic_length, payload_length);
    int result = flush(journal, error);
    if (result == 0) {
        result = prepare(journal, count, error);
    }
    if (result == 0) {
        record_compose(journal->sealed, received_ms, topic, topic_length, payload, payload_length);
        result = seal(journal, journal_end(journal), journal->sealed, journal->sealed, error);
    }
    return result == 0 ? write_sealed(journal, count, 1, error) : result;
}

int journal_append(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                   const void *payload, size_t payload_length, struct error *error)
{
    int result = check_bounds(journal, received_ms, topic_length, payload_length, error);
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

int journal_append_lazily(struct journal *journal, int64_t received_ms, const char *topic, size_t topic_length,
                          const void *payload, size_t payload_length, struct error *error)
{
    int result = check_bounds(journal, received_ms, topic_length, payload_length, error);
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
            journal->gathered_bytes += record_compose(journal->gathered + journal->gathered_bytes, received_ms, topic,
                                                      topic_length, payload, payload_length);
            journal->gathered_records++;
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

int journal_turn_over(struct journal *journal, struct error *error)
{
    pthread_mutex_lock(&journal->writing);
    int result = flush(journal, error);
    if (result == 0 && journal_end(journal) > journal->last.first) {
        result = rotate_now(journal, journal_end(journal), error);
    }
    pthread_mutex_unlock(&journal->writing);
    return result;
}

int journal_advance(struct journal *journal, int64_t position, struct error *error)
{
    pthread_mutex_lock(&journal->writing);
    int result = flush(journal, error);
    if (result == 0 && position > journal_end(journal)) {
        result = rotate_now(journal, position, error);
        if (result == 0) {
            publish(journal, position);
        }
    }
    pthread_mutex_unlock(&journal->writing);
    return result;
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
