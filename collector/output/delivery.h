/*
 * How lines get to a server that may be away, full, misconfigured, or right that one of them is wrong: the decisions.
 * Runs on the output's thread and returns only when every line is written or refused for good, or when stopping.
 */
#ifndef EDUTALLY_OUTPUT_DELIVERY_H
#define EDUTALLY_OUTPUT_DELIVERY_H

#include "influx.h"

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole lines, each with its line feed. */
struct lines {
    struct buffer text;
    size_t *starts; /* of each line; count + 1 of them */
    size_t count;
    size_t room;
};

/* What the last line of `text` is was just appended to it. ERROR_MEMORY. */
int lines_end_line(struct lines *lines);
void lines_clear(struct lines *lines);
void lines_free(struct lines *lines);

enum delivery_verdict {
    DELIVERY_DONE,
    DELIVERY_BAD_DATA,  /* 400, 422: some line is at fault, and it alone shall be refused */
    DELIVERY_TOO_LARGE, /* 413, or too slow for its size */
    DELIVERY_HOLD,      /* somebody has to mend the configuration: wait, say so, lose nothing */
    DELIVERY_RETRY      /* the server or the way to it: back off */
};

enum delivery_verdict delivery_judge(const struct influx_reply *reply);

struct delivery {
    struct influx *influx;
    bool influxdb2;
    bool proven;             /* this server took a line from us since we started */
    size_t most_lines;       /* a request's bound, by the settings */
    size_t now_lines;        /* its bound by what the server takes; 0 before the first request */
    unsigned taken_in_a_row; /* requests of now_lines */
    int64_t hold_ms;         /* the next hold */
    unsigned failures;       /* in a row: the exponent of the backoff */
    void *context;
    /* Waits; false: we are to stop. */
    bool (*wait)(void *context, int64_t ms);
    /* After each request; for counters, status and log. `wait_ms` > 0: it is tried again after that. */
    void (*note)(void *context, enum delivery_verdict verdict, const struct influx_reply *reply, size_t lines,
                 int64_t wait_ms);
    /* A line that the server will never take. `line` has no line feed. */
    void (*refused)(void *context, const char *line, const char *reason);
};

/* 0; ERROR_BUSY when stopping (some lines may be written: they are absolute, to be written again); ERROR_MEMORY. */
int delivery_send(struct delivery *delivery, const struct lines *lines);

#endif
