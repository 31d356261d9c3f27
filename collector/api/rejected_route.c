/*
 * GET /api/v1/rejected: what was not counted, and why, newest first. Without the raw bytes: they hold keys of users as
 * they came, and stay sealed here. It names devices, and says what this collector refuses, so it asks for the scope
 * admin.
 */
#include "internal.h"

#include "base/civil.h"

#include <errno.h>
#include <stdlib.h>

enum { REJECTED_ROWS = 200 };

#define REJECTED_COLUMNS "id,state,reason,detail,centre,device,topic,received,times"

struct listing {
    struct call *call;
    struct rows rows;
    size_t limit;
    int64_t last_id;
    bool more;
};

/* One row more than was asked for tells whether there is a next page. */
static int add_row(void *context, const struct rejected_row *row)
{
    struct listing *listing = context;
    struct rows *rows = &listing->rows;
    char received[CIVIL_TIME_SIZE];
    if (rows->count == listing->limit) {
        listing->more = true;
        return 0;
    }
    listing->last_id = row->id;
    zone_format_time(listing->call->desk->zone, row->received_ms, received, sizeof received);
    rows_begin(rows);
    rows_integer(rows, "id", row->id);
    rows_text(rows, "state", row->quarantined ? "quarantined" : "rejected");
    rows_text(rows, "reason", row->reason);
    rows_text(rows, "detail", row->detail);
    rows_text(rows, "centre", row->centre);
    rows_text(rows, "device", row->device);
    rows_text(rows, "topic", row->topic);
    rows_text(rows, "received", received);
    rows_integer(rows, "times", row->times);
    rows_end(rows);
    return 0;
}

static bool read_before(struct call *call, int64_t *before)
{
    const char *text = call_parameter(call, "before");
    *before = INT64_MAX;
    if (text == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0 || value < 1) {
        call_problem(call, 400, "Not an id", "before is the next of the page before, not '%.64s'", text);
        return false;
    }
    *before = value;
    return true;
}

void answer_rejected(struct call *call)
{
    struct listing listing = {.call = call};
    enum rows_format format = call_format(call);
    int64_t before;
    if (call_has_failed(call) || !call_limit(call, REJECTED_ROWS, &listing.limit) || !read_before(call, &before) ||
        !call_read_store(call)) {
        return;
    }
    struct buffer *body = &call->answer->body;
    struct error error = {0};
    buffer_add_text(body, format == ROWS_JSON ? "{\"rejected\":[" : "");
    rows_open(&listing.rows, body, format, REJECTED_COLUMNS);
    if (store_read_rejected(call->desk->reader, before, (int)listing.limit + 1, add_row, &listing, &error) != 0) {
        call_store_failed(call, &error);
    } else if (format == ROWS_CSV) {
        call->answer->content_type = "text/csv; charset=utf-8";
    } else if (listing.more) {
        buffer_print(body, "],\n\"next\":%lld}\n", (long long)listing.last_id);
    } else {
        buffer_add_text(body, "],\n\"next\":null}\n");
    }
}
