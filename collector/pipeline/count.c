/*
 * One record of the journal into the open transaction. An event is judged, its number is noted, and if it is new it is
 * counted, or set aside with its reason. Nothing here looks at the wall clock: what becomes of a record depends on the
 * record and the store alone, so reading it again gives the same.
 *
 * Two kinds of events with a number are not noted, so that no acknowledgement covers them and their device keeps them:
 * those of a device or an epoch past the bounds, and those to be set aside that there is no room for. All others are
 * noted, bad ones too, so that nothing bad is sent again for ever. Nobody keeps an event without a number: of a device
 * that is refused it is set aside.
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

/* A set as it was stored. What is damaged is begun anew, and its count stands at least where it stood. */
static int read_set(struct pipeline *pipeline, struct distinct *set, const void *bytes, size_t count, int64_t stored,
                    int64_t *least, struct error *error)
{
    int result = bytes == NULL ? 0 : distinct_read(set, bytes, count);
    if (result == ERROR_MEMORY) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (result != 0) {
        log_error("set_damaged", "stored_count=%lld note=\"goes on from that count\"", (long long)stored);
        counter_add(&pipeline->uncommitted, COUNTER_store_damaged, 1);
        distinct_free(set);
    }
    *least = stored > distinct_count(set) ? stored : 0;
    return 0;
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
    if (fact->sets != NULL) {
        result = read_set(pipeline, &fact->sets->users, stored.user_set, stored.user_set_bytes, stored.users,
                          &fact->sets->users_least, error);
        if (result == 0) {
            result = read_set(pipeline, &fact->sets->devices, stored.device_set, stored.device_set_bytes,
                              stored.devices, &fact->sets->devices_least, error);
        }
        if (result < 0) {
            return result;
        }
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

/* What an event without a number is remembered by: a keyed hash. Keyed, because content holds the user's key, and
 * without the secret nobody shall try out whose it is. A hash of the place too, not the place beside the id or mixed
 * into it, so that nobody can name an id that is another centre's: an id is its centre's own, content its device's own.
 */
static void make_id(const struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                    unsigned char id[16])
{
    char text[1 + 3 * 65 + 16 + 1 + 1];
    bool by_id = event->identity == IDENTITY_ID;
    int length = snprintf(text, sizeof text, "%c%s/%s/%s/", by_id ? 'i' : 'c', origin->topic->realm,
                          origin->topic->centre, by_id ? "" : origin->topic->device);
    char *end = text + length;
    if (by_id) {
        memcpy(end, event->id, 16);
    } else {
        unsigned char content[16];
        decode_fingerprint(event, content);
        memcpy(end, content, sizeof content);
    }
    for (size_t half = 0; half < 2; half++) {
        end[16] = (char)half;
        uint64_t keyed = keyer_key(pipeline->keyer, text, (size_t)length + 17);
        for (size_t i = 0; i < 8; i++) {
            id[8 * half + i] = (unsigned char)(keyed >> (8 * i));
        }
    }
}

int count_seen_before(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                      int32_t day, bool *seen, struct error *error)
{
    unsigned char id[16];
    make_id(pipeline, origin, event, id);
    int result = store_seen_add(pipeline->store, day, id, error);
    *seen = result == 0;
    return result < 0 ? result : 0;
}

/* In place of a sequence number: an event that is told by its id or content, new or seen before. */
enum { NO_SEQ_NEW = -1, NO_SEQ_REPEATED = -2 };

static void note_gaps(struct pipeline *pipeline, const struct touched *touched, int64_t given_up)
{
    counter_add(&pipeline->uncommitted, COUNTER_sequences_given_up, given_up);
    log_warning("gap_given_up", "centre=%s device=%s epoch=%s events=%lld", touched->centre, touched->device,
                touched->epoch, (long long)given_up);
}

/* Notes the number in the device's stream. 0 and whether it is new; why the device is refused; or an error. `t_ms`: 0
 * if the event has no time that can be used. */
static int note_sequence(struct pipeline *pipeline, const struct origin *origin, const char *epoch, int64_t seq,
                         int64_t t_ms, bool *is_new, struct error *error)
{
    struct touched *touched;
    int result = acks_touch(pipeline, origin, epoch, &touched, error);
    if (result != 0) {
        return result;
    }
    struct stream *stream = touched->stream;
    int64_t given_up = stream->ranges.given_up;
    int added = seq < 0 ? seq == NO_SEQ_NEW : ranges_add(&stream->ranges, seq);
    if (added < 0) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (stream->ranges.given_up > given_up) {
        note_gaps(pipeline, touched, stream->ranges.given_up - given_up);
    }
    streams_ranges_changed(pipeline->streams, stream);
    touched->changed = true;
    touched->wants_ack |= epoch[0] != '\0';
    *is_new = added != 0;
    stream->received += *is_new;
    stream->repeated += !*is_new;
    if (origin->received_ms > stream->last_received_ms) { /* whatever the order in which records are read */
        stream->last_received_ms = origin->received_ms;
    }
    if (*is_new && t_ms >= EARLIEST_MS && t_ms <= origin->received_ms + DAY_MS) {
        bool is_late = origin->received_ms - t_ms > DAY_MS;
        stream->last_event_ms = t_ms > stream->last_event_ms ? t_ms : stream->last_event_ms;
        stream->late += is_late;
        counter_add(&pipeline->uncommitted, COUNTER_events_late, is_late);
    }
    return 0;
}

/* Whether ids are remembered for a day: not for one that is no day, or long over. Such an event is told from its repeat
 * by its row in quarantine; and by its id once its day can count. */
static bool has_a_day(enum decode_reason reason)
{
    return reason == DECODE_REASONS || reason == DECODE_UNKNOWN_CENTRE;
}

int count_note_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                     int32_t day, bool *is_new, struct error *error)
{
    if (event->identity == IDENTITY_SEQ) {
        return note_sequence(pipeline, origin, event->epoch.at, event->seq, event->t_ms, is_new, error);
    }
    bool seen = false;
    struct touched *touched; /* before the id is used up: the device may be refused */
    int result = acks_touch(pipeline, origin, "", &touched, error);
    if (result == 0) {
        result = count_seen_before(pipeline, origin, event, day, &seen, error);
    }
    return result != 0
               ? result
               : note_sequence(pipeline, origin, "", seen ? NO_SEQ_REPEATED : NO_SEQ_NEW, event->t_ms, is_new, error);
}

/* Whether an event that may not count yet came before; notes nothing. As note_sequence. */
static int look_up(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                   enum decode_reason reason, int32_t day, bool *seen, struct error *error)
{
    struct touched *touched;
    bool has_seq = event->identity == IDENTITY_SEQ;
    int result = acks_touch(pipeline, origin, has_seq ? event->epoch.at : "", &touched, error);
    *seen = false;
    if (result == 0 && has_seq) {
        *seen = ranges_have(&touched->stream->ranges, event->seq);
    } else if (result == 0 && has_a_day(reason)) {
        unsigned char id[16];
        make_id(pipeline, origin, event, id);
        int found = store_seen_has(pipeline->store, day, id, error);
        *seen = found == 1;
        result = found < 0 ? found : 0;
    }
    return result;
}

/* Of a device, or an epoch, past the bounds. */
static int refuse(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event, int reason,
                  struct error *error)
{
    bool is_kept_by_device = event->identity == IDENTITY_SEQ;
    int kept = keep_event(pipeline, origin, event, (enum decode_reason)reason, !is_kept_by_device, error);
    return kept < 0 ? kept : 0;
}

/* What may not count yet. Its repeats need no room, and take none. */
static int set_aside(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                     enum decode_reason reason, int32_t day, struct error *error)
{
    bool seen = false, is_new = false;
    int result = look_up(pipeline, origin, event, reason, day, &seen, error);
    if (result != 0) {
        return result < 0 ? result : refuse(pipeline, origin, event, result, error);
    }
    int kept = seen ? (int)KEPT_AGAIN : keep_event(pipeline, origin, event, reason, true, error);
    if (kept < 0 || kept == KEPT_NOT) {
        return kept < 0 ? kept : 0;
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_repeated, seen);
    if (event->identity == IDENTITY_SEQ) {
        return note_sequence(pipeline, origin, event->epoch.at, event->seq, event->t_ms, &is_new, error);
    }
    if (!seen && has_a_day(reason)) {
        result = count_seen_before(pipeline, origin, event, day, &seen, error);
    }
    return result != 0 ? result
                       : note_sequence(pipeline, origin, "", kept == KEPT_NEW ? NO_SEQ_NEW : NO_SEQ_REPEATED,
                                       event->t_ms, &is_new, error);
}

static int handle_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
                        struct error *error)
{
    int32_t day;
    bool is_new = false;
    enum decode_reason reason = count_judge(pipeline, origin, event, origin->received_ms, &day);
    counter_add(&pipeline->uncommitted, COUNTER_events_received, 1);
    if (reason != DECODE_REASONS) {
        return set_aside(pipeline, origin, event, reason, day, error);
    }
    int result = count_note_event(pipeline, origin, event, day, &is_new, error);
    if (result != 0) {
        return result < 0 ? result : refuse(pipeline, origin, event, result, error);
    }
    if (!is_new) {
        counter_add(&pipeline->uncommitted, COUNTER_events_repeated, 1);
        return 0;
    }
    return count_event(pipeline, origin, event, day, error);
}

static int handle_fault(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                        const struct decode_fault *fault, struct error *error)
{
    counter_add(&pipeline->uncommitted, COUNTER_events_received, 1);
    if (fault->seq >= 0 && fault->epoch.at != NULL) {
        bool is_new = true; /* of a device that is refused: rejected for what is wrong with it */
        int result = note_sequence(pipeline, origin, fault->epoch.at, fault->seq, 0, &is_new, error);
        if (result < 0) {
            return result;
        }
        if (!is_new) { /* sent again, as any other event may be: its row stands there already */
            counter_add(&pipeline->uncommitted, COUNTER_events_repeated, 1);
            return 0;
        }
    }
    int kept = keep_malformed(pipeline, record, origin, fault, error);
    return kept < 0 ? kept : 0;
}

static void fill_origin(const struct pipeline *pipeline, const struct journal_record *record,
                        const struct decode_topic *topic, struct origin *origin)
{
    *origin = (struct origin){
        .topic = topic,
        .position = record->position,
        .received_ms = record->received_ms,
        .arrived_day = zone_day(pipeline->zone, record->received_ms),
        .centre = registry_find_centre(pipeline->parts.registry, topic->centre, strlen(topic->centre)),
        .device_key = streams_device_key(topic->realm, topic->centre, topic->device),
    };
}

static int handle_events(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                         struct error *error)
{
    const struct settings *settings = pipeline->parts.settings;
    const struct decode_limits limits = {.payload_bytes = (size_t)settings->limit_payload_bytes,
                                         .batch_events = (size_t)settings->limit_batch_events,
                                         .depth = (size_t)settings->limit_depth};
    struct decode_result decoded = {0};
    if (decode_native(record->payload, record->payload_length, &limits, &pipeline->arena, &decoded) != 0) {
        return error_set(error, ERROR_MEMORY, "out of memory decoding a message of %zu bytes", record->payload_length);
    }
    int result = 0;
    for (size_t i = 0; i < decoded.event_count && result == 0; i++) {
        result = handle_event(pipeline, origin, &decoded.events[i], error);
    }
    for (size_t i = 0; i < decoded.fault_count && result == 0; i++) {
        result = handle_fault(pipeline, record, origin, &decoded.faults[i], error);
    }
    pipeline->batch_events += (int64_t)(decoded.event_count + decoded.fault_count);
    return result;
}

/* A birth is answered with what is covered already. A last will says nothing that is counted. */
static int handle_state(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                        struct error *error)
{
    struct decode_state state;
    struct touched *touched;
    int result = decode_state(record->payload, record->payload_length, &pipeline->arena, &state);
    if (result == ERROR_MEMORY) {
        return error_set(error, ERROR_MEMORY, "out of memory decoding a birth");
    }
    if (result != 0 || !state.online || state.epoch.at == NULL || pipeline->parts.publish == NULL) {
        return 0;
    }
    result = acks_touch(pipeline, origin, state.epoch.at, &touched, error);
    if (result == 0) {
        touched->wants_ack = true;
    }
    return result < 0 ? result : 0; /* a device that is refused gets no answer */
}

static int reject_topic(struct pipeline *pipeline, const struct journal_record *record, const char *detail,
                        struct error *error)
{
    struct decode_fault fault = {
        .reason = DECODE_WRONG_TOPIC, .seq = -1, .raw = {record->payload, record->payload_length}};
    snprintf(fault.detail, sizeof fault.detail, "%s", detail);
    counter_add(&pipeline->uncommitted, COUNTER_events_received, 1);
    int kept = keep_malformed(pipeline, record, NULL, &fault, error);
    return kept < 0 ? kept : 0;
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
    struct origin origin;
    arena_reset(&pipeline->arena);
    acks_begin_message(pipeline);
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
    fill_origin(pipeline, record, &topic, &origin);
    if (topic.kind == TOPIC_EVENT) {
        return handle_events(pipeline, record, &origin, error);
    }
    if (topic.kind == TOPIC_STATE) {
        return handle_state(pipeline, record, &origin, error);
    }
    return reject_topic(pipeline, record, "nothing is counted from this topic", error);
}
