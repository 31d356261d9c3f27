/*
 * One record of the journal into the open transaction. The sequence number is noted first, so a repeat costs nothing
 * and a bad event is not asked for again; then the event is judged, and counted or set aside with its reason. Nothing
 * here looks at the wall clock: what becomes of a record depends on the record and the store alone, so reading it again
 * gives the same.
 */
#include "internal.h"

#include "base/civil.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

static const int64_t EARLIEST_MS = 1577836800000; /* 2020-01-01: a clock before that was never set (design §4.4) */

/* Keeps a row and notes what it weighs, so that a commit can see when the bounds must be looked at. */
static int keep_row(struct pipeline *pipeline, const struct store_rejected *row, struct error *error)
{
    pipeline->kept_rows++;
    pipeline->kept_bytes += (int64_t)row->raw_length;
    return store_rejected_add(pipeline->store, row, error);
}

static int reject(struct pipeline *pipeline, const struct journal_record *record, const struct decode_topic *topic,
                  const struct decode_fault *fault, struct error *error)
{
    struct store_rejected row = {
        .reason = decode_reason_word(fault->reason),
        .detail = fault->detail,
        .received_ms = record->received_ms,
        .topic = record->topic,
        .topic_length = record->topic_length,
        .centre = topic != NULL ? topic->centre : NULL,
        .raw = fault->raw.at,
        .raw_length = fault->raw.length,
    };
    counter_add(&pipeline->uncommitted, COUNTER_events_rejected, 1);
    return keep_row(pipeline, &row, error);
}

static int reject_topic(struct pipeline *pipeline, const struct journal_record *record, const char *detail,
                        struct error *error)
{
    struct decode_fault fault = {.reason = DECODE_WRONG_TOPIC, .raw = {record->payload, record->payload_length}};
    snprintf(fault.detail, sizeof fault.detail, "%s", detail);
    return reject(pipeline, record, NULL, &fault, error);
}

static int quarantine(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                      enum decode_reason reason, struct error *error)
{
    char topic[4 * 65 + 16], when[CIVIL_TIME_SIZE], detail[96];
    int topic_length = snprintf(topic, sizeof topic, "edu/v1/%s/%s/%s/event", origin->topic->realm,
                                origin->topic->centre, origin->topic->device);
    snprintf(detail, sizeof detail, "centre %.40s, event time %s", origin->topic->centre,
             civil_format_time(event->t_ms, when));
    buffer_clear(&pipeline->scratch);
    decode_print_event(event, &pipeline->scratch);
    if (pipeline->scratch.failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    struct store_rejected row = {
        .quarantined = true,
        .reason = decode_reason_word(reason),
        .detail = detail,
        .received_ms = origin->received_ms,
        .topic = topic,
        .topic_length = (size_t)topic_length,
        .centre = origin->topic->centre,
        .raw = pipeline->scratch.bytes,
        .raw_length = pipeline->scratch.used,
    };
    counter_add(&pipeline->uncommitted, COUNTER_events_quarantined, 1);
    return keep_row(pipeline, &row, error);
}

static int fetch_fact(struct pipeline *pipeline, const struct fact_key *key, struct fact **out, struct error *error)
{
    struct fact *fact = *out = facts_find(pipeline->facts, key);
    if (fact != NULL) {
        return 0;
    }
    struct store_fact stored = {
        .span = (enum store_span)key->span, .index = key->index, .centre = key->centre, .activity = key->activity};
    int result = store_fact_load(pipeline->store, &stored, error);
    if (result < 0) {
        return result;
    }
    fact = *out = facts_insert(pipeline->facts, key, key->span != SPAN_HOUR);
    if (fact == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    fact->events = stored.events;
    fact->seconds = stored.seconds;
    int read = stored.user_set == NULL ? 0 : distinct_read(&fact->sets->users, stored.user_set, stored.user_set_bytes);
    if (read == 0 && stored.device_set != NULL) {
        read = distinct_read(&fact->sets->devices, stored.device_set, stored.device_set_bytes);
    }
    if (read == ERROR_MEMORY) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (read != 0) {
        return error_set(error, ERROR_INPUT, "a stored set of users or devices is damaged (day or month %d)",
                         key->index);
    }
    facts_loaded(pipeline->facts, fact);
    return 0;
}

/* The store's number of an activity of the registry. */
static int activity_number(struct pipeline *pipeline, uint32_t activity, uint32_t *number, struct error *error)
{
    if (pipeline->activity_numbers[activity] == 0) {
        int result = store_activity(pipeline->store, registry_activity_name(pipeline->parts.registry, activity),
                                    &pipeline->activity_numbers[activity], error);
        if (result != 0) {
            return result;
        }
    }
    *number = pipeline->activity_numbers[activity];
    return 0;
}

int count_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event, int32_t day,
                struct error *error)
{
    uint32_t activity = registry_activity_of(pipeline->parts.registry, event->type.at, event->type.length), number;
    struct civil date = civil_from_day(day);
    bool has_user = event->user.at != NULL;
    uint64_t user = has_user ? keyer_key(pipeline->keyer, event->user.at, event->user.length) : 0;
    int result = activity_number(pipeline, activity, &number, error);
    if (result != 0) {
        return result;
    }
    const struct {
        enum store_span span;
        int32_t index;
    } spans[] = {
        {SPAN_DAY, day},
        {SPAN_HOUR, (int32_t)(zone_hour_start_s(pipeline->zone, event->t_ms) / 60)},
        {SPAN_MONTH, date.year * 12 + date.month - 1},
    };
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        struct fact_key key = {.centre = pipeline->centre_numbers[origin->centre],
                               .activity = number,
                               .index = spans[i].index,
                               .span = spans[i].span};
        struct fact *fact;
        result = fetch_fact(pipeline, &key, &fact, error);
        if (result != 0) {
            return result;
        }
        if (fact_count(pipeline->facts, fact, event->seconds, has_user, user, origin->device_key) != 0) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_counted, 1);
    return 0;
}

enum decode_reason count_judge(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                               int64_t now_ms, int32_t *day)
{
    *day = 0;
    if (event->t_ms < EARLIEST_MS) {
        return DECODE_CLOCK_BEHIND;
    }
    if (event->t_ms > now_ms + DAY_MS) {
        return DECODE_CLOCK_AHEAD;
    }
    *day = zone_day(pipeline->zone, event->t_ms);
    if (*day < origin->arrived_day - pipeline->parts.settings->late_days || *day < pipeline->sealed_day) {
        return DECODE_TOO_LATE;
    }
    return origin->centre == REGISTRY_NONE ? DECODE_UNKNOWN_CENTRE : DECODE_REASONS;
}

/* For events without a sequence: true if the id was seen before on the event's day. The centre is part of the id, so
 * that nobody can use up another centre's. */
static int seen_before(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                       bool *seen, struct error *error)
{
    unsigned char id[16];
    uint64_t place = event->identity == IDENTITY_ID
                         ? streams_device_key(origin->topic->realm, origin->topic->centre, "")
                         : origin->device_key;
    if (event->identity == IDENTITY_ID) {
        memcpy(id, event->id, sizeof id);
    } else {
        decode_fingerprint(event, id);
    }
    for (size_t i = 0; i < sizeof place; i++) {
        id[i] ^= (unsigned char)(place >> (8 * i));
    }
    int64_t day = event->t_ms / DAY_MS;
    if (event->t_ms >= EARLIEST_MS && event->t_ms < INT32_MAX * (int64_t)1000) {
        day = zone_day(pipeline->zone, event->t_ms);
    }
    int result = store_seen_add(pipeline->store, (int32_t)(day > INT32_MAX ? INT32_MAX : day < 0 ? 0 : day), id, error);
    *seen = result == 0;
    return result < 0 ? result : 0;
}

/* In place of a sequence number: an event that is told by its id or content, new or seen before. */
enum { NO_SEQ_NEW = -1, NO_SEQ_REPEATED = -2 };

/* Notes the number in the device's stream. 1: new; 0: a repeat. */
static int note_sequence(struct pipeline *pipeline, const struct origin *origin, const char *epoch, int64_t seq,
                         int64_t t_ms, struct error *error)
{
    struct touched *touched;
    int result = acks_touch(pipeline, origin->topic, epoch, &touched, error);
    if (result != 0) {
        return result;
    }
    struct stream *stream = touched->stream;
    int64_t given_up = stream->ranges.given_up;
    int is_new = seq < 0 ? seq == NO_SEQ_NEW : ranges_add(&stream->ranges, seq);
    if (is_new < 0) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (stream->ranges.given_up > given_up) {
        counter_add(&pipeline->uncommitted, COUNTER_sequences_given_up, stream->ranges.given_up - given_up);
        log_warning("gap_given_up", "centre=%s device=%s epoch=%s events=%lld", touched->centre, touched->device,
                    touched->epoch, (long long)(stream->ranges.given_up - given_up));
    }
    streams_ranges_changed(pipeline->streams, stream);
    touched->changed = true;
    touched->wants_ack |= epoch[0] != '\0';
    stream->received += is_new;
    stream->repeated += !is_new;
    if (origin->received_ms > stream->last_received_ms) { /* whatever the order in which records are read */
        stream->last_received_ms = origin->received_ms;
    }
    if (is_new && t_ms > stream->last_event_ms && t_ms <= origin->received_ms + DAY_MS) {
        stream->last_event_ms = t_ms;
    }
    return is_new;
}

static int handle_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                        struct error *error)
{
    int result;
    bool repeated = false;
    if (event->identity == IDENTITY_SEQ) {
        result = note_sequence(pipeline, origin, event->epoch.at, event->seq, event->t_ms, error);
        repeated = result == 0;
    } else {
        result = seen_before(pipeline, origin, event, &repeated, error);
        if (result == 0) {
            result = note_sequence(pipeline, origin, "", repeated ? NO_SEQ_REPEATED : NO_SEQ_NEW, event->t_ms, error);
        }
    }
    if (result < 0) {
        return result;
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_received, 1);
    if (repeated) {
        counter_add(&pipeline->uncommitted, COUNTER_events_repeated, 1);
        return 0;
    }
    int32_t day;
    enum decode_reason reason = count_judge(pipeline, origin, event, origin->received_ms, &day);
    return reason == DECODE_REASONS ? count_event(pipeline, origin, event, day, error)
                                    : quarantine(pipeline, origin, event, reason, error);
}

static int handle_fault(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                        const struct decode_fault *fault, struct error *error)
{
    if (fault->seq >= 0 && fault->epoch.at != NULL) {
        int is_new = note_sequence(pipeline, origin, fault->epoch.at, fault->seq, 0, error);
        if (is_new < 0) {
            return is_new;
        }
        if (is_new == 0) { /* sent again, as any other event may be: its row stands there already */
            counter_add(&pipeline->uncommitted, COUNTER_events_received, 1);
            counter_add(&pipeline->uncommitted, COUNTER_events_repeated, 1);
            return 0;
        }
    }
    return reject(pipeline, record, origin->topic, fault, error);
}

static int handle_events(struct pipeline *pipeline, const struct journal_record *record,
                         const struct decode_topic *topic, struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    const struct decode_limits limits = {.payload_bytes = (size_t)settings->limit_payload_bytes,
                                         .batch_events = (size_t)settings->limit_batch_events,
                                         .depth = (size_t)settings->limit_depth};
    struct decode_result decoded = {0};
    const struct origin origin = {
        .topic = topic,
        .received_ms = record->received_ms,
        .arrived_day = zone_day(pipeline->zone, record->received_ms),
        .centre = registry_find_centre(pipeline->parts.registry, topic->centre, strlen(topic->centre)),
        .device_key = streams_device_key(topic->realm, topic->centre, topic->device),
    };
    if (decode_native(record->payload, record->payload_length, &limits, &pipeline->arena, &decoded) != 0) {
        return error_set(error, ERROR_MEMORY, "out of memory decoding a message of %zu bytes", record->payload_length);
    }
    int result = 0;
    for (size_t i = 0; i < decoded.event_count && result == 0; i++) {
        result = handle_event(pipeline, &origin, &decoded.events[i], error);
    }
    for (size_t i = 0; i < decoded.fault_count && result == 0; i++) {
        result = handle_fault(pipeline, record, &origin, &decoded.faults[i], error);
    }
    pipeline->batch_events += (int64_t)(decoded.event_count + decoded.fault_count);
    return result;
}

/* A birth is answered with what is covered already. A last will says nothing that is counted. */
static int handle_state(struct pipeline *pipeline, const struct journal_record *record,
                        const struct decode_topic *topic, struct error *error)
{
    struct decode_state state;
    if (decode_state(record->payload, record->payload_length, &pipeline->arena, &state) != 0 || !state.online ||
        state.epoch.at == NULL || pipeline->parts.publish == NULL) {
        return 0;
    }
    struct touched *touched;
    int result = acks_touch(pipeline, topic, state.epoch.at, &touched, error);
    if (result == 0) {
        touched->wants_ack = true;
    }
    return result;
}

static bool owns_realm(const struct settings *settings, const char *realm)
{
    for (size_t i = 0; i < settings->realm_count; i++) {
        if (strcmp(settings->realms[i], realm) == 0) {
            return true;
        }
    }
    return false;
}

int count_record(struct pipeline *pipeline, const struct journal_record *record, struct error *error)
{
    struct decode_topic topic;
    arena_reset(&pipeline->arena);
    pipeline->touched_last = 0;
    pipeline->batch_events++; /* so that messages without events fill a batch too */
    if (record->received_ms > pipeline->last_received_ms) {
        pipeline->last_received_ms = record->received_ms;
    }
    if (!decode_topic(record->topic, record->topic_length, &topic)) {
        return reject_topic(pipeline, record, "not a topic of this protocol", error);
    }
    if (!owns_realm(pipeline->parts.settings, topic.realm)) {
        return reject_topic(pipeline, record, "a realm that this collector does not own", error);
    }
    if (topic.kind == TOPIC_EVENT) {
        return handle_events(pipeline, record, &topic, error);
    }
    if (topic.kind == TOPIC_STATE) {
        return handle_state(pipeline, record, &topic, error);
    }
    return reject_topic(pipeline, record, "nothing is counted from this topic", error);
}
