/* One error that travels up: filled where the failure is understood, with place and remedy in its text. */
#ifndef EDUTALLY_BASE_ERROR_H
#define EDUTALLY_BASE_ERROR_H

enum {
    ERROR_IO = -1,     /* disk, socket or peer failed; errno's text is in the message */
    ERROR_MEMORY = -2, /* out of memory */
    ERROR_INPUT = -3,  /* bytes from outside are not what they should be */
    ERROR_BUSY = -4,   /* somebody else holds it (lock, database) */
    ERROR_CONFIG = -5, /* a file that people edit is wrong */
    ERROR_LIMIT = -6,  /* a configured bound was reached */
    ERROR_MISSING = -7 /* there is no such thing */
};

struct error {
    int code; /* one of ERROR_*, 0 while nothing failed */
    char text[256];
};

/* Fills `error` (which may be NULL) and returns `code`, so that a caller can write `return error_set(…)`. */
int error_set(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set with ERROR_IO, followed by ": " and the text of the current errno. */
int error_errno(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
