/*
 * Making a message fit to be shown: what might name a person is blotted out, and the shape stays, so that one still
 * sees what is wrong with it. Works on any bytes, JSON or not.
 */
#ifndef EDUTALLY_BASE_MASK_H
#define EDUTALLY_BASE_MASK_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a word is one of the deployment's own event types, so that it may be shown. */
typedef bool mask_knows_type(const void *context, const char *word, size_t length);

/*
 * Appends at most `most` bytes of `bytes` to `out`. It is a list of what may be seen, not of what must be hidden, which
 * could have holes. Shown are: punctuation; true, false, null; the names of a message's members (v, epoch, events, seq,
 * id, t, type, role, user, dur, app); and values that are whole and look as they should: v, seq, dur as plain numbers
 * too short for a telephone's or a key; t as RFC 3339 text or 13 digits; type if `knows` it (NULL: no type is known);
 * role if it is one of the usual ones. Everything else becomes one '*' a byte, in strings every byte between the
 * quotes.
 */
void mask_message(const char *bytes, size_t count, size_t most, mask_knows_type *knows, const void *context,
                  struct buffer *out);

#endif
