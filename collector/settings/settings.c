/*
 * collector.jsonc -> struct settings. The rows of settings.def say everything about a single setting; this file walks
 * an object of the file and the rows side by side: what the file has and no row knows is a fault, what a required row
 * wants and the file lacks is one too, and every value is judged by its row. Nothing stops at the first fault. What two
 * settings say together is judged in cross.c.
 *
 * Invariant: after settings_load every row with a default has a value, faults or not.
 */
#include "settings/settings.h"

#include "base/error.h"
#include "base/file.h"
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_object(struct setting_reader *reader, struct setting_scope *scope, const char *prefix,
                        const cJSON *object);

static const char *kind_of_value(const cJSON *node)
{
    return cJSON_IsString(node)   ? "a text"
           : cJSON_IsNumber(node) ? "a number"
           : cJSON_IsBool(node)   ? "true or false"
           : cJSON_IsNull(node)   ? "null"
           : cJSON_IsArray(node)  ? "a list"
                                  : "an object";
}

/* What to write in the place of a bad value: kind, bounds, form and what happens if it is left out. */
static void describe_row(const struct setting *row, char *remedy, size_t size)
{
    char left_out[100] = "";
    if (row->standard != NULL) {
        snprintf(left_out, sizeof left_out, "; if left out: %s", row->standard);
    }
    switch (row->kind) {
    case SETTING_WHOLE:
        snprintf(remedy, size, "write a whole number from %lld to %lld (%s), without quotes%s", (long long)row->least,
                 (long long)row->most, row->unit, left_out);
        break;
    case SETTING_SWITCH:
        snprintf(remedy, size, "write true or false, without quotes%s", left_out);
        break;
    case SETTING_SECTION:
        snprintf(remedy, size, "write an object: {…}");
        break;
    case SETTING_REALMS:
    case SETTING_OUTPUTS:
        snprintf(remedy, size, "write a list with %lld to %lld entries: […]", (long long)row->least,
                 (long long)row->most);
        break;
    default:
        snprintf(remedy, size, "write %s%s",
                 row->kind == SETTING_PATH ? "a path in quotes"
                 : row->form == FORM_NONE  ? "a text in quotes"
                                           : form_description(row->form),
                 left_out);
    }
}

static void fault_at(struct setting_reader *reader, const struct setting *row, const cJSON *node, const char *what)
{
    char remedy[REMEDY_SIZE];
    describe_row(row, remedy, sizeof remedy);
    jsonc_fault(&reader->file, node, reader->faults, remedy, "%s", what);
}

static void wrong_kind(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                       const cJSON *node)
{
    char what[256];
    snprintf(what, sizeof what, "%s%s is %s", scope->label, row->path, kind_of_value(node));
    fault_at(reader, row, node, what);
}

static void no_memory(struct setting_reader *reader)
{
    faults_no_memory(reader->faults, reader->settings->path != NULL ? reader->settings->path : "config");
}

/* Takes `text` (from malloc, or NULL when there was no memory) into the field. */
static void put_text(struct setting_reader *reader, char **field, char *text)
{
    if (text == NULL) {
        no_memory(reader);
        return;
    }
    free(*field);
    *field = text;
}

/* The text of the node if it fits its row; otherwise NULL, and a fault was added. */
static const char *fitting_text(struct setting_reader *reader, const struct setting_scope *scope,
                                const struct setting *row, const cJSON *node)
{
    char what[512], why[256];
    const char *text = cJSON_GetStringValue(node);
    if (text == NULL) {
        wrong_kind(reader, scope, row, node);
        return NULL;
    }
    int64_t length = (int64_t)strlen(text);
    if (row->kind != SETTING_REALMS && (length < row->least || length > row->most)) {
        snprintf(what, sizeof what, "%s%s %s", scope->label, row->path,
                 length < row->least ? "is empty" : "is too long");
        fault_at(reader, row, node, what);
        return NULL;
    }
    const char *fault = form_fault(row->form, text, why, sizeof why);
    if (fault != NULL) {
        snprintf(what, sizeof what, "%s%s is \"%.80s\": %s", scope->label, row->path, text, fault);
        fault_at(reader, row, node, what);
    }
    return fault == NULL ? text : NULL;
}

static void read_text(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                      const cJSON *node)
{
    const char *text = fitting_text(reader, scope, row, node);
    if (text == NULL) {
        return;
    }
    char **field = (char **)(void *)((char *)scope->into + row->offset);
    bool joined = row->kind == SETTING_PATH;
    put_text(reader, field, joined ? setting_path(reader->settings->path, text) : strdup(text));
    if (row->form == FORM_HTTP_URL && *field != NULL) {
        for (size_t length = strlen(*field); length > 0 && (*field)[length - 1] == '/'; length--) {
            (*field)[length - 1] = '\0';
        }
    }
}

static void read_whole(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                       const cJSON *node)
{
    char what[256];
    if (!cJSON_IsNumber(node)) {
        wrong_kind(reader, scope, row, node);
        return;
    }
    double value = node->valuedouble;
    /* All bounds are below 2^53, so every double between them that is whole is exact. */
    if (!(value >= (double)row->least && value <= (double)row->most) || value != (double)(int64_t)value) {
        snprintf(what, sizeof what, "%s%s is %.15g", scope->label, row->path, value);
        fault_at(reader, row, node, what);
        return;
    }
    *(int64_t *)(void *)((char *)scope->into + row->offset) = (int64_t)value;
}

static void read_switch(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                        const cJSON *node)
{
    if (!cJSON_IsBool(node)) {
        wrong_kind(reader, scope, row, node);
        return;
    }
    *(bool *)((char *)scope->into + row->offset) = cJSON_IsTrue(node);
}

/* True if the node is a list with as many entries as the row allows. */
static bool list_fits(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                      const cJSON *node)
{
    char what[256];
    if (!cJSON_IsArray(node)) {
        wrong_kind(reader, scope, row, node);
        return false;
    }
    int count = cJSON_GetArraySize(node);
    if (count < row->least || count > row->most) {
        snprintf(what, sizeof what, "%s has %d entries", row->path, count);
        fault_at(reader, row, node, what);
        return false;
    }
    return true;
}

static void read_realms(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                        const cJSON *list)
{
    struct settings *settings = reader->settings;
    const cJSON *node;
    if (!list_fits(reader, scope, row, list) || settings->realms != NULL) {
        return;
    }
    settings->realm_count = 0;
    settings->realms = calloc((size_t)cJSON_GetArraySize(list), sizeof *settings->realms);
    if (settings->realms == NULL) {
        no_memory(reader);
        return;
    }
    cJSON_ArrayForEach (node, list) {
        const char *realm = fitting_text(reader, scope, row, node);
        if (realm == NULL) {
            continue;
        }
        for (size_t i = 0; i < settings->realm_count; i++) {
            if (strcmp(settings->realms[i], realm) == 0) {
                jsonc_fault(&reader->file, node, reader->faults, "remove one of the two",
                            "the realm \"%s\" stands in realms twice", realm);
            }
        }
        char *kept = strdup(realm);
        if (kept == NULL) {
            no_memory(reader);
            return;
        }
        settings->realms[settings->realm_count++] = kept;
    }
}

static void apply_defaults(struct setting_reader *reader, const struct setting_scope *scope)
{
    for (size_t i = 0; i < scope->row_count; i++) {
        const struct setting *row = &scope->rows[i];
        char *field = (char *)scope->into + row->offset;
        if (row->standard == NULL) {
            continue;
        }
        if (row->kind == SETTING_WHOLE) {
            *(int64_t *)(void *)field = strtoll(row->standard, NULL, 10);
        } else if (row->kind == SETTING_SWITCH) {
            *(bool *)field = strcmp(row->standard, "true") == 0;
        } else {
            put_text(reader, (char **)(void *)field, strdup(row->standard));
        }
    }
}

static void read_output(struct setting_reader *reader, struct settings_output *output, size_t index, const cJSON *node)
{
    const cJSON *seen[OUTPUT_ROWS] = {0};
    struct setting_scope scope = {
        .rows = settings_output_table(), .row_count = OUTPUT_ROWS, .into = output, .seen = seen};
    snprintf(scope.label, sizeof scope.label, "outputs[%zu].", index);
    apply_defaults(reader, &scope);
    if (!cJSON_IsObject(node)) {
        jsonc_fault(&reader->file, node, reader->faults, "write an object: {\"name\": …, \"type\": …, \"url\": …}",
                    "outputs[%zu] is %s", index, kind_of_value(node));
        return;
    }
    read_object(reader, &scope, "", node);
    settings_check_output(reader, &scope, node);
}

static void read_outputs(struct setting_reader *reader, const struct setting_scope *scope, const struct setting *row,
                         const cJSON *list)
{
    struct settings *settings = reader->settings;
    const cJSON *node;
    if (!list_fits(reader, scope, row, list) || settings->outputs != NULL || cJSON_GetArraySize(list) == 0) {
        return;
    }
    settings->outputs = calloc((size_t)cJSON_GetArraySize(list), sizeof *settings->outputs);
    if (settings->outputs == NULL) {
        no_memory(reader);
        return;
    }
    cJSON_ArrayForEach (node, list) {
        struct settings_output *output = &settings->outputs[settings->output_count];
        read_output(reader, output, settings->output_count++, node);
        for (size_t i = 0; output->name != NULL && i + 1 < settings->output_count; i++) {
            if (settings->outputs[i].name != NULL && strcmp(settings->outputs[i].name, output->name) == 0) {
                jsonc_fault(&reader->file, node, reader->faults,
                            "give each output a name of its own: how far it is, is kept under it",
                            "two outputs have the name \"%s\"", output->name);
            }
        }
    }
}

static void read_output_type(struct setting_reader *reader, const struct setting_scope *scope,
                             const struct setting *row, const cJSON *node)
{
    const char *word = fitting_text(reader, scope, row, node);
    if (word == NULL) {
        return;
    }
    enum settings_output_type *type = (void *)((char *)scope->into + row->offset);
    for (*type = OUTPUT_INFLUXDB1; *type < OUTPUT_VICTORIAMETRICS; (*type)++) {
        if (strcmp(settings_output_type_word(*type), word) == 0) {
            break;
        }
    }
}

static void read_value(struct setting_reader *reader, struct setting_scope *scope, const struct setting *row,
                       const cJSON *node)
{
    switch (row->kind) {
    case SETTING_SECTION:
        if (cJSON_IsObject(node)) {
            read_object(reader, scope, row->path, node);
        } else {
            wrong_kind(reader, scope, row, node);
        }
        break;
    case SETTING_TEXT:
    case SETTING_PATH:
        read_text(reader, scope, row, node);
        break;
    case SETTING_WHOLE:
        read_whole(reader, scope, row, node);
        break;
    case SETTING_SWITCH:
        read_switch(reader, scope, row, node);
        break;
    case SETTING_REALMS:
        read_realms(reader, scope, row, node);
        break;
    case SETTING_OUTPUTS:
        read_outputs(reader, scope, row, node);
        break;
    case SETTING_OUTPUT_TYPE:
        read_output_type(reader, scope, row, node);
        break;
    }
}

static void find_missing(struct setting_reader *reader, const struct setting_scope *scope, const char *prefix,
                         const cJSON *object)
{
    char what[256], remedy[REMEDY_SIZE];
    for (size_t i = 0; i < scope->row_count; i++) {
        const struct setting *row = &scope->rows[i];
        const char *name = setting_name_below(row, prefix);
        if (name == NULL || !row->required || scope->seen[i] != NULL) {
            continue;
        }
        snprintf(what, sizeof what, "%s%s is missing", scope->label, row->path);
        snprintf(remedy, sizeof remedy, "add \"%s\": %s", name, row->prose);
        jsonc_fault(&reader->file, object, reader->faults, remedy, "%s", what);
    }
}

static void read_object(struct setting_reader *reader, struct setting_scope *scope, const char *prefix,
                        const cJSON *object)
{
    char remedy[REMEDY_SIZE];
    const cJSON *node;
    const char *dot = prefix[0] != '\0' ? "." : "";
    cJSON_ArrayForEach (node, object) {
        const struct setting *row = setting_find(scope, prefix, node->string);
        if (row == NULL && prefix[0] == '\0' && scope->into == reader->settings &&
            strcmp(node->string, "$schema") == 0) {
            continue; /* for editors */
        }
        if (row == NULL) {
            setting_suggest(scope, prefix, node->string, remedy, sizeof remedy);
            jsonc_fault(&reader->file, node, reader->faults, remedy, "unknown key \"%s%s%s%.80s\"", scope->label,
                        prefix, dot, node->string);
        } else if (scope->seen[row - scope->rows] != NULL) {
            jsonc_fault(&reader->file, node, reader->faults, "remove one of the two", "\"%s%s\" stands here twice",
                        scope->label, row->path);
        } else {
            scope->seen[row - scope->rows] = node;
            read_value(reader, scope, row, node);
        }
    }
    find_missing(reader, scope, prefix, object);
}

static void default_secret(struct setting_reader *reader)
{
    struct settings *settings = reader->settings;
    if (settings->secret_file != NULL || settings->data_dir == NULL) {
        return;
    }
    size_t size = strlen(settings->data_dir) + sizeof "/secret";
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/secret", settings->data_dir);
    }
    put_text(reader, &settings->secret_file, path);
}

int settings_load(struct settings *settings, const char *path, struct faults *faults)
{
    size_t before = faults->count + faults->dropped;
    const cJSON *seen[SETTINGS_ROWS] = {0};
    struct setting_reader reader = {.settings = settings, .faults = faults};
    struct setting_scope scope = {.rows = settings_table(), .row_count = SETTINGS_ROWS, .into = settings, .seen = seen};
    *settings = (struct settings){0};
    put_text(&reader, &settings->path, strdup(path));
    apply_defaults(&reader, &scope);
    if (settings->path == NULL || jsonc_load(&reader.file, path, faults) != 0) {
        goto out;
    }
    if (!cJSON_IsObject(reader.file.root)) {
        jsonc_fault(&reader.file, reader.file.root, faults, "write an object: {\"realms\": …}", "the file holds %s",
                    kind_of_value(reader.file.root));
        goto out;
    }
    read_object(&reader, &scope, "", reader.file.root);
    settings_check_together(&reader, &scope);
    default_secret(&reader);
    for (size_t i = 0; i < settings->output_count; i++) {
        settings->outputs[i].small_cell = settings->small_cell;
    }
out:
    jsonc_free(&reader.file);
    return faults_result(faults, before);
}

static void free_texts(const struct setting *rows, size_t count, void *from)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == SETTING_TEXT || rows[i].kind == SETTING_PATH) {
            char **field = (char **)(void *)((char *)from + rows[i].offset);
            free(*field);
            *field = NULL;
        }
    }
}

void settings_free(struct settings *settings)
{
    free_texts(settings_table(), SETTINGS_ROWS, settings);
    for (size_t i = 0; i < settings->output_count; i++) {
        free_texts(settings_output_table(), OUTPUT_ROWS, &settings->outputs[i]);
    }
    for (size_t i = 0; i < settings->realm_count; i++) {
        free(settings->realms[i]);
    }
    free(settings->outputs);
    free(settings->realms);
    free(settings->path);
    *settings = (struct settings){0};
}
