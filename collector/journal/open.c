/*
 * What happens before the first append: the segments are listed, a damaged copy of a header is made again from the
 * other one, and the last segment is made whole. What a former process left unsynced is brought to the disk (sync.c).
 * Only the last segment's tail is cut: one before it that power loss left torn is passed over by the readers. Damage
 * never stops the start: bytes that no reader could use are cut off and their number is logged, everything else stays
 * for the readers to pass over; and nothing is cut where the disk does not give what is there. Another secret does stop
 * it, before anything is touched: records would be sealed that the old secret, once it is back, cannot open.
 *
 * For reading, the same is looked at and nothing is changed.
 */
#include "internal.h"
#include "segment.h"
#include "window.h"

#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare_listed(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

int journal_list_segment(struct journal *journal, int64_t first, int64_t made_ms)
{
    if (journal->count == journal->size) {
        size_t size = journal->size == 0 ? 64 : journal->size * 2;
        struct listed *list = realloc(journal->list, size * sizeof *list);
        if (list == NULL) {
            return ERROR_MEMORY;
        }
        journal->list = list;
        journal->size = size;
    }
    journal->list[journal->count++] = (struct listed){.first = first, .made_ms = made_ms};
    counter_set(journal->counters, COUNTER_journal_segments, (int64_t)journal->count);
    return 0;
}

static int list_directory(struct journal *journal, struct error *error)
{
    DIR *directory = opendir(journal->directory);
    if (directory == NULL && errno == ENOENT) {
        return error_set(error, ERROR_MISSING, "there is no journal in %s", journal->directory);
    }
    if (directory == NULL) {
        return error_errno(error, "cannot read the journal's directory %s", journal->directory);
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
        int64_t first;
        if (segment_parse_name(entry->d_name, &first) && journal_list_segment(journal, first, 0) != 0) {
            result = error_set(error, ERROR_MEMORY, "out of memory listing the journal's segments");
        }
    }
    if (result == 0 && errno != 0) {
        result = error_errno(error, "cannot read the journal's directory %s", journal->directory);
    }
    closedir(directory);
    if (journal->count > 0) {
        qsort(journal->list, journal->count, sizeof *journal->list, compare_listed);
    }
    return result;
}

int journal_open_segment(const struct journal *journal, int64_t first, int *fd, struct segment *segment,
                         struct error *error)
{
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int result;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        result = errno == ENOENT ? 0 : error_errno(error, "cannot open the journal segment %s", path);
    } else {
        result = segment_open(*fd, first, journal->secret, path, segment, error);
        if (result != 0) {
            close(*fd);
        }
        result = result == 0 ? 1 : result;
    }
    free(path);
    return result;
}

/* The newest segment whose key is whole tells whether the secret is the right one. */
enum verdict { UNKNOWN, RIGHT, WRONG };

/* Learns what the segments' headers say. Those that were removed meanwhile leave the list. */
static int look_at_all(struct journal *journal, enum verdict *verdict, struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->count; i++) {
        struct segment segment = {0};
        int fd = -1;
        int result = journal_open_segment(journal, journal->list[i].first, &fd, &segment, error);
        if (result < 0) {
            return result;
        }
        if (result == 0) {
            continue;
        }
        *verdict = segment.state == SEGMENT_SEALED ? RIGHT : segment.state == SEGMENT_FOREIGN ? WRONG : *verdict;
        journal->list[kept].first = segment.first;
        journal->list[kept++].made_ms = segment.made_ms;
        segment_close(&segment);
        close(fd);
    }
    journal->count = kept;
    return 0;
}

/* What is damaged in a header is said, and mended where one copy is whole. Never fatal: the name says where the segment
 * begins, and a header that stays damaged is passed over by the readers. */
static void mend_header(const struct segment *segment, const char *path)
{
    struct error error;
    if (segment->whole[0] && segment->whole[1]) {
        return;
    }
    if (segment->state == SEGMENT_PLAIN) {
        log_warning("journal_header_damaged", "file=%s its name is used instead", path);
    } else if (segment->state == SEGMENT_LOST) {
        log_error("journal_key_lost", "file=%s both copies of its header are damaged: it cannot be read", path);
    } else if (segment_mend(segment, path, &error) != 0) {
        log_warning("journal_header_damaged", "file=%s error=\"%s\" the other copy is used", path, error.text);
    } else {
        log_warning("journal_header_mended", "file=%s from its other copy", path);
    }
}

static int mend_headers(const struct journal *journal, struct error *error)
{
    for (size_t i = 0; i + 1 < journal->count; i++) {
        struct segment segment = {0};
        int fd = -1;
        int result = journal_open_segment(journal, journal->list[i].first, &fd, &segment, error);
        if (result < 0) {
            return result;
        }
        if (result == 1) {
            char *path = segment_path(journal->directory, segment.first);
            if (path != NULL) {
                mend_header(&segment, path);
            }
            free(path);
            segment_close(&segment);
            close(fd);
        }
    }
    return 0;
}

/* Finds where the whole records of the last segment end; needs no key. Damage with good records behind it is left to
 * the readers; what has none behind it is the torn tail. 0; WINDOW_GAVE_UP: nobody knows, or the disk does not give all
 * of it, so nothing is a tail. */
static int find_tail(const char *path, int fd, const struct segment *segment, int64_t size, int64_t *end,
                     struct error *error)
{
    struct window window = {.fd = -1};
    int64_t header = segment_offset(segment, segment->first), found;
    int result = 1;
    *end = segment->first;
    window_set(&window, fd, segment, segment->first + (size > header ? size - header : 0));
    while (result == 1) {
        result = window_check(&window, *end, &found, error);
        if (result == 0 && *end < window.limit) {
            result = window_find(&window, *end + 1, &found, error);
            if (result == 1) {
                log_warning("journal_damage_found", "file=%s position=%" PRId64 " bytes=%" PRId64, path, *end,
                            found - *end);
            }
        }
        if (result == 1) {
            *end = found;
        }
    }
    if (result == 0 && window.unread_until > *end) {
        result = WINDOW_GAVE_UP;
    }
    if (result == WINDOW_GAVE_UP) {
        *end = window.limit;
    }
    window_free(&window);
    return result;
}

/* Cuts the torn tail off the last segment, gives it a new header if it holds nothing and cannot be used as it is, and
 * brings what is left to the disk. */
static int mend_last(struct journal *journal, const char *path, struct error *error)
{
    struct segment *last = &journal->last;
    struct stat status;
    int64_t end;
    if (fstat(journal->fd, &status) != 0) {
        return error_errno(error, "cannot read the size of %s", path);
    }
    int tail = find_tail(path, journal->fd, last, status.st_size, &end, error);
    if (tail < 0) {
        return tail;
    }
    atomic_store(&journal->end, end);
    bool is_empty = end == last->first;
    int64_t keep = segment_offset(last, end);
    if (tail != WINDOW_GAVE_UP && keep < status.st_size) {
        log_warning("journal_tail_cut", "file=%s position=%" PRId64 " bytes=%" PRId64, path, end,
                    (int64_t)status.st_size - keep);
        if (ftruncate(journal->fd, (off_t)keep) != 0) {
            return error_errno(error, "cannot cut the torn tail off %s", path);
        }
    }
    int result = 0;
    if (is_empty && !(last->state == SEGMENT_SEALED && last->whole[0] && last->whole[1])) {
        segment_close(last);
        result = segment_begin(journal->fd, last->first, journal->secret, last, error);
    } else {
        mend_header(last, path);
        journal->is_closed = last->state != SEGMENT_SEALED || tail == WINDOW_GAVE_UP;
    }
    if (result == 0) {
        result = journal_load_hint(journal, error);
    }
    if (result == 0) {
        result = journal_write_again(journal, error);
    }
    if (result == 0 && fsync(journal->fd) != 0) {
        result = error_errno(error, "cannot sync %s", path);
    }
    return result;
}

static int open_last(struct journal *journal, struct error *error)
{
    int64_t first = journal->list[journal->count - 1].first;
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    journal->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    int result = journal->fd < 0 ? error_errno(error, "cannot open %s", path)
                                 : segment_open(journal->fd, first, journal->secret, path, &journal->last, error);
    if (result == 0) {
        result = mend_last(journal, path, error);
    }
    free(path);
    /* A process that died may have made the segment and not come to this. */
    return result == 0 ? file_sync_directory(journal->directory, error) : result;
}

/* Learns where the journal ends now. */
static int look_at_last(struct journal *journal, struct error *error)
{
    struct segment segment = {0};
    struct stat status;
    int64_t end = 0;
    int fd = -1;
    int result = journal_open_segment(journal, journal->list[journal->count - 1].first, &fd, &segment, error);
    if (result != 1) {
        return result < 0 ? result : error_set(error, ERROR_BUSY, "the journal is being removed");
    }
    result = fstat(fd, &status) == 0 ? find_tail(journal->directory, fd, &segment, status.st_size, &end, error)
                                     : error_errno(error, "cannot read the journal in %s", journal->directory);
    if (result >= 0) {
        atomic_store(&journal->end, end);
    }
    segment_close(&segment);
    close(fd);
    return result < 0 ? result : 0;
}

static int open_first(struct journal *journal, struct error *error)
{
    int result = segment_create(journal->directory, 0, journal->secret, &journal->fd, &journal->last, error);
    if (result == 0 && fsync(journal->fd) != 0) {
        result = error_errno(error, "cannot sync the journal in %s", journal->directory);
    }
    if (result == 0) {
        result = file_sync_directory(journal->directory, error);
    }
    if (result == 0) {
        result = journal_load_hint(journal, error);
    }
    if (result == 0 && journal_list_segment(journal, 0, journal->last.made_ms) != 0) {
        result = error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    return result;
}

int journal_open_segments(struct journal *journal, struct error *error)
{
    enum verdict verdict = UNKNOWN;
    int result = journal->is_reading ? 0 : file_make_directory(journal->directory, error);
    if (result == 0) {
        result = list_directory(journal, error);
    }
    if (result == 0) {
        result = look_at_all(journal, &verdict, error);
    }
    if (result == 0 && verdict == WRONG && !journal->is_reading) {
        result = error_set(error, ERROR_CONFIG,
                           "%s: this is not the secret that this journal was made with: restore the old file",
                           journal->directory);
    }
    if (result != 0) {
        return result;
    }
    if (journal->is_reading) {
        return journal->count > 0 ? look_at_last(journal, error)
                                  : error_set(error, ERROR_MISSING, "there is no journal in %s", journal->directory);
    }
    if (journal->count == 0) {
        return open_first(journal, error);
    }
    result = mend_headers(journal, error);
    return result == 0 ? open_last(journal, error) : result;
}
