/*
 * Facts and adoption as InfluxDB line protocol: the very points that an output writes, so that a file can fill a
 * database that no collector reaches. Only one thing differs: a count of people that is too small to leave the house is
 * left out.
 */
#include "export.h"

#include "output/line_protocol.h"

struct writing {
    struct export *export;
    struct error *error;
};

/* The point of a day without its users. */
static int add_without_users(struct export *export, const struct usage_row *row, struct error *error)
{
    struct line_point point = {.measurement = store_series_name(SERIES_USAGE),
                               .tags = {{"activity", row->activity}, {"centre", row->centre}},
                               .tag_count = 2,
                               .fields = {{.key = "events", .integer = row->events},
                                          {.key = "seconds", .integer = row->seconds},
                                          {.key = "devices", .integer = row->devices}},
                               .field_count = 3,
                               .time_s = zone_day_start_ms(export->world->zone, row->day) / 1000};
    return line_protocol_encode(&point, &export->buffer, error);
}

static int add_fact(void *context, const struct usage_row *row)
{
    struct writing *writing = context;
    struct export *export = writing->export;
    struct change_row point = {.series = SERIES_USAGE,
                               .centre = row->centre,
                               .activity = row->activity,
                               .day = row->day,
                               .events = row->events,
                               .seconds = row->seconds,
                               .users = row->users,
                               .devices = row->devices};
    bool hidden = row->users < export->world->settings.small_cell;
    int result = hidden ? add_without_users(export, row, writing->error)
                        : line_protocol_change(&point, export->world->zone, &export->buffer, writing->error);
    return result != 0 ? result : export_flush(export, EXPORT_BUFFER_BYTES, writing->error);
}

int export_facts_as_lines(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct usage_filter filter = {.from_day = export->from_day, .to_day = export->to_day};
    return store_read_usage(export->reader, &filter, add_fact, &writing, error);
}

static int add_adoption(void *context, const struct adoption_answer *answer)
{
    struct writing *writing = context;
    struct export *export = writing->export;
    struct change_row point = {.series = SERIES_ADOPTION,
                               .indicator = answer->indicator->id,
                               .area = answer->area,
                               .period_kind = period_kind_word(answer->indicator->period),
                               .period = answer->period,
                               .registered = answer->registered,
                               .reporting = answer->reporting,
                               .adopting = answer->adopting,
                               .has_target = answer->has_target,
                               .target = answer->target};
    int result = line_protocol_change(&point, export->world->zone, &export->buffer, writing->error);
    return result != 0 ? result : export_flush(export, EXPORT_BUFFER_BYTES, writing->error);
}

int export_adoption_as_lines(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct adoption_question question = export_question(export);
    return adoption_read(export->reader, &question, add_adoption, &writing, error);
}
