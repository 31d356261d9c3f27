#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        error->code = code;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

int error_errno(struct error *error, const char *format, ...)
{
    int saved = errno;
    if (error != NULL) {
        va_list arguments;
        error->code = ERROR_IO;
        va_start(arguments, format);
        int used = vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        if (used >= 0 && (size_t)used + 3 < sizeof error->text) {
            char reason[96];
            if (strerror_r(saved, reason, sizeof reason) != 0) {
                snprintf(reason, sizeof reason, "errno %d", saved);
            }
            snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s", reason);
        }
    }
    return ERROR_IO;
}
