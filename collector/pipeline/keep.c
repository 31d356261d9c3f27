/*
 * Rows for what is not counted. Malformed ones may be pushed out by later ones (tidy.c); an event that was set aside
 * may still count, and what it says was acknowledged, so its row stays until it counts or is too old. The quarantine is
 * therefore bounded at its door: a centre may hold a quarter of it, and when it is full it takes nothing more. What
 * finds no room leaves a line in the ledger: "rate" where a share was used up, "full" where the quarantine is.
 *
 * An event that was set aside is small, for decode bounds each of its fields, so a bound on rows bounds its bytes too.
 */
#include "internal.h"

#include "base/civil.h"

#include <stdio.h>

enum { CENTRES_PART = 4 };

/* Whether the quarantine takes one more row of this centre: 1, 0, or an error. */
static int quarantine_has_room(struct pipeline *pipeline, const char *centre, struct error *error)
{
    int64_t most = pipeline->parts.settings->rejected_max_rows, all, own;
    int64_t part = most >= CENTRES_PART ? most / CENTRES_PART : 1;
    int result = store_quarantine_count(pipeline->store, NULL, &all, error);
    if (result == 0) {
        result = store_quarantine_count(pipeline->store, centre, &own, error);
    }
    return result != 0 ? result : all < most && own < part;
}

/* Into the ledger, unless it stands in the quarantine already. */
static int keep_no_row(struct pipeline *pipeline, const struct store_rejected *row, const char *cause,
                       struct error *error)
{
    int result = row->quarantined ? store_rejected_again(pipeline->store, row, error) : 0;
    if (result != 0) {
        return result < 0 ? result : (int)KEPT_AGAIN;
    }
    counter_add(&pipeline->uncommitted, COUNTER_events_let_go, 1);
    result = store_let_go(pipeline->store, row, cause, error);
    return result == 0 ? (int)KEPT_NOT : result;
}

static int keep_row(struct pipeline *pipeline, const struct store_rejected *row, const struct origin *origin,
                    struct error *error)
{
    enum quota_kind kind = row->quarantined ? QUOTA_QUARANTINED : QUOTA_REJECTED;
    const struct quota_sender sender = {
        .realm = origin != NULL ? origin->topic->realm : NULL, .centre = row->centre, .device = row->device};
    if (!quota_has_room(pipeline->quotas, kind, &sender, row->received_ms)) {
        return keep_no_row(pipeline, row, "rate", error);
    }
    int room = row->quarantined ? quarantine_has_room(pipeline, row->centre, error) : 1;
    if (room <= 0) {
        return room < 0 ? room : keep_no_row(pipeline, row, "full", error);
    }
    int added = store_rejected_add(pipeline->store, row, error);
    if (added == 1) {
        quota_take(pipeline->quotas, kind, &sender, row->received_ms);
        pipeline->kept_rows++;
        pipeline->kept_bytes += (int64_t)row->raw_length;
    }
    return added < 0 ? added : added == 1 ? (int)KEPT_NEW : (int)KEPT_AGAIN;
}

int keep_malformed(struct pipeline *pipeline, const struct journal_record *record, const struct origin *origin,
                   const struct decode_fault *fault, struct error *error)
{
    struct store_rejected row = {
        .reason = decode_reason_word(fault->reason),
        .detail = fault->detail,
        .received_ms = record->received_ms,
        .topic = record->topic,
        .topic_length = record->topic_length,
        .centre = origin != NULL ? origin->topic->centre : NULL,
        .device = origin != NULL ? origin->topic->device : NULL,
        .position = record->position,
        .raw = fault->raw.at,
        .raw_length = fault->raw.length,
    };
    counter_add(&pipeline->uncommitted, COUNTER_events_rejected, 1);
    return keep_row(pipeline, &row, origin, error);
}

int keep_event(struct pipeline *pipeline, const struct origin *origin, const struct decode_event *event,
               enum decode_reason reason, bool quarantined, struct error *error)
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
        .quarantined = quarantined,
        .reason = decode_reason_word(reason),
        .detail = detail,
        .received_ms = origin->received_ms,
        .topic = topic,
        .topic_length = (size_t)topic_length,
        .centre = origin->topic->centre,
        .device = origin->topic->device,
        .position = origin->position,
        .raw = pipeline->scratch.bytes,
        .raw_length = pipeline->scratch.used,
    };
    int kept = keep_row(pipeline, &row, origin, error);
    if (kept >= 0) {
        counter_add(&pipeline->uncommitted,
                    !quarantined         ? COUNTER_events_refused
                    : kept == KEPT_AGAIN ? COUNTER_events_repeated
                                         : COUNTER_events_quarantined,
                    1);
    }
    return kept;
}
