/* Whether bytes are text (libunistring). */
#ifndef EDUTALLY_BASE_UTF8_H
#define EDUTALLY_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if all of it is well-formed UTF-8 and holds no NUL: it then fits into a JSON string. */
bool utf8_is_text(const void *bytes, size_t count);

#endif
