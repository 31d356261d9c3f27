/*
 * The one error type of the simulator. It is filled where the failure is understood and carries place and remedy in
 * its text; everything above only adds the exit code.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *error, int code, const char *format, ...)
{
    va_list arguments;

    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

int error_exit_code(int code)
{
    switch (code) {
    case 0:
        return 0;
    case ERROR_USAGE:
        return 2;
    case ERROR_CONFIG:
        return 3;
    default:
        return 1;
    }
}
