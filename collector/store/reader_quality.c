/*
 * Reading what became of events besides facts: each device's sequence, a centre's sums, what was rejected, and what the
 * bounds let go.
 */
#include "internal.h"
#include "reader_internal.h"

/* What a taker needs: the caller's callback with its context. One member is set, by the kind of read. */
struct taker {
    void *context;
    struct store_reader *reader;
    struct error *error;
    device_each *device;
    quality_each *quality;
    rejected_each *rejected;
    let_go_each *let_go;
};

static int take_device(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct device_row device = {
        .realm = store_column_text(row, 0),
        .centre = store_column_text(row, 1),
        .device = store_column_text(row, 2),
        .epoch = store_column_text(row, 3),
        .received = sqlite3_column_int64(row, 4),
        .repeated = sqlite3_column_int64(row, 5),
        .missing = sqlite3_column_int64(row, 6),
        .last_received_ms = sqlite3_column_int64(row, 7),
        .last_event_ms = sqlite3_column_int64(row, 8),
        .late = sqlite3_column_int64(row, 9),
        .given_up = sqlite3_column_int64(row, 10),
    };
    return taker->device(taker->context, &device);
}

int store_read_devices(struct store_reader *reader, const char *centre, device_each *each, void *context,
                       struct error *error)
{
    struct taker taker = {.context = context, .device = each};
    sqlite3_stmt *statement = reader_prepare(
        reader,
        "SELECT d.realm, d.centre, d.device, s.epoch, s.received, s.repeated, s.missing, s.last_received_ms, "
        "s.last_event_ms, s.late, s.given_up FROM device d JOIN stream s ON s.device = d.number WHERE d.centre = ? "
        "ORDER BY d.device, s.last_received_ms",
        error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    return reader_each(reader, statement, store_bind(statement, "t", centre), take_device, &taker, error);
}

static int take_quality(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    int64_t something = 0;
    for (int column = 1; column <= 10; column++) {
        something |= sqlite3_column_int64(row, column);
    }
    if (something == 0) {
        return 0; /* a centre of which nothing ever came: sums of nothing */
    }
    struct quality_row quality = {
        .centre = store_column_text(row, 0),
        .devices = sqlite3_column_int64(row, 1),
        .expected = sqlite3_column_int64(row, 2),
        .received = sqlite3_column_int64(row, 3),
        .missing = sqlite3_column_int64(row, 4),
        .repeated = sqlite3_column_int64(row, 5),
        .late = sqlite3_column_int64(row, 6),
        .given_up = sqlite3_column_int64(row, 7),
        .rejected = sqlite3_column_int64(row, 8),
        .quarantined = sqlite3_column_int64(row, 9),
        .let_go = sqlite3_column_int64(row, 10),
    };
    return taker->quality(taker->context, &quality);
}

int store_read_quality(struct store_reader *reader, const char *centre, quality_each *each, void *context,
                       struct error *error)
{
    struct taker taker = {.context = context, .quality = each};
    /* The view adds up the devices of all centres; for one alone that would be waste. */
    static const char all[] =
        "SELECT centre, devices, expected, received, missing, repeated, late, given_up, rejected, "
        "quarantined, let_go FROM v_quality ORDER BY centre";
    static const char one[] =
        "SELECT ?1, count(DISTINCT d.number), coalesce(sum(s.received + s.missing + s.given_up), 0), "
        "coalesce(sum(s.received), 0), coalesce(sum(s.missing), 0), coalesce(sum(s.repeated), 0), "
        "coalesce(sum(s.late), 0), coalesce(sum(s.given_up), 0), "
        "(SELECT coalesce(sum(times), 0) FROM rejected WHERE centre = ?1 AND quarantined = 0), "
        "(SELECT coalesce(sum(times), 0) FROM rejected WHERE centre = ?1 AND quarantined = 1), "
        "(SELECT coalesce(sum(events), 0) FROM let_go WHERE centre = ?1) "
        "FROM device d JOIN stream s ON s.device = d.number WHERE d.centre = ?1";
    sqlite3_stmt *statement = reader_prepare(reader, centre != NULL ? one : all, error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    int bound = centre != NULL ? store_bind(statement, "t", centre) : 0;
    return reader_each(reader, statement, bound, take_quality, &taker, error);
}

int store_reader_unseal(struct store_reader *reader, const struct secret *secret, struct error *error)
{
    return seal_open(&reader->seal, secret, error);
}

static int take_rejected(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct seal *seal = &taker->reader->seal;
    struct rejected_row rejected = {
        .id = sqlite3_column_int64(row, 0),
        .quarantined = sqlite3_column_int(row, 1) != 0,
        .reason = store_column_text(row, 2),
        .detail = store_column_text(row, 3),
        .topic = store_column_text(row, 4),
        .centre = store_column_text(row, 5),
        .device = store_column_text(row, 6),
        .received_ms = sqlite3_column_int64(row, 7),
        .times = sqlite3_column_int64(row, 8),
        .position = sqlite3_column_int64(row, 9),
    };
    const unsigned char *fingerprint = sqlite3_column_blob(row, 10);
    if (seal->crypt != NULL && fingerprint != NULL && sqlite3_column_bytes(row, 10) == SEAL_FINGERPRINT) {
        int result = seal_read(seal, fingerprint, sqlite3_column_blob(row, 11), (size_t)sqlite3_column_bytes(row, 11),
                               taker->error);
        if (result == ERROR_MEMORY) {
            return result;
        }
        rejected.raw = result == 0 ? seal->scratch.bytes : NULL;
        rejected.raw_length = result == 0 ? seal->scratch.used : 0;
    }
    return taker->rejected(taker->context, &rejected);
}

int store_read_rejected(struct store_reader *reader, int64_t before, int limit, rejected_each *each, void *context,
                        struct error *error)
{
    struct taker taker = {.context = context, .reader = reader, .error = error, .rejected = each};
    sqlite3_stmt *statement =
        reader_prepare(reader,
                       "SELECT id, quarantined, reason, detail, topic, centre, device, received_ms, times, position, "
                       "fingerprint, raw FROM rejected WHERE id < ? ORDER BY id DESC LIMIT ?",
                       error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    return reader_each(reader, statement, store_bind(statement, "ii", before, (int64_t)limit), take_rejected, &taker,
                       error);
}

static int take_let_go(sqlite3_stmt *row, void *context)
{
    const struct taker *taker = context;
    struct let_go_row line = {
        .centre = store_column_text(row, 0),
        .device = store_column_text(row, 1),
        .reason = store_column_text(row, 2),
        .cause = store_column_text(row, 3),
        .events = sqlite3_column_int64(row, 4),
        .first_received_ms = sqlite3_column_int64(row, 5),
        .last_received_ms = sqlite3_column_int64(row, 6),
        .first_position = sqlite3_column_int64(row, 7),
        .last_position = sqlite3_column_int64(row, 8),
    };
    return taker->let_go(taker->context, &line);
}

int store_read_let_go(struct store_reader *reader, int limit, let_go_each *each, void *context, struct error *error)
{
    struct taker taker = {.context = context, .let_go = each};
    sqlite3_stmt *statement =
        reader_prepare(reader,
                       "SELECT centre, device, reason, cause, events, first_received_ms, last_received_ms, "
                       "first_position, last_position FROM let_go ORDER BY events DESC, centre, device, reason LIMIT ?",
                       error);
    if (statement == NULL) {
        return ERROR_IO;
    }
    return reader_each(reader, statement, store_bind(statement, "i", (int64_t)limit), take_let_go, &taker, error);
}
