/*
 * Events set aside are kept as native messages. Releasing one decodes it again and judges it again; what may count is
 * counted and its row removed in the same transaction, so it counts once. Its sequence number was noted when it came.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

struct kept_row {
    int64_t id;
    int64_t received_ms;
    int64_t position;
    bool is_noted;    /* with its device, when it came: not if that was refused */
    bool id_is_noted; /* the event's id, if it has one, was remembered when it came */
    char *topic;
    char *raw;
    size_t raw_length;
};

struct page {
    struct kept_row rows[PAGE];
    int count;
    struct error *error;
};

static bool is_one_of(const char *reason, enum decode_reason one, enum decode_reason other)
{
    return strcmp(reason, decode_reason_word(one)) == 0 || strcmp(reason, decode_reason_word(other)) == 0;
}

/* Copies a row: the store must not be written while it is read through. */
static int gather(void *context, int64_t id, const struct store_rejected *row)
{
    struct page *page = context;
    struct kept_row *kept = &page->rows[page->count];
    *kept = (struct kept_row){.id = id,
                              .received_ms = row->received_ms,
                              .position = row->position,
                              .is_noted = !is_one_of(row->reason, DECODE_TOO_MANY_DEVICES, DECODE_TOO_MANY_EPOCHS),
                              .id_is_noted = strcmp(row->reason, decode_reason_word(DECODE_UNKNOWN_CENTRE)) == 0,
                              .topic = strdup(row->topic),
                              .raw = malloc(row->raw_length + 1),
                              .raw_length = row->raw_length};
    page->count++;
    if (kept->topic == NULL || kept->raw == NULL) {
        return error_set(page->error, ERROR_MEMORY, "out of memory reading the quarantine");
    }
    if (row->raw_length > 0) {
        memcpy(kept->raw, row->raw, row->raw_length);
    }
    kept->raw[row->raw_length] = '\0';
    return 0;
}

static void page_clear(struct page *page)
{
    for (int i = 0; i < page->count; i++) {
        free(page->rows[i].topic);
        free(page->rows[i].raw);
    }
    page->count = 0;
}

/* Whether the event came again meanwhile, and counted. 0; a decode_reason: its device is refused; or an error. */
static int note_released(struct pipeline *pipeline, const struct kept_row *row, const struct origin *origin,
                         const struct decode_event *event, int32_t day, bool *seen, struct error *error)
{
    bool is_new = true;
    int result = 0;
    if (!row->is_noted) {
        result = count_note_event(pipeline, origin, event, day, &is_new, error);
    } else if (event->identity != IDENTITY_SEQ && !row->id_is_noted) {
        return count_seen_before(pipeline, origin, event, day, seen, error);
    }
    *seen = !is_new;
    return result;
}

/* 1: counted; 0: stays. */
static int release_row(struct pipeline *pipeline, const struct kept_row *row, bool retry, struct error *error)
{
    const struct decode_limits limits = {.payload_bytes = row->raw_length, .batch_events = 1, .depth = 16};
    struct decode_topic topic;
    struct decode_result decoded = {0};
    int32_t day;
    arena_reset(&pipeline->arena);
    acks_begin_message(pipeline);
    if (decode_native(row->raw, row->raw_length, &limits, &pipeline->arena, &decoded) != 0) {
        return error_set(error, ERROR_MEMORY, "out of memory decoding a quarantined event");
    }
    if (!decode_topic(row->topic, strlen(row->topic), &topic) || decoded.event_count != 1) {
        return 0; /* kept as it is, for people to look at */
    }
    /* What was received later than now came when our own clock was ahead: it only seemed too late. */
    int64_t now_ms = clock_wall_ms();
    int64_t arrived_ms = retry && row->received_ms > now_ms ? now_ms : row->received_ms;
    const struct origin origin = {
        .topic = &topic,
        .position = row->position,
        .received_ms = row->received_ms,
        .arrived_day = zone_day(pipeline->zone, arrived_ms),
        .centre = registry_find_centre(pipeline->parts.registry, topic.centre, strlen(topic.centre)),
        .device_key = streams_device_key(topic.realm, topic.centre, topic.device),
    };
    int64_t judged_ms = retry ? now_ms : row->received_ms;
    if (count_judge(pipeline, &origin, &decoded.events[0], judged_ms, &day) != DECODE_REASONS) {
        return 0;
    }
    bool seen = false;
    int result = note_released(pipeline, row, &origin, &decoded.events[0], day, &seen, error);
    if (result > 0) {
        return 0; /* its device is refused still */
    }
    if (result == 0 && !seen) {
        result = count_event(pipeline, &origin, &decoded.events[0], day, error);
    }
    if (result == 0) {
        result = store_quarantined_remove(pipeline->store, row->id, error);
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_released, result == 0 && !seen);
    counter_add(&pipeline->uncommitted, COUNTER_events_repeated, result == 0 && seen);
    return result == 0 ? 1 : result;
}

static int release_page(struct pipeline *pipeline, const struct page *page, bool retry, int64_t *released,
                        int64_t *kept, struct error *error)
{
    int result = pipeline_begin(pipeline, error);
    for (int i = 0; i < page->count && result == 0; i++) {
        int counted = release_row(pipeline, &page->rows[i], retry, error);
        *released += counted == 1;
        *kept += counted == 0;
        result = counted < 0 ? counted : 0;
    }
    return result;
}

int quarantine_release(struct pipeline *pipeline, bool retry, int64_t *released, int64_t *kept, struct error *error)
{
    /* What a registry or raised limits alone may have mended; and what the clock may have. */
    const char *const all[] = {decode_reason_word(DECODE_CLOCK_BEHIND),
                               decode_reason_word(DECODE_CLOCK_AHEAD),
                               decode_reason_word(DECODE_TOO_LATE),
                               decode_reason_word(DECODE_UNKNOWN_CENTRE),
                               decode_reason_word(DECODE_TOO_MANY_DEVICES),
                               decode_reason_word(DECODE_TOO_MANY_EPOCHS),
                               NULL};
    const char *const *const reasons = retry ? all : all + 3;
    int64_t after = 0;
    int result;
    *released = *kept = 0;
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    page->error = error;
    do {
        result = store_each_quarantined(pipeline->store, reasons, after, PAGE, gather, page, error);
        if (result > 0) {
            after = page->rows[page->count - 1].id;
            result = release_page(pipeline, page, retry, released, kept, error);
            result = result == 0 ? page->count : result;
        }
        page_clear(page);
    } while (result == PAGE);
    free(page);
    if (result < 0) {
        pipeline_abandon(pipeline); /* an event may be counted whose row is still there */
        return result;
    }
    return pipeline_commit(pipeline, error);
}
