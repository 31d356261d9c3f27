/*
 * Days are generated one after the other over all devices. On each day a device has moments at which it reports: the
 * end of each reporting interval in which something happened, and the end of an offline stretch. At a moment that is
 * not within an offline stretch it sends what it has, in batches.
 *
 * Invariant that keeps the order right: nothing made or sent on a day is received before that day begins. So once a
 * day has been generated, all that is received before the next day's beginning is in the heap.
 */
#include "deliver.h"

#include "civil.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { SALT_OFFLINE = 0x5000, SALT_MESSAGE = 0x6000 };
/* At most one for each event of the day, and the ends of two offline stretches. */
enum { MOMENTS_MAX = GENERATE_EVENTS_MAX + 2 };

struct outgoing {
    struct event *unsent;
    size_t count, room;
    uint32_t seq, messages;
};

struct span {
    int64_t from_ms, to_ms; /* offline from .. to, `to` exclusive */
};

struct deliver {
    const struct plan *plan;
    int64_t to_ms;
    int32_t next_day;
    struct outgoing *devices;
    struct delivery **heap; /* earliest first */
    size_t heap_count, heap_room;
    struct delivery *current; /* lent to the caller */
    struct event day_events[GENERATE_EVENTS_MAX];
    int64_t moments[MOMENTS_MAX];
};

static int compare(const struct delivery *a, const struct delivery *b)
{
    if (a->received_ms != b->received_ms) {
        return a->received_ms < b->received_ms ? -1 : 1;
    }
    if (a->device != b->device) {
        return a->device < b->device ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return (int)a->kind - (int)b->kind;
}

static int heap_push(struct deliver *deliver, struct delivery *delivery)
{
    size_t at = deliver->heap_count;

    if (at == deliver->heap_room) {
        size_t room = at ? at * 2 : 1024;
        struct delivery **larger = realloc(deliver->heap, room * sizeof *larger);

        if (!larger) {
            return ERROR_MEMORY;
        }
        deliver->heap = larger;
        deliver->heap_room = room;
    }
    deliver->heap_count++;
    while (at > 0 && compare(delivery, deliver->heap[(at - 1) / 2]) < 0) {
        deliver->heap[at] = deliver->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    deliver->heap[at] = delivery;
    return 0;
}

static struct delivery *heap_pop(struct deliver *deliver)
{
    struct delivery *top = deliver->heap[0];
    struct delivery *last = deliver->heap[--deliver->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= deliver->heap_count) {
            break;
        }
        if (child + 1 < deliver->heap_count && compare(deliver->heap[child + 1], deliver->heap[child]) < 0) {
            child++;
        }
        if (compare(last, deliver->heap[child]) <= 0) {
            break;
        }
        deliver->heap[at] = deliver->heap[child];
        at = child;
    }
    deliver->heap[at] = last;
    return top;
}

/* Adds a delivery of `count` events to the heap. */
static int push_delivery(struct deliver *deliver, const struct delivery *head, const struct event *events)
{
    struct delivery *delivery = malloc(sizeof *delivery + head->count * sizeof *events);
    int result;

    if (!delivery) {
        return ERROR_MEMORY;
    }
    *delivery = *head;
    memcpy(delivery->events, events, head->count * sizeof *events);
    result = heap_push(deliver, delivery);
    if (result) {
        free(delivery);
    }
    return result;
}

/* One message, with what chance adds to it: a broken copy ahead, a repeat behind. */
static int send_message(struct deliver *deliver, uint32_t index, const struct event *events, uint16_t count,
                        int64_t at_ms)
{
    const struct network *network = &deliver->plan->scenario->network;
    struct outgoing *outgoing = &deliver->devices[index];
    struct random random = {random_key(deliver->plan->devices[index].key + SALT_MESSAGE, ++outgoing->messages)};
    struct delivery head = {.received_ms = at_ms + (int64_t)random_below(&random, 600),
                            .device = index,
                            .number = outgoing->messages,
                            .kind = DELIVERY_NEW,
                            .count = count,
                            .damage = (uint8_t)(random_next(&random) & 0xff)};
    bool broken = random_unit(&random) < deliver->plan->scenario->faults.bad_message;
    bool repeated = random_unit(&random) < network->repeat_share;
    double least_ms = network->repeat_minutes[0] * 60000;
    double spread_ms = network->repeat_minutes[1] * 60000 - least_ms;
    double delay_ms = least_ms + spread_ms * random_unit(&random);
    int result;

    head.first_received_ms = head.received_ms;
    result = push_delivery(deliver, &head, events);
    if (result == 0 && broken) {
        head.kind = DELIVERY_BROKEN;
        result = push_delivery(deliver, &head, events);
    }
    if (result == 0 && repeated) {
        head.kind = DELIVERY_REPEAT;
        head.received_ms += 1000 + (int64_t)delay_ms;
        result = push_delivery(deliver, &head, events);
    }
    return result;
}

/* Sends what the device made up to the moment, in batches a moment apart. */
static int flush(struct deliver *deliver, uint32_t index, int64_t moment_ms)
{
    struct outgoing *outgoing = &deliver->devices[index];
    uint32_t batch = deliver->plan->scenario->network.batch_events;
    size_t due = 0, sent = 0;

    while (due < outgoing->count && outgoing->unsent[due].made_ms <= moment_ms) {
        due++;
    }
    while (sent < due) {
        size_t count = due - sent < batch ? due - sent : batch;
        int result = send_message(deliver, index, outgoing->unsent + sent, (uint16_t)count, moment_ms);

        if (result) {
            return result;
        }
        sent += count;
        moment_ms += 700;
    }
    outgoing->count -= due;
    memmove(outgoing->unsent, outgoing->unsent + due, outgoing->count * sizeof *outgoing->unsent);
    return 0;
}

/* The offline stretch that begins in a window of the centre, if any. */
static bool offline_in_window(const struct plan *plan, const struct plan_centre *centre, int32_t window,
                              struct span *span)
{
    const struct network *network = &plan->scenario->network;
    struct random random = {random_key(centre->key + SALT_OFFLINE, (uint64_t)(uint32_t)window)};
    const struct stretch *stretch = network->stretches;
    double window_ms = (double)network->offline_every_days * (double)CIVIL_DAY_MS;
    double days;
    uint32_t at;

    if (random_unit(&random) >= network->offline_chance) {
        return false;
    }
    at = random_below(&random, network->stretch_weight);
    while (at >= stretch->weight) {
        at -= stretch->weight;
        stretch++;
    }
    days = stretch->days[0] + (stretch->days[1] - stretch->days[0]) * random_unit(&random);
    span->from_ms = civil_day_start_ms(window * network->offline_every_days, plan->scenario->utc_offset_minutes) +
                    (int64_t)(window_ms * random_unit(&random));
    span->to_ms = span->from_ms + (int64_t)(days * (double)CIVIL_DAY_MS);
    return true;
}

/* The stretches that can touch a day: no stretch is longer than a window, so those of its window and the one before. */
static int offline_spans(const struct plan *plan, const struct plan_centre *centre, int32_t day, struct span spans[2])
{
    int32_t every = plan->scenario->network.offline_every_days;
    int count = 0;

    if (every == 0 || plan->scenario->live.always) {
        return 0;
    }
    for (int32_t window = day / every - 1; window <= day / every; window++) {
        count += offline_in_window(plan, centre, window, &spans[count]) ? 1 : 0;
    }
    return count;
}

static bool is_offline(const struct span *spans, int count, int64_t t_ms)
{
    for (int i = 0; i < count; i++) {
        if (t_ms >= spans[i].from_ms && t_ms < spans[i].to_ms) {
            return true;
        }
    }
    return false;
}

/* The moments of a day at which offline stretches end, in order. */
static int list_returns(const struct span *spans, int span_count, int64_t start_ms, int64_t back_ms[2])
{
    int count = 0;

    for (int i = 0; i < span_count; i++) {
        int64_t end_ms = spans[i].to_ms;

        if (end_ms >= start_ms && end_ms < start_ms + CIVIL_DAY_MS && !is_offline(spans, span_count, end_ms)) {
            back_ms[count++] = end_ms;
        }
    }
    if (count == 2 && back_ms[0] > back_ms[1]) {
        int64_t later_ms = back_ms[0];

        back_ms[0] = back_ms[1];
        back_ms[1] = later_ms;
    }
    return count;
}

/* The moments of a day at which the device reports, in order and without those that are offline. */
static size_t list_moments(struct deliver *deliver, uint32_t index, int32_t day, size_t day_count)
{
    const struct plan_device *device = &deliver->plan->devices[index];
    const struct scenario *scenario = deliver->plan->scenario;
    int64_t start_ms = civil_day_start_ms(day, scenario->utc_offset_minutes);
    int64_t every_ms = (scenario->live.always ? scenario->live.report_every_s : device->kind->report_every_s) * 1000LL;
    int64_t shift_ms = device->report_shift_s * 1000LL % (every_ms / 2 + 1);
    struct span spans[2] = {{0, 0}, {0, 0}};
    int span_count = offline_spans(deliver->plan, &deliver->plan->centres[device->centre], day, spans);
    int64_t back_ms[2];
    int back_count = list_returns(spans, span_count, start_ms, back_ms), next_back = 0;
    size_t count = 0;

    for (size_t i = 0; i < day_count; i++) {
        int64_t interval = (deliver->day_events[i].made_ms - start_ms) / every_ms;
        int64_t moment_ms = start_ms + (interval + 1) * every_ms + shift_ms;

        moment_ms = moment_ms < start_ms + CIVIL_DAY_MS ? moment_ms : start_ms + CIVIL_DAY_MS - 1;
        while (next_back < back_count && back_ms[next_back] < moment_ms) {
            deliver->moments[count++] = back_ms[next_back++];
        }
        if (!is_offline(spans, span_count, moment_ms) && (count == 0 || deliver->moments[count - 1] < moment_ms)) {
            deliver->moments[count++] = moment_ms;
        }
    }
    while (next_back < back_count) {
        deliver->moments[count++] = back_ms[next_back++];
    }
    return count;
}

static int keep_unsent(struct outgoing *outgoing, const struct event *events, size_t count)
{
    if (outgoing->count + count > outgoing->room) {
        size_t room = (outgoing->count + count) * 3 / 2 + 8;
        struct event *larger = realloc(outgoing->unsent, room * sizeof *larger);

        if (!larger) {
            return ERROR_MEMORY;
        }
        outgoing->unsent = larger;
        outgoing->room = room;
    }
    for (size_t i = 0; i < count; i++) {
        struct event *event = &outgoing->unsent[outgoing->count++];

        *event = events[i];
        event->seq = ++outgoing->seq;
    }
    return 0;
}

static int deliver_device_day(struct deliver *deliver, uint32_t index, int32_t day)
{
    struct outgoing *outgoing = &deliver->devices[index];
    size_t day_count = generate_day(deliver->plan, &deliver->plan->devices[index], day, deliver->day_events);
    size_t moment_count;
    int result;

    if (day_count == 0 && outgoing->count == 0) {
        return 0;
    }
    result = keep_unsent(outgoing, deliver->day_events, day_count);
    moment_count = result == 0 ? list_moments(deliver, index, day, day_count) : 0;
    for (size_t i = 0; i < moment_count && result == 0; i++) {
        result = flush(deliver, index, deliver->moments[i]);
    }
    return result;
}

struct deliver *deliver_open(const struct plan *plan, int64_t to_ms)
{
    struct deliver *deliver = calloc(1, sizeof *deliver);
    const struct scenario *scenario = plan->scenario;

    if (!deliver) {
        return NULL;
    }
    deliver->devices = calloc(plan->device_count, sizeof *deliver->devices);
    if (!deliver->devices) {
        free(deliver);
        return NULL;
    }
    deliver->plan = plan;
    deliver->to_ms = to_ms;
    deliver->next_day = scenario->live.always ? civil_day_of(scenario->live.start_ms, scenario->utc_offset_minutes)
                                              : scenario->first_day;
    return deliver;
}

void deliver_close(struct deliver **deliver)
{
    struct deliver *closed = *deliver;

    if (!closed) {
        return;
    }
    for (uint32_t i = 0; i < closed->plan->device_count; i++) {
        free(closed->devices[i].unsent);
    }
    for (size_t i = 0; i < closed->heap_count; i++) {
        free(closed->heap[i]);
    }
    free(closed->current);
    free(closed->heap);
    free(closed->devices);
    free(closed);
    *deliver = NULL;
}

void deliver_extend(struct deliver *deliver, int64_t to_ms)
{
    deliver->to_ms = to_ms > deliver->to_ms ? to_ms : deliver->to_ms;
}

int deliver_next(struct deliver *deliver, const struct delivery **delivery, struct error *error)
{
    free(deliver->current);
    deliver->current = NULL;
    for (;;) {
        int64_t next_ms = civil_day_start_ms(deliver->next_day, deliver->plan->scenario->utc_offset_minutes);

        if (deliver->heap_count > 0 && deliver->heap[0]->received_ms < next_ms) {
            if (deliver->heap[0]->received_ms >= deliver->to_ms) {
                return 0;
            }
            deliver->current = heap_pop(deliver);
            *delivery = deliver->current;
            return 1;
        }
        if (next_ms >= deliver->to_ms) {
            return 0;
        }
        for (uint32_t i = 0; i < deliver->plan->device_count; i++) {
            if (deliver_device_day(deliver, i, deliver->next_day)) {
                return error_set(error, ERROR_MEMORY, "out of memory for the messages under way; use --centres");
            }
        }
        deliver->next_day++;
    }
}

int32_t deliver_day(const struct deliver *deliver)
{
    return deliver->next_day;
}
