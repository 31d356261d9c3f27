/*
 * An output replicates the store's state to a time series database over HTTP (design §3): it follows rows by revision
 * and writes them as absolute values at their own timestamp, so that a retry overwrites the same points and an outage
 * of any length needs no buffer. One thread per output; the only room that knows curl. Line protocol:
 * output/line_protocol.h.
 *
 * Points, by measurement: tags; fields (i: integer, f: float); time.
 *   usage            activity, centre; events i, seconds i, users i, devices i; the local day's first second
 *   usage_hour       activity, centre; events i, seconds i; the local hour's first second
 *   adoption         area, indicator; registered i, reporting i, adopting i, and where any is registered rate f, lower
 * f, upper f (0 to 1), and target f where there is one; the first second of the period's first day centre_adoption
 * centre, indicator; reporting i (0, 1), adopting i (0, 1); as adoption VictoriaMetrics makes a series of each field,
 * named measurement_field ("usage_events"). Of samples with one time stamp it keeps any one (1.79,
 * with -dedup.minScrapeInterval or without), so a figure that was written before its final value may stay behind there;
 * InfluxDB replaces it. A result that no longer stands (other rules, another registry) gets 0 in all its fields:
 * not every database can forget a point.
 */
#ifndef EDUTALLY_OUTPUT_OUTPUT_H
#define EDUTALLY_OUTPUT_OUTPUT_H

#include "base/counters.h"
#include "base/error.h"
#include "base/zone.h"
#include "settings/settings.h"

#include <stdint.h>

struct output;

/* Where an output leaves what must be kept: called on the output's thread, must be quick and thread-safe. */
struct output_sink {
    void *context;
    void (*save_cursor)(void *context, const char *output, const char *series, int64_t revision);
    void (*refused)(void *context, const char *output, const char *line, const char *reason);
};

/* `settings` and `sink` must outlive it. ERROR_CONFIG (secret file unreadable), ERROR_MEMORY. An absent server is none.
 */
int output_start(struct output **output, const struct settings_output *settings, const char *data_dir,
                 const struct zone *zone, struct counters *counters, const struct output_sink *sink,
                 struct error *error);

/* There are new revisions. Any thread, never blocks. */
void output_wake(struct output *output);

/* How many revisions the server is behind the store, and whether the last request was answered well. Any thread. */
struct output_status {
    int64_t behind;
    int64_t points, refused, retries;
    bool healthy;
    char last_error[200];
};
void output_get_status(struct output *output, struct output_status *status);

/* Gives the request in hand 2 s to end (curl looks once a second) and stops the thread. */
void output_stop(struct output **output);

/* For `edutally check`: asks the server whether it is there and takes our credentials, without writing a point.
 * ERROR_IO with the server's reason and a remedy, ERROR_CONFIG (secret file unreadable), ERROR_MEMORY. */
int output_probe(const struct settings_output *settings, struct error *error);

/* libcurl's version. */
const char *output_library_version(void);

#endif
