/*
 * What stands between the broker and the journal: a message is taken only while counting keeps up
 * (journal.backlog_bytes) and the disk has room to spare for the database that must count it (journal.reserve_bytes).
 * Called on the receiving thread, but for receiving_note_backlog.
 */
#ifndef EDUTALLY_COMMANDS_RECEIVING_H
#define EDUTALLY_COMMANDS_RECEIVING_H

#include "base/counters.h"
#include "journal/journal.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All parts are set by the caller and outlive it; the rest is this room's. */
struct receiving {
    struct journal *journal;
    struct counters *counters;
    const struct settings *settings;

    bool held;          /* the last message was not taken */
    int64_t held_ms;    /* and when that was last; steady clock, 0: never */
    int64_t looked_ms;  /* when the disk was looked at, steady clock */
    int64_t looked_end; /* and where the journal ended then */
    bool is_full;
    bool cannot_write; /* the journal, at the last message */
};

/* An ingest_sink: `context` is a struct receiving. */
int receiving_take(void *context, const char *topic, size_t topic_length, const void *payload, size_t payload_length);
bool receiving_has_room(void *context);

/* Sets the gauge of what was received and is not counted for good. Any thread. */
int64_t receiving_note_backlog(struct journal *journal, struct counters *counters);

#endif
