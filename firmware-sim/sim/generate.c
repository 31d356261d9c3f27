/*
 * Chance is drawn in two layers. Whether a centre does a stream at all on a day is the centre's draw, so that all its
 * devices share its active days; how many events, when, by whom and of which type are the device's draws for that
 * day. Nothing is carried from one day to the next.
 */
#include "generate.h"

#include "calendar.h"
#include "civil.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { SALT_ACTIVE_DAY = 0x1000, SALT_EVENTS = 0x2000, SALT_USER = 0x3000 };

/* The hourly rate of live play is that of a school day of this length, whatever the hour. */
#define SCHOOL_DAY_S 25200.0

#define YEAR_MS (365 * CIVIL_DAY_MS)

/* Less than a day, so that the clock is not off enough to be quarantined. */
#define HOURS_OFF_S INT64_C(72000)

uint64_t generate_user_key(const struct plan_centre *centre, uint32_t user)
{
    return random_key(centre->key + SALT_USER, user);
}

static struct calendar_day look_up_day(const struct scenario *scenario, const struct stream *stream, int32_t day)
{
    static const struct hours whole_day = {0, CIVIL_DAY_S};

    if (scenario->live.always) {
        return (struct calendar_day){.hours = &whole_day, .hours_count = 1, .open_s = CIVIL_DAY_S, .factor = 1};
    }
    return calendar_look_up(&scenario->calendars[stream->calendar], day);
}

static bool is_active_day(const struct plan_centre *centre, uint32_t stream, int32_t day, double chance)
{
    return random_share(random_key(centre->key + SALT_ACTIVE_DAY + stream, (uint64_t)(uint32_t)day)) < chance;
}

/* How many events of a stream this device has on an active day. */
static uint32_t draw_count(const struct plan *plan, const struct plan_centre *centre, uint32_t index, double volume,
                           struct random *random)
{
    const struct stream *stream = &plan->scenario->streams[index];
    double mean = stream->base + stream->per_100_heads * (double)centre->centre->head_count / 100.0;

    mean = fmin(mean, stream->most) * volume / (double)centre->stream_devices[index];
    if (plan->scenario->live.always) {
        mean *= plan->scenario->live.volume * CIVIL_DAY_S / SCHOOL_DAY_S;
    }
    /* No two days are alike: 60 to 140 % of the mean. */
    return random_round(random, mean * (0.6 + 0.8 * random_unit(random)));
}

static uint16_t draw_type(const struct scenario *scenario, const struct stream *stream, struct random *random)
{
    uint32_t at = random_below(random, stream->total_weight);
    uint32_t type = stream->first_type;

    while (at >= scenario->event_types[type].weight) {
        at -= scenario->event_types[type].weight;
        type++;
    }
    return (uint16_t)type;
}

static uint32_t draw_user(const struct plan_centre *centre, const struct stream *stream, double reach,
                          struct random *random)
{
    uint32_t heads = centre->centre->head_count;
    uint32_t pool = stream->users == USERS_STAFF ? centre->staff : heads;
    uint32_t reached = (uint32_t)ceil((double)pool * reach);

    if (stream->users == USERS_NONE || reached == 0) {
        return 0;
    }
    return 1 + random_below(random, reached) + (stream->users == USERS_STAFF ? heads : 0);
}

static void draw_fault(const struct scenario *scenario, struct event *event, struct random *random)
{
    const struct fault_shares *shares = &scenario->faults;
    double upto = shares->clock_1970;
    double at = random_unit(random);

    if (at < upto) {
        event->fault = EVENT_CLOCK_1970;
        /* A clock that began at 0 when the power came. */
        event->stamp_ms = (int64_t)random_below(random, CIVIL_DAY_S) * 1000;
    } else if (at < (upto += shares->clock_years_ahead)) {
        event->fault = EVENT_CLOCK_YEARS_AHEAD;
        event->stamp_ms += YEAR_MS * (1 + (int64_t)random_below(random, 9));
    } else if (at < (upto += shares->clock_hours_off)) {
        event->fault = EVENT_CLOCK_HOURS_OFF;
        event->stamp_ms += ((int64_t)random_below(random, (uint32_t)(2 * HOURS_OFF_S)) - HOURS_OFF_S) * 1000;
        if (civil_day_of(event->stamp_ms, scenario->utc_offset_minutes) < scenario->first_day) {
            /* Ahead instead of behind: nothing is told of a time before the scenario. */
            event->stamp_ms = 2 * event->made_ms - event->stamp_ms;
        }
    } else if (at < upto + shares->bad_event) {
        event->fault = (uint8_t)(EVENT_BAD_SECONDS + random_below(random, 3));
    }
}

static void draw_event(const struct plan *plan, const struct plan_centre *centre, uint32_t stream, double reach,
                       struct random *random, struct event *event)
{
    const struct scenario *scenario = plan->scenario;
    const struct event_type *type;

    event->stream = (uint8_t)stream;
    event->type = draw_type(scenario, &scenario->streams[stream], random);
    event->user = draw_user(centre, &scenario->streams[stream], reach, random);
    type = &scenario->event_types[event->type];
    event->seconds = type->seconds[1] == 0
                         ? EVENT_NO_SECONDS
                         : type->seconds[0] + random_below(random, type->seconds[1] - type->seconds[0] + 1);
    draw_fault(scenario, event, random);
}

/* By time; events of one second keep their order, so that the result does not depend on the sort. */
static void sort_by_time(struct event *events, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct event event = events[i];
        size_t at = i;

        while (at > 0 && events[at - 1].made_ms > event.made_ms) {
            events[at] = events[at - 1];
            at--;
        }
        events[at] = event;
    }
}

static size_t generate_stream(const struct plan *plan, const struct plan_device *device, uint32_t stream, int32_t day,
                              struct event *events, size_t room)
{
    const struct scenario *scenario = plan->scenario;
    const struct plan_centre *centre = &plan->centres[device->centre];
    const struct profile *profile = plan_profile(plan, centre, day);
    struct calendar_day open;
    struct random random;
    int64_t start_ms = civil_day_start_ms(day, scenario->utc_offset_minutes);
    uint32_t number;
    size_t count = 0;

    if (profile->streams[stream].days <= 0) {
        return 0;
    }
    open = look_up_day(scenario, &scenario->streams[stream], day);
    if (!is_active_day(centre, stream, day, profile->streams[stream].days * open.factor)) {
        return 0;
    }
    random.state = random_key(device->key + SALT_EVENTS + stream, (uint64_t)(uint32_t)day);
    number = draw_count(plan, centre, stream, profile->streams[stream].volume, &random);
    for (uint32_t i = 0; i < number && count < room; i++) {
        struct event *event = &events[count];
        uint32_t open_second = random_below(&random, (uint32_t)open.open_s);

        *event = (struct event){.made_ms = start_ms + (int64_t)calendar_clock(&open, (int32_t)open_second) * 1000};
        event->stamp_ms = event->made_ms;
        draw_event(plan, centre, stream, profile->streams[stream].reach, &random, event);
        count += scenario->live.always && event->made_ms < scenario->live.start_ms ? 0 : 1;
    }
    return count;
}

size_t generate_day(const struct plan *plan, const struct plan_device *device, int32_t day, struct event *events)
{
    size_t count = 0;

    if (!plan_is_open(&plan->centres[device->centre], day)) {
        return 0;
    }
    for (uint32_t i = 0; i < device->kind->stream_count; i++) {
        count +=
            generate_stream(plan, device, device->kind->streams[i], day, events + count, GENERATE_EVENTS_MAX - count);
    }
    sort_by_time(events, count);
    return count;
}
