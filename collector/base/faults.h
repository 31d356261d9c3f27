/* The faults of files that people edit, gathered so that one run shows all of them, each with its place and a remedy.
 */
#ifndef EDUTALLY_BASE_FAULTS_H
#define EDUTALLY_BASE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

struct fault {
    char *file;    /* path as the user wrote it */
    unsigned line; /* from 1; 0: the file as a whole */
    char *what;    /* what is wrong, with the offending value */
    char *remedy;  /* how to mend it */
};

struct faults {
    struct fault *list;
    size_t count;   /* faults kept: at most FAULTS_KEPT */
    size_t dropped; /* faults past that */
    /* Memory ran out: what was read is not complete, so a fault may be none, and the files may be sound. */
    bool out_of_memory;
};

enum { FAULTS_KEPT = 200 };

/* Adds one fault; copies all strings. `what` is a format for the arguments that follow, `remedy` is taken as it is. */
void faults_add(struct faults *faults, const char *file, unsigned line, const char *remedy, const char *what, ...)
    __attribute__((format(printf, 5, 6)));

/* What cannot be read for lack of memory: `out_of_memory` from now on, and a fault that says so. */
void faults_no_memory(struct faults *faults, const char *file);

/* What a reader returns that found the list `before` long (count and dropped together): 0 if it added nothing,
 * ERROR_MEMORY if memory ran out, otherwise ERROR_CONFIG. */
int faults_result(const struct faults *faults, size_t before);

/* Frees what the list holds; the struct itself is the caller's and may be used again. */
void faults_clear(struct faults *faults);

#endif
