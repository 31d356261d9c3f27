/*
 * Streams: one per device and epoch, with the sequence numbers that came (dedupe) and what the device's quality figures
 * need. A cache before the store, as facts are; found by a 128-bit hash of realm, centre, device and epoch, so that no
 * name is held per device. One thread.
 */
#ifndef EDUTALLY_FACTS_STREAMS_H
#define EDUTALLY_FACTS_STREAMS_H

#include "facts/ranges.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct streams;

struct stream_key {
    uint64_t low, high;
};

struct stream {
    struct stream_key key;
    struct ranges ranges;
    int64_t received; /* counted, quarantined or rejected once each */
    int64_t repeated;
    int64_t last_received_ms;
    int64_t last_event_ms;
    int64_t late;          /* received over 24 hours after their time */
    int64_t saved_missing; /* as it was when it was saved last */
    uint32_t device;       /* the store's number */
    uint32_t note; /* the pipeline's: 1 + its place among the streams touched since the last commit, 0: untouched */
    bool touched;  /* since the last streams_shrink */
    uint32_t held; /* ranges whose memory streams_bytes counts */
};

/* NULL when out of memory. */
struct streams *streams_new(void);
void streams_free(struct streams **streams);

/* Identifiers hold no '/', so the joined text is unambiguous. `seed` is the table's own, against chosen collisions. */
struct stream_key streams_key(const struct streams *streams, const char *realm, const char *centre, const char *device,
                              const char *epoch);

struct stream *streams_find(struct streams *streams, const struct stream_key *key);
struct stream *streams_insert(struct streams *streams, const struct stream_key *key);
void streams_forget(struct streams *streams);

/* The caller has changed a stream's ranges: their memory is counted as it is now. */
void streams_ranges_changed(struct streams *streams, struct stream *stream);

/* As facts_shrink; streams with a note stay. */
void streams_shrink(struct streams *streams, size_t most);
size_t streams_bytes(const struct streams *streams);

/* A device's key in sets of distinct devices: the same in every run and on every collector. */
uint64_t streams_device_key(const char *realm, const char *centre, const char *device);

#endif
