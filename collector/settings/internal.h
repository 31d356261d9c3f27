/* The table of all settings, and what the files of this room share. */
#ifndef EDUTALLY_SETTINGS_INTERNAL_H
#define EDUTALLY_SETTINGS_INTERNAL_H

#include "settings/settings.h"

#include "base/jsonc.h"

enum setting_kind {
    SETTING_SECTION,
    SETTING_TEXT,       /* char * */
    SETTING_PATH,       /* char *, made by setting_path */
    SETTING_WHOLE,      /* int64_t */
    SETTING_SWITCH,     /* bool */
    SETTING_REALMS,     /* char ** and its count */
    SETTING_OUTPUTS,    /* struct settings_output * and its count */
    SETTING_OUTPUT_TYPE /* enum settings_output_type */
};

enum setting_form {
    FORM_NONE,
    FORM_IDENTIFIER,
    FORM_ZONE,
    FORM_LOG_LEVEL,
    FORM_OUTPUT_TYPE,
    FORM_MQTT_URL,
    FORM_HTTP_URL,
    FORM_LISTEN
};

/* A row of settings.def, which explains the columns. */
struct setting {
    const char *path;
    const char *standard;
    const char *unit;
    const char *prose;
    size_t offset;
    int64_t least, most;
    enum setting_kind kind;
    enum setting_form form;
    bool required;
};

/* Rows by name: ROW_mqtt_server, … and OUTPUT_ROW_url, … */
enum {
#define SECTION(name, ...)              ROW_##name,
#define SETTING(kind, path, field, ...) ROW_##field,
#define OUTPUT_SETTING(...)
#include "settings.def"
#undef SECTION
#undef SETTING
#undef OUTPUT_SETTING
    SETTINGS_ROWS
};

enum {
#define SECTION(...)
#define SETTING(...)
#define OUTPUT_SETTING(kind, path, field, ...) OUTPUT_ROW_##field,
#include "settings.def"
#undef SECTION
#undef SETTING
#undef OUTPUT_SETTING
    OUTPUT_ROWS
};

/* One object of the file being read: a table, what it fills, and which node each row came from. */
struct setting_scope {
    const struct setting *rows;
    size_t row_count;
    void *into;         /* struct settings or struct settings_output */
    const cJSON **seen; /* by row; NULL where the file does not have it */
    char label[24];     /* put before names in faults: "" or "outputs[2]." */
};

struct setting_reader {
    struct jsonc file;
    struct settings *settings;
    struct faults *faults;
};

enum { REMEDY_SIZE = 512 };

/* table.c */
const struct setting *settings_table(void);
const struct setting *settings_output_table(void);
/* NULL if `name` is no row directly below the section `prefix` ("" for the top). */
const struct setting *setting_find(const struct setting_scope *scope, const char *prefix, const char *name);
/* The part of a row's path after `prefix`, or NULL if the row is not directly below it. */
const char *setting_name_below(const struct setting *row, const char *prefix);
const char *settings_output_type_word(enum settings_output_type type);

/* forms.c: true for an address:port (of form LISTEN) that only this machine reaches. */
bool form_is_loopback(const char *listen);

/* forms.c: NULL if `text` has the form, otherwise what is wrong with it, in `why` or static. */
const char *form_fault(enum setting_form form, const char *text, char *why, size_t size);
/* What a text of this form looks like, for remedies and the manual; "" for FORM_NONE. */
const char *form_description(enum setting_form form);

/* cross.c: what no row can say alone. `seen` belongs to the scope of the whole file or of the output. */
void settings_check_together(struct setting_reader *reader, const struct setting_scope *scope);
void settings_check_output(struct setting_reader *reader, const struct setting_scope *scope, const cJSON *node);

/* credentials.c: where a path of the config file leads; caller frees, NULL without memory. */
char *setting_path(const char *config_path, const char *path);

/* nearest.c: what to write in place of the unknown key `name` below `prefix`. */
void setting_suggest(const struct setting_scope *scope, const char *prefix, const char *name, char *remedy,
                     size_t size);

#endif
