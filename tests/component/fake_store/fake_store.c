/* Reads canned rows with the filters of store/reader.h. */
#include "fake_store.h"

#include <stdlib.h>
#include <string.h>

struct store_reader {
    bool begun;
};

static const struct fake_store *stored;

void fake_store_set(const struct fake_store *store)
{
    stored = store;
}

static int check_read(struct error *error)
{
    return stored->read_fails == 0 ? 0 : error_set(error, stored->read_fails, "the fake store fails to read");
}

int store_reader_open(struct store_reader **reader, const char *data_dir, struct error *error)
{
    if (stored->open_fails != 0) {
        return error_set(error, stored->open_fails, "no store in %s", data_dir);
    }
    *reader = calloc(1, sizeof **reader);
    return *reader != NULL ? 0 : error_set(error, ERROR_MEMORY, "out of memory");
}

void store_reader_close(struct store_reader **reader)
{
    free(*reader);
    *reader = NULL;
}

int store_reader_revision(struct store_reader *reader, int64_t *revision, struct error *error)
{
    (void)reader;
    *revision = stored->revision;
    return check_read(error);
}

int store_reader_begin(struct store_reader *reader, struct error *error)
{
    if (reader->begun) {
        return error_set(error, ERROR_IO, "a snapshot is held already");
    }
    reader->begun = true;
    return check_read(error);
}

void store_reader_end(struct store_reader *reader)
{
    reader->begun = false;
}

int store_read_usage(struct store_reader *reader, const struct usage_filter *filter, usage_each *each, void *context,
                     struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->usage_count; i++) {
        const struct usage_row *row = &stored->usage[i];
        if (row->day >= filter->from_day && row->day <= filter->to_day &&
            (filter->centre == NULL || strcmp(filter->centre, row->centre) == 0)) {
            result = each(context, row);
        }
    }
    return result;
}

int store_read_months(struct store_reader *reader, const char *centre, int32_t from_month, int32_t to_month,
                      month_each *each, void *context, struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->month_count; i++) {
        const struct month_row *row = &stored->months[i];
        if (strcmp(row->centre, centre) == 0 && row->month >= from_month && row->month <= to_month) {
            result = each(context, row);
        }
    }
    return result;
}

static bool matches(const char *wanted, const char *found)
{
    return wanted == NULL || strcmp(wanted, found) == 0;
}

int store_read_adoption(struct store_reader *reader, const struct adoption_filter *filter, adoption_each *each,
                        void *context, struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->adoption_count; i++) {
        const struct adoption_row *row = &stored->adoption[i];
        bool in_time = filter->any_period || (row->period >= filter->from_period && row->period <= filter->to_period);
        if (in_time && matches(filter->indicator, row->indicator) && matches(filter->area, row->area)) {
            result = each(context, row);
        }
    }
    return result;
}

int store_read_verdicts(struct store_reader *reader, const struct verdict_filter *filter, verdict_each *each,
                        void *context, struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->verdict_count; i++) {
        const struct verdict_row *row = &stored->verdicts[i];
        bool in_time = filter->any_period || (row->period >= filter->from_period && row->period <= filter->to_period);
        if (in_time && matches(filter->indicator, row->indicator) && matches(filter->centre, row->centre)) {
            result = each(context, row);
        }
    }
    return result;
}

int store_read_devices(struct store_reader *reader, const char *centre, device_each *each, void *context,
                       struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->device_count; i++) {
        if (strcmp(stored->devices[i].centre, centre) == 0) {
            result = each(context, &stored->devices[i]);
        }
    }
    return result;
}

int store_read_quality(struct store_reader *reader, const char *centre, quality_each *each, void *context,
                       struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->quality_count; i++) {
        if (matches(centre, stored->quality[i].centre)) {
            result = each(context, &stored->quality[i]);
        }
    }
    return result;
}

int store_read_rejected(struct store_reader *reader, int64_t before, int limit, rejected_each *each, void *context,
                        struct error *error)
{
    int result = check_read(error);
    (void)reader;
    for (size_t i = 0; result == 0 && i < stored->rejected_count && limit > 0; i++) {
        if (stored->rejected[i].id < before) {
            result = each(context, &stored->rejected[i]);
            limit--;
        }
    }
    return result;
}

const char *store_series_name(enum store_series series)
{
    static const char *const names[] = {"usage", "usage_hour", "adoption", "centre_adoption"};
    return names[series];
}
