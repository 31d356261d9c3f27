/*
 * End-to-end acknowledgements (design §4.3). A device's stream is on the touched list from the moment it changes until
 * what changed is committed and acknowledged; at most one acknowledgement a second goes to a device, so a stream may
 * wait on the list. An acknowledgement never speaks of what is not committed: a stream that changed again meanwhile
 * waits for its commit.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACK_INTERVAL_MS = 1000, GAPS_MOST = 64 };

static int load_stream(struct pipeline *pipeline, const struct decode_topic *topic, const char *epoch,
                       struct stream *stream, struct error *error)
{
    int result = store_device(pipeline->store, topic->realm, topic->centre, topic->device, &stream->device, error);
    if (result != 0) {
        return result;
    }
    struct store_ranges row = {.device = stream->device, .epoch = epoch};
    result = store_ranges_load(pipeline->store, &row, error);
    if (result != 1) {
        return result;
    }
    stream->received = row.received;
    stream->repeated = row.repeated;
    stream->last_received_ms = row.last_received_ms;
    stream->last_event_ms = row.last_event_ms;
    int read = ranges_read(&stream->ranges, row.bytes, row.byte_count);
    if (read == ERROR_MEMORY) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (read != 0) {
        return error_set(error, ERROR_INPUT, "the stored ranges of device %s/%s are damaged", topic->centre,
                         topic->device);
    }
    streams_ranges_changed(pipeline->streams, stream);
    return 0;
}

static int find_stream(struct pipeline *pipeline, const struct decode_topic *topic, const char *epoch,
                       struct stream **stream, struct error *error)
{
    struct stream_key key = streams_key(pipeline->streams, topic->realm, topic->centre, topic->device, epoch);
    *stream = streams_find(pipeline->streams, &key);
    if (*stream != NULL) {
        return 0;
    }
    *stream = streams_insert(pipeline->streams, &key);
    if (*stream == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    /* A failure here ends the batch, and everything held is forgotten with it. */
    return load_stream(pipeline, topic, epoch, *stream, error);
}

int acks_touch(struct pipeline *pipeline, const struct decode_topic *topic, const char *epoch, struct touched **out,
               struct error *error)
{
    struct stream *stream;
    /* Nearly all events of a message are of one epoch: looked up once. */
    if (pipeline->touched_last != 0 && strcmp(pipeline->touched[pipeline->touched_last - 1].epoch, epoch) == 0) {
        *out = &pipeline->touched[pipeline->touched_last - 1];
        return 0;
    }
    int result = find_stream(pipeline, topic, epoch, &stream, error);
    if (result != 0) {
        return result;
    }
    if (stream->note != 0) {
        pipeline->touched_last = stream->note;
        *out = &pipeline->touched[stream->note - 1];
        return 0;
    }
    if (pipeline->touched_count == pipeline->touched_size) {
        size_t size = pipeline->touched_size == 0 ? 256 : pipeline->touched_size * 2;
        struct touched *grown = realloc(pipeline->touched, size * sizeof *grown);
        if (grown == NULL) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
        pipeline->touched = grown;
        pipeline->touched_size = size;
    }
    struct touched *touched = &pipeline->touched[pipeline->touched_count++];
    *touched = (struct touched){.stream = stream};
    snprintf(touched->realm, sizeof touched->realm, "%s", topic->realm);
    snprintf(touched->centre, sizeof touched->centre, "%s", topic->centre);
    snprintf(touched->device, sizeof touched->device, "%s", topic->device);
    snprintf(touched->epoch, sizeof touched->epoch, "%s", epoch);
    stream->note = (uint32_t)pipeline->touched_count;
    pipeline->touched_last = stream->note;
    *out = touched;
    return 0;
}

int acks_save_streams(struct pipeline *pipeline, struct error *error)
{
    for (size_t i = 0; i < pipeline->touched_count; i++) {
        struct touched *touched = &pipeline->touched[i];
        if (!touched->changed) {
            continue;
        }
        struct stream *stream = touched->stream;
        buffer_clear(&pipeline->scratch);
        ranges_write(&stream->ranges, &pipeline->scratch);
        if (pipeline->scratch.failed) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
        struct store_ranges row = {
            .device = stream->device,
            .epoch = touched->epoch,
            .bytes = pipeline->scratch.bytes,
            .byte_count = pipeline->scratch.used,
            .received = stream->received,
            .repeated = stream->repeated,
            .missing = ranges_missing(&stream->ranges),
            .last_received_ms = stream->last_received_ms,
            .last_event_ms = stream->last_event_ms,
        };
        int result = store_ranges_save(pipeline->store, &row, error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static void send_ack(struct pipeline *pipeline, const struct touched *touched)
{
    struct range gaps[GAPS_MOST];
    int64_t covered;
    char topic[4 * 65 + 16];
    struct buffer *out = &pipeline->scratch;
    size_t count = ranges_gaps(&touched->stream->ranges, gaps, GAPS_MOST, &covered);
    buffer_clear(out);
    buffer_print(out, "{\"epoch\":\"%s\",\"upto\":%lld,\"missing\":[", touched->epoch, (long long)covered);
    for (size_t i = 0; i < count; i++) {
        buffer_print(out, "%s[%lld,%lld]", i > 0 ? "," : "", (long long)gaps[i].first, (long long)gaps[i].last);
    }
    buffer_print(out, "],\"now\":%lld}", (long long)clock_wall_ms());
    snprintf(topic, sizeof topic, "edu/v1/%s/%s/%s/ack", touched->realm, touched->centre, touched->device);
    bool sent =
        !out->failed && pipeline->parts.publish(pipeline->parts.publish_context, topic, out->bytes, out->used) == 0;
    counter_add(pipeline->parts.counters, sent ? COUNTER_acks_sent : COUNTER_acks_failed, 1);
}

/* Takes entry `at` off the list; the last one takes its place. */
static void remove_touched(struct pipeline *pipeline, size_t at)
{
    pipeline->touched_last = 0;
    pipeline->touched[at].stream->note = 0;
    struct touched *last = &pipeline->touched[--pipeline->touched_count];
    if (at < pipeline->touched_count) {
        pipeline->touched[at] = *last;
        pipeline->touched[at].stream->note = (uint32_t)at + 1;
    }
}

void acks_send_due(struct pipeline *pipeline)
{
    int64_t now_ms = clock_steady_ms();
    for (size_t i = 0; i < pipeline->touched_count;) {
        struct touched *touched = &pipeline->touched[i];
        if (touched->changed) {
            i++;
            continue;
        }
        bool early = touched->acked_ms != 0 && now_ms - touched->acked_ms < ACK_INTERVAL_MS;
        if (pipeline->parts.publish != NULL && touched->wants_ack && !early) {
            send_ack(pipeline, touched);
            touched->wants_ack = false;
            touched->acked_ms = now_ms;
            early = true;
        }
        if (pipeline->parts.publish != NULL && early) {
            i++; /* stays a second longer: it remembers when it was acknowledged */
        } else {
            remove_touched(pipeline, i);
        }
    }
}

void acks_forget(struct pipeline *pipeline)
{
    pipeline->touched_count = pipeline->touched_last = 0;
    streams_forget(pipeline->streams);
}
