/* Inside the journal: little-endian numbers, whatever the processor's order. */
#ifndef EDUTALLY_JOURNAL_BYTES_H
#define EDUTALLY_JOURNAL_BYTES_H

#include <stdint.h>

static inline void bytes_put(void *out, uint64_t value, int count)
{
    unsigned char *to = out;
    for (int i = 0; i < count; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static inline uint64_t bytes_get(const void *in, int count)
{
    const unsigned char *from = in;
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) {
        value = value << 8 | from[i];
    }
    return value;
}

#endif
