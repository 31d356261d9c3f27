/*
 * One small record for each event that counts; sorted by centre, day, activity and user they fall into runs, and each
 * run is a fact. Devices within a run are counted with a set, as the sort is by user. Simple on purpose: this is what
 * the collector is measured against.
 */
#include "truth.h"

#include "civil.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS_AHEAD CIVIL_DAY_MS

struct record {
    uint32_t centre; /* rank of its id in byte order */
    int32_t day;
    uint32_t activity; /* rank of its name in byte order */
    uint32_t user;
    uint32_t seconds;
    uint32_t device;
};

struct truth {
    const struct plan *plan;
    int64_t from_ms;
    int32_t late_days;
    struct record *records;
    size_t count, room;
    const char **activities; /* sorted, each once */
    uint32_t activity_count;
    uint32_t *activity_of_type; /* by event type */
    const char **ids;           /* sorted */
    uint32_t *rank_of_centre;   /* by index in the plan */
    struct truth_counts counts;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

static int compare_records(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order = compare_numbers(a->centre, b->centre);

    order = order ? order : a->day < b->day ? -1 : a->day > b->day ? 1 : 0;
    order = order ? order : compare_numbers(a->activity, b->activity);
    return order ? order : compare_numbers(a->user, b->user);
}

static uint32_t rank_of(const char **names, uint32_t count, const char *name)
{
    const char **found = bsearch(&name, names, count, sizeof *names, compare_names);

    return found ? (uint32_t)(found - names) : 0;
}

static void rank_activities(struct truth *truth, const struct taxonomy *taxonomy)
{
    const struct scenario *scenario = truth->plan->scenario;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < scenario->event_type_count; i++) {
        truth->activities[i] = taxonomy_activity(taxonomy, scenario->event_types[i].type);
    }
    qsort(truth->activities, scenario->event_type_count, sizeof *truth->activities, compare_names);
    for (uint32_t i = 0; i < scenario->event_type_count; i++) {
        if (kept == 0 || strcmp(truth->activities[kept - 1], truth->activities[i]) != 0) {
            truth->activities[kept++] = truth->activities[i];
        }
    }
    truth->activity_count = kept;
    for (uint32_t i = 0; i < scenario->event_type_count; i++) {
        truth->activity_of_type[i] =
            rank_of(truth->activities, kept, taxonomy_activity(taxonomy, scenario->event_types[i].type));
    }
}

static void rank_centres(struct truth *truth)
{
    const struct plan *plan = truth->plan;

    for (uint32_t i = 0; i < plan->centre_count; i++) {
        truth->ids[i] = plan->centres[i].centre->id;
    }
    qsort(truth->ids, plan->centre_count, sizeof *truth->ids, compare_names);
    for (uint32_t i = 0; i < plan->centre_count; i++) {
        truth->rank_of_centre[i] = rank_of(truth->ids, plan->centre_count, plan->centres[i].centre->id);
    }
}

struct truth *truth_open(const struct plan *plan, const struct taxonomy *taxonomy, int64_t from_ms, int32_t late_days)
{
    struct truth *truth = calloc(1, sizeof *truth);
    size_t types = plan->scenario->event_type_count;

    if (!truth) {
        return NULL;
    }
    truth->plan = plan;
    truth->from_ms = from_ms;
    truth->late_days = late_days;
    truth->activities = calloc(types, sizeof *truth->activities);
    truth->activity_of_type = calloc(types, sizeof *truth->activity_of_type);
    truth->ids = calloc(plan->centre_count, sizeof *truth->ids);
    truth->rank_of_centre = calloc(plan->centre_count, sizeof *truth->rank_of_centre);
    if (!truth->activities || !truth->activity_of_type || !truth->ids || !truth->rank_of_centre) {
        truth_close(&truth);
        return NULL;
    }
    rank_activities(truth, taxonomy);
    rank_centres(truth);
    return truth;
}

void truth_close(struct truth **truth)
{
    if (!*truth) {
        return;
    }
    free((*truth)->records);
    free((*truth)->activities);
    free((*truth)->activity_of_type);
    free((*truth)->ids);
    free((*truth)->rank_of_centre);
    free(*truth);
    *truth = NULL;
}

/* Whether a collector counts the event (design: what becomes of bad input), and for which day. */
static bool counts(struct truth *truth, const struct delivery *delivery, const struct event *event, int32_t *day)
{
    int offset_minutes = truth->plan->scenario->utc_offset_minutes;

    if (event->fault >= EVENT_BAD_SECONDS) {
        truth->counts.bad_events++;
        return false;
    }
    if (event->stamp_ms < civil_day_start_ms(civil_day(2020, 1, 1), 0) ||
        event->stamp_ms > delivery->received_ms + DAY_MS_AHEAD) {
        truth->counts.clock_off++;
        return false;
    }
    *day = civil_day_of(event->stamp_ms, offset_minutes);
    if (civil_day_of(delivery->received_ms, offset_minutes) - *day > truth->late_days) {
        truth->counts.too_late++;
        return false;
    }
    truth->counts.counted++;
    return true;
}

static int make_room(struct truth *truth, size_t count)
{
    size_t room = truth->room ? truth->room * 2 : 65536;
    struct record *larger;

    if (truth->count + count <= truth->room) {
        return 0;
    }
    larger = realloc(truth->records, room * sizeof *larger);
    if (!larger) {
        return ERROR_MEMORY;
    }
    truth->records = larger;
    truth->room = room;
    return 0;
}

int truth_add(struct truth *truth, const struct delivery *delivery)
{
    uint32_t centre = truth->plan->devices[delivery->device].centre;

    if (delivery->kind == DELIVERY_BROKEN) {
        truth->counts.bad_messages++;
        return 0;
    }
    if (delivery->kind == DELIVERY_REPEAT && delivery->first_received_ms >= truth->from_ms) {
        truth->counts.repeats += delivery->count;
        return 0;
    }
    if (make_room(truth, delivery->count)) {
        return ERROR_MEMORY;
    }
    for (uint16_t i = 0; i < delivery->count; i++) {
        const struct event *event = &delivery->events[i];
        int32_t day;

        if (counts(truth, delivery, event, &day)) {
            truth->records[truth->count++] =
                (struct record){.centre = truth->rank_of_centre[centre],
                                .day = day,
                                .activity = truth->activity_of_type[event->type],
                                .user = event->user,
                                .seconds = event->seconds == EVENT_NO_SECONDS ? 0 : event->seconds,
                                .device = delivery->device - truth->plan->centres[centre].first_device};
        }
    }
    return 0;
}

/* Writes the fact that begins at `first`; returns the index past it. */
static size_t write_fact(const struct truth *truth, size_t first, bool *seen_devices, FILE *stream)
{
    const struct record *records = truth->records;
    uint64_t seconds = 0, users = 0, devices = 0;
    char date[CIVIL_DATE_MAX];
    size_t at = first;

    for (; at < truth->count && records[at].centre == records[first].centre && records[at].day == records[first].day &&
           records[at].activity == records[first].activity;
         at++) {
        seconds += records[at].seconds;
        users += records[at].user && (at == first || records[at].user != records[at - 1].user) ? 1 : 0;
        devices += seen_devices[records[at].device] ? 0 : 1;
        seen_devices[records[at].device] = true;
    }
    for (size_t i = first; i < at; i++) {
        seen_devices[records[i].device] = false;
    }
    civil_format_date(records[first].day, date);
    (void)fprintf(stream, "%s,%s,%s,%zu,%llu,%llu,%llu\n", truth->ids[records[first].centre], date,
                  truth->activities[records[first].activity], at - first, (unsigned long long)seconds,
                  (unsigned long long)users, (unsigned long long)devices);
    return at;
}

int truth_write(struct truth *truth, FILE *stream)
{
    bool *seen_devices = calloc(truth->plan->device_count, sizeof *seen_devices);

    if (!seen_devices) {
        return -1;
    }
    if (truth->count) {
        qsort(truth->records, truth->count, sizeof *truth->records, compare_records);
    }
    (void)fputs("centre,day,activity,events,seconds,users,devices\n", stream);
    for (size_t at = 0; at < truth->count;) {
        at = write_fact(truth, at, seen_devices, stream);
    }
    free(seen_devices);
    return fflush(stream) == 0 && !ferror(stream) ? 0 : -1;
}

const struct truth_counts *truth_counts(const struct truth *truth)
{
    return &truth->counts;
}
