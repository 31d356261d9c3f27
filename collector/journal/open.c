/*
 * What happens before the first append: the segments are listed, and the last one is made whole. Only the last one can
 * have a torn tail, for each is synced before the next one exists. Damage never stops the start: bytes that no reader
 * could use are cut off and their number is logged, everything else stays for the readers to pass over.
 */
#include "internal.h"
#include "segment.h"

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

static int compare_positions(const void *left, const void *right)
{
    int64_t a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

int journal_list_segment(struct journal *journal, int64_t first)
{
    if (journal->count == journal->size) {
        size_t size = journal->size == 0 ? 64 : journal->size * 2;
        int64_t *firsts = realloc(journal->firsts, size * sizeof *firsts);
        if (firsts == NULL) {
            return ERROR_MEMORY;
        }
        journal->firsts = firsts;
        journal->size = size;
    }
    journal->firsts[journal->count++] = first;
    counter_set(journal->counters, COUNTER_journal_segments, (int64_t)journal->count);
    return 0;
}

static int list_directory(struct journal *journal, struct error *error)
{
    DIR *directory = opendir(journal->directory);
    if (directory == NULL) {
        return error_errno(error, "cannot read the journal's directory %s", journal->directory);
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
        int64_t first;
        if (segment_parse_name(entry->d_name, &first) && journal_list_segment(journal, first) != 0) {
            result = error_set(error, ERROR_MEMORY, "out of memory listing the journal's segments");
        }
    }
    if (result == 0 && errno != 0) {
        result = error_errno(error, "cannot read the journal's directory %s", journal->directory);
    }
    closedir(directory);
    if (journal->count > 0) {
        qsort(journal->firsts, journal->count, sizeof *journal->firsts, compare_positions);
    }
    return result;
}

/* A damaged header costs nothing, the name says all that it says; only an unknown format stops us. */
static int check_sealed(const struct journal *journal, int64_t first, struct error *error)
{
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? error_errno(error, "cannot open %s", path) : segment_check_header(fd, first, path, error);
    if (result == 0) {
        log_warning("journal_header_damaged", "file=%s its name is used instead", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return result < 0 ? result : 0;
}

/* Finds where the whole records of the last segment end. Damage with good records behind it is left to the readers;
 * what has none behind it is the torn tail. */
static int find_tail(const char *path, int fd, int64_t first, int64_t size, int64_t *end, struct error *error)
{
    struct window window = {.fd = -1};
    struct journal_record record;
    int result = 1;
    *end = first;
    window_set(&window, fd, first, first + (size > SEGMENT_HEADER ? size - SEGMENT_HEADER : 0));
    while (result == 1) {
        result = window_read(&window, *end, &record, error);
        if (result == 1) {
            *end = record.next;
        } else if (result == 0 && *end < window.limit) {
            int64_t found;
            result = window_find(&window, *end + 1, &found, error);
            if (result == 1) {
                log_warning("journal_damage_found", "file=%s position=%" PRId64 " bytes=%" PRId64, path, *end,
                            found - *end);
                *end = found;
            }
        }
    }
    window_free(&window);
    return result;
}

/* Cuts the torn tail off the last segment, makes its header anew if it tore too, and syncs what is left. */
static int mend_last(struct journal *journal, const char *path, int64_t first, struct error *error)
{
    struct stat status;
    int64_t end;
    int is_whole = segment_check_header(journal->fd, first, path, error);
    if (is_whole < 0) {
        return is_whole;
    }
    if (fstat(journal->fd, &status) != 0) {
        return error_errno(error, "cannot read the size of %s", path);
    }
    int result = find_tail(path, journal->fd, first, status.st_size, &end, error);
    if (result != 0) {
        return result;
    }
    int64_t keep = end == first && is_whole == 0 ? 0 : SEGMENT_HEADER + (end - first);
    if (keep < status.st_size) {
        log_warning("journal_tail_cut", "file=%s position=%" PRId64 " bytes=%" PRId64, path, end,
                    (int64_t)status.st_size - keep);
        if (ftruncate(journal->fd, (off_t)keep) != 0) {
            return error_errno(error, "cannot cut the torn tail off %s", path);
        }
    }
    if (keep == 0) {
        result = segment_write_header(journal->fd, first, error);
    } else if (is_whole == 0) {
        log_warning("journal_header_damaged", "file=%s its name is used instead", path);
    }
    if (result == 0 && fdatasync(journal->fd) != 0) {
        result = error_errno(error, "cannot sync %s", path);
    }
    atomic_store(&journal->end, end);
    return result;
}

static int open_last(struct journal *journal, struct error *error)
{
    int64_t first = journal->firsts[journal->count - 1];
    journal->last = first;
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    journal->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    int result = journal->fd < 0 ? error_errno(error, "cannot open %s", path) : mend_last(journal, path, first, error);
    free(path);
    return result;
}

int journal_open_segments(struct journal *journal, struct error *error)
{
    int result = file_make_directory(journal->directory, error);
    if (result == 0) {
        result = list_directory(journal, error);
    }
    if (result == 0 && journal->count == 0) {
        result = segment_create(journal->directory, 0, &journal->fd, error);
        return result != 0 ? result
               : journal_list_segment(journal, 0) == 0
                   ? 0
                   : error_set(error, ERROR_MEMORY, "out of memory for the journal");
    }
    for (size_t i = 0; result == 0 && i + 1 < journal->count; i++) {
        result = check_sealed(journal, journal->firsts[i], error);
    }
    return result == 0 ? open_last(journal, error) : result;
}
