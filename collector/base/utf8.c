#include "base/utf8.h"

#include <string.h>
#include <unistr.h>

bool utf8_is_text(const void *bytes, size_t count)
{
    return count == 0 || (memchr(bytes, '\0', count) == NULL && u8_check(bytes, count) == NULL);
}
