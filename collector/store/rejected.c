/*
 * What was not counted, with its reason: kept sealed, bounded, listed, and taken out again once it counts. What the
 * bounds push out, or never let in, leaves a line in the ledger (let_go): how much, from whom, why, and where in the
 * journal it stands.
 */
#include "internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* NULL and "" are the same nobody. */
static const char *or_nobody(const char *name)
{
    return name != NULL ? name : "";
}

enum { CUT_TOPIC_SIZE = REJECTED_TOPIC + 48 };

/* A topic may be 65,535 bytes long, and no bound on rows would bound those. */
static void cut_topic(const char *topic, size_t length, char out[CUT_TOPIC_SIZE], size_t *out_length)
{
    size_t kept = length;
    if (length > REJECTED_TOPIC) {
        kept = REJECTED_TOPIC;
        while (kept > 0 && ((unsigned char)topic[kept] & 0xc0) == 0x80) {
            kept--; /* not within a character */
        }
    }
    memcpy(out, topic, kept);
    *out_length = kept;
    if (length > REJECTED_TOPIC) {
        *out_length += (size_t)snprintf(out + kept, CUT_TOPIC_SIZE - kept, "\u2026 (%zu bytes)", length);
    }
}

static void name_row(struct store *store, const struct store_rejected *row, unsigned char id[SEAL_FINGERPRINT])
{
    seal_fingerprint(&store->seal, row->reason, row->topic, row->topic_length, or_nobody(row->raw), row->raw_length,
                     id);
}

/* 1: there is such a row, and it came again. */
static int note_again(struct store *store, const unsigned char id[SEAL_FINGERPRINT], int64_t received_ms,
                      struct error *error)
{
    sqlite3_stmt *again = store_bound(store, STATEMENT_REJECTED_AGAIN, error, "ib", received_ms, (const void *)id,
                                      (size_t)SEAL_FINGERPRINT);
    if (again == NULL) {
        return error->code;
    }
    int result = store_run(store, again, "cannot count a rejected row again", error);
    return result == 0 ? sqlite3_changes(store->db) > 0 : result;
}

int store_rejected_again(struct store *store, const struct store_rejected *row, struct error *error)
{
    unsigned char id[SEAL_FINGERPRINT];
    name_row(store, row, id);
    return note_again(store, id, row->received_ms, error);
}

int store_rejected_add(struct store *store, const struct store_rejected *row, struct error *error)
{
    unsigned char id[SEAL_FINGERPRINT];
    char topic[CUT_TOPIC_SIZE];
    size_t topic_length;
    name_row(store, row, id);
    int result = note_again(store, id, row->received_ms, error);
    if (result != 0) {
        return result < 0 ? result : 0;
    }
    result = seal_write(&store->seal, id, or_nobody(row->raw), row->raw_length, error);
    if (result != 0) {
        return result;
    }
    cut_topic(row->topic, row->topic_length, topic, &topic_length);
    sqlite3_stmt *add = store_bound(store, STATEMENT_REJECTED_ADD, error, "bittinttbi", (const void *)id, sizeof id,
                                    (int64_t)row->quarantined, row->reason, row->detail, row->received_ms, row->centre,
                                    or_nobody(row->device), (const void *)store->seal.scratch.bytes,
                                    store->seal.scratch.used, row->position);
    if (add == NULL) {
        return error->code;
    }
    if (sqlite3_bind_text(add, 6, topic, (int)topic_length, SQLITE_STATIC) != SQLITE_OK) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    result = store_run(store, add, "cannot keep a rejected row", error);
    return result == 0 ? 1 : result;
}

/* Opens a quarantined row and gives it to `each`. A row that does not open stays where it is, for people to look at. */
static int give_row(struct store *store, sqlite3_stmt *statement, store_quarantined_each *each, void *context,
                    struct error *error)
{
    struct store_rejected row = {
        .quarantined = true,
        .reason = store_column_text(statement, 1),
        .detail = store_column_text(statement, 2),
        .received_ms = sqlite3_column_int64(statement, 3),
        .topic = store_column_text(statement, 4),
        .topic_length = (size_t)sqlite3_column_bytes(statement, 4),
        .centre = store_column_text(statement, 5),
        .device = store_column_text(statement, 6),
        .position = sqlite3_column_int64(statement, 7),
    };
    const unsigned char *fingerprint = sqlite3_column_blob(statement, 8);
    int result = sqlite3_column_bytes(statement, 8) != SEAL_FINGERPRINT || fingerprint == NULL
                     ? ERROR_INPUT
                     : seal_read(&store->seal, fingerprint, sqlite3_column_blob(statement, 9),
                                 (size_t)sqlite3_column_bytes(statement, 9), error);
    if (result == ERROR_MEMORY) {
        return result;
    }
    if (result == 0) {
        row.raw = store->seal.scratch.bytes;
        row.raw_length = store->seal.scratch.used;
    }
    return each(context, sqlite3_column_int64(statement, 0), &row);
}

static bool is_wanted(const char *const *reasons, const char *reason)
{
    for (size_t i = 0; reasons[i] != NULL; i++) {
        if (strcmp(reasons[i], reason) == 0) {
            return true;
        }
    }
    return false;
}

int store_each_quarantined(struct store *store, const char *const *reasons, int64_t after, int limit,
                           store_quarantined_each *each, void *context, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_QUARANTINED, error, "i", after);
    if (statement == NULL) {
        return error->code;
    }
    int rows = 0, result = 0;
    while (rows < limit && (result = store_step(store->db, statement, "cannot read the quarantine", error)) == 1) {
        if (!is_wanted(reasons, store_column_text(statement, 1))) {
            continue;
        }
        result = give_row(store, statement, each, context, error);
        if (result != 0) {
            break;
        }
        rows++;
    }
    sqlite3_reset(statement);
    return result < 0 ? result : rows;
}

int store_quarantined_remove(struct store *store, int64_t id, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_REJECTED_REMOVE, error, "i", id);
    if (statement == NULL) {
        return error->code;
    }
    return store_run(store, statement, "cannot take a row out of quarantine", error);
}

/* The first number of the one row that a statement gives, and the second where `second` is not NULL; 0 where there is
 * no row. */
static int read_numbers(struct store *store, sqlite3_stmt *statement, int64_t *first, int64_t *second,
                        struct error *error)
{
    *first = 0;
    if (statement == NULL) {
        return error->code;
    }
    int result = store_step(store->db, statement, "cannot count rejected rows", error);
    if (result == 1) {
        *first = sqlite3_column_int64(statement, 0);
        if (second != NULL) {
            *second = sqlite3_column_int64(statement, 1);
        }
        sqlite3_reset(statement);
    }
    return result < 0 ? result : 0;
}

int store_rejected_count(struct store *store, int64_t *rows, struct error *error)
{
    return read_numbers(store, store_statement(store, STATEMENT_REJECTED_COUNT, error), rows, NULL, error);
}

int store_quarantine_count(struct store *store, const char *centre, int64_t *rows, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, STATEMENT_QUARANTINE_ROWS, error, "t", centre != NULL ? centre : "*");
    return read_numbers(store, statement, rows, NULL, error);
}

/* What a line of the ledger is added to by. */
struct let_go {
    const char *centre, *device, *reason, *cause;
    int64_t events, first_ms, last_ms, first_position, last_position;
};

/* One of the two statements on a line of the ledger. How many lines it changed, or an error. */
static int write_line(struct store *store, enum statement which, const struct let_go *line, struct error *error)
{
    sqlite3_stmt *statement =
        store_bound(store, which, error, "ttttiiiii", line->centre, line->device, line->reason, line->cause,
                    line->events, line->first_ms, line->last_ms, line->first_position, line->last_position);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_run(store, statement, "cannot note what was let go", error);
    return result == 0 ? sqlite3_changes(store->db) : result;
}

/* The one way into the ledger, which is bounded here. A flood comes here with each event, so the lines are counted once
 * and then kept account of. */
static int note_let_go(struct store *store, struct let_go line, struct error *error)
{
    int result = 0;
    if (store->let_go_lines < 0) {
        sqlite3_stmt *count = store_statement(store, STATEMENT_LET_GO_COUNT, error);
        result = read_numbers(store, count, &store->let_go_lines, NULL, error);
        if (result != 0) {
            store->let_go_lines = -1;
            return result;
        }
    }
    int changed = write_line(store, STATEMENT_LET_GO_AGAIN, &line, error);
    if (changed == 0 && store->let_go_lines >= LET_GO_MOST) {
        line.device = "";
        line.centre = store->let_go_lines < 2 * (int64_t)LET_GO_MOST ? line.centre : "";
        changed = write_line(store, STATEMENT_LET_GO_AGAIN, &line, error);
    }
    if (changed == 0) {
        changed = write_line(store, STATEMENT_LET_GO_ADD, &line, error);
        store->let_go_lines += changed > 0;
    }
    return changed < 0 ? changed : 0;
}

int store_let_go(struct store *store, const struct store_rejected *row, const char *cause, struct error *error)
{
    const struct let_go line = {.centre = or_nobody(row->centre),
                                .device = or_nobody(row->device),
                                .reason = row->reason,
                                .cause = cause,
                                .events = 1,
                                .first_ms = row->received_ms,
                                .last_ms = row->received_ms,
                                .first_position = row->position,
                                .last_position = row->position};
    return note_let_go(store, line, error);
}

/* Notes what a statement gives: a row of `rejected`, or many of one device and reason. */
static int note_rows(struct store *store, sqlite3_stmt *row, const char *cause, struct error *error)
{
    int result = row == NULL ? error->code : 1;
    while (result == 1 && (result = store_step(store->db, row, "cannot read rejected rows", error)) == 1) {
        const struct let_go line = {.centre = store_column_text(row, 0),
                                    .device = store_column_text(row, 1),
                                    .reason = store_column_text(row, 2),
                                    .cause = cause,
                                    .events = sqlite3_column_int64(row, 3),
                                    .first_ms = sqlite3_column_int64(row, 4),
                                    .last_ms = sqlite3_column_int64(row, 5),
                                    .first_position = sqlite3_column_int64(row, 6),
                                    .last_position = sqlite3_column_int64(row, 7)};
        int noted = note_let_go(store, line, error);
        result = noted == 0 ? 1 : noted;
    }
    if (row != NULL) {
        sqlite3_reset(row);
    }
    return result;
}

/* Runs a statement that removes what is older than `before_ms`. How many rows went, or an error. */
static int remove_old(struct store *store, enum statement which, int64_t before_ms, struct error *error)
{
    sqlite3_stmt *statement = store_bound(store, which, error, "i", before_ms);
    if (statement == NULL) {
        return error->code;
    }
    int result = store_run(store, statement, "cannot remove what is old", error);
    return result == 0 ? sqlite3_changes(store->db) : result;
}

static int expire(struct store *store, const struct store_rejected_bounds *bounds, int64_t *removed,
                  struct error *error)
{
    sqlite3_stmt *aged = store_bound(store, STATEMENT_REJECTED_AGED, error, "i", bounds->before_ms);
    int result = note_rows(store, aged, "age", error);
    if (result == 0) {
        result = remove_old(store, STATEMENT_REJECTED_EXPIRE, bounds->before_ms, error);
    }
    if (result >= 0) {
        *removed += result;
        result = remove_old(store, STATEMENT_LET_GO_OLD, bounds->ledger_before_ms, error);
    }
    if (result > 0 && store->let_go_lines >= 0) {
        store->let_go_lines -= result;
    }
    return result < 0 ? result : 0;
}

/* Into the ledger and out of the table. */
static int evict_row(struct store *store, int64_t id, struct error *error)
{
    int result = note_rows(store, store_bound(store, STATEMENT_REJECTED_LINE, error, "i", id), "room", error);
    return result == 0 ? store_quarantined_remove(store, id, error) : result;
}

/* Removes rows until at most `most` rows (`by_rows`) or bytes are left of `there`. */
static int evict(struct store *store, bool by_rows, int64_t there, int64_t most, int64_t *removed, struct error *error)
{
    int result = 0;
    if (there <= most) {
        return 0;
    }
    sqlite3_stmt *deepest = store_bound(store, STATEMENT_REJECTED_EVICT, error, "i", (int64_t)by_rows);
    if (deepest == NULL) {
        return error->code;
    }
    while (there > most && (result = store_step(store->db, deepest, "cannot read rejected rows", error)) == 1) {
        there -= by_rows ? 1 : sqlite3_column_int64(deepest, 1);
        result = evict_row(store, sqlite3_column_int64(deepest, 0), error);
        if (result != 0) {
            break;
        }
        (*removed)++;
    }
    sqlite3_reset(deepest);
    return result < 0 ? result : 0;
}

static int measure(struct store *store, int64_t *rows, int64_t *bytes, struct error *error)
{
    return read_numbers(store, store_statement(store, STATEMENT_REJECTED_SIZE, error), rows, bytes, error);
}

int store_rejected_trim(struct store *store, const struct store_rejected_bounds *bounds, int64_t *removed,
                        struct error *error)
{
    int64_t rows = 0, bytes = 0;
    *removed = 0;
    int result = expire(store, bounds, removed, error);
    if (result == 0) {
        result = measure(store, &rows, &bytes, error);
    }
    if (result == 0 && rows > bounds->max_rows) {
        result = evict(store, true, rows, bounds->max_rows, removed, error);
        if (result == 0) {
            result = measure(store, &rows, &bytes, error);
        }
    }
    return result == 0 ? evict(store, false, bytes, bounds->max_bytes, removed, error) : result;
}

static int seal_row(struct store *store, sqlite3_stmt *row, struct error *error)
{
    unsigned char id[SEAL_FINGERPRINT];
    char cut[CUT_TOPIC_SIZE];
    const char *raw = or_nobody(sqlite3_column_blob(row, 3)), *topic = store_column_text(row, 2);
    size_t length = (size_t)sqlite3_column_bytes(row, 3), topic_length = (size_t)sqlite3_column_bytes(row, 2);
    seal_fingerprint(&store->seal, store_column_text(row, 1), topic, topic_length, raw, length, id);
    int result = seal_write(&store->seal, id, raw, length, error);
    if (result != 0) {
        return result;
    }
    cut_topic(topic, topic_length, cut, &topic_length);
    sqlite3_stmt *save =
        store_bound(store, STATEMENT_REJECTED_SEAL, error, "bbni", (const void *)id, sizeof id,
                    (const void *)store->seal.scratch.bytes, store->seal.scratch.used, sqlite3_column_int64(row, 0));
    if (save == NULL) {
        return error->code;
    }
    if (sqlite3_bind_text(save, 3, cut, (int)topic_length, SQLITE_STATIC) != SQLITE_OK) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return store_run(store, save, "cannot seal a rejected row", error);
}

int rejected_seal_all(struct store *store, struct error *error)
{
    int64_t plain = 0;
    int result = store_value_get(store, "rejected_plain", &plain, error);
    if (result < 0 || plain == 0) {
        return result < 0 ? result : 0;
    }
    result = store_begin(store, true, error);
    sqlite3_stmt *row = result == 0 ? store_statement(store, STATEMENT_REJECTED_ALL, error) : NULL;
    result = row == NULL ? error->code : 1;
    while (result == 1 && (result = store_step(store->db, row, "cannot read rejected rows", error)) == 1) {
        int sealed = seal_row(store, row, error);
        result = sealed == 0 ? 1 : sealed;
    }
    if (result == 0) {
        result = store_value_set(store, "rejected_plain", 0, error);
    }
    if (result != 0) {
        store_rollback(store);
        return result;
    }
    result = store_commit(store, error);
    if (result == 0 && !store_checkpoint(store)) {
        log_warning("store_log_not_emptied",
                    "note=\"until its next checkpoint the log may hold messages as they came\"");
    }
    return result;
}
