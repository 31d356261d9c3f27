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
    char *topic;
    char *raw;
    size_t raw_length;
};

struct page {
    struct kept_row rows[PAGE];
    int count;
};

/* Copies a row: the store must not be written while it is read through. */
static int gather(void *context, int64_t id, const struct store_rejected *row)
{
    struct page *page = context;
    struct kept_row *kept = &page->rows[page->count];
    *kept = (struct kept_row){.id = id,
                              .received_ms = row->received_ms,
                              .topic = strdup(row->topic),
                              .raw = malloc(row->raw_length + 1),
                              .raw_length = row->raw_length};
    page->count++;
    if (kept->topic == NULL || kept->raw == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(kept->raw, row->raw, row->raw_length);
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

/* 1: counted; 0: stays. */
static int release_row(struct pipeline *pipeline, const struct kept_row *row, bool retry, struct error *error)
{
    const struct decode_limits limits = {.payload_bytes = row->raw_length, .batch_events = 1, .depth = 16};
    struct decode_topic topic;
    struct decode_result decoded = {0};
    int32_t day;
    arena_reset(&pipeline->arena);
    if (!decode_topic(row->topic, strlen(row->topic), &topic) ||
        decode_native(row->raw, row->raw_length, &limits, &pipeline->arena, &decoded) != 0 ||
        decoded.event_count != 1) {
        return 0; /* kept as it is, for people to look at */
    }
    const struct origin origin = {
        .topic = &topic,
        .received_ms = row->received_ms,
        .arrived_day = zone_day(pipeline->zone, row->received_ms),
        .centre = registry_find_centre(pipeline->parts.registry, topic.centre, strlen(topic.centre)),
        .device_key = streams_device_key(topic.realm, topic.centre, topic.device),
    };
    int64_t judged_ms = retry ? clock_wall_ms() : row->received_ms;
    if (count_judge(pipeline, &origin, &decoded.events[0], judged_ms, &day) != DECODE_REASONS) {
        return 0;
    }
    int result = count_event(pipeline, &origin, &decoded.events[0], day, error);
    if (result == 0) {
        result = store_quarantined_remove(pipeline->store, row->id, error);
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_released, result == 0);
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
    const char *const unknown[] = {decode_reason_word(DECODE_UNKNOWN_CENTRE), NULL};
    const char *const all[] = {decode_reason_word(DECODE_UNKNOWN_CENTRE), decode_reason_word(DECODE_CLOCK_BEHIND),
                               decode_reason_word(DECODE_CLOCK_AHEAD), NULL};
    int64_t after = 0;
    int result;
    *released = *kept = 0;
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    do {
        result = store_each_quarantined(pipeline->store, retry ? all : unknown, after, PAGE, gather, page, error);
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
