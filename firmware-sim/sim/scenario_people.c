/*
 * The sections of a scenario that say what people do and when: calendars with their hours and breaks, streams with
 * their event types, and profiles, which say how much of each stream a centre does.
 */
#include "civil.h"
#include "scenario_read.h"

#include <stdio.h>
#include <string.h>

/* "07:00" at the beginning of a text, as seconds after midnight, or -1. */
static int32_t read_clock(const char *text)
{
    int32_t digits[4];
    static const int places[4] = {0, 1, 3, 4};

    for (int i = 0; i < 4; i++) {
        if ((i == 2 && text[2] != ':') || text[places[i]] < '0' || text[places[i]] > '9') {
            return -1;
        }
        digits[i] = text[places[i]] - '0';
    }
    if (digits[2] > 5 || digits[0] * 10 + digits[1] > 24 ||
        (digits[0] * 10 + digits[1] == 24 && digits[2] + digits[3])) {
        return -1;
    }
    return (digits[0] * 10 + digits[1]) * 3600 + (digits[2] * 10 + digits[3]) * 60;
}

/* "07:00-11:30"; 24:00 ends a day. */
static void read_hours(const struct jsonc_node *node, struct hours *hours)
{
    char text[16];

    jsonc_string(node, text, sizeof text);
    hours->from_s = read_clock(text);
    hours->to_s = hours->from_s >= 0 && text[5] == '-' ? read_clock(text + 6) : -1;
    if (hours->to_s <= hours->from_s || text[11] != '\0') {
        jsonc_fault(node, "must be a stretch of hours such as \"07:00-11:30\"");
        *hours = (struct hours){0, 60};
    }
}

static void read_weekly(const struct jsonc_node *weekly, struct calendar *calendar)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

    jsonc_known_keys(weekly, names);
    for (int weekday = 0; weekday < 7; weekday++) {
        struct jsonc_node day = jsonc_member(weekly, names[weekday], false);
        int *count = &calendar->hours_count[weekday];

        for (struct jsonc_node child = jsonc_first_element(&day); child.value; child = jsonc_next(&child)) {
            if (*count == SCENARIO_HOURS_MAX) {
                jsonc_fault(&child, "is one stretch of hours too many; use up to %d", SCENARIO_HOURS_MAX);
                break;
            }
            read_hours(&child, &calendar->hours[weekday][(*count)++]);
        }
    }
}

/* "2026-02-14", or "06-01" for every year. */
static int32_t read_break_day(const struct jsonc_node *node, bool *yearly)
{
    char text[CIVIL_DATE_MAX], dated[CIVIL_DATE_MAX + 5];
    int32_t day;
    int year, month, day_of_month;

    *yearly = false;
    jsonc_string(node, text, sizeof text);
    if (strlen(text) == 5) {
        /* A leap year, so that 02-29 is a date. */
        (void)snprintf(dated, sizeof dated, "2000-%s", text);
        if (civil_parse_date(dated, &day) == 0) {
            civil_date(day, &year, &month, &day_of_month);
            *yearly = true;
            return (int32_t)(month * 100 + day_of_month);
        }
    } else if (civil_parse_date(text, &day) == 0) {
        return day;
    }
    if (node->value) {
        jsonc_fault(node, "must be a date (\"2026-02-14\") or a day of every year (\"06-01\")");
    }
    return 0;
}

static void read_break(const struct jsonc_node *node, struct calendar_break *stop)
{
    static const char *const keys[] = {"name", "from", "to", "factor", NULL};
    struct jsonc_node from = jsonc_member(node, "from", true), to = jsonc_member(node, "to", false);
    struct jsonc_node factor = jsonc_member(node, "factor", false);
    bool to_yearly;

    jsonc_known_keys(node, keys);
    stop->from = read_break_day(&from, &stop->yearly);
    stop->to = stop->from;
    if (to.value) {
        stop->to = read_break_day(&to, &to_yearly);
        if (to_yearly != stop->yearly) {
            jsonc_fault(&to, "must be of the same kind as \"from\": both with a year or both without");
        } else if (stop->to < stop->from) {
            jsonc_fault(&to, "lies before \"from\"; a break over New Year is written as two");
        }
    }
    stop->factor = jsonc_number(&factor, 0, 1, 0);
}

void scenario_read_calendars(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"weekly", "breaks", NULL};

    for (struct jsonc_node node = jsonc_first(section); node.value; node = jsonc_next(&node)) {
        struct calendar *calendar = &scenario->calendars[scenario->calendar_count++];
        struct jsonc_node weekly = jsonc_member(&node, "weekly", true), breaks = jsonc_member(&node, "breaks", false);

        (void)snprintf(calendar->name, sizeof calendar->name, "%s", jsonc_key(&node));
        jsonc_known_keys(&node, keys);
        read_weekly(&weekly, calendar);
        for (struct jsonc_node child = jsonc_first_element(&breaks); child.value; child = jsonc_next(&child)) {
            if (calendar->break_count == SCENARIO_BREAKS_MAX) {
                jsonc_fault(&child, "is one break too many; use up to %d", SCENARIO_BREAKS_MAX);
                break;
            }
            read_break(&child, &calendar->breaks[calendar->break_count++]);
        }
    }
}

static void read_event_type(const struct jsonc_node *node, struct scenario *scenario, struct stream *stream)
{
    static const char *const keys[] = {"type", "weight", "seconds", NULL};
    struct jsonc_node type = jsonc_member(node, "type", true), weight = jsonc_member(node, "weight", false);
    struct jsonc_node seconds = jsonc_member(node, "seconds", false);
    double range[2] = {0, 0};
    struct event_type *event_type;

    if (scenario->event_type_count == SCENARIO_EVENT_TYPES_MAX) {
        jsonc_fault(node, "is one event type too many; use up to %d in a scenario", SCENARIO_EVENT_TYPES_MAX);
        return;
    }
    event_type = &scenario->event_types[scenario->event_type_count++];
    stream->type_count++;
    jsonc_known_keys(node, keys);
    scenario_read_plain(&type, event_type->type, sizeof event_type->type);
    event_type->weight = (uint32_t)jsonc_integer(&weight, 1, 10000, 1);
    scenario_read_range(&seconds, 0, 86400, range);
    event_type->seconds[0] = (uint32_t)range[0];
    event_type->seconds[1] = (uint32_t)range[1];
    stream->total_weight += event_type->weight;
}

static enum users read_users(const struct jsonc_node *node)
{
    char text[SCENARIO_NAME_MAX];

    if (!node->value) {
        return USERS_NONE;
    }
    jsonc_string(node, text, sizeof text);
    if (strcmp(text, "staff") == 0) {
        return USERS_STAFF;
    }
    if (strcmp(text, "learners") == 0) {
        return USERS_LEARNERS;
    }
    if (strcmp(text, "none") != 0) {
        jsonc_fault(node, "must be \"staff\", \"learners\" or \"none\"");
    }
    return USERS_NONE;
}

static void read_stream(const struct jsonc_node *node, struct scenario *scenario)
{
    static const char *const keys[] = {"about", "role", "calendar", "users", "per_day", "events", NULL};
    static const char *const volume_keys[] = {"base", "per_100_heads", "most", NULL};
    struct stream *stream = &scenario->streams[scenario->stream_count++];
    struct jsonc_node role = jsonc_member(node, "role", false), calendar = jsonc_member(node, "calendar", true);
    struct jsonc_node users = jsonc_member(node, "users", false), per_day = jsonc_member(node, "per_day", true);
    struct jsonc_node base = jsonc_member(&per_day, "base", true), most = jsonc_member(&per_day, "most", false);
    struct jsonc_node heads = jsonc_member(&per_day, "per_100_heads", false);
    struct jsonc_node events = jsonc_member(node, "events", true);
    char name[SCENARIO_NAME_MAX];

    (void)snprintf(stream->name, sizeof stream->name, "%s", jsonc_key(node));
    jsonc_known_keys(node, keys);
    jsonc_known_keys(&per_day, volume_keys);
    scenario_read_plain(&role, stream->role, sizeof stream->role);
    jsonc_string(&calendar, name, sizeof name);
    if (name[0]) {
        stream->calendar = scenario_reference(&calendar, name, "calendar", scenario->calendars[0].name,
                                              sizeof scenario->calendars[0], scenario->calendar_count);
    }
    stream->users = read_users(&users);
    stream->base = jsonc_number(&base, 0, SCENARIO_DAY_EVENTS_MAX, 0);
    stream->per_100_heads = jsonc_number(&heads, 0, 1000, 0);
    stream->most = jsonc_number(&most, 0, SCENARIO_DAY_EVENTS_MAX, SCENARIO_DAY_EVENTS_MAX);
    stream->first_type = scenario->event_type_count;
    for (struct jsonc_node child = jsonc_first_element(&events); child.value; child = jsonc_next(&child)) {
        read_event_type(&child, scenario, stream);
    }
    if (jsonc_is_array(&events) && stream->type_count == 0) {
        jsonc_fault(&events, "needs at least one {\"type\": ..., \"weight\": ..., \"seconds\": [..]}");
    }
}

void scenario_read_streams(const struct jsonc_node *section, struct scenario *scenario)
{
    for (struct jsonc_node node = jsonc_first(section); node.value; node = jsonc_next(&node)) {
        read_stream(&node, scenario);
    }
}

void scenario_read_profiles(const struct jsonc_node *section, struct scenario *scenario)
{
    static const char *const keys[] = {"days", "volume", "reach", NULL};

    for (struct jsonc_node node = jsonc_first(section); node.value; node = jsonc_next(&node)) {
        struct profile *profile = &scenario->profiles[scenario->profile_count++];

        (void)snprintf(profile->name, sizeof profile->name, "%s", jsonc_key(&node));
        for (struct jsonc_node child = jsonc_first(&node); child.value; child = jsonc_next(&child)) {
            uint32_t stream = scenario_reference(&child, jsonc_key(&child), "stream", scenario->streams[0].name,
                                                 sizeof scenario->streams[0], scenario->stream_count);
            struct jsonc_node days = jsonc_member(&child, "days", true);
            struct jsonc_node volume = jsonc_member(&child, "volume", false);
            struct jsonc_node reach = jsonc_member(&child, "reach", false);

            jsonc_known_keys(&child, keys);
            profile->streams[stream].days = jsonc_number(&days, 0, 1, 0);
            profile->streams[stream].volume = jsonc_number(&volume, 0, 10, 1);
            profile->streams[stream].reach = jsonc_number(&reach, 0, 1, 1);
        }
    }
}
