/* Bytes for the wire and for JSON lines, written by hand because a province's year is gigabytes of them. Pure. */
#ifndef SIM_FORMAT_H
#define SIM_FORMAT_H

#include "deliver.h"
#include "plan.h"

#include <stddef.h>

enum {
    FORMAT_TOPIC_MAX = 256,
    /* A message of SCENARIO_BATCH_MAX events whose names are all as long as they may be. */
    FORMAT_PAYLOAD_MAX = 128 + SCENARIO_BATCH_MAX * 384,
    FORMAT_LINE_MAX = FORMAT_TOPIC_MAX + 128 + 2 * FORMAT_PAYLOAD_MAX
};

/* "edu/v1/{realm}/{centre}/{device}/{leaf}". Returns the length. */
size_t format_topic(const struct plan *plan, const struct plan_device *device, const char *leaf,
                    char topic[FORMAT_TOPIC_MAX]);

/* A message of up to SCENARIO_BATCH_MAX events. Returns the length; no NUL. */
size_t format_payload(const struct plan *plan, const struct plan_device *device, const struct event *events,
                      size_t count, char payload[FORMAT_PAYLOAD_MAX]);

/* The bytes of a delivery: its message, damaged if it is a broken one. */
size_t format_delivery(const struct plan *plan, const struct delivery *delivery, char payload[FORMAT_PAYLOAD_MAX]);

/* {"topic":…,"payload":"…","received":…} and a line break. */
size_t format_line(const struct plan *plan, const struct delivery *delivery, char line[FORMAT_LINE_MAX]);

#endif
