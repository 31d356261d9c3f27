/*
 * Accept and Accept-Encoding (RFC 9110, 12.5): how much a client likes what we could send. The most exact range that
 * matches decides: the type itself, then all subtypes of its type, then everything.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* 3 exact, 2 type, 1 all, 0 none. `range` is of `length` bytes. */
static int exactness(const char *range, size_t length, const char *what)
{
    const char *slash = strchr(what, '/');
    if (length == strlen(what) && strncasecmp(range, what, length) == 0) {
        return 3;
    }
    if (slash != NULL && length == (size_t)(slash - what) + 2 && range[length - 1] == '*' &&
        strncasecmp(range, what, length - 1) == 0) {
        return 2;
    }
    return (length == 1 && range[0] == '*') || (length == 3 && strncmp(range, "*/*", 3) == 0) ? 1 : 0;
}

/* The q of the parameters from `at` up to the next comma. */
static double read_quality(const char *at, const char *end)
{
    while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
        at = skip_blanks(at + 1);
        if (end - at > 2 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=') {
            double quality = strtod(at + 2, NULL);
            return quality >= 0 && quality <= 1 ? quality : 0;
        }
    }
    return 1;
}

double accept_quality(const char *header, const char *what)
{
    double quality = 0;
    int best = 0;
    for (const char *at = header; at != NULL && *at != '\0';) {
        at = skip_blanks(at);
        const char *end = at + strcspn(at, ",");
        int exact = exactness(at, strcspn(at, " \t;,"), what);
        if (exact > best) {
            best = exact;
            quality = read_quality(at, end);
        }
        at = *end == ',' ? end + 1 : NULL;
    }
    return quality;
}
