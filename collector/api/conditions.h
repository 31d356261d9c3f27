/* The conditions of a verdict as they leave the house: counts of people below the small cell are taken out of them. */
#ifndef EDUTALLY_API_CONDITIONS_H
#define EDUTALLY_API_CONDITIONS_H

#include "base/buffer.h"

#include <cJSON.h>
#include <stdint.h>

/* Parses the JSON array that the store holds and sets "actual" to null where it would show fewer than `small_cell`
 * people: in "users", and in "users_share" of `head_count`. NULL if it is no JSON array or memory is short; else the
 * caller deletes it. */
cJSON *conditions_parse(const char *stored, int64_t small_cell, int64_t head_count);

/* The same as text, appended to `out`; "[]" for what is not an array. */
void conditions_add(struct buffer *out, const char *stored, int64_t small_cell, int64_t head_count);

#endif
