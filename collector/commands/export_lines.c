/*
 * Facts and adoption as InfluxDB line protocol: the very points that an output writes, so that a file can fill a
 * database that no collector reaches.
 */
#include "export.h"

#include "output/line_protocol.h"

struct writing {
    struct export *export;
    struct error *error;
};

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
    int result = line_protocol_change(&point, export->world->zone, export->world->settings.small_cell, &export->buffer,
                                      writing->error);
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
    int result = line_protocol_change(&point, export->world->zone, 0, &export->buffer, writing->error);
    return result != 0 ? result : export_flush(export, EXPORT_BUFFER_BYTES, writing->error);
}

int export_adoption_as_lines(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct adoption_question question = export_question(export);
    return adoption_read(export->reader, &question, add_adoption, &writing, error);
}
