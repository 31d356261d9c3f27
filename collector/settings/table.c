/* The rows of settings.def as data, each checked at compile time against the type of the field that it fills. */
#include "internal.h"

#include <stddef.h>
#include <string.h>

enum { REQUIRED = 1, OPTIONAL = 0 };

#define ROW(structure, kind_, path_, field_, presence_, standard_, form_, least_, most_, unit_, prose_)                \
    {.path = (path_),                                                                                                  \
     .standard = (standard_),                                                                                          \
     .unit = (unit_),                                                                                                  \
     .prose = (prose_),                                                                                                \
     .offset = offsetof(structure, field_),                                                                            \
     .least = (least_),                                                                                                \
     .most = (most_),                                                                                                  \
     .kind = SETTING_##kind_,                                                                                          \
     .form = FORM_##form_,                                                                                             \
     .required = (presence_)},

static const struct setting rows[SETTINGS_ROWS] = {
#define SECTION(name_, path_, presence_, prose_)                                                                       \
    {.path = (path_), .unit = "", .prose = (prose_), .kind = SETTING_SECTION, .required = (presence_)},
#define SETTING(...) ROW(struct settings, __VA_ARGS__)
#define OUTPUT_SETTING(...)
#include "settings.def"
#undef SECTION
#undef SETTING
#undef OUTPUT_SETTING
};

static const struct setting output_rows[OUTPUT_ROWS] = {
#define SECTION(...)
#define SETTING(...)
#define OUTPUT_SETTING(...) ROW(struct settings_output, __VA_ARGS__)
#include "settings.def"
#undef SECTION
#undef SETTING
#undef OUTPUT_SETTING
};

#define TYPE_TEXT        char *
#define TYPE_PATH        char *
#define TYPE_WHOLE       int64_t
#define TYPE_SWITCH      bool
#define TYPE_REALMS      char **
#define TYPE_OUTPUTS     struct settings_output *
#define TYPE_OUTPUT_TYPE enum settings_output_type
#define FITS(structure, kind, path, field, ...)                                                                        \
    _Static_assert(_Generic(((structure *)NULL)->field, TYPE_##kind : 1, default : 0), path " fills another type");
#define SECTION(...)
#define SETTING(...)        FITS(struct settings, __VA_ARGS__)
#define OUTPUT_SETTING(...) FITS(struct settings_output, __VA_ARGS__)
#include "settings.def"
#undef SECTION
#undef SETTING
#undef OUTPUT_SETTING

const struct setting *settings_table(void)
{
    return rows;
}

const struct setting *settings_output_table(void)
{
    return output_rows;
}

const char *setting_name_below(const struct setting *row, const char *prefix)
{
    size_t length = strlen(prefix);
    const char *name = row->path;
    if (length > 0) {
        if (strncmp(name, prefix, length) != 0 || name[length] != '.') {
            return NULL;
        }
        name += length + 1;
    }
    return strchr(name, '.') == NULL ? name : NULL;
}

const struct setting *setting_find(const struct setting_scope *scope, const char *prefix, const char *name)
{
    for (size_t i = 0; i < scope->row_count; i++) {
        const char *below = setting_name_below(&scope->rows[i], prefix);
        if (below != NULL && strcmp(below, name) == 0) {
            return &scope->rows[i];
        }
    }
    return NULL;
}

const char *settings_output_type_word(enum settings_output_type type)
{
    static const char *const words[] = {"influxdb1", "influxdb2", "victoriametrics"};
    return words[type];
}
