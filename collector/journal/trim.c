/*
 * The list of segments: where a position lies, and which segments may go. The oldest go first and the list stays
 * without holes. A file is unlinked before the list forgets it; if the process dies in between, the next start lists
 * what is there.
 */
#include "internal.h"
#include "segment.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t ms_per_day = INT64_C(86400000);

/* How many segments begin at or before the position. Under `lock`. */
static size_t count_until(const struct journal *journal, int64_t position)
{
    size_t low = 0, high = journal->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (journal->firsts[middle] <= position) {
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
    place->first = journal->firsts[after == 0 ? 0 : after - 1];
    place->limit = after < journal->count ? journal->firsts[after] : journal_end(journal);
    pthread_mutex_unlock(&journal->lock);
}

/* The oldest segment, if it lies wholly before the position. */
static bool oldest_before(struct journal *journal, int64_t position, int64_t *first)
{
    pthread_mutex_lock(&journal->lock);
    bool is_before = journal->count > 1 && journal->firsts[1] <= position;
    *first = journal->firsts[0];
    pthread_mutex_unlock(&journal->lock);
    return is_before;
}

static void forget_oldest(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->count--;
    memmove(journal->firsts, journal->firsts + 1, journal->count * sizeof *journal->firsts);
    counter_set(journal->counters, COUNTER_journal_segments, (int64_t)journal->count);
    pthread_mutex_unlock(&journal->lock);
}

/* Removes the oldest segment if it has to go. 1: removed; 0: it stays. */
static int remove_oldest(struct journal *journal, int64_t first, int64_t oldest_s, int64_t keep_bytes,
                         struct error *error)
{
    struct stat status;
    char *path = segment_path(journal->directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int result = 0;
    if (stat(path, &status) != 0) {
        result = errno == ENOENT ? 1 : error_errno(error, "cannot look at the journal segment %s", path);
    } else if ((int64_t)status.st_mtime < oldest_s || (keep_bytes > 0 && journal_end(journal) - first > keep_bytes)) {
        result = unlink(path) == 0 ? 1 : error_errno(error, "cannot remove the journal segment %s", path);
    }
    free(path);
    return result;
}

int journal_trim(struct journal *journal, int64_t position, int64_t keep_days, int64_t keep_bytes, struct error *error)
{
    int64_t oldest_s = keep_days > 0 ? (clock_wall_ms() - keep_days * ms_per_day) / 1000 : INT64_MIN;
    int64_t first, removed = 0;
    int result = 1;
    while (result == 1 && oldest_before(journal, position, &first)) {
        result = remove_oldest(journal, first, oldest_s, keep_bytes, error);
        if (result == 1) {
            forget_oldest(journal);
            removed++;
        }
    }
    if (removed > 0) {
        log_info("journal_trimmed", "segments=%" PRId64 " oldest=%" PRId64, removed, first);
        int synced = file_sync_directory(journal->directory, result < 0 ? NULL : error);
        return result < 0 ? result : synced;
    }
    return result < 0 ? result : 0;
}
