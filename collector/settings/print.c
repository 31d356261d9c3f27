/* The table as people see it: every setting with its value (--print-config), and every row explained (--manual). */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* Adds the value of a row to `object` under `name`; what has no value is left out. False when out of memory. */
static bool add_value(cJSON *object, const char *name, const struct setting *row, const void *from)
{
    const char *field = (const char *)from + row->offset;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_PATH: {
        const char *text = *(char *const *)(const void *)field;
        return text == NULL || cJSON_AddStringToObject(object, name, text) != NULL;
    }
    case SETTING_WHOLE:
        return cJSON_AddNumberToObject(object, name, (double)*(const int64_t *)(const void *)field) != NULL;
    case SETTING_SWITCH:
        return cJSON_AddBoolToObject(object, name, *(const bool *)field) != NULL;
    case SETTING_OUTPUT_TYPE: {
        enum settings_output_type type = *(const enum settings_output_type *)(const void *)field;
        return cJSON_AddStringToObject(object, name, settings_output_type_word(type)) != NULL;
    }
    default:
        return true;
    }
}

static bool add_realms(cJSON *object, const struct settings *settings)
{
    cJSON *list = cJSON_AddArrayToObject(object, "realms");
    bool done = list != NULL;
    for (size_t i = 0; done && i < settings->realm_count; i++) {
        done = cJSON_AddItemToArray(list, cJSON_CreateString(settings->realms[i]));
    }
    return done;
}

static bool add_outputs(cJSON *object, const struct settings *settings)
{
    const struct setting *rows = settings_output_table();
    cJSON *list = cJSON_AddArrayToObject(object, "outputs");
    bool done = list != NULL;
    for (size_t i = 0; done && i < settings->output_count; i++) {
        cJSON *entry = cJSON_CreateObject();
        done = cJSON_AddItemToArray(list, entry);
        for (size_t k = 0; done && k < OUTPUT_ROWS; k++) {
            done = add_value(entry, rows[k].path, &rows[k], &settings->outputs[i]);
        }
    }
    return done;
}

static bool add_section(cJSON *object, const struct settings *settings, const char *prefix);

static bool is_absent(const struct settings *settings, const char *section)
{
    return (strcmp(section, "mqtt") == 0 && settings->mqtt_server == NULL) ||
           (strcmp(section, "http") == 0 && settings->http_listen == NULL) ||
           (strcmp(section, "mqtt.tls") == 0 && settings->mqtt_ca_file == NULL && settings->mqtt_cert_file == NULL &&
            settings->mqtt_key_file == NULL);
}

static bool add_row(cJSON *object, const struct settings *settings, const char *name, const struct setting *row)
{
    if (row->kind == SETTING_SECTION) {
        if (is_absent(settings, row->path)) {
            return true;
        }
        cJSON *section = cJSON_AddObjectToObject(object, name);
        return section != NULL && add_section(section, settings, row->path);
    }
    if (row->kind == SETTING_REALMS) {
        return add_realms(object, settings);
    }
    if (row->kind == SETTING_OUTPUTS) {
        return add_outputs(object, settings);
    }
    return add_value(object, name, row, settings);
}

static bool add_section(cJSON *object, const struct settings *settings, const char *prefix)
{
    const struct setting *rows = settings_table();
    bool done = true;
    for (size_t i = 0; done && i < SETTINGS_ROWS; i++) {
        const char *name = setting_name_below(&rows[i], prefix);
        done = name == NULL || add_row(object, settings, name, &rows[i]);
    }
    return done;
}

void settings_print(const struct settings *settings, struct buffer *out)
{
    cJSON *root = cJSON_CreateObject();
    char *text = root != NULL && add_section(root, settings, "") ? cJSON_Print(root) : NULL;
    if (text != NULL) {
        buffer_add_text(out, text);
        buffer_add_text(out, "\n");
    } else {
        out->failed = true;
    }
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_type(const struct setting *row, struct buffer *out)
{
    static const char *const words[] = {"section", "text", "path", "whole number", "switch", "list", "list", "text"};
    buffer_add_text(out, words[row->kind]);
    if (row->form != FORM_NONE) {
        buffer_print(out, ": %s", form_description(row->form));
    }
}

static void print_bounds(const struct setting *row, struct buffer *out)
{
    if (row->kind == SETTING_WHOLE) {
        buffer_print(out, "%lld to %lld %s", (long long)row->least, (long long)row->most, row->unit);
    } else if (row->kind == SETTING_REALMS || row->kind == SETTING_OUTPUTS) {
        buffer_print(out, "%lld to %lld entries", (long long)row->least, (long long)row->most);
    } else if (row->kind == SETTING_TEXT || row->kind == SETTING_PATH) {
        buffer_print(out, "%lld to %lld bytes", (long long)row->least, (long long)row->most);
    }
}

static void print_rows(const struct setting *rows, size_t count, const char *label, struct buffer *out)
{
    buffer_add_text(out, "| setting | type | default | bounds | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        const struct setting *row = &rows[i];
        buffer_print(out, "| `%s%s` | ", label, row->path);
        print_type(row, out);
        if (row->standard != NULL) {
            buffer_print(out, " | `%s` | ", row->standard);
        } else {
            buffer_print(out, " | %s | ", row->required ? "required" : "none");
        }
        print_bounds(row, out);
        buffer_print(out, " | %s |\n", row->prose);
    }
}

void settings_manual(struct buffer *out)
{
    buffer_add_text(out, "## The settings of collector.jsonc\n\n"
                         "JSON with comments; relative paths are relative to the file. A setting `a.b` is the key `b` "
                         "of the object `a`. \"Required\" means: once its section is there.\n\n");
    print_rows(settings_table(), SETTINGS_ROWS, "", out);
    buffer_add_text(out, "\n### Each entry of `outputs`\n\n");
    print_rows(settings_output_table(), OUTPUT_ROWS, "outputs[].", out);
}
