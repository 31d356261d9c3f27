/*
 * The four kinds of rows that leave the house as files. Their columns are promises to those who read the files; the
 * rows are sorted by bytes, so that two exports of the same state are the same bytes.
 */
#include "export.h"

#include "base/civil.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CENTRES = 10 * 1000 * 1000 };

struct writing {
    struct export *export;
    struct error *error;
};

static int add_fact(void *context, const struct usage_row *row)
{
    struct writing *writing = context;
    struct rows *rows = &writing->export->rows;
    char date[CIVIL_DATE_SIZE];
    rows_begin(rows);
    rows_id(rows, "centre", row->centre);
    rows_id(rows, "day", civil_format_date(row->day, date));
    rows_id(rows, "activity", row->activity);
    rows_integer(rows, "events", row->events);
    rows_integer(rows, "seconds", row->seconds);
    rows_people(rows, "users", row->users, writing->export->world->settings.small_cell);
    rows_integer(rows, "devices", row->devices);
    rows_end(rows);
    return export_flush(writing->export, EXPORT_BUFFER_BYTES, writing->error);
}

int export_facts(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct usage_filter filter = {.from_day = export->from_day, .to_day = export->to_day};
    rows_open(&export->rows, &export->buffer, export->format, "centre,day,activity,events,seconds,users,devices");
    return store_read_usage(export->reader, &filter, add_fact, &writing, error);
}

/* The ids of all centres that have facts, whether the registry still has them or not. */
struct names {
    char **list;
    size_t count, size;
};

static int add_name(void *context, const struct usage_row *row)
{
    struct names *names = context;
    if (names->count > 0 && strcmp(names->list[names->count - 1], row->centre) == 0) {
        return 0;
    }
    if (names->count == names->size) {
        size_t size = names->size == 0 ? 1024 : names->size * 2;
        char **list = size <= MOST_CENTRES ? realloc(names->list, size * sizeof *list) : NULL;
        if (list == NULL) {
            return ERROR_MEMORY;
        }
        names->list = list;
        names->size = size;
    }
    char *copy = strdup(row->centre);
    if (copy == NULL) {
        return ERROR_MEMORY;
    }
    names->list[names->count++] = copy;
    return 0;
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->list[i]);
    }
    free(names->list);
}

static int add_month(void *context, const struct month_row *row)
{
    struct writing *writing = context;
    struct rows *rows = &writing->export->rows;
    char label[PERIOD_LABEL_SIZE];
    rows_begin(rows);
    rows_id(rows, "centre", row->centre);
    rows_id(rows, "month", period_label(PERIOD_MONTH, row->month, label));
    rows_id(rows, "activity", row->activity);
    rows_integer(rows, "active_days", row->active_days);
    rows_integer(rows, "events", row->events);
    rows_integer(rows, "seconds", row->seconds);
    rows_people(rows, "users", row->users, writing->export->world->settings.small_cell);
    rows_integer(rows, "devices", row->devices);
    rows_end(rows);
    return export_flush(writing->export, EXPORT_BUFFER_BYTES, writing->error);
}

int export_usage(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct names names = {0};
    int32_t from = period_of_day(PERIOD_MONTH, export->from_day), to = period_of_day(PERIOD_MONTH, export->to_day);
    struct usage_filter filter = {.from_day = period_first_day(PERIOD_MONTH, from),
                                  .to_day = period_last_day(PERIOD_MONTH, to)};
    rows_open(&export->rows, &export->buffer, export->format,
              "centre,month,activity,active_days,events,seconds,users,devices");
    int result = store_read_usage(export->reader, &filter, add_name, &names, error);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        result = store_read_months(export->reader, names.list[i], from, to, add_month, &writing, error);
    }
    free_names(&names);
    return result;
}

static int add_adoption(void *context, const struct adoption_answer *answer)
{
    struct writing *writing = context;
    struct rows *rows = &writing->export->rows;
    rows_begin(rows);
    rows_id(rows, "indicator", answer->indicator->id);
    rows_id(rows, "area", answer->area);
    rows_id(rows, "period", answer->label);
    adoption_write_figures(rows, answer);
    rows_end(rows);
    return export_flush(writing->export, EXPORT_BUFFER_BYTES, writing->error);
}

struct adoption_question export_question(const struct export *export)
{
    return (struct adoption_question){.registry = export->world->registry,
                                      .indicators = &export->world->indicators,
                                      .from_day = export->from_day,
                                      .to_day = export->to_day,
                                      .today = export->today};
}

int export_adoption(struct export *export, struct error *error)
{
    struct writing writing = {export, error};
    struct adoption_question question = export_question(export);
    rows_open(&export->rows, &export->buffer, export->format,
              "indicator,area,period,registered,reporting,adopting,rate,lower,upper,target");
    return adoption_read(export->reader, &question, add_adoption, &writing, error);
}

/* What each centre's latest verdict is, per indicator: centre index * indicators + indicator. */
struct verdicts {
    const struct registry *registry;
    const char **words;
    size_t indicators;
    size_t column; /* of the indicator in hand */
};

static int keep_verdict(void *context, const struct verdict_row *row)
{
    struct verdicts *verdicts = context;
    uint32_t centre = registry_find_centre(verdicts->registry, row->centre, strlen(row->centre));
    if (centre != REGISTRY_NONE) {
        verdicts->words[centre * verdicts->indicators + verdicts->column] = row->adopts      ? "adopts"
                                                                            : row->reporting ? "not"
                                                                                             : "silent";
    }
    return 0;
}

static int read_verdicts(struct export *export, struct verdicts *verdicts, struct error *error)
{
    const struct indicators *indicators = &export->world->indicators;
    for (size_t i = 0; i < indicators->count; i++) {
        struct adoption_question question = export_question(export);
        enum period_kind kind;
        struct verdict_filter filter = {.indicator = indicators->list[i].id};
        question.indicator = indicators->list[i].id;
        verdicts->column = i;
        int result = adoption_latest(export->reader, &question, &kind, &filter.from_period, error);
        filter.to_period = filter.from_period;
        result = result == 1 ? store_read_verdicts(export->reader, &filter, keep_verdict, verdicts, error) : result;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static void add_centre(struct export *export, uint32_t index, const struct verdicts *verdicts)
{
    const struct registry *registry = export->world->registry;
    const struct registry_centre *centre = registry_centre(registry, index);
    uint32_t area = registry_find_area(registry, centre->area, export->today);
    char date[CIVIL_DATE_SIZE];
    struct rows *rows = &export->rows;
    rows_begin(rows);
    rows_id(rows, "id", centre->id);
    rows_text(rows, "name", centre->name);
    rows_id(rows, "type", centre->type);
    rows_id(rows, "area", area != REGISTRY_NONE ? registry_area(registry, area)->code : centre->area);
    rows_integer(rows, "head_count", centre->head_count);
    rows_id(rows, "opened",
            centre->opened_day != REGISTRY_NO_START ? civil_format_date(centre->opened_day, date) : NULL);
    rows_id(rows, "closed", centre->closed_day != REGISTRY_NO_END ? civil_format_date(centre->closed_day, date) : NULL);
    for (size_t i = 0; i < verdicts->indicators; i++) {
        rows_id(rows, export->world->indicators.list[i].id, verdicts->words[index * verdicts->indicators + i]);
    }
    rows_end(rows);
}

struct named_centre {
    const char *id;
    uint32_t index;
};

static int by_id(const void *left, const void *right)
{
    const struct named_centre *a = left, *b = right;
    return strcmp(a->id, b->id);
}

static int write_centres(struct export *export, const struct verdicts *verdicts, struct named_centre *order,
                         struct error *error)
{
    struct buffer columns = {0};
    size_t count = registry_centre_count(export->world->registry);
    int result = 0;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = (struct named_centre){registry_centre(export->world->registry, i)->id, i};
    }
    qsort(order, count, sizeof *order, by_id);
    buffer_add_text(&columns, "id,name,type,area,head_count,opened,closed");
    for (size_t i = 0; i < verdicts->indicators; i++) {
        buffer_print(&columns, ",%s", export->world->indicators.list[i].id);
    }
    if (columns.failed) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
    } else {
        rows_open(&export->rows, &export->buffer, export->format, columns.bytes);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        add_centre(export, order[i].index, verdicts);
        result = export_flush(export, EXPORT_BUFFER_BYTES, error);
    }
    buffer_free(&columns);
    return result;
}

int export_centres(struct export *export, struct error *error)
{
    size_t count = registry_centre_count(export->world->registry);
    struct verdicts verdicts = {.registry = export->world->registry, .indicators = export->world->indicators.count};
    verdicts.words = calloc(count * verdicts.indicators + 1, sizeof *verdicts.words);
    struct named_centre *order = calloc(count + 1, sizeof *order);
    int result;
    if (verdicts.words == NULL || order == NULL) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
    } else {
        result = read_verdicts(export, &verdicts, error);
        result = result != 0 ? result : write_centres(export, &verdicts, order, error);
    }
    free(order);
    free(verdicts.words);
    return result;
}
