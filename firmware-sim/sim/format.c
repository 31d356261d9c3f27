/*
 * Appends go unchecked into buffers whose sizes bound the longest message: every name that is written has a maximum
 * from scenario.h, and an event of all of them stays below 384 bytes (asserted below).
 */
#include "format.h"

#include "civil.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* {"seq":,"t":"","type":"","role":"","user":"","dur":,"app":""}, and a comma */
static_assert(62 + 10 + 29 + 64 + 2 * (SCENARIO_NAME_MAX - 1) + 16 + 10 < 384, "an event outgrows its room");

static char *put_text(char *at, const char *text)
{
    while (*text) {
        *at++ = *text++;
    }
    return at;
}

#define PUT_LITERAL(at, literal) ((char *)memcpy((at), literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count) {
        *at++ = digits[--count];
    }
    return at;
}

static char *put_two(char *at, int32_t number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

static char *put_hex(char *at, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";

    for (int shift = 60; shift >= 0; shift -= 4) {
        *at++ = digits[(number >> shift) & 15];
    }
    return at;
}

/* "2026-02-14T07:00:00+07:00" */
static char *put_rfc3339(char *at, int64_t t_ms, int offset_minutes)
{
    int32_t day = civil_day_of(t_ms, offset_minutes);
    int32_t second = (int32_t)((t_ms - civil_day_start_ms(day, offset_minutes)) / 1000);
    int zone = offset_minutes < 0 ? -offset_minutes : offset_minutes;
    int year, month, day_of_month;

    civil_date(day, &year, &month, &day_of_month);
    at = put_two(put_two(at, year / 100), year % 100);
    *at++ = '-';
    at = put_two(at, month);
    *at++ = '-';
    at = put_two(at, day_of_month);
    *at++ = 'T';
    at = put_two(at, second / 3600);
    *at++ = ':';
    at = put_two(at, second / 60 % 60);
    *at++ = ':';
    at = put_two(at, second % 60);
    if (zone == 0) {
        *at++ = 'Z';
        return at;
    }
    *at++ = offset_minutes < 0 ? '-' : '+';
    at = put_two(at, zone / 60);
    *at++ = ':';
    return put_two(at, zone % 60);
}

static char *put_time(char *at, const struct plan *plan, const struct device_kind *kind, const struct event *event)
{
    if (event->fault == EVENT_BAD_TIME) {
        return PUT_LITERAL(at, "\"yesterday\"");
    }
    if (kind->time_format == TIME_MS) {
        return put_number(at, (uint64_t)event->stamp_ms);
    }
    *at++ = '"';
    at = put_rfc3339(at, event->stamp_ms, kind->time_format == TIME_UTC ? 0 : plan->scenario->utc_offset_minutes);
    *at++ = '"';
    return at;
}

static char *put_event(char *at, const struct plan *plan, const struct plan_device *device, const struct event *event)
{
    const struct scenario *scenario = plan->scenario;

    at = put_number(PUT_LITERAL(at, "{\"seq\":"), event->seq);
    at = put_time(PUT_LITERAL(at, ",\"t\":"), plan, device->kind, event);
    if (event->fault != EVENT_NO_TYPE) {
        at = put_text(PUT_LITERAL(at, ",\"type\":\""), scenario->event_types[event->type].type);
        *at++ = '"';
    }
    if (scenario->streams[event->stream].role[0]) {
        at = put_text(PUT_LITERAL(at, ",\"role\":\""), scenario->streams[event->stream].role);
        *at++ = '"';
    }
    if (event->user) {
        at = put_hex(PUT_LITERAL(at, ",\"user\":\""), generate_user_key(&plan->centres[device->centre], event->user));
        *at++ = '"';
    }
    if (event->fault == EVENT_BAD_SECONDS) {
        at = PUT_LITERAL(at, ",\"dur\":-5");
    } else if (event->seconds != EVENT_NO_SECONDS) {
        at = put_number(PUT_LITERAL(at, ",\"dur\":"), event->seconds);
    }
    if (device->kind->app[0]) {
        at = put_text(PUT_LITERAL(at, ",\"app\":\""), device->kind->app);
        *at++ = '"';
    }
    *at++ = '}';
    return at;
}

size_t format_payload(const struct plan *plan, const struct plan_device *device, const struct event *events,
                      size_t count, char payload[FORMAT_PAYLOAD_MAX])
{
    char *at = put_text(PUT_LITERAL(payload, "{\"v\":1,\"epoch\":\""), device->epoch);

    at = PUT_LITERAL(at, "\",\"events\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) {
            *at++ = ',';
        }
        at = put_event(at, plan, device, &events[i]);
    }
    return (size_t)(PUT_LITERAL(at, "]}") - payload);
}

/* What a bad modem, a wrong program or a wrong configuration makes of a message. None of it is a message. */
static size_t damage_payload(uint8_t damage, char payload[FORMAT_PAYLOAD_MAX], size_t length)
{
    switch (damage % 4) {
    case 0:
        return length * 3 / 5;
    case 1:
        return (size_t)(PUT_LITERAL(payload, "<html><body>502 Bad Gateway</body></html>") - payload);
    case 2:
        return 0;
    default:
        /* A version that does not exist. */
        payload[sizeof("{\"v\":") - 1] = '9';
        return length;
    }
}

size_t format_delivery(const struct plan *plan, const struct delivery *delivery, char payload[FORMAT_PAYLOAD_MAX])
{
    size_t length = format_payload(plan, &plan->devices[delivery->device], delivery->events, delivery->count, payload);

    return delivery->kind == DELIVERY_BROKEN ? damage_payload(delivery->damage, payload, length) : length;
}

size_t format_topic(const struct plan *plan, const struct plan_device *device, const char *leaf,
                    char topic[FORMAT_TOPIC_MAX])
{
    int length = snprintf(topic, FORMAT_TOPIC_MAX, "edu/v1/%s/%s/%s/%s", plan->scenario->realm,
                          plan->centres[device->centre].centre->id, device->name, leaf);

    return length > 0 ? (size_t)length : 0;
}

size_t format_line(const struct plan *plan, const struct delivery *delivery, char line[FORMAT_LINE_MAX])
{
    char payload[FORMAT_PAYLOAD_MAX], topic[FORMAT_TOPIC_MAX], received[CIVIL_TIME_MAX];
    size_t length = format_delivery(plan, delivery, payload);
    char *at = PUT_LITERAL(line, "{\"topic\":\"");

    (void)format_topic(plan, &plan->devices[delivery->device], "event", topic);
    at = PUT_LITERAL(put_text(at, topic), "\",\"payload\":\"");
    for (size_t i = 0; i < length; i++) {
        /* Names hold no backslash and no control characters (scenario.c checks), so quotes are all there is. */
        if (payload[i] == '"') {
            *at++ = '\\';
        }
        *at++ = payload[i];
    }
    civil_format_time(delivery->received_ms, plan->scenario->utc_offset_minutes, received);
    at = PUT_LITERAL(put_text(PUT_LITERAL(at, "\",\"received\":\""), received), "\"}\n");
    return (size_t)(at - line);
}
