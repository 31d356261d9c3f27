#include "base/word_distance.h"

#include <string.h>

enum { LONGEST = WORD_DISTANCE_MOST };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1]; /* the last two rows of the table and the one being filled, by turns */
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST) {
        return LONGEST;
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
