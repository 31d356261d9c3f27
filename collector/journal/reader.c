/*
 * Reads the journal from a position on, across segments, while the appender goes on writing. It looks only at bytes
 * below the journal's end, which the appender moves after the write: so an incomplete record there is damage and never
 * a write in progress. A damaged stretch ends where the next good record begins, or where the next segment does; a
 * segment that is missing, or shorter than it was, looks the same: bytes that are not there any more.
 */
#include "internal.h"
#include "segment.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct journal_reader {
    struct journal *journal;
    struct window window;
    int64_t position; /* of the next record */
};

static void close_segment(struct journal_reader *reader)
{
    if (reader->window.fd >= 0) {
        close(reader->window.fd);
    }
    window_set(&reader->window, -1, 0, 0);
}

int journal_reader_open(struct journal_reader **out, struct journal *journal, int64_t position, struct error *error)
{
    int64_t end = journal_end(journal);
    if (position > end) {
        log_warning("journal_behind",
                    "end=%" PRId64 " position=%" PRId64
                    " the store has counted records that the journal does not hold any more; it goes on from there",
                    end, position);
        int result = journal_advance(journal, position, error);
        if (result != 0) {
            return result;
        }
    }
    struct journal_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a journal reader");
    }
    reader->journal = journal;
    reader->position = position;
    window_set(&reader->window, -1, 0, 0);
    *out = reader;
    return 0;
}

void journal_reader_close(struct journal_reader **reader)
{
    if (*reader == NULL) {
        return;
    }
    close_segment(*reader);
    window_free(&(*reader)->window);
    free(*reader);
    *reader = NULL;
}

static void pass_over(struct journal_reader *reader, int64_t to, const char *what)
{
    log_error("journal_damaged", "position=%" PRId64 " skipped_bytes=%" PRId64 " what=%s", reader->position,
              to - reader->position, what);
    counter_add(reader->journal->counters, COUNTER_journal_damaged, 1);
    reader->position = to;
}

/* Opens the segment that holds the position, and learns how far it may be read now. 1; 0: nothing there, the position
 * has moved. */
static int enter_segment(struct journal_reader *reader, struct error *error)
{
    struct journal_place place;
    journal_locate(reader->journal, reader->position, &place);
    if (place.is_before) {
        log_warning("journal_starts_later", "position=%" PRId64 " oldest=%" PRId64, reader->position, place.first);
        reader->position = place.first;
        return 0;
    }
    if (reader->window.fd >= 0 && reader->window.first == place.first) {
        reader->window.limit = place.limit;
        return 1;
    }
    close_segment(reader);
    char *path = segment_path(reader->journal->directory, place.first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int result = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        window_set(&reader->window, fd, place.first, place.limit);
    } else if (errno == ENOENT) {
        pass_over(reader, place.limit, "segment_missing");
        result = 0;
    } else {
        result = error_errno(error, "cannot open the journal segment %s", path);
    }
    free(path);
    return result;
}

/* No good record begins at the position: goes to the next one that does, or to the segment's end. 0 or an error. */
static int recover(struct journal_reader *reader, struct error *error)
{
    int64_t found;
    int result = window_find(&reader->window, reader->position + 1, &found, error);
    if (result < 0) {
        return result;
    }
    if (result == 1) {
        pass_over(reader, found, "record_damaged");
    } else {
        pass_over(reader, reader->window.limit, "rest_of_segment_damaged_or_missing");
    }
    return 0;
}

int journal_read(struct journal_reader *reader, struct journal_record *record, struct error *error)
{
    int result = 0;
    while (result == 0 && reader->position < journal_end(reader->journal)) {
        if (reader->window.fd < 0 || reader->position >= reader->window.limit) {
            result = enter_segment(reader, error);
            if (result != 1) {
                continue;
            }
        }
        result = window_read(&reader->window, reader->position, record, error);
        if (result == 1) {
            reader->position = record->next;
        } else if (result == 0) {
            result = recover(reader, error);
        }
    }
    return result;
}

int64_t journal_reader_position(const struct journal_reader *reader)
{
    return reader->position;
}
