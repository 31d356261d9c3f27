/*
 * localtime_r takes a lock inside the C library, far too slow for every event. So a handle remembers the local day that
 * it saw last with its bounds, and the offset within it when that is constant: nearly every event hits both.
 */
#define _GNU_SOURCE /* tm_gmtoff */
#include "base/zone.h"

#include "base/civil.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CACHED_DAYS = 64 };

struct cached_day {
    bool known;
    int32_t day;
    int64_t start_ms;
    int64_t end_ms;
};

struct zone {
    char name[64];
    struct cached_day last;
    struct cached_day starts[CACHED_DAYS]; /* by day modulo CACHED_DAYS */
};

static bool name_is_plain(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < 64 && name[0] != '/' && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == length;
}

/* The C library takes what it cannot read for UTC without a word (a folder such as "Asia", a table such as
 * "leapseconds"), so the file is looked at first: compiled zones begin with "TZif" (RFC 8536). */
static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, magic, sizeof magic);
    close(fd);
    return got == (ssize_t)sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

int zone_check(const char *iana_name, struct error *error)
{
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", iana_name);
    if (!name_is_plain(iana_name) || !is_zone_file(path)) {
        return error_set(error, ERROR_CONFIG,
                         "unknown time zone '%s': use an IANA name such as Asia/Ho_Chi_Minh (Debian package tzdata)",
                         iana_name);
    }
    return 0;
}

int zone_open(struct zone **out, const char *iana_name, struct error *error)
{
    int known = zone_check(iana_name, error);
    if (known != 0) {
        return known;
    }
    struct zone *zone = calloc(1, sizeof *zone);
    const char *current = getenv("TZ");
    bool same =
        current != NULL && strcmp(current, iana_name) == 0; /* a reload must not touch what other threads read */
    if (zone == NULL || (!same && setenv("TZ", iana_name, 1) != 0)) {
        free(zone);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (!same) {
        tzset();
    }
    snprintf(zone->name, sizeof zone->name, "%s", iana_name);
    *out = zone;
    return 0;
}

struct zone *zone_copy(const struct zone *zone)
{
    struct zone *copy = malloc(sizeof *copy);
    if (copy != NULL) {
        *copy = *zone;
    }
    return copy;
}

void zone_close(struct zone **zone)
{
    free(*zone);
    *zone = NULL;
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

static int64_t floor_seconds(int64_t t_ms)
{
    return t_ms >= 0 ? t_ms / 1000 : (t_ms - 999) / 1000;
}

static struct tm local_time(int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm local = {0};
    localtime_r(&t, &local);
    return local;
}

static int32_t local_day(int64_t seconds)
{
    struct tm local = local_time(seconds);
    return civil_to_day((struct civil){local.tm_year + 1900, local.tm_mon + 1, local.tm_mday});
}

/* The first second whose local day is `day` or later: a binary search over two days around UTC midnight, because clocks
 * may skip or repeat midnight and even skip a whole day. */
static int64_t find_day_start_s(int32_t day)
{
    static const int64_t margin_s = 93600; /* 26 hours: no zone is farther from UTC */
    int64_t before = (int64_t)day * 86400 - margin_s, after = (int64_t)day * 86400 + margin_s;
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (local_day(middle) < day) {
            before = middle;
        } else {
            after = middle;
        }
    }
    return after;
}

int64_t zone_day_start_ms(struct zone *zone, int32_t day)
{
    struct cached_day *slot = &zone->starts[(uint32_t)day % CACHED_DAYS];
    if (!slot->known || slot->day != day) {
        *slot = (struct cached_day){.known = true, .day = day, .start_ms = find_day_start_s(day) * 1000};
    }
    return slot->start_ms;
}

/* The day whose bounds hold the instant. Where clocks go back across midnight a date is shown twice with another one
 * between (America/St_Johns until 2011); the bounds decide then, so the answer never depends on what was asked before.
 */
static int32_t find_day(struct zone *zone, int64_t t_ms)
{
    int32_t day = local_day(floor_seconds(t_ms));
    if (t_ms < zone_day_start_ms(zone, day)) {
        return day - 1;
    }
    return t_ms >= zone_day_start_ms(zone, day + 1) ? day + 1 : day;
}

int32_t zone_day(struct zone *zone, int64_t t_ms)
{
    struct cached_day *last = &zone->last;
    if (!last->known || t_ms < last->start_ms || t_ms >= last->end_ms) {
        int32_t day = find_day(zone, t_ms);
        *last = (struct cached_day){.known = true,
                                    .day = day,
                                    .start_ms = zone_day_start_ms(zone, day),
                                    .end_ms = zone_day_start_ms(zone, day + 1)};
    }
    return last->day;
}

/* The hour begins at its full hour by the clock in force, or where that clock came into force within the hour (clocks
 * that change by half an hour: Australia/Lord_Howe). */
static int64_t find_hour_start_s(int64_t seconds)
{
    struct tm local = local_time(seconds);
    int of_hour_s = local.tm_min * 60 + (local.tm_sec < 60 ? local.tm_sec : 59);
    int64_t before = seconds - of_hour_s, same = seconds;
    if (local_time(before).tm_gmtoff == local.tm_gmtoff) {
        return before;
    }
    while (same - before > 1) {
        int64_t middle = before + (same - before) / 2;
        if (local_time(middle).tm_gmtoff == local.tm_gmtoff) {
            same = middle;
        } else {
            before = middle;
        }
    }
    return same;
}

int64_t zone_hour_start_s(struct zone *zone, int64_t t_ms)
{
    int32_t day = zone_day(zone, t_ms);
    int64_t start_ms = zone_day_start_ms(zone, day), end_ms = zone_day_start_ms(zone, day + 1);
    int64_t seconds = floor_seconds(t_ms);
    if (end_ms - start_ms == 86400000) {
        return seconds - (seconds - start_ms / 1000) % 3600;
    }
    return find_hour_start_s(seconds); /* a day on which clocks change */
}

const char *zone_format_time(const struct zone *zone, int64_t t_ms, char *out, unsigned size)
{
    (void)zone;
    struct tm local = local_time(floor_seconds(t_ms));
    int offset = (int)(local.tm_gmtoff / 60);
    int hours = abs(offset) / 60, minutes = abs(offset) % 60;
    snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", local.tm_year + 1900, local.tm_mon + 1,
             local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, offset < 0 ? '-' : '+', hours, minutes);
    return out;
}
