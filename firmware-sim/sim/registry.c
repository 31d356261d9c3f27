/*
 * A small CSV reader (RFC 4180: quoted fields, doubled quotes, CRLF or LF) that cuts the file's text in place, and
 * the registry's columns on top of it. Rows with a fault are told with their line and left out.
 */
#include "registry.h"

#include "civil.h"
#include "error.h"
#include "jsonc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGISTRY_SIZE_MAX    (64L * 1024 * 1024)
#define REGISTRY_COLUMNS_MAX 64

enum column { COLUMN_ID, COLUMN_TYPE, COLUMN_HEAD_COUNT, COLUMN_OPENED, COLUMN_CLOSED, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = {"id", "type", "head_count", "opened", "closed"};

struct reader {
    const char *path;
    struct jsonc_faults *faults;
    char *at;
    int line, next_line;
    int column[COLUMN_COUNT]; /* where each stands in the file, or -1 */
};

/* Cuts one field at `*at`, ends it with NUL and returns it. `*ended` tells the separator that followed. */
static char *cut_field(char **at, char *ended)
{
    char *start = *at, *to = *at, *from = *at;

    if (*from == '"') {
        for (from++; *from && !(*from == '"' && from[1] != '"'); from++) {
            from += *from == '"' ? 1 : 0;
            *to++ = *from;
        }
        from += *from == '"' ? 1 : 0;
    }
    while (*from && *from != ',' && *from != '\n') {
        *to++ = *from++;
    }
    *ended = *from;
    *at = *from ? from + 1 : from;
    if (to > start && to[-1] == '\r') {
        to--;
    }
    *to = '\0';
    return start;
}

/* Cuts a row; 0 at the end of the text. */
static int cut_row(struct reader *reader, char *fields[REGISTRY_COLUMNS_MAX])
{
    int count = 0;
    char ended = ',';

    if (!*reader->at) {
        return 0;
    }
    reader->line = reader->next_line;
    while (ended == ',') {
        char *before = reader->at;
        char *field = cut_field(&reader->at, &ended);

        for (const char *c = before; c < reader->at; c++) {
            reader->next_line += *c == '\n' && c + 1 < reader->at ? 1 : 0;
        }
        if (count < REGISTRY_COLUMNS_MAX) {
            fields[count++] = field;
        }
    }
    reader->next_line++;
    return count;
}

static int read_header(struct reader *reader)
{
    char *fields[REGISTRY_COLUMNS_MAX];
    int count;

    if (strncmp(reader->at, "\xef\xbb\xbf", 3) == 0) {
        reader->at += 3;
    }
    while (*reader->at == '#') {
        reader->at += strcspn(reader->at, "\n");
        reader->at += *reader->at ? 1 : 0;
        reader->next_line++;
    }
    count = cut_row(reader, fields);
    for (int column = 0; column < COLUMN_COUNT; column++) {
        reader->column[column] = -1;
        for (int i = 0; i < count; i++) {
            if (strcmp(fields[i], column_names[column]) == 0) {
                reader->column[column] = i;
            }
        }
    }
    if (reader->column[COLUMN_ID] < 0 || reader->column[COLUMN_TYPE] < 0) {
        jsonc_fault_at(reader->faults, reader->path, reader->line,
                       "needs a line of column names with at least id and type");
        return ERROR_CONFIG;
    }
    return 0;
}

static int read_day(struct reader *reader, const char *text, const char *name, int32_t fallback, int32_t *day)
{
    *day = fallback;
    if (*text && civil_parse_date(text, day)) {
        jsonc_fault_at(reader->faults, reader->path, reader->line, "%s is \"%.20s\"; use a date such as 2026-09-05",
                       name, text);
        return -1;
    }
    return 0;
}

static int read_centre(struct reader *reader, char *fields[], int count, struct centre *centre)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *value[COLUMN_COUNT];
    char *end;
    long heads;

    for (int i = 0; i < COLUMN_COUNT; i++) {
        value[i] = reader->column[i] >= 0 && reader->column[i] < count ? fields[reader->column[i]] : "";
    }
    if (!value[COLUMN_ID][0] || strlen(value[COLUMN_ID]) > 64 ||
        value[COLUMN_ID][strspn(value[COLUMN_ID], allowed)] != '\0') {
        jsonc_fault_at(reader->faults, reader->path, reader->line, "id is \"%.64s\"; use 1 to 64 of A-Z a-z 0-9 . _ -",
                       value[COLUMN_ID]);
        return -1;
    }
    heads = strtol(value[COLUMN_HEAD_COUNT], &end, 10);
    if (*end || heads < 0 || heads > 1000000) {
        jsonc_fault_at(reader->faults, reader->path, reader->line, "head_count is \"%.20s\"; use 0 to 1000000",
                       value[COLUMN_HEAD_COUNT]);
        return -1;
    }
    *centre = (struct centre){.id = value[COLUMN_ID], .type = value[COLUMN_TYPE], .head_count = (uint32_t)heads};
    if (read_day(reader, value[COLUMN_OPENED], "opened", INT32_MIN, &centre->opened)) {
        return -1;
    }
    return read_day(reader, value[COLUMN_CLOSED], "closed", CIVIL_NEVER, &centre->closed);
}

static int read_rows(struct reader *reader, struct registry *registry)
{
    char *fields[REGISTRY_COLUMNS_MAX];
    size_t room = 0;
    int count;

    while ((count = cut_row(reader, fields)) > 0) {
        if (count == 1 && !fields[0][0]) {
            continue;
        }
        if (registry->count == room) {
            struct centre *larger;

            room = room ? room * 2 : 256;
            larger = realloc(registry->centres, room * sizeof *larger);
            if (!larger) {
                return ERROR_MEMORY;
            }
            registry->centres = larger;
        }
        if (read_centre(reader, fields, count, &registry->centres[registry->count]) == 0) {
            registry->count++;
        }
    }
    return 0;
}

static char *read_text(const char *path, struct jsonc_faults *faults)
{
    FILE *stream = fopen(path, "rb");
    char *text = NULL;
    long size;

    if (!stream) {
        jsonc_fault_at(faults, path, 0, "cannot be opened: %s; correct \"registry\"", strerror(errno));
        return NULL;
    }
    if (fseek(stream, 0, SEEK_END) || (size = ftell(stream)) < 0 || size > REGISTRY_SIZE_MAX ||
        fseek(stream, 0, SEEK_SET)) {
        jsonc_fault_at(faults, path, 0, "is no file of up to 64 MiB");
        goto out;
    }
    text = malloc((size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, stream) != (size_t)size) {
        jsonc_fault_at(faults, path, 0, "cannot be read");
        free(text);
        text = NULL;
        goto out;
    }
    text[size] = '\0';
out:
    (void)fclose(stream);
    return text;
}

int registry_load(const char *path, struct jsonc_faults *faults, struct registry *registry)
{
    struct reader reader = {.path = path, .faults = faults, .next_line = 1};
    int before = faults->count, result;

    *registry = (struct registry){.text = read_text(path, faults)};
    if (!registry->text) {
        return ERROR_CONFIG;
    }
    reader.at = registry->text;
    result = read_header(&reader);
    if (result == 0) {
        result = read_rows(&reader, registry);
    }
    if (result == 0 && faults->count == before && registry->count == 0) {
        jsonc_fault_at(faults, path, 0, "holds no centre");
    }
    if (result == 0 && faults->count != before) {
        result = ERROR_CONFIG;
    }
    if (result) {
        registry_free(registry);
    }
    return result;
}

void registry_free(struct registry *registry)
{
    free(registry->centres);
    free(registry->text);
    *registry = (struct registry){0};
}
