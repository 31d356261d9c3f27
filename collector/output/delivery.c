/*
 * A server's "no" is one of four things. The data: 400 and 422, where InfluxDB 1 has stored the good lines and
 * InfluxDB 2 maybe none; halving the batch down to the single bad line is right for both, since values are absolute and
 * may be written twice. The size: 413, halve. The configuration: 401, 403, 404, a redirect, a page of HTML from a
 * captive portal; nothing is dropped, it is said, and tried again after 5 s (databases are made seconds after servers
 * start) and later each minute, or as soon as another password or token is in its file. All else is weather: full
 * jitter from 1 s to 300 s, or what Retry-After asks for.
 *
 * How many lines go into a request follows the server: half as many where it finds a request too large or does not
 * answer it in time (a thin link would otherwise send the same large request for ever and never end it), twice as many
 * after GROW_AFTER requests of that size were taken, up to the setting.
 *
 * One danger is left: a gateway that answers 400 to everything (VictoriaMetrics does for a wrong path) would have every
 * line refused, for good. So a batch of which nothing was taken refuses nothing before the server has proved that it is
 * the right one: by taking an empty write, or, InfluxDB 2, which calls that an error, by having taken lines before.
 */
#include "delivery.h"

#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MOST_MS = 300000,
    HOLD_FIRST_MS = 5000,
    HOLD_MOST_MS = 60000,
    LOOK_MS = 5000, /* while holding, between two looks at the secrets' files */
    RETRY_AFTER_MOST_S = 3600,
    /* So many lines refused and none taken, by a server that is not proven: it is the server. */
    SUSPICIOUS = 16,
    GROW_AFTER = 16,
    SLOW_LINES = 16, /* a request of fewer lines is not what makes a server slow */
    HALVES = 64      /* ranges that wait while a batch is halved: at most one per halving */
};

struct range {
    size_t first, count;
};

/* A batch on its way. */
struct batch {
    const struct lines *lines;
    struct range waiting[HALVES];
    size_t waiting_count;
    size_t *refused; /* line numbers */
    char **reasons;
    size_t refused_count;
    bool any_taken;
};

int lines_end_line(struct lines *lines)
{
    if (lines->text.failed) {
        return ERROR_MEMORY;
    }
    if (lines->count + 2 > lines->room) {
        size_t room = lines->room == 0 ? 256 : lines->room * 2;
        size_t *grown = realloc(lines->starts, room * sizeof *grown);
        if (grown == NULL) {
            return ERROR_MEMORY;
        }
        lines->starts = grown;
        lines->room = room;
    }
    lines->starts[0] = 0;
    lines->starts[++lines->count] = lines->text.used;
    return 0;
}

void lines_clear(struct lines *lines)
{
    buffer_clear(&lines->text);
    lines->count = 0;
}

void lines_free(struct lines *lines)
{
    buffer_free(&lines->text);
    free(lines->starts);
    *lines = (struct lines){0};
}

enum delivery_verdict delivery_judge(const struct influx_reply *reply)
{
    if (!reply->answered) {
        return reply->ours_to_mend ? DELIVERY_HOLD : DELIVERY_RETRY;
    }
    switch (reply->status) {
    case 204:
        return DELIVERY_DONE;
    case 200:
        return reply->has_body ? DELIVERY_HOLD : DELIVERY_DONE;
    case 400:
    case 422:
        return DELIVERY_BAD_DATA;
    case 413:
        return DELIVERY_TOO_LARGE;
    case 408:
    case 425:
    case 429:
        return DELIVERY_RETRY;
    default:
        return reply->status >= 500 ? DELIVERY_RETRY : DELIVERY_HOLD;
    }
}

static int64_t random_below(int64_t bound)
{
    uint64_t value = 0;
    if (getrandom(&value, sizeof value, GRND_NONBLOCK) != (ssize_t)sizeof value) {
        value = (uint64_t)clock_steady_ms() * 0x9e3779b97f4a7c15u >> 16;
    }
    return (int64_t)(value % (uint64_t)bound);
}

static int64_t backoff_ms(struct delivery *delivery, const struct influx_reply *reply)
{
    int64_t bound_ms = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < delivery->failures && bound_ms < BACKOFF_MOST_MS; i++) {
        bound_ms *= 2;
    }
    bound_ms = bound_ms > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : bound_ms;
    int64_t wait_ms = 1 + random_below(bound_ms);
    int64_t asked_ms = 1000 * (reply->retry_after_s > RETRY_AFTER_MOST_S ? RETRY_AFTER_MOST_S : reply->retry_after_s);
    delivery->failures++;
    return asked_ms > wait_ms ? asked_ms : wait_ms;
}

/* Waits for somebody to mend the configuration. A secret that was changed before the server refused the old one is
 * tried at once: that is how secrets are rotated. */
static int hold(struct delivery *delivery, const struct influx_reply *reply)
{
    struct error ignored; /* a secret that cannot be read now: the old one stays, and the server's "no" is logged */
    int changed = influx_read_secrets(delivery->influx, &ignored);
    if (changed > 0) {
        return 0;
    }
    int64_t hold_ms = delivery->hold_ms < HOLD_FIRST_MS ? HOLD_FIRST_MS : delivery->hold_ms;
    delivery->hold_ms = hold_ms * 2 < HOLD_MOST_MS ? hold_ms * 2 : HOLD_MOST_MS;
    delivery->note(delivery->context, DELIVERY_HOLD, reply, 0, hold_ms);
    for (int64_t waited_ms = 0; waited_ms < hold_ms && changed <= 0; waited_ms += LOOK_MS) {
        if (!delivery->wait(delivery->context, LOOK_MS)) {
            return ERROR_BUSY;
        }
        changed = influx_read_secrets(delivery->influx, &ignored);
    }
    return 0;
}

/* ---- the size of a request ---- */

static void shrink_requests(struct delivery *delivery, size_t lines)
{
    delivery->now_lines = lines / 2 < delivery->now_lines ? lines / 2 : delivery->now_lines;
    delivery->taken_in_a_row = 0;
}

/* Only a request as large as we dare says that a larger one might be taken. */
static void grow_requests(struct delivery *delivery, size_t lines)
{
    if (delivery->now_lines >= delivery->most_lines || 2 * lines <= delivery->now_lines) {
        return;
    }
    if (++delivery->taken_in_a_row >= GROW_AFTER) {
        delivery->taken_in_a_row = 0;
        delivery->now_lines =
            delivery->now_lines > delivery->most_lines / 2 ? delivery->most_lines : 2 * delivery->now_lines;
    }
}

/* Sends until the answer is about the lines: the verdict is DONE, BAD_DATA or TOO_LARGE, which a request that was not
 * answered in time becomes when that was waited out. Or the result is negative. */
static int send_range(struct delivery *delivery, const struct lines *lines, struct range range,
                      enum delivery_verdict *verdict, struct influx_reply *reply)
{
    const char *from = lines->text.bytes + lines->starts[range.first];
    size_t length = lines->starts[range.first + range.count] - lines->starts[range.first];
    for (;;) {
        int result = influx_write(delivery->influx, from, length, reply);
        if (result != 0) {
            return result;
        }
        *verdict = delivery_judge(reply);
        if (*verdict == DELIVERY_TOO_LARGE && range.count == 1) {
            *verdict = DELIVERY_HOLD; /* one line is some 150 bytes: no server of ours finds that large */
        }
        if (*verdict == DELIVERY_HOLD) {
            result = hold(delivery, reply);
        } else if (*verdict == DELIVERY_RETRY) {
            int64_t wait_ms = backoff_ms(delivery, reply);
            delivery->note(delivery->context, *verdict, reply, 0, wait_ms);
            result = delivery->wait(delivery->context, wait_ms) ? 0 : ERROR_BUSY;
            if (result == 0 && reply->timed_out && range.count > SLOW_LINES) {
                *verdict = DELIVERY_TOO_LARGE;
                return 0;
            }
        } else {
            delivery->failures = 0;
            delivery->note(delivery->context, *verdict, reply, *verdict == DELIVERY_DONE ? range.count : 0, 0);
            return 0;
        }
        if (result != 0) {
            return result;
        }
    }
}

static void begin(struct batch *batch)
{
    for (size_t i = 0; i < batch->refused_count; i++) {
        free(batch->reasons[i]);
    }
    batch->refused_count = 0;
    batch->any_taken = false;
    batch->waiting[0] = (struct range){0, batch->lines->count};
    batch->waiting_count = 1;
}

/* The front half is sent first: oldest rows first, as servers like them. */
static void halve(struct batch *batch, struct range range)
{
    size_t front = range.count / 2;
    batch->waiting[batch->waiting_count++] = (struct range){range.first + front, range.count - front};
    batch->waiting[batch->waiting_count++] = (struct range){range.first, front};
}

static int remember_refused(struct batch *batch, size_t line, const char *reason)
{
    char *copy = strdup(reason);
    if (copy == NULL) {
        return ERROR_MEMORY;
    }
    batch->refused[batch->refused_count] = line;
    batch->reasons[batch->refused_count++] = copy;
    return 0;
}

/* 0: the refusals may stand. 1: they were the server's fault, begin again. Negative: an error. */
static int check_server(struct delivery *delivery, const struct batch *batch, const struct influx_reply *last)
{
    struct influx_reply reply;
    if (batch->refused_count == 0 || batch->any_taken) {
        return 0;
    }
    int result = influx_write(delivery->influx, "", 0, &reply);
    if (result != 0) {
        return result;
    }
    if (delivery_judge(&reply) == DELIVERY_DONE ||
        (delivery->influxdb2 && delivery->proven && delivery_judge(&reply) == DELIVERY_BAD_DATA)) {
        return 0;
    }
    result = hold(delivery, last);
    return result == 0 ? 1 : result;
}

static void report_refused(struct delivery *delivery, const struct batch *batch, struct buffer *line)
{
    const struct lines *lines = batch->lines;
    for (size_t i = 0; i < batch->refused_count; i++) {
        size_t start = lines->starts[batch->refused[i]], end = lines->starts[batch->refused[i] + 1];
        buffer_clear(line);
        buffer_add(line, lines->text.bytes + start, end - start - 1);
        delivery->refused(delivery->context, line->failed || line->bytes == NULL ? "" : line->bytes, batch->reasons[i]);
    }
}

/* One step of the batch: the next range, sent and judged. */
static int step(struct delivery *delivery, struct batch *batch, struct influx_reply *reply)
{
    enum delivery_verdict verdict = DELIVERY_DONE;
    struct range range = batch->waiting[--batch->waiting_count];
    if (range.count > delivery->now_lines) {
        halve(batch, range);
        return 0;
    }
    int result = send_range(delivery, batch->lines, range, &verdict, reply);
    if (result != 0) {
        return result;
    }
    if (verdict == DELIVERY_DONE) {
        delivery->proven = true;
        delivery->hold_ms = 0;
        batch->any_taken = true;
        grow_requests(delivery, range.count);
    } else if (verdict == DELIVERY_TOO_LARGE) {
        shrink_requests(delivery, range.count);
        halve(batch, range);
    } else if (range.count > 1) {
        halve(batch, range);
    } else {
        result = remember_refused(batch, range.first, reply->text);
    }
    return result;
}

int delivery_send(struct delivery *delivery, const struct lines *lines)
{
    struct influx_reply reply = {0};
    struct buffer line = {0};
    struct batch batch = {.lines = lines};
    int result = 0;
    if (lines->count == 0) {
        return 0;
    }
    delivery->now_lines = delivery->now_lines == 0 ? delivery->most_lines : delivery->now_lines;
    batch.refused = calloc(lines->count, sizeof *batch.refused);
    batch.reasons = calloc(lines->count, sizeof *batch.reasons);
    if (batch.refused == NULL || batch.reasons == NULL) {
        result = ERROR_MEMORY;
        goto out;
    }
    begin(&batch);
    while (result == 0 && batch.waiting_count > 0) {
        result = step(delivery, &batch, &reply);
        bool suspicious = batch.refused_count >= SUSPICIOUS && !batch.any_taken && !delivery->proven;
        if (result == 0 && (batch.waiting_count == 0 || suspicious)) {
            result = check_server(delivery, &batch, &reply);
            if (result == 1) {
                begin(&batch);
                result = 0;
            } else if (result == 0 && suspicious) {
                delivery->proven = true; /* it took an empty write: the lines are bad after all */
            }
        }
    }
    if (result == 0) {
        report_refused(delivery, &batch, &line);
    }
out:
    for (size_t i = 0; i < batch.refused_count; i++) {
        free(batch.reasons[i]);
    }
    free(batch.refused);
    free(batch.reasons);
    buffer_free(&line);
    return result;
}
