/*
 * A scenario: everything that decides what the simulated centres do, read from a file of config/scenarios. Immutable
 * once loaded; names refer to each other by index. The file format is described by config/schema/scenario.schema.json
 * and by the comments of config/scenarios/province-year.jsonc.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonc_faults;

enum {
    SCENARIO_NAME_MAX = 33,
    SCENARIO_PATH_MAX = 1024,
    SCENARIO_CALENDARS_MAX = 16,
    SCENARIO_BREAKS_MAX = 64,
    SCENARIO_HOURS_MAX = 4, /* stretches of open hours in a day */
    SCENARIO_STREAMS_MAX = 16,
    SCENARIO_EVENT_TYPES_MAX = 128, /* over all streams */
    SCENARIO_KINDS_MAX = 16,
    SCENARIO_PROFILES_MAX = 32,
    SCENARIO_CENTRE_TYPES_MAX = 32,
    SCENARIO_STRETCHES_MAX = 8,
    SCENARIO_BATCH_MAX = 50,
    SCENARIO_DAY_EVENTS_MAX = 2000 /* of one stream of one centre */
};

/* Open from .. to, seconds after midnight. */
struct hours {
    int32_t from_s, to_s;
};

/* A time at which less happens. Yearly breaks hold month * 100 + day, others days. */
struct calendar_break {
    bool yearly;
    int32_t from, to; /* both inclusive */
    double factor;    /* of the chance that a day is an active one: 0 is closed */
};

struct calendar {
    char name[SCENARIO_NAME_MAX];
    struct hours hours[7][SCENARIO_HOURS_MAX]; /* by weekday, Monday first */
    int hours_count[7];
    struct calendar_break breaks[SCENARIO_BREAKS_MAX];
    int break_count;
};

enum users { USERS_NONE, USERS_STAFF, USERS_LEARNERS };

struct event_type {
    char type[65];
    uint32_t weight;     /* share among the stream's types */
    uint32_t seconds[2]; /* least and most; both 0: the event has no duration */
};

/* What people do in one kind of activity. */
struct stream {
    char name[SCENARIO_NAME_MAX];
    char role[SCENARIO_NAME_MAX]; /* "" leaves it out */
    uint32_t calendar;
    enum users users;
    double base, per_100_heads, most; /* events of a centre on a full day */
    uint32_t first_type, type_count, total_weight;
};

enum time_format { TIME_RFC3339, TIME_UTC, TIME_MS };

struct device_kind {
    char name[SCENARIO_NAME_MAX];
    char app[SCENARIO_NAME_MAX]; /* "" leaves it out */
    uint32_t streams[SCENARIO_STREAMS_MAX];
    uint32_t stream_count;
    int32_t report_every_s;
    enum time_format time_format;
};

/* How much of each stream a centre does. */
struct profile {
    char name[SCENARIO_NAME_MAX];
    struct {
        double days;   /* chance that an open day is an active one */
        double volume; /* of the stream's full volume */
        double reach;  /* of the people who could take part */
    } streams[SCENARIO_STREAMS_MAX];
};

/* A weighted choice among profiles. */
struct profile_mix {
    uint32_t weight[SCENARIO_PROFILES_MAX];
    uint32_t total;
};

struct device_count {
    uint32_t kind;
    uint32_t count, per_heads, most; /* count, or one per so many heads up to most */
};

struct centre_type {
    char name[SCENARIO_NAME_MAX];
    struct device_count devices[SCENARIO_KINDS_MAX];
    uint32_t device_count;
    double ceiling;        /* share of the centres that adopt at last */
    int32_t midpoint_day;  /* half of those have adopted */
    double spread_days;    /* of the logistic curve */
    uint32_t full_profile; /* once adopted */
    uint32_t lead_in_profile;
    int32_t lead_in_days;
    struct profile_mix before, never;
};

struct stretch {
    uint32_t weight;
    double days[2];
};

struct network {
    int32_t offline_every_days; /* 0: never offline */
    double offline_chance;      /* that such a window holds an offline stretch */
    struct stretch stretches[SCENARIO_STRETCHES_MAX];
    uint32_t stretch_count, stretch_weight;
    uint32_t batch_events;
    double repeat_share; /* of the messages */
    double repeat_minutes[2];
};

struct fault_shares {
    double clock_1970, clock_years_ahead, clock_hours_off; /* of the events */
    double bad_event;                                      /* of the events */
    double bad_message;                                    /* of the messages: a broken copy goes ahead */
};

/* Real time. With `always`, every hour is an open one so that a demonstration moves at night, and the stream of each
 * device is one of its own, made for this start (`start_ms`, which also makes its epoch). */
struct live {
    bool always;
    int64_t start_ms;
    int32_t report_every_s;
    double volume;
};

struct scenario {
    char name[65];
    char realm[65];
    char registry_path[SCENARIO_PATH_MAX];
    char taxonomy_path[SCENARIO_PATH_MAX];
    uint64_t seed;
    int utc_offset_minutes;
    int32_t first_day, last_day; /* last_day only bounds the default window */
    double staff_share;
    uint32_t staff_least;
    struct calendar calendars[SCENARIO_CALENDARS_MAX];
    struct stream streams[SCENARIO_STREAMS_MAX];
    struct event_type event_types[SCENARIO_EVENT_TYPES_MAX];
    struct device_kind kinds[SCENARIO_KINDS_MAX];
    struct profile profiles[SCENARIO_PROFILES_MAX];
    struct centre_type centre_types[SCENARIO_CENTRE_TYPES_MAX];
    uint32_t calendar_count, stream_count, event_type_count, kind_count, profile_count, centre_type_count;
    struct network network;
    struct fault_shares faults;
    struct live live;
};

/* Reads and checks a scenario file; all of its faults go to `faults`. On 0 the caller frees with scenario_free. */
int scenario_load(const char *path, struct jsonc_faults *faults, struct scenario **scenario);
void scenario_free(struct scenario **scenario);

/* Index of the centre type, or -1: centres of that type have no devices. */
int scenario_find_centre_type(const struct scenario *scenario, const char *name);

#endif
