/*
 * The list of segments: where a position lies, and which segments may go. The oldest go first and the list stays
 * without holes. A file is removed before the list forgets it; if the process dies in between, the next start lists
 * what is there.
 *
 * How old a segment is. A wrong clock must not empty the journal: a machine whose battery died wakes up in 1970, a
 * typing error sets next year, and both are set right some time later. No single reading of a clock can tell; but the
 * segments were begun one after the other, at least one a day while messages come, and each remembers when that was.
 * So age is the sum of the steps from one beginning to the next and on to now, where a step counts only if it is no
 * longer than a quarter of what is kept (at least two days, at most a hundred). A clock that jumps further, ahead or
 * back, adds nothing; one that jumps less and back again adds nothing in sum. What an error can do at worst: let a
 * segment go a quarter of its time early; or late, by as long as nothing at all was received in one piece of more than
 * a quarter of that time. `edutally journal erase` is for who cannot wait for the second.
 */
#include "internal.h"
#include "segment.h"

#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const int64_t ms_per_day = INT64_C(86400000);

/* How many segments begin at or before the position. Under `lock`. */
static size_t count_until(const struct journal *journal, int64_t position)
{
    size_t low = 0, high = journal->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (journal->list[middle].first <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void journal_locate(struct journal *journal, int64_t position, struct journal_place *place)
{
    pthread_mutex_lock(&journal->lock);
    size_t after = count_until(journal, position);
    place->is_before = after == 0;
    place->is_last = after == journal->count;
    place->first = journal->list[after == 0 ? 0 : after - 1].first;
    place->limit = after < journal->count ? journal->list[after].first : journal_end(journal);
    pthread_mutex_unlock(&journal->lock);
}

static int64_t believed(int64_t step_ms, int64_t longest_ms)
{
    return step_ms <= longest_ms && step_ms >= -longest_ms ? step_ms : 0;
}

int64_t journal_age(const struct listed *list, size_t count, size_t index, int64_t now_ms, int64_t keep_ms)
{
    int64_t longest_ms = keep_ms / 4, age_ms = 0;
    longest_ms = longest_ms < 2 * ms_per_day ? 2 * ms_per_day : longest_ms;
    longest_ms = longest_ms > 100 * ms_per_day ? 100 * ms_per_day : longest_ms;
    for (size_t i = index; i + 1 < count; i++) {
        age_ms += believed(list[i + 1].made_ms - list[i].made_ms, longest_ms);
    }
    return age_ms + believed(now_ms - list[count - 1].made_ms, longest_ms);
}

struct oldest {
    struct journal_place place;
    int64_t until_ms; /* when the next segment was begun: nothing was written to this one after that */
    int64_t age_ms;   /* since then */
};

/* The oldest segment, if it lies wholly before the position and is not the one being written. */
static bool find_oldest(struct journal *journal, int64_t position, int64_t keep_ms, struct oldest *oldest)
{
    pthread_mutex_lock(&journal->lock);
    bool is_before = journal->count > 1 && journal->list[1].first <= position;
    if (is_before) {
        oldest->place = (struct journal_place){.first = journal->list[0].first, .limit = journal->list[1].first};
        oldest->until_ms = journal->list[1].made_ms;
        oldest->age_ms = journal_age(journal->list, journal->count, 1, clock_wall_ms(), keep_ms);
    }
    pthread_mutex_unlock(&journal->lock);
    return is_before;
}

static void forget_oldest(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->count--;
    memmove(journal->list, journal->list + 1, journal->count * sizeof *journal->list);
    counter_set(journal->counters, COUNTER_journal_segments, (int64_t)journal->count);
    pthread_mutex_unlock(&journal->lock);
}

/* Says what was removed and makes it last; `result` is how far it went. */
static int finish(struct journal *journal, int64_t removed, int result, struct error *error)
{
    if (removed == 0) {
        return result;
    }
    struct journal_place oldest;
    journal_locate(journal, INT64_MIN, &oldest);
    log_info("journal_trimmed", "segments=%" PRId64 " oldest=%" PRId64, removed, oldest.first);
    int synced = file_sync_directory(journal->directory, result < 0 ? NULL : error);
    return result < 0 ? result : synced;
}

int journal_trim(struct journal *journal, int64_t position, int64_t keep_days, int64_t keep_bytes, struct error *error)
{
    struct oldest oldest;
    int64_t keep_ms = keep_days * ms_per_day, removed = 0;
    int result = 0;
    while (result == 0 && find_oldest(journal, position, keep_ms, &oldest)) {
        bool is_old = keep_days > 0 && oldest.age_ms > keep_ms;
        if (!is_old && (keep_bytes == 0 || journal_end(journal) - oldest.place.first <= keep_bytes)) {
            break;
        }
        result = segment_erase(journal->directory, oldest.place.first, error);
        if (result == 0) {
            forget_oldest(journal);
            removed++;
        }
    }
    return finish(journal, removed, result, error);
}

/* 1 if all that the segment holds was received, or at least written, before the time. */
static int is_older(struct journal *journal, const struct oldest *oldest, int64_t before_ms, struct error *error)
{
    struct journal_segment segment;
    int result = journal_survey_segment(journal, &oldest->place, &segment, NULL, NULL, error);
    if (result != 0) {
        return result;
    }
    bool is_unread = segment.records == 0 || segment.condition != JOURNAL_WHOLE;
    return (segment.records == 0 || segment.to_ms < before_ms) && (!is_unread || oldest->until_ms < before_ms);
}

int journal_erase(struct journal *journal, int64_t position, int64_t before_ms, int64_t *erased, struct error *error)
{
    struct oldest oldest = {.until_ms = clock_wall_ms()};
    int result = 0;
    *erased = 0;
    journal_locate(journal, INT64_MAX, &oldest.place);
    if (oldest.place.limit <= position) {
        result = is_older(journal, &oldest, before_ms, error);
        result = result == 1 ? journal_turn_over(journal, error) : result;
    }
    while (result == 0 && find_oldest(journal, position, 0, &oldest)) {
        result = is_older(journal, &oldest, before_ms, error);
        if (result != 1) {
            break;
        }
        result = segment_erase(journal->directory, oldest.place.first, error);
        if (result == 0) {
            forget_oldest(journal);
            ++*erased;
        }
    }
    return finish(journal, *erased, result, error);
}
