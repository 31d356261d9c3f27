#define _DEFAULT_SOURCE /* explicit_bzero */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed || more >= SIZE_MAX / 2 - buffer->used) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->used + more + 1;
    if (needed <= buffer->size) {
        return true;
    }
    size_t size = buffer->size < 256 ? 256 : buffer->size;
    while (size < needed) {
        size *= 2;
    }
    char *grown = realloc(buffer->bytes, size);
    if (grown == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = grown;
    buffer->size = size;
    return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count)
{
    if (!buffer_reserve(buffer, count)) {
        return;
    }
    if (count > 0) {
        memcpy(buffer->bytes + buffer->used, bytes, count);
    }
    buffer->used += count;
    buffer->bytes[buffer->used] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !buffer_reserve(buffer, (size_t)length)) {
        buffer->failed = true;
    } else {
        vsnprintf(buffer->bytes + buffer->used, (size_t)length + 1, format, again);
        buffer->used += (size_t)length;
    }
    va_end(again);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->used = 0;
    buffer->failed = false;
    if (buffer->bytes != NULL) {
        buffer->bytes[0] = '\0';
    }
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->bytes != NULL) {
        explicit_bzero(buffer->bytes, buffer->size);
    }
    buffer_free(buffer);
}
