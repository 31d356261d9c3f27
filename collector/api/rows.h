/*
 * Rows for programs and spreadsheets, written once and given as JSON or as CSV: the API, `edutally report` and
 * `edutally export` all write through this, so that a figure looks the same wherever it is read. Fields are written in
 * the order of the columns; the writer keeps the separators. Pure; a failed growth is kept in the buffer's `failed`.
 */
#ifndef EDUTALLY_API_ROWS_H
#define EDUTALLY_API_ROWS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rows_format {
    ROWS_JSON,       /* elements of an array: {…},{…} */
    ROWS_JSON_LINES, /* an object a line */
    ROWS_CSV,        /* RFC 4180, CRLF, for spreadsheets */
    ROWS_CSV_UNIX    /* the same with LF, for tools that compare and sort lines */
};

struct rows {
    struct buffer *out;
    enum rows_format format;
    size_t count;
    size_t fields; /* of the row in hand */
};

/* `columns` is the CSV header line without its end; it is written even if no row follows. */
void rows_open(struct rows *rows, struct buffer *out, enum rows_format format, const char *columns);

void rows_begin(struct rows *rows);
void rows_end(struct rows *rows);

/* Free text; NULL gives null, in CSV an empty field. In CSV a text that a spreadsheet would take for a formula (it
 * begins with = + - @, plain or full-width, a tab or a line end) gets an apostrophe in front (OWASP, "CSV Injection").
 */
void rows_text(struct rows *rows, const char *name, const char *text);
/* As rows_text without the apostrophe: for identifiers that other programs join by. Of A-Z a-z 0-9 . _ - alone: then
 * the most that a spreadsheet makes of one is a number ("-1-2"), never a function or a link. */
void rows_id(struct rows *rows, const char *name, const char *text);
void rows_integer(struct rows *rows, const char *name, int64_t value);
void rows_boolean(struct rows *rows, const char *name, bool value);
/* A share or a difference of shares, to 6 decimals; null or an empty field unless `known`. */
void rows_share(struct rows *rows, const char *name, bool known, double value);
/* A value that is JSON already; not for CSV. */
void rows_json(struct rows *rows, const char *name, const char *json);
void rows_null(struct rows *rows, const char *name);

/* A count of people: left out (null, empty) if it is below `small_cell`. */
void rows_people(struct rows *rows, const char *name, int64_t value, int64_t small_cell);

/* A string with its quotes; NULL gives null. Bytes that are not UTF-8 become U+FFFD. */
void rows_add_json_text(struct buffer *out, const char *text);
/* 6 decimals without trailing zeros, never "-0". */
void rows_add_json_number(struct buffer *out, double value);

#endif
