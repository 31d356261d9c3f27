/*
 * A misspelt key is answered with the key that was meant: the nearest one, first among its own section, then the same
 * name in another section. Where nothing is near, the keys of the section are listed.
 */
#include "internal.h"

#include "base/word_distance.h"

#include <stdio.h>
#include <string.h>

static const char *last_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

static void list_names(const struct setting_scope *scope, const char *prefix, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "remove it; known here:");
    for (size_t i = 0; i < scope->row_count && used < size; i++) {
        const char *name = setting_name_below(&scope->rows[i], prefix);
        if (name != NULL) {
            used += (size_t)snprintf(out + used, size - used, " %s", name);
        }
    }
}

void setting_suggest(const struct setting_scope *scope, const char *prefix, const char *name, char *remedy, size_t size)
{
    const char *nearest = NULL, *elsewhere = NULL;
    size_t best = strlen(name) / 3 + 1; /* a third of the letters may be wrong, and one more */
    for (size_t i = 0; i < scope->row_count; i++) {
        const struct setting *row = &scope->rows[i];
        const char *below = setting_name_below(row, prefix);
        if (below != NULL && word_distance(name, below) <= best) {
            best = word_distance(name, below);
            nearest = below;
        } else if (below == NULL && strcmp(last_name(row->path), name) == 0) {
            elsewhere = row->path;
        }
    }
    if (elsewhere != NULL) {
        int section = (int)(last_name(elsewhere) - elsewhere);
        snprintf(remedy, size, "did you mean %s? Then put it %s%.*s%s", elsewhere,
                 section > 0 ? "into the object of \"" : "at the top, beside \"realms\"", section > 0 ? section - 1 : 0,
                 elsewhere, section > 0 ? "\"" : "");
    } else if (nearest != NULL) {
        snprintf(remedy, size, "did you mean \"%s\"?", nearest);
    } else {
        list_names(scope, prefix, remedy, size);
    }
}
