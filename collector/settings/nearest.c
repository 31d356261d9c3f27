/*
 * A misspelt key is answered with the key that was meant: the nearest by optimal string alignment (insertions,
 * deletions, substitutions, swaps of neighbours), first among its own section, then the same name in another section.
 * Where nothing is near, the keys of the section are listed.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 64 };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The distance of two words; LONGEST_NAME for words that are too long to be compared. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_NAME + 1]; /* the last two rows of the table and the one being filled, by turns */
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_NAME || b_length > LONGEST_NAME) {
        return LONGEST_NAME;
    }
    for (size_t k = 0; k <= b_length; k++) {
        rows[0][k] = k;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
        const size_t *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            size_t change = above[k - 1] + (a[i - 1] != b[k - 1]);
            row[k] = least_of(change, least_of(above[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
                row[k] = least_of(row[k], above_that[k - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

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
        if (below != NULL && distance(name, below) <= best) {
            best = distance(name, below);
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
