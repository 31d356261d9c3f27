/*
 * areas.csv: the same code may stand in several rows, one per stretch of time over which name, level and parent stay
 * the same. Rows are kept sorted by code and valid_from; the rows of a code are a run, found by its code in constant
 * time and searched by day in logarithmic time.
 *
 * Invariant, kept by areas_check: a row's successor is still valid, or not yet, on the day on which the row ends. So
 * each step from an ended row to its successor reaches a later end, and following successors comes to an end.
 */
#include "internal.h"

#include "base/error.h"
#include "csv_rows.h"

#include <stdlib.h>
#include <string.h>

enum { CODE, NAME, LEVEL, PARENT, VALID_FROM, VALID_TO, SUCCESSOR, COLUMNS };
/* Bounds for snapshots that areas_check has not seen yet; sound ones stay far below. */
enum { MOST_STEPS = 1000, DEEPEST = 64 };

static const char *const columns[COLUMNS] = {"code", "name", "level", "parent", "valid_from", "valid_to", "successor"};

struct area_row {
    struct registry_area area;
    unsigned line;
    bool sound;
};

struct areas_reading {
    struct registry *registry;
    const char *path;
    struct faults *faults;
    struct area_row *rows;
    size_t count, room;
    struct index codes; /* for interning codes, parents and successors alike */
    bool out_of_memory;
};

static bool check_words(const struct areas_reading *reading, const struct csv_row *row)
{
    const char *code = row->fields[CODE], *level = row->fields[LEVEL];
    bool sound = true;
    if (!registry_is_identifier(code)) {
        faults_add(reading->faults, reading->path, row->line, "use 1 to 64 characters of A-Z a-z 0-9 . _ -",
                   "bad code \"%.80s\"", code);
        sound = false;
    }
    if (!registry_is_name(row->fields[NAME])) {
        faults_add(reading->faults, reading->path, row->line, "write what people call it, in at most 400 bytes",
                   row->fields[NAME][0] == '\0' ? "the name is empty"
                                                : "the name is too long or has control characters");
        sound = false;
    }
    if (!registry_is_word(level)) {
        faults_add(reading->faults, reading->path, row->line, "use a word: province, district, commune, …",
                   "%s \"%.80s\"", level[0] == '\0' ? "the level is missing:" : "bad level", level);
        sound = false;
    }
    return sound;
}

static bool read_dates(const struct areas_reading *reading, const struct csv_row *row, struct registry_area *area)
{
    static const char remedy[] = "write a date as 2025-07-01, or nothing if there is no such day";
    bool from = registry_read_date(row->fields[VALID_FROM], REGISTRY_NO_START, &area->valid_from);
    bool to = registry_read_date(row->fields[VALID_TO], REGISTRY_NO_END, &area->valid_to);
    if (!from) {
        faults_add(reading->faults, reading->path, row->line, remedy, "bad date \"%.80s\" in valid_from",
                   row->fields[VALID_FROM]);
    }
    if (!to) {
        faults_add(reading->faults, reading->path, row->line, remedy, "bad date \"%.80s\" in valid_to",
                   row->fields[VALID_TO]);
    }
    if (from && to && area->valid_to <= area->valid_from) {
        faults_add(reading->faults, reading->path, row->line,
                   "valid_to is the first day on which the row no longer holds: it must come after valid_from",
                   "valid_to %s is not after valid_from %s", row->fields[VALID_TO], row->fields[VALID_FROM]);
        return false;
    }
    if (row->fields[SUCCESSOR][0] != '\0' && row->fields[VALID_TO][0] == '\0') {
        faults_add(reading->faults, reading->path, row->line,
                   "add valid_to, the day from which the successor holds, or remove the successor",
                   "successor \"%.80s\" without valid_to", row->fields[SUCCESSOR]);
        return false;
    }
    if (row->fields[SUCCESSOR][0] == '\0' && row->fields[VALID_TO][0] != '\0') {
        faults_add(reading->faults, reading->path, row->line,
                   "name the successor, the code in which its centres lie from then on; a parent if there is no other",
                   "\"%.80s\" ends on %.80s, but has no successor", row->fields[CODE], row->fields[VALID_TO]);
        return false;
    }
    return from && to;
}

/* NULL for an empty field; out of memory is remembered. */
static const char *intern_code(struct areas_reading *reading, const char *code)
{
    if (code[0] == '\0') {
        return NULL;
    }
    const char *kept = registry_intern(reading->registry, &reading->codes, code);
    reading->out_of_memory |= kept == NULL;
    return kept;
}

/* Keeps the row also with faults, so that its code is known to centres and other areas. */
static void on_area(void *context, const struct csv_row *fields)
{
    struct areas_reading *reading = context;
    struct area_row row = {.line = fields->line};
    bool words = check_words(reading, fields);
    row.sound = read_dates(reading, fields, &row.area) && words;
    row.area.code = intern_code(reading, fields->fields[CODE]);
    row.area.parent = intern_code(reading, fields->fields[PARENT]);
    row.area.successor = intern_code(reading, fields->fields[SUCCESSOR]);
    row.area.name = registry_keep(reading->registry, fields->fields[NAME]);
    row.area.level = registry_keep(reading->registry, fields->fields[LEVEL]);
    if (row.area.code == NULL) {
        return; /* an empty code: a fault already */
    }
    if (reading->count == reading->room) {
        size_t room = reading->room > 0 ? reading->room * 2 : 256;
        struct area_row *rows = realloc(reading->rows, room * sizeof *rows);
        if (rows == NULL) {
            reading->out_of_memory = true;
            return;
        }
        reading->rows = rows;
        reading->room = room;
    }
    reading->out_of_memory |= row.area.name == NULL || row.area.level == NULL;
    reading->rows[reading->count++] = row;
}

static int compare_rows(const void *left, const void *right)
{
    const struct area_row *a = left, *b = right;
    int order = a->area.code == b->area.code ? 0 : strcmp(a->area.code, b->area.code);
    if (order == 0) {
        order = (a->area.valid_from > b->area.valid_from) - (a->area.valid_from < b->area.valid_from);
    }
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

/* Moves the sorted rows into the snapshot and finds the runs. */
static int settle(struct areas_reading *reading)
{
    struct registry *registry = reading->registry;
    registry->areas = calloc(reading->count + 1, sizeof *registry->areas);
    registry->runs = calloc(reading->count + 1, sizeof *registry->runs);
    if (registry->areas == NULL || registry->runs == NULL) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < reading->count; i++) {
        const struct registry_area *area = &reading->rows[i].area;
        if (i == 0 || area->code != registry->areas[i - 1].code) {
            registry->runs[registry->run_count] = (struct area_run){.first = (uint32_t)i};
            if (index_add(&registry->run_index, area->code, strlen(area->code), (uint32_t)registry->run_count) != 0) {
                return ERROR_MEMORY;
            }
            registry->run_count++;
        }
        registry->runs[registry->run_count - 1].count++;
        registry->areas[i] = *area;
        if (area->parent == NULL && registry->root == NULL) {
            registry->root = area->code;
        }
    }
    registry->area_count = reading->count;
    return 0;
}

static int settle_and_check(struct areas_reading *reading)
{
    int result = ERROR_MEMORY;
    unsigned *lines = calloc(reading->count + 1, sizeof *lines);
    bool *sound = calloc(reading->count + 1, sizeof *sound);
    if (reading->out_of_memory || lines == NULL || sound == NULL) {
        goto out;
    }
    if (reading->count > 0) {
        qsort(reading->rows, reading->count, sizeof *reading->rows, compare_rows);
    }
    for (size_t i = 0; i < reading->count; i++) {
        lines[i] = reading->rows[i].line;
        sound[i] = reading->rows[i].sound;
    }
    result = settle(reading);
    if (result == 0) {
        areas_check(reading->registry, reading->path, lines, sound, reading->faults);
    }
out:
    free(lines);
    free(sound);
    return result;
}

void areas_read(struct registry *registry, const char *path, struct buffer *content, struct faults *faults)
{
    struct areas_reading reading = {.registry = registry, .path = path, .faults = faults};
    struct csv_table table = {.path = path,
                              .columns = columns,
                              .column_count = COLUMNS,
                              .each = on_area,
                              .context = &reading,
                              .most_rows = REGISTRY_MOST_ROWS,
                              .faults = faults};
    reading.codes.seed = registry->run_index.seed;
    int result = csv_rows_read(&table, content);
    registry->areas_incomplete = result != 0;
    if (result >= 0) {
        result = settle_and_check(&reading);
    }
    if (result == ERROR_MEMORY) {
        registry_no_memory(faults, path);
    }
    index_free(&reading.codes);
    free(reading.rows);
}

size_t registry_area_count(const struct registry *registry)
{
    return registry->area_count;
}

const struct registry_area *registry_area(const struct registry *registry, uint32_t index)
{
    return &registry->areas[index];
}

const char *registry_root(const struct registry *registry)
{
    return registry->root;
}

uint32_t area_begun(const struct registry *registry, const struct area_run *run, int32_t day)
{
    uint32_t begun = 0, end = run->count; /* rows before `begun` began by `day`, those from `end` on did not */
    while (begun < end) {
        uint32_t middle = begun + (end - begun) / 2;
        if (registry->areas[run->first + middle].valid_from <= day) {
            begun = middle + 1;
        } else {
            end = middle;
        }
    }
    return begun > 0 ? run->first + begun - 1 : REGISTRY_NONE;
}

uint32_t registry_find_area(const struct registry *registry, const char *code, int32_t day)
{
    uint32_t found = REGISTRY_NONE;
    for (int step = 0; code != NULL && step < MOST_STEPS; step++) {
        const struct index_entry *entry = index_find(&registry->run_index, code, strlen(code));
        if (entry == NULL) {
            break;
        }
        const struct area_run *run = &registry->runs[entry->value];
        found = area_begun(registry, run, day);
        if (found == REGISTRY_NONE) {
            return run->first;
        }
        if (day < registry->areas[found].valid_to) {
            break;
        }
        code = registry->areas[found].successor;
    }
    return found;
}

uint32_t registry_area_parent(const struct registry *registry, uint32_t area, int32_t day)
{
    const char *parent = registry->areas[area].parent;
    return parent != NULL ? registry_find_area(registry, parent, day) : REGISTRY_NONE;
}

bool registry_area_within(const struct registry *registry, uint32_t area, const char *code, int32_t day)
{
    const struct index_entry *entry = index_find(&registry->run_index, code, strlen(code));
    if (entry == NULL) {
        return false;
    }
    const char *wanted = registry->areas[registry->runs[entry->value].first].code;
    for (int depth = 0; area != REGISTRY_NONE && depth <= DEEPEST; depth++) {
        if (registry->areas[area].code == wanted) {
            return true;
        }
        area = registry_area_parent(registry, area, day);
    }
    return false;
}
