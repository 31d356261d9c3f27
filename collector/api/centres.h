/* What the two routes of centres share. */
#ifndef EDUTALLY_API_CENTRES_H
#define EDUTALLY_API_CENTRES_H

#include "internal.h"

/* id, name, type, area (code and name of the row valid on `day`), head_count, opened, closed. */
void centres_write_fields(struct rows *rows, const struct registry *registry, const struct registry_centre *centre,
                          int32_t day);

#endif
