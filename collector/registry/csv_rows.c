/*
 * libcsv knows fields and rows, but neither lines nor comments. So the file is fed to it line by line: between two rows
 * a line may be a comment, and the line on which a row begins is the row's. A quoted field may run over several lines;
 * when a quote is never closed it would swallow the rest of the file, so after a bounded number of lines the row is
 * given up, blamed on its first line, and reading goes on with the line after it. So one mistake hides no other.
 */
#include "csv_rows.h"

#include "base/error.h"

#include <csv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

enum { MOST_COLUMNS = 256, MOST_LINES_OF_A_ROW = 100, NOT_WANTED = 0xff };

struct reading {
    const struct csv_table *table;
    struct csv_parser parser;
    bool parser_is_open;
    const char *start, *end; /* the bytes */
    const char *at;          /* the line in hand */
    const char *row_start;   /* the first line of the row in hand */
    unsigned line, row_line;
    bool in_row;                        /* a row is open at the end of a line */
    bool row_ended;                     /* said by libcsv during the line in hand */
    unsigned char wanted[MOST_COLUMNS]; /* by position in the file: place in table->columns, or NOT_WANTED */
    size_t width;                       /* columns of the file; 0 before the line of their names */
    size_t fields;                      /* of the row in hand */
    bool any_content;
    struct buffer text;              /* the wanted fields of the row in hand, each with a NUL */
    size_t offsets[CSV_ROWS_WANTED]; /* into `text` */
    size_t rows;
    bool lost; /* a row was not given to `each` */
    int result;
};

static void fault(struct reading *reading, unsigned line, const char *remedy, const char *what)
{
    faults_add(reading->table->faults, reading->table->path, line, remedy, "%s", what);
}

/* "id,name,…", for remedies. */
static const char *column_list(const struct csv_table *table, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < table->column_count && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? "," : "", table->columns[i]);
    }
    return out;
}

static void keep_column_name(struct reading *reading, const char *name, size_t length)
{
    const struct csv_table *table = reading->table;
    size_t position = reading->fields;
    if (position >= MOST_COLUMNS) {
        return; /* counted; the line is judged as a whole when it ends */
    }
    reading->wanted[position] = NOT_WANTED;
    for (size_t i = 0; i < table->column_count; i++) {
        if (strlen(table->columns[i]) == length && memcmp(table->columns[i], name, length) == 0) {
            reading->wanted[position] = (unsigned char)i;
        }
    }
}

static void on_field(void *bytes, size_t length, void *context)
{
    struct reading *reading = context;
    const char *field = length > 0 ? bytes : "";
    reading->any_content = reading->any_content || length > 0;
    if (reading->width == 0) {
        keep_column_name(reading, field, length);
    } else if (reading->fields < reading->width && reading->wanted[reading->fields] != NOT_WANTED) {
        reading->offsets[reading->wanted[reading->fields]] = reading->text.used;
        buffer_add(&reading->text, field, length);
        buffer_add(&reading->text, "", 1);
    }
    reading->fields++;
}

static void on_row(int terminator, void *context)
{
    struct reading *reading = context;
    (void)terminator;
    reading->row_ended = true;
}

static void begin_row(struct reading *reading)
{
    reading->fields = 0;
    reading->any_content = false;
    reading->in_row = false;
    reading->row_ended = false;
    buffer_clear(&reading->text);
}

/* A fresh parser: libcsv cannot go on after a fault in strict mode. */
static void open_parser(struct reading *reading)
{
    if (reading->parser_is_open) {
        csv_free(&reading->parser);
    }
    reading->parser_is_open = csv_init(&reading->parser, CSV_STRICT) == 0;
    begin_row(reading);
}

/* Just past the end of the line at `at`: LF, CR LF or CR. */
static const char *line_end(const char *at, const char *end)
{
    while (at < end && *at != '\n' && *at != '\r') {
        at++;
    }
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
        return at + 2;
    }
    return at < end ? at + 1 : end;
}

static bool is_blank_or_comment(const char *at, const char *end)
{
    if (*at == '#') {
        return true;
    }
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) {
        at++;
    }
    return at == end;
}

static size_t count_column(const struct reading *reading, size_t column)
{
    size_t count = 0;
    for (size_t i = 0; i < reading->width; i++) {
        count += reading->wanted[i] == column;
    }
    return count;
}

/* The line of column names has ended: judges it. */
static void end_header(struct reading *reading)
{
    const struct csv_table *table = reading->table;
    char columns[200], remedy[400];
    column_list(table, columns, sizeof columns);
    snprintf(remedy, sizeof remedy, "the first line that is no comment names the columns: %s", columns);
    if (reading->fields > MOST_COLUMNS) {
        fault(reading, reading->row_line, remedy, "more than 256 columns");
        reading->result = ERROR_INPUT;
        return;
    }
    reading->width = reading->fields;
    if (reading->width == 1 && memchr(reading->row_start, ';', (size_t)(reading->at - reading->row_start)) != NULL &&
        count_column(reading, NOT_WANTED) == 1) {
        fault(reading, reading->row_line, "save the file as CSV with commas between the fields",
              "the columns are not separated by commas");
        reading->result = ERROR_INPUT;
        return;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        size_t count = count_column(reading, i);
        if (count != 1) {
            faults_add(table->faults, table->path, reading->row_line, remedy, "the column \"%s\" %s", table->columns[i],
                       count == 0 ? "is missing" : "stands there twice");
            reading->result = ERROR_INPUT;
        }
    }
}

static void end_row(struct reading *reading)
{
    struct csv_row row = {.line = reading->row_line};
    if (reading->width == 0) {
        end_header(reading);
        return;
    }
    if (!reading->any_content) {
        return;
    }
    if (++reading->rows > reading->table->most_rows) {
        faults_add(reading->table->faults, reading->table->path, reading->row_line, "split the deployment",
                   "more than %zu rows", reading->table->most_rows);
        reading->result = ERROR_INPUT;
        return;
    }
    if (reading->fields != reading->width) {
        reading->lost = true;
        faults_add(reading->table->faults, reading->table->path, reading->row_line,
                   "put a field that has a comma in it into double quotes; leave an empty one empty between commas",
                   "%zu fields, but %zu columns", reading->fields, reading->width);
        return;
    }
    if (reading->text.failed) {
        reading->result = ERROR_MEMORY;
        return;
    }
    for (size_t i = 0; i < reading->table->column_count; i++) {
        row.fields[i] = reading->text.bytes + reading->offsets[i];
    }
    reading->table->each(reading->table->context, &row);
}

/* Gives the row in hand up and goes on with the line after its first one. */
static void give_up_row(struct reading *reading, const char *remedy, const char *what)
{
    fault(reading, reading->row_line, remedy, what);
    reading->lost = true;
    reading->at = line_end(reading->row_start, reading->end);
    reading->line = reading->row_line + 1;
    if (reading->width == 0) {
        reading->result = ERROR_INPUT; /* without column names no row can be read */
    }
    open_parser(reading);
}

static bool is_text(const char *at, size_t length)
{
    return u8_check((const uint8_t *)at, length) == NULL && memchr(at, '\0', length) == NULL;
}

static void read_line(struct reading *reading)
{
    static const char quotes[] =
        "put the field into double quotes, and write each quote in it twice: \"a \"\"b\"\" c\"";
    const char *at = reading->at, *next = line_end(at, reading->end);
    size_t length = (size_t)(next - at);
    if (!reading->in_row) {
        reading->row_start = at;
        reading->row_line = reading->line;
    }
    if (!is_text(at, length)) {
        give_up_row(reading, "save the file as UTF-8", "this line is not valid UTF-8");
        return;
    }
    reading->at = next;
    reading->line++;
    if (!reading->in_row && is_blank_or_comment(at, next)) {
        return;
    }
    if (csv_parse(&reading->parser, at, length, on_field, on_row, reading) != length) {
        if (csv_error(&reading->parser) == CSV_EPARSE) {
            give_up_row(reading, quotes, "a double quote in the middle of a field");
        } else {
            reading->result = ERROR_MEMORY;
        }
    } else if (reading->row_ended) {
        end_row(reading);
        begin_row(reading);
    } else if (reading->line - reading->row_line >= MOST_LINES_OF_A_ROW || next == reading->end) {
        give_up_row(reading, quotes, "a double quote is opened here and never closed");
    } else {
        reading->in_row = true;
    }
}

/* Passes over a byte order mark; false for UTF-16, which spreadsheets like to write as "Unicode text". */
static bool skip_mark(struct reading *reading, const struct buffer *content)
{
    const char *bytes = content->bytes;
    reading->start = bytes;
    if (content->used >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        reading->start += 3;
    }
    return content->used < 2 || (memcmp(bytes, "\xff\xfe", 2) != 0 && memcmp(bytes, "\xfe\xff", 2) != 0);
}

int csv_rows_read(const struct csv_table *table, struct buffer *content)
{
    struct reading reading = {.table = table, .line = 1};
    char columns[200], remedy[300];
    buffer_add(content, "\n", 1); /* so that the last row ends like every other one */
    if (content->failed) {
        return ERROR_MEMORY;
    }
    if (!skip_mark(&reading, content)) {
        fault(&reading, 1, "save the file as \"CSV UTF-8\"", "the file is UTF-16, not UTF-8");
        return ERROR_INPUT;
    }
    reading.at = reading.start;
    reading.end = content->bytes + content->used;
    open_parser(&reading);
    while (reading.result == 0 && reading.at < reading.end) {
        read_line(&reading);
    }
    csv_free(&reading.parser);
    buffer_free(&reading.text);
    if (reading.result == 0 && reading.width == 0) {
        snprintf(remedy, sizeof remedy, "begin the file with: %s", column_list(table, columns, sizeof columns));
        fault(&reading, 0, remedy, "the file has no line of column names");
        return ERROR_INPUT;
    }
    return reading.result != 0 ? reading.result : reading.lost;
}
