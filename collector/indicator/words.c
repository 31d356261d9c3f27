/* What was meant by a word that is not known: the nearest one that is, or a look at all of them. */
#include "internal.h"

#include "base/word_distance.h"

#include <stdio.h>
#include <string.h>

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
        size_t found = word_distance(word, known[i]);
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
