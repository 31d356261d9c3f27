#include "facts/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct streams {
    struct stream **slots;
    size_t size; /* a power of two */
    size_t count;
    size_t range_bytes;
    uint64_t seed;
};

enum { FIRST_SIZE = 1024, NAME_LENGTH = 64, NAMES_SIZE = 4 * (NAME_LENGTH + 1) };

struct streams *streams_new(void)
{
    struct streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL) {
        return NULL;
    }
    streams->slots = calloc(FIRST_SIZE, sizeof(struct stream *));
    streams->size = FIRST_SIZE;
    if (streams->slots == NULL || getrandom(&streams->seed, sizeof streams->seed, 0) != (ssize_t)sizeof streams->seed) {
        free(streams->slots);
        free(streams);
        return NULL;
    }
    return streams;
}

void streams_forget(struct streams *streams)
{
    for (size_t i = 0; i < streams->size; i++) {
        if (streams->slots[i] != NULL) {
            ranges_free(&streams->slots[i]->ranges);
            free(streams->slots[i]);
            streams->slots[i] = NULL;
        }
    }
    streams->count = 0;
    streams->range_bytes = 0;
}

void streams_free(struct streams **streams)
{
    if (*streams != NULL) {
        streams_forget(*streams);
        free((*streams)->slots);
        free(*streams);
        *streams = NULL;
    }
}

/* "a/b/c" without the NUL; the length. Twice a message, and printf would take a tenth of a message's time. */
static size_t join(char text[NAMES_SIZE], const char *const names[], size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(names[i], NAME_LENGTH);
        if (i > 0) {
            text[used++] = '/';
        }
        memcpy(text + used, names[i], length);
        used += length;
    }
    return used;
}

struct stream_key streams_key(const struct streams *streams, const char *realm, const char *centre, const char *device,
                              const char *epoch)
{
    char text[NAMES_SIZE];
    const char *const names[] = {realm, centre, device, epoch};
    XXH128_hash_t hash = XXH3_128bits_withSeed(text, join(text, names, 4), streams->seed);
    return (struct stream_key){hash.low64, hash.high64};
}

static size_t slot_of(const struct streams *streams, const struct stream_key *key)
{
    size_t slot = (size_t)key->low & (streams->size - 1);
    while (streams->slots[slot] != NULL && memcmp(&streams->slots[slot]->key, key, sizeof *key) != 0) {
        slot = (slot + 1) & (streams->size - 1);
    }
    return slot;
}

struct stream *streams_find(struct streams *streams, const struct stream_key *key)
{
    struct stream *stream = streams->slots[slot_of(streams, key)];
    if (stream != NULL) {
        stream->touched = true;
    }
    return stream;
}

static bool grow(struct streams *streams)
{
    struct streams wider = {.size = streams->size * 2};
    wider.slots = calloc(wider.size, sizeof(struct stream *));
    if (wider.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < streams->size; i++) {
        if (streams->slots[i] != NULL) {
            wider.slots[slot_of(&wider, &streams->slots[i]->key)] = streams->slots[i];
        }
    }
    free(streams->slots);
    streams->slots = wider.slots;
    streams->size = wider.size;
    return true;
}

struct stream *streams_insert(struct streams *streams, const struct stream_key *key)
{
    if (streams->count * 3 >= streams->size * 2 && !grow(streams)) {
        return NULL;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->key = *key;
    stream->touched = true;
    streams->slots[slot_of(streams, key)] = stream;
    streams->count++;
    return stream;
}

size_t streams_bytes(const struct streams *streams)
{
    return streams->size * sizeof(struct stream *) + streams->count * sizeof(struct stream) + streams->range_bytes;
}

void streams_ranges_changed(struct streams *streams, struct stream *stream)
{
    streams->range_bytes += ((size_t)stream->ranges.size - stream->held) * sizeof(struct range);
    stream->held = stream->ranges.size;
}

static void drop_idle(struct streams *streams, bool all)
{
    struct stream **kept = malloc((streams->count + 1) * sizeof(struct stream *));
    if (kept == NULL) {
        return; /* nothing is dropped: the next call tries again */
    }
    size_t count = 0;
    for (size_t i = 0; i < streams->size; i++) {
        struct stream *stream = streams->slots[i];
        streams->slots[i] = NULL;
        if (stream == NULL) {
            continue;
        }
        if (stream->note == 0 && (all || !stream->touched)) {
            streams->range_bytes -= stream->held * sizeof(struct range);
            ranges_free(&stream->ranges);
            free(stream);
            continue;
        }
        stream->touched = false;
        kept[count++] = stream;
    }
    for (size_t i = 0; i < count; i++) {
        streams->slots[slot_of(streams, &kept[i]->key)] = kept[i];
    }
    streams->count = count;
    free(kept);
}

void streams_shrink(struct streams *streams, size_t most)
{
    if (streams_bytes(streams) > most) {
        drop_idle(streams, false);
    }
    if (streams_bytes(streams) > most) {
        drop_idle(streams, true);
    }
}

uint64_t streams_device_key(const char *realm, const char *centre, const char *device)
{
    char text[NAMES_SIZE];
    const char *const names[] = {realm, centre, device};
    return XXH3_64bits(text, join(text, names, 3));
}
