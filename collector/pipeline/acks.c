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

/* Numbers may have been lost with damaged ranges. What was received is not known then, so that all up to the highest
 * known number is taken for received: rather not counted than counted twice. What is missing is given up, and seen. */
static int make_good_ranges(struct pipeline *pipeline, const struct origin *origin, const struct store_ranges *row,
                            struct stream *stream, struct error *error)
{
    int64_t highest = row->received + row->missing + row->given_up;
    log_error("ranges_damaged", "centre=%s device=%s epoch=%s taken_for_received=%lld given_up=%lld",
              origin->topic->centre, origin->topic->device, row->epoch, (long long)highest, (long long)row->missing);
    counter_add(&pipeline->uncommitted, COUNTER_store_damaged, 1);
    ranges_free(&stream->ranges);
    stream->ranges.given_up = row->given_up + row->missing;
    return highest == 0 || ranges_add_all(&stream->ranges, highest) == 0
               ? 0
               : error_set(error, ERROR_MEMORY, "out of memory");
}

/* Whether a device that was never seen may get a number. 0, a decode_reason, or an error. Centres that no registry ever
 * held have a bound together too: anybody can invent one. */
static int admit_device(struct pipeline *pipeline, const struct origin *origin, struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    int64_t count = 0;
    bool is_unknown = origin->centre == REGISTRY_NONE;
    int result = store_count_devices(pipeline->store, origin->topic->centre, &count, error);
    if (result == 0 && is_unknown && pipeline->unknown_devices < 0) {
        int64_t unknown = 0;
        result = store_count_unknown_devices(pipeline->store, &unknown, error);
        pipeline->unknown_devices = result == 0 ? unknown : -1;
    }
    if (result != 0) {
        return result;
    }
    if (count >= settings->limit_devices_per_centre ||
        (is_unknown && pipeline->unknown_devices >= settings->limit_unknown_devices)) {
        return DECODE_TOO_MANY_DEVICES;
    }
    pipeline->unknown_devices += is_unknown;
    return 0;
}

/* The device's number and what is stored of its epoch: 1; nothing is, and it may have both: 0; a decode_reason above 1,
 * or an error. */
static int look_up(struct pipeline *pipeline, const struct origin *origin, struct store_ranges *row,
                   struct error *error)
{
    const struct decode_topic *topic = origin->topic;
    int64_t epochs = 0;
    int known = store_device_find(pipeline->store, topic->realm, topic->centre, topic->device, &row->device, error);
    if (known == 1) {
        int result = store_ranges_load(pipeline->store, row, error);
        if (result == 0) {
            result = store_count_epochs(pipeline->store, row->device, &epochs, error);
        }
        return result == 0 && epochs >= pipeline->parts.settings->limit_epochs_per_device ? (int)DECODE_TOO_MANY_EPOCHS
                                                                                          : result;
    }
    int result = known == 0 ? admit_device(pipeline, origin, error) : known;
    if (result == 0) {
        result = store_device(pipeline->store, topic->realm, topic->centre, topic->device, &row->device, error);
        counter_add(&pipeline->uncommitted, COUNTER_devices_known, result == 0);
    }
    return result;
}

static int fill_stream(struct pipeline *pipeline, const struct origin *origin, const struct store_ranges *row,
                       struct stream *stream, struct error *error)
{
    stream->received = row->received;
    stream->repeated = row->repeated;
    stream->late = row->late;
    stream->last_received_ms = row->last_received_ms;
    stream->last_event_ms = row->last_event_ms;
    stream->saved_missing = row->missing;
    int result = ranges_read(&stream->ranges, row->bytes, row->byte_count);
    if (result == ERROR_INPUT) {
        result = make_good_ranges(pipeline, origin, row, stream, error);
    }
    streams_ranges_changed(pipeline->streams, stream);
    return result == 0 ? 0 : error_set(error, ERROR_MEMORY, "out of memory");
}

/* A row at once, so that the bound on a device's epochs sees those of the open transaction too. */
static int begin_stream(struct pipeline *pipeline, const struct stream *stream, const char *epoch, struct error *error)
{
    buffer_clear(&pipeline->scratch);
    ranges_write(&stream->ranges, &pipeline->scratch);
    const struct store_ranges row = {.device = stream->device,
                                     .epoch = epoch,
                                     .bytes = pipeline->scratch.bytes,
                                     .byte_count = pipeline->scratch.used};
    counter_add(&pipeline->uncommitted, COUNTER_epochs_known, 1);
    return pipeline->scratch.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                                    : store_ranges_save(pipeline->store, &row, error);
}

static int find_stream(struct pipeline *pipeline, const struct origin *origin, const char *epoch,
                       struct stream **stream, struct error *error)
{
    const struct decode_topic *topic = origin->topic;
    struct stream_key key = streams_key(pipeline->streams, topic->realm, topic->centre, topic->device, epoch);
    struct store_ranges row = {.epoch = epoch};
    *stream = streams_find(pipeline->streams, &key);
    if (*stream != NULL) {
        return 0;
    }
    int found = look_up(pipeline, origin, &row, error);
    if (found < 0 || found > 1) {
        return found;
    }
    *stream = streams_insert(pipeline->streams, &key);
    if (*stream == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    (*stream)->device = row.device;
    /* A failure here ends the batch, and everything held is forgotten with it. */
    return found == 1 ? fill_stream(pipeline, origin, &row, *stream, error)
                      : begin_stream(pipeline, *stream, epoch, error);
}

/* A new entry of the touched list. */
static int add_touched(struct pipeline *pipeline, const struct decode_topic *topic, const char *epoch,
                       struct stream *stream, struct error *error)
{
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
    return 0;
}

void acks_begin_message(struct pipeline *pipeline)
{
    pipeline->touched_last = 0;
    pipeline->refused = 0;
}

/* A message may hold thousands of events of a device that is refused: looked up once. */
static bool is_refused(const struct pipeline *pipeline, const char *epoch)
{
    return pipeline->refused == DECODE_TOO_MANY_DEVICES ||
           (pipeline->refused == DECODE_TOO_MANY_EPOCHS && strcmp(pipeline->refused_epoch, epoch) == 0);
}

int acks_touch(struct pipeline *pipeline, const struct origin *origin, const char *epoch, struct touched **out,
               struct error *error)
{
    struct stream *stream;
    /* Nearly all events of a message are of one epoch: looked up once. */
    if (pipeline->touched_last != 0 && strcmp(pipeline->touched[pipeline->touched_last - 1].epoch, epoch) == 0) {
        *out = &pipeline->touched[pipeline->touched_last - 1];
        return 0;
    }
    if (is_refused(pipeline, epoch)) {
        return pipeline->refused;
    }
    int result = find_stream(pipeline, origin, epoch, &stream, error);
    if (result > 0) {
        pipeline->refused = result;
        snprintf(pipeline->refused_epoch, sizeof pipeline->refused_epoch, "%s", epoch);
    }
    if (result == 0 && stream->note == 0) {
        result = add_touched(pipeline, origin->topic, epoch, stream, error);
    }
    if (result == 0) {
        pipeline->touched_last = stream->note;
        *out = &pipeline->touched[stream->note - 1];
    }
    return result;
}

/* What the open transaction changes of the figures over all devices. */
static void note_totals(struct pipeline *pipeline, struct stream *stream, int64_t missing)
{
    counter_add(&pipeline->uncommitted, COUNTER_events_missing, missing - stream->saved_missing);
    stream->saved_missing = missing; /* if the commit fails, all streams are forgotten */
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
            .late = stream->late,
            .given_up = stream->ranges.given_up,
        };
        note_totals(pipeline, stream, row.missing);
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
    pipeline->touched_count = 0;
    acks_begin_message(pipeline);
    streams_forget(pipeline->streams);
}
