/*
 * The embedded store, reading side: for outputs, API, report and export. Each reader is a read-only connection that
 * belongs to one thread; it sees committed state only and never blocks the writer. Rows are given to a callback in the
 * stated order; their strings are valid during the call. A callback returns 0 to go on, anything else stops and is
 * returned. All functions return 0, ERROR_IO, ERROR_MEMORY, or what the callback returned.
 */
#ifndef EDUTALLY_STORE_READER_H
#define EDUTALLY_STORE_READER_H

#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_reader;

/* ERROR_MISSING if there is no store yet; ERROR_CONFIG if its schema is newer or older than this program's. */
int store_reader_open(struct store_reader **reader, const char *data_dir, struct error *error);
void store_reader_close(struct store_reader **reader);

/* The revision of the last committed transaction. */
int store_reader_revision(struct store_reader *reader, int64_t *revision, struct error *error);

/* Between begin and end all reads see one snapshot. Keep it short: the write-ahead log cannot shrink meanwhile. */
int store_reader_begin(struct store_reader *reader, struct error *error);
void store_reader_end(struct store_reader *reader);

struct usage_row {
    const char *centre;
    int32_t day;
    const char *activity;
    int64_t events, seconds, users, devices;
};
struct usage_filter {
    const char *centre;       /* NULL: all */
    int32_t from_day, to_day; /* inclusive */
};
/* Facts by day, ordered by centre (bytes), day, activity (bytes). */
typedef int usage_each(void *context, const struct usage_row *row);
int store_read_usage(struct store_reader *reader, const struct usage_filter *filter, usage_each *each, void *context,
                     struct error *error);

struct month_row {
    const char *centre;
    int32_t month; /* year * 12 + month - 1 */
    const char *activity;
    int64_t active_days, events, seconds, users, devices; /* users, devices: distinct over the month */
};
/* A centre's months [from, to], ordered by month, activity. */
typedef int month_each(void *context, const struct month_row *row);
int store_read_months(struct store_reader *reader, const char *centre, int32_t from_month, int32_t to_month,
                      month_each *each, void *context, struct error *error);

struct adoption_row {
    const char *indicator, *area, *period_kind;
    int32_t period; /* numbered as in indicator/period.h */
    int64_t registered, reporting, adopting;
    bool has_target;
    double target;
    const char *rule_hash, *registry_hash;
    int64_t computed_ms;
};
struct adoption_filter {
    const char *indicator;          /* NULL: all */
    const char *area;               /* NULL: all */
    bool any_period;                /* true: periods are not looked at */
    int32_t from_period, to_period; /* inclusive */
};
/* Ordered by indicator, area, period. Areas with no registered centre have no row. */
typedef int adoption_each(void *context, const struct adoption_row *row);
int store_read_adoption(struct store_reader *reader, const struct adoption_filter *filter, adoption_each *each,
                        void *context, struct error *error);

struct verdict_row {
    const char *indicator, *centre, *period_kind;
    int32_t period;
    bool reporting, adopts;
    const char *conditions; /* JSON array, see indicator_print_conditions */
};
struct verdict_filter {
    const char *indicator; /* NULL: all */
    const char *centre;    /* NULL: all */
    bool any_period;
    int32_t from_period, to_period;
};
/* Ordered by indicator, centre, period. Every registered centre of the covered types has a row, silent ones too. */
typedef int verdict_each(void *context, const struct verdict_row *row);
int store_read_verdicts(struct store_reader *reader, const struct verdict_filter *filter, verdict_each *each,
                        void *context, struct error *error);

struct device_row {
    const char *realm, *centre, *device, *epoch;
    int64_t received, repeated, missing;
    int64_t last_received_ms, last_event_ms;
    int64_t late;     /* received over 24 hours after their time */
    int64_t given_up; /* missing and not asked for any more; expected = received + missing + given_up */
};
/* A centre's devices by epoch, ordered by device, last_received_ms. */
typedef int device_each(void *context, const struct device_row *row);
int store_read_devices(struct store_reader *reader, const char *centre, device_each *each, void *context,
                       struct error *error);

/* What came of a centre's events, over all its devices; rejected, quarantined and let_go (design promise 3: pushed out
 * of the store of rejected rows by its bounds) count events by the centre in their topic. */
struct quality_row {
    const char *centre;
    int64_t devices, expected, received, missing, repeated, late, given_up, rejected, quarantined, let_go;
};
/* Ordered by centre; `centre` NULL: all that ever reported, registered or not. */
typedef int quality_each(void *context, const struct quality_row *row);
int store_read_quality(struct store_reader *reader, const char *centre, quality_each *each, void *context,
                       struct error *error);

struct rejected_row {
    int64_t id;
    bool quarantined;
    const char *reason, *detail, *topic, *centre, *device;
    int64_t received_ms, times;
    int64_t position; /* of the record in the journal; -1: not known */
    const void *raw;  /* NULL: sealed, and not opened (store_reader_unseal) or not to be opened */
    size_t raw_length;
};
/* From now on store_read_rejected opens the raw bytes. ERROR_MEMORY. */
int store_reader_unseal(struct store_reader *reader, const struct secret *secret, struct error *error);
/* Newest first, at most `limit`, ids below `before` (INT64_MAX: from the newest). */
typedef int rejected_each(void *context, const struct rejected_row *row);
int store_read_rejected(struct store_reader *reader, int64_t before, int limit, rejected_each *each, void *context,
                        struct error *error);

/* The ledger of what bounds let go, most events first. */
struct let_go_row {
    const char *centre, *device, *reason, *cause; /* cause: "age", "room", "rate" */
    int64_t events, first_received_ms, last_received_ms, first_position, last_position;
};
typedef int let_go_each(void *context, const struct let_go_row *row);
int store_read_let_go(struct store_reader *reader, int limit, let_go_each *each, void *context, struct error *error);

/*
 * Following changes, for outputs: pages in order of revision. A page begins after `cursor` and moves it. When fewer
 * than `limit` rows came, everything up to cursor->revision has been given (`cursor->complete`), and only then may the
 * revision be saved as done; otherwise cursor->revision - 1 is done. Rows that change meanwhile come again with a later
 * revision.
 */
enum store_series { SERIES_USAGE, SERIES_USAGE_HOUR, SERIES_ADOPTION, SERIES_CENTRE_ADOPTION, STORE_SERIES };
const char *store_series_name(enum store_series series); /* "usage", "usage_hour", "adoption", "centre_adoption" */

struct change_cursor {
    int64_t revision; /* all rows at or below are given, if complete */
    bool complete;
    int64_t key[3]; /* the last row's key within its revision; the store's own */
};
struct change_row {
    enum store_series series;
    int64_t revision;
    const char *centre;                         /* usage, usage_hour, centre_adoption */
    const char *activity;                       /* usage, usage_hour */
    int32_t day;                                /* usage */
    int64_t hour_s;                             /* usage_hour: first second of the local hour, UTC */
    int64_t events, seconds;                    /* usage, usage_hour */
    int64_t users, devices;                     /* usage */
    const char *indicator, *area, *period_kind; /* adoption (area), centre_adoption */
    int32_t period;
    int64_t registered, reporting, adopting; /* adoption; centre_adoption: 0 or 1 */
    bool withdrawn;                          /* adoption, centre_adoption: no longer stands; the figures are 0 */
    bool has_target;
    double target;
};
typedef int change_each(void *context, const struct change_row *row);
int store_read_changes(struct store_reader *reader, enum store_series series, struct change_cursor *cursor, int limit,
                       change_each *each, void *context, struct error *error);
/* Where an output's series stands (0 if it never wrote). A cursor ahead of the store (restored from a backup) is pulled
 * back. */
int store_read_cursor(struct store_reader *reader, const char *output, enum store_series series, int64_t *revision,
                      struct error *error);

#endif
