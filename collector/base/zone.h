/*
 * The deployment's IANA time zone: which local day and hour an instant falls into. Rules come from the system's zone
 * database through the C library, whose zone is one per process: the zone opened last is the process's zone, and
 * opening another one changes what an earlier handle answers. The program opens one; tests open one at a time.
 */
#ifndef EDUTALLY_BASE_ZONE_H
#define EDUTALLY_BASE_ZONE_H

#include "base/error.h"

#include <stdint.h>

struct zone;

/* 0 if the system knows the name, otherwise ERROR_CONFIG. Opens nothing: the process's zone stays as it is. */
int zone_check(const char *iana_name, struct error *error);

/* ERROR_CONFIG for a name that the system does not know; ERROR_MEMORY. */
int zone_open(struct zone **zone, const char *iana_name, struct error *error);

/* A handle for one more thread: a handle caches, so each thread needs its own. NULL when out of memory. */
struct zone *zone_copy(const struct zone *zone);
void zone_close(struct zone **zone);
const char *zone_name(const struct zone *zone);

/* The local day of an instant, counted from 1970-01-01. */
int32_t zone_day(struct zone *zone, int64_t t_ms);

/* The first instant of a local day, ms since 1970 UTC (not always midnight: some zones skip it). */
int64_t zone_day_start_ms(struct zone *zone, int32_t day);

/* The first instant of the local hour of an instant, in seconds since 1970 UTC. */
int64_t zone_hour_start_s(struct zone *zone, int64_t t_ms);

/* Writes the instant as local RFC 3339 with its offset, "2026-10-05T08:30:00+07:00"; returns `out`. */
const char *zone_format_time(const struct zone *zone, int64_t t_ms, char *out, unsigned size);

#endif
