/*
 * Looks at every record of every segment, for people who ask what is there and whether it is well. It reads as a reader
 * does, but tells of damage instead of logging it. An empty stretch between two segments is damage too: positions have
 * no holes, so records that the store may have counted are gone.
 */
#include "internal.h"
#include "window.h"

#include "base/error.h"

#include <sys/stat.h>
#include <unistd.h>

struct survey {
    struct window window;
    struct journal_segment *segment;
    journal_each_damage *each_damage;
    void *context;
};

static int tell_damage(struct survey *survey, int64_t position, int64_t to, const char *what)
{
    struct journal_damage damage = {
        .segment = survey->segment->first, .position = position, .bytes = to - position, .what = what};
    survey->segment->damages++;
    survey->segment->damaged_bytes += damage.bytes;
    survey->segment->condition = JOURNAL_DAMAGED;
    return survey->each_damage != NULL ? survey->each_damage(survey->context, &damage) : 0;
}

static void count_record(struct journal_segment *segment, const struct journal_record *record)
{
    if (segment->records == 0 || record->received_ms < segment->from_ms) {
        segment->from_ms = record->received_ms;
    }
    if (segment->records == 0 || record->received_ms > segment->to_ms) {
        segment->to_ms = record->received_ms;
    }
    segment->records++;
    segment->next = record->next;
}

static int survey_records(struct survey *survey, struct error *error)
{
    struct journal_record record;
    int64_t position = survey->segment->first, limit = survey->window.limit;
    while (position < limit) {
        int result = window_read(&survey->window, position, &record, error);
        if (result == 1) {
            count_record(survey->segment, &record);
            position = record.next;
            continue;
        }
        int64_t to = limit;
        const char *what = "record damaged";
        if (result == 0) {
            result = window_find(&survey->window, position + 1, &to, error);
            to = result == 1 ? to : limit;
        }
        if (result < 0) {
            return result;
        }
        if (result == 0) {
            what = "damaged or missing up to the segment's end";
        } else if (result == WINDOW_GAVE_UP) {
            what = "damaged, and full of bytes that look like records";
        }
        result = tell_damage(survey, position, to, what);
        if (result != 0) {
            return result;
        }
        position = to;
    }
    return 0;
}

static int survey_open(struct survey *survey, int fd, const struct segment *opened, struct error *error)
{
    struct journal_segment *segment = survey->segment;
    int64_t limit = survey->window.limit;
    segment->made_ms = opened->made_ms;
    segment->format = opened->state == SEGMENT_PLAIN ? 1 : 2;
    segment->header_copies = opened->whole[0] + opened->whole[1];
    switch (opened->state) {
    case SEGMENT_ERASED:
        segment->condition = JOURNAL_ERASED;
        return 0;
    case SEGMENT_FOREIGN:
        segment->condition = JOURNAL_OTHER_SECRET;
        return 0;
    case SEGMENT_LOST:
        return tell_damage(survey, segment->first, limit, "both copies of the header, and of the key in it");
    case SEGMENT_SEALED:
    case SEGMENT_PLAIN:
        break;
    }
    window_set(&survey->window, fd, opened, limit);
    int result = survey_records(survey, error);
    window_free(&survey->window);
    return result;
}

int journal_survey_segment(const struct journal *journal, const struct journal_place *place,
                           struct journal_segment *segment, journal_each_damage *each_damage, void *context,
                           struct error *error)
{
    struct survey survey = {.segment = segment, .each_damage = each_damage, .context = context};
    struct segment opened = {0};
    struct stat status;
    int fd = -1;
    *segment = (struct journal_segment){.first = place->first, .next = place->first, .is_last = place->is_last};
    survey.window.limit = place->limit;
    int result = journal_open_segment(journal, place->first, &fd, &opened, error);
    if (result != 1) {
        return result < 0 ? result : tell_damage(&survey, place->first, place->limit, "the file is missing");
    }
    if (fstat(fd, &status) == 0) {
        segment->file_bytes = status.st_size;
        result = survey_open(&survey, fd, &opened, error);
        int64_t behind = status.st_size - segment_offset(&opened, place->limit);
        segment->tail_bytes = place->is_last && behind > 0 ? behind : 0;
    } else {
        result = error_errno(error, "cannot look at a segment of the journal in %s", journal->directory);
    }
    segment_close(&opened);
    close(fd);
    return result;
}

int journal_survey(struct journal *journal, journal_each_segment *each_segment, journal_each_damage *each_damage,
                   void *context, struct error *error)
{
    struct journal_segment segment;
    struct journal_place place;
    int result = 0;
    journal_locate(journal, INT64_MIN, &place);
    for (int64_t position = place.first; result == 0; position = place.limit) {
        journal_locate(journal, position, &place);
        if (place.is_before) {
            place.limit = place.first; /* removed meanwhile: on to what is the oldest now */
            continue;
        }
        result = journal_survey_segment(journal, &place, &segment, each_damage, context, error);
        result = result == 0 ? each_segment(context, &segment) : result;
        if (place.is_last) {
            break;
        }
    }
    return result;
}
