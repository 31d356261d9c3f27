/* A growing run of bytes, always followed by a NUL. A failed growth is remembered in `failed`: write on, check once. */
#ifndef EDUTALLY_BASE_BUFFER_H
#define EDUTALLY_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes; /* NULL while empty */
    size_t used;
    size_t size;
    bool failed; /* out of memory; the content is cut and must not be used */
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t count);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_print(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the memory. */
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);
/* As buffer_free, for a secret: nothing of it stays in memory. */
void buffer_wipe(struct buffer *buffer);

#endif
