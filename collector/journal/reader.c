/*
 * Reads the journal from a position on, across segments, while the appender goes on writing. It looks only at bytes
 * below the journal's end, which the appender moves after the write: so an incomplete record there is damage and never
 * a write in progress. A damaged stretch ends where the next good record begins, or where the next segment does; a
 * segment that is missing, or shorter than it was, looks the same: bytes that are not there any more. A segment without
 * its key is passed over whole. Bytes that the disk does not give are damage too, but only if the disk answers
 * otherwise: while all of it is out of reach (a cable, a storage network) the reader stands and says so, for what it
 * passes over nobody counts later.
 */
#include "internal.h"
#include "window.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct journal_reader {
    struct journal *journal;
    struct segment segment; /* that the window looks at */
    struct window window;
    int64_t position; /* of the next record */
    int64_t doubted;  /* the position at which the disk did not give its bytes, and was asked whether it is there */
};

static void close_segment(struct journal_reader *reader)
{
    if (reader->window.fd >= 0) {
        close(reader->window.fd);
    }
    segment_close(&reader->segment);
    window_set(&reader->window, -1, NULL, 0);
}

int journal_reader_open(struct journal_reader **out, struct journal *journal, int64_t position, struct error *error)
{
    int64_t end = journal_end(journal);
    if (position > end && !journal->is_reading) {
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
    reader->doubted = -1;
    window_set(&reader->window, -1, NULL, 0);
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

/* There is no file any more. When the journal was opened for reading there was: it was removed since. */
static void pass_over_missing(struct journal_reader *reader, int64_t to)
{
    if (!reader->journal->is_reading) {
        pass_over(reader, to, "segment_missing");
        return;
    }
    log_info("journal_removed_meanwhile", "position=%" PRId64 " bytes=%" PRId64, reader->position,
             to - reader->position);
    reader->position = to;
}

/* A segment whose key is not to be had. */
static void pass_over_sealed(struct journal_reader *reader, int64_t to)
{
    if (reader->segment.state != SEGMENT_ERASED) {
        pass_over(reader, to, reader->segment.state == SEGMENT_LOST ? "key_lost" : "key_of_another_secret");
        return;
    }
    log_warning("journal_erased", "position=%" PRId64 " skipped_bytes=%" PRId64, reader->position,
                to - reader->position);
    counter_add(reader->journal->counters, COUNTER_journal_erased, 1);
    reader->position = to;
}

/* At the position there is no good record, or no header, and the disk did not give all of its bytes. 0: read them
 * again, which may help, and then go on from what they are. ERROR_IO: nothing can be told now. */
static int doubt(struct journal_reader *reader, struct error *error)
{
    window_forget(&reader->window);
    if (!journal_disk_answers(reader->journal)) {
        return error_set(error, ERROR_IO,
                         "cannot read the journal at %" PRId64 ", and the disk takes no write beside it in %s",
                         reader->position, reader->journal->directory);
    }
    reader->doubted = reader->position;
    return 0;
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
    if (reader->window.fd >= 0 && reader->segment.first == place.first) {
        reader->window.limit = place.limit;
        return 1;
    }
    int fd;
    close_segment(reader);
    int result = journal_open_segment(reader->journal, place.first, &fd, &reader->segment, error);
    if (result == 0) {
        pass_over_missing(reader, place.limit);
    } else if (result == 1 && reader->segment.state != SEGMENT_SEALED && reader->segment.state != SEGMENT_PLAIN) {
        close(fd);
        result = 0;
        if (reader->segment.is_unread && reader->doubted != reader->position) {
            result = doubt(reader, error);
        } else {
            pass_over_sealed(reader, place.limit);
        }
    } else if (result == 1) {
        window_set(&reader->window, fd, &reader->segment, place.limit);
    }
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
    } else if (result == WINDOW_GAVE_UP) {
        pass_over(reader, reader->window.limit, "rest_of_segment_full_of_look_alikes");
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
        } else if (result == 0 && reader->window.unread_until > reader->position &&
                   reader->doubted != reader->position) {
            result = doubt(reader, error);
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
