/* centres.csv: one row per institution. Rows are judged one by one; the areas are known already. */
#include "internal.h"

#include "base/error.h"
#include "csv_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ID, NAME, TYPE, AREA, HEAD_COUNT, OPENED, CLOSED, COLUMNS };
enum { MOST_HEADS = 1000000 };

static const char *const columns[COLUMNS] = {"id", "name", "type", "area", "head_count", "opened", "closed"};

struct centres_reading {
    struct registry *registry;
    const char *path;
    struct faults *faults;
    unsigned *lines; /* by centre, for duplicates */
    bool out_of_memory;
};

static bool read_heads(const char *text, int32_t *heads)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > MOST_HEADS) {
        return false;
    }
    *heads = (int32_t)value;
    return true;
}

/* The broker's users of these names may do more than a centre, and a centre's user has the centre's id for a name
 * (config/mosquitto/acl). */
static bool is_reserved(const char *id)
{
    return strcmp(id, "collector") == 0 || strcmp(id, "simulator") == 0;
}

static void check_id(const struct centres_reading *reading, const struct csv_row *row)
{
    const char *id = row->fields[ID];
    if (is_reserved(id)) {
        faults_add(reading->faults, reading->path, row->line,
                   "give the centre another id: a device with this user name could write for every centre",
                   "reserved id \"%s\"", id);
    }
    if (!registry_is_identifier(id)) {
        faults_add(reading->faults, reading->path, row->line,
                   "use 1 to 64 characters of A-Z a-z 0-9 . _ -: it stands in MQTT topics", "bad id \"%.80s\"", id);
        return;
    }
    const struct index_entry *twin = index_find(&reading->registry->centre_index, id, strlen(id));
    if (twin != NULL) {
        faults_add(reading->faults, reading->path, row->line, "remove one of the two, or give it an id of its own",
                   "the id \"%s\" stands in line %u already", id, reading->lines[twin->value]);
    }
}

static void check_words(const struct centres_reading *reading, const struct csv_row *row)
{
    const struct registry *registry = reading->registry;
    const char *type = row->fields[TYPE], *area = row->fields[AREA];
    if (!registry_is_name(row->fields[NAME])) {
        faults_add(reading->faults, reading->path, row->line, "write what people call it, in at most 400 bytes",
                   row->fields[NAME][0] == '\0' ? "the name is empty"
                                                : "the name is too long or has control characters");
    }
    if (!registry_is_word(type)) {
        faults_add(reading->faults, reading->path, row->line,
                   "use a word as in centre_types of indicators.jsonc: primary, community_learning_centre, …",
                   "%s \"%.80s\"", type[0] == '\0' ? "the type is missing:" : "bad type", type);
    }
    /* Where rows of areas.csv could not be read, that file is to blame and not each centre. */
    if (!registry->areas_incomplete && index_find(&registry->run_index, area, strlen(area)) == NULL) {
        faults_add(reading->faults, reading->path, row->line, "use a code of areas.csv, or add the area there",
                   "unknown area \"%.80s\"", area);
    }
}

static void check_figures(const struct centres_reading *reading, const struct csv_row *row,
                          struct registry_centre *centre)
{
    if (!read_heads(row->fields[HEAD_COUNT], &centre->head_count)) {
        faults_add(reading->faults, reading->path, row->line,
                   "write a whole number from 0 to 1000000, without separators; 0 if it is not known",
                   "bad head_count \"%.80s\"", row->fields[HEAD_COUNT]);
    }
    bool dates = true;
    if (!registry_read_date(row->fields[OPENED], REGISTRY_NO_START, &centre->opened_day)) {
        faults_add(reading->faults, reading->path, row->line, "write a date as 2026-09-05, or nothing if not known",
                   "bad date \"%.80s\" in opened", row->fields[OPENED]);
        dates = false;
    }
    if (!registry_read_date(row->fields[CLOSED], REGISTRY_NO_END, &centre->closed_day)) {
        faults_add(reading->faults, reading->path, row->line, "write a date as 2026-09-05, or nothing while it is open",
                   "bad date \"%.80s\" in closed", row->fields[CLOSED]);
        dates = false;
    }
    if (dates && centre->closed_day <= centre->opened_day) {
        faults_add(reading->faults, reading->path, row->line,
                   "closed is the first day on which the centre is no longer open: it must come after opened",
                   "closed %s before it opened on %s", row->fields[CLOSED], row->fields[OPENED]);
    }
}

static bool make_room(struct centres_reading *reading)
{
    struct registry *registry = reading->registry;
    if (registry->centre_count < registry->centre_room) {
        return true;
    }
    size_t room = registry->centre_room > 0 ? registry->centre_room * 2 : 256;
    struct registry_centre *centres = realloc(registry->centres, room * sizeof *centres);
    if (centres != NULL) {
        registry->centres = centres;
    }
    unsigned *lines = realloc(reading->lines, room * sizeof *lines);
    if (lines != NULL) {
        reading->lines = lines;
    }
    if (centres == NULL || lines == NULL) {
        return false;
    }
    registry->centre_room = room;
    return true;
}

/* Adds the row to the snapshot: also with faults, so that its id is known to later rows. */
static void on_centre(void *context, const struct csv_row *row)
{
    struct centres_reading *reading = context;
    struct registry *registry = reading->registry;
    struct registry_centre centre = {0};
    check_id(reading, row);
    check_words(reading, row);
    check_figures(reading, row, &centre);
    centre.id = registry_keep(registry, row->fields[ID]);
    centre.name = registry_keep(registry, row->fields[NAME]);
    centre.type = registry_intern(registry, &registry->type_index, row->fields[TYPE]);
    const struct index_entry *area = index_find(&registry->run_index, row->fields[AREA], strlen(row->fields[AREA]));
    centre.area = area != NULL ? area->key : "";
    if (centre.id == NULL || centre.name == NULL || centre.type == NULL || !make_room(reading)) {
        reading->out_of_memory = true;
        return;
    }
    size_t length = strlen(centre.id);
    if (index_find(&registry->centre_index, centre.id, length) == NULL) {
        reading->out_of_memory |=
            index_add(&registry->centre_index, centre.id, length, (uint32_t)registry->centre_count) != 0;
    }
    reading->lines[registry->centre_count] = row->line;
    registry->centres[registry->centre_count++] = centre;
}

void centres_read(struct registry *registry, const char *path, struct buffer *content, struct faults *faults)
{
    struct centres_reading reading = {.registry = registry, .path = path, .faults = faults};
    struct csv_table table = {.path = path,
                              .columns = columns,
                              .column_count = COLUMNS,
                              .each = on_centre,
                              .context = &reading,
                              .most_rows = REGISTRY_MOST_ROWS,
                              .faults = faults};
    int result = csv_rows_read(&table, content);
    if (result == ERROR_MEMORY || reading.out_of_memory) {
        registry_no_memory(faults, path);
    } else if (result == 0 && registry->centre_count == 0) {
        faults_add(faults, path, 0, "add a row for each centre", "the file holds no centre");
    }
    free(reading.lines);
}

size_t registry_centre_count(const struct registry *registry)
{
    return registry->centre_count;
}

const struct registry_centre *registry_centre(const struct registry *registry, uint32_t index)
{
    return &registry->centres[index];
}

uint32_t registry_find_centre(const struct registry *registry, const char *id, size_t length)
{
    const struct index_entry *entry = index_find(&registry->centre_index, id, length);
    return entry != NULL ? entry->value : REGISTRY_NONE;
}

bool registry_centre_open_on(const struct registry_centre *centre, int32_t day)
{
    return day >= centre->opened_day && day < centre->closed_day;
}
