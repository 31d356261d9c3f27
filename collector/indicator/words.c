/* What was meant by a word that is not known: the nearest one that is (Levenshtein 1966), or a look at all of them. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_WORD = 64 };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and substitutions from `a` to `b`; LONGEST_WORD for words that are too long to compare. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST_WORD + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_WORD || b_length > LONGEST_WORD) {
        return LONGEST_WORD;
    }
    for (size_t k = 0; k <= b_length; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            size_t above = row[k];
            row[k] = least_of(diagonal + (a[i - 1] != b[k - 1]), least_of(above, row[k - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_length];
}

static void list(const char *const *known, size_t count, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "known: ");
    for (size_t i = 0; i < count; i++) {
        int more = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", known[i]);
        if (used + (size_t)more >= size) {
            snprintf(out + used, size - used, " …"); /* the list is cut at a whole word */
            return;
        }
        used += (size_t)more;
    }
}

const char *words_suggest(const char *word, const char *const *known, size_t count, char *out, size_t size)
{
    size_t length = strlen(word), best = length / 3 + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t found = distance(word, known[i]);
        if (found <= best && found < length && (nearest == NULL || found < best)) {
            best = found;
            nearest = known[i];
        }
    }
    if (nearest != NULL) {
        int used = snprintf(out, size, "did you mean \"%s\"? ", nearest);
        if (used > 0 && (size_t)used < size) {
            list(known, count, out + used, size - (size_t)used);
        }
    } else if (count > 0) {
        list(known, count, out, size);
    } else {
        snprintf(out, size, "none is known");
    }
    return out;
}
