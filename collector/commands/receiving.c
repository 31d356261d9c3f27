/*
 * Why there is a reserve: the journal's segments and the database share a disk. If the journal took the last of it, no
 * commit could be made any more, nothing would be counted, and no segment could go: both would wait for each other. So
 * receiving stops first, and the broker keeps what comes.
 */
#include "receiving.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <sys/statvfs.h>

enum { HELD_AGAIN_MS = 60000, LOOK_EVERY_MS = 200, LOOK_EVERY_BYTES = 256 * 1024 };

int64_t receiving_note_backlog(struct journal *journal, struct counters *counters)
{
    int64_t bytes = journal_end(journal) - counter_get(counters, COUNTER_journal_committed);
    counter_set(counters, COUNTER_journal_backlog_bytes, bytes);
    return bytes;
}

/* Looks at the disk again after so much time, or so many bytes. Where it cannot be asked, writing will tell. */
static bool disk_is_full(struct receiving *receiving)
{
    int64_t now_ms = clock_steady_ms(), end = journal_end(receiving->journal);
    struct statvfs disk;
    if (receiving->settings->journal_reserve_bytes == 0) {
        return false;
    }
    if (receiving->looked_ms == 0 || now_ms - receiving->looked_ms >= LOOK_EVERY_MS ||
        end - receiving->looked_end >= LOOK_EVERY_BYTES) {
        receiving->looked_ms = now_ms;
        receiving->looked_end = end;
        receiving->is_full = statvfs(receiving->settings->data_dir, &disk) == 0 &&
                             (int64_t)(disk.f_bavail * disk.f_frsize) < receiving->settings->journal_reserve_bytes;
    }
    return receiving->is_full;
}

/* Below half the bound: a connection that returned at the first gap would be held, and ended, again at once. */
bool receiving_has_room(void *context)
{
    struct receiving *receiving = context;
    bool is_behind = receiving_note_backlog(receiving->journal, receiving->counters) >
                     receiving->settings->journal_backlog_bytes / 2;
    bool is_full = disk_is_full(receiving);
    counter_set(receiving->counters, COUNTER_receive_behind, is_behind);
    counter_set(receiving->counters, COUNTER_journal_stuck, is_full || receiving->cannot_write);
    return !is_behind && !is_full;
}

/* A producer that is faster for an hour holds us many times a second: said once until it has been quiet. */
static void note_held(struct receiving *receiving, bool held, const char *why)
{
    int64_t now_ms = clock_steady_ms();
    if (held && !receiving->held) {
        counter_add(receiving->counters, COUNTER_receive_held, 1);
        if (receiving->held_ms == 0 || now_ms - receiving->held_ms >= HELD_AGAIN_MS) {
            log_warning("receive_held", "backlog_bytes=%lld note=\"%s; the broker keeps what comes meanwhile\"",
                        (long long)counter_get(receiving->counters, COUNTER_journal_backlog_bytes), why);
        }
    }
    receiving->held = held;
    receiving->held_ms = held ? now_ms : receiving->held_ms;
}

/* What is larger than may be is rejected as such, whole or not: its beginning shows what it was, and the rest need not
 * fill the disk. One byte past the bound, so that it is still too large when it is read. */
static size_t what_is_kept(const struct receiving *receiving, size_t payload_length)
{
    size_t most = (size_t)receiving->settings->limit_payload_bytes;
    return payload_length > most ? most + 1 : payload_length;
}

int receiving_take(void *context, const char *topic, size_t topic_length, const void *payload, size_t payload_length)
{
    struct receiving *receiving = context;
    struct error error;
    /* A bound of what is there already, so that a record of any size gets in once counting has caught up. */
    bool is_behind =
        receiving_note_backlog(receiving->journal, receiving->counters) > receiving->settings->journal_backlog_bytes;
    bool is_full = disk_is_full(receiving);
    note_held(receiving, is_behind || is_full,
              is_full ? "the disk has no room left but what the database needs" : "counting is behind");
    counter_set(receiving->counters, COUNTER_journal_stuck, is_full);
    counter_set(receiving->counters, COUNTER_receive_behind, is_behind);
    if (is_behind || is_full) {
        counter_add(receiving->counters, COUNTER_journal_waits, is_full);
        return ERROR_BUSY;
    }
    int result = journal_append(receiving->journal, clock_wall_ms(), topic, topic_length, payload,
                                what_is_kept(receiving, payload_length), &error);
    receiving->cannot_write = result != 0;
    if (result != 0) {
        counter_set(receiving->counters, COUNTER_journal_stuck, 1);
        counter_add(receiving->counters, COUNTER_journal_waits, 1);
        log_error("journal_cannot_be_written", "reason=\"%s\" note=\"receiving waits; free some disk space\"",
                  error.text);
    }
    return result;
}
