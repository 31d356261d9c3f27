/*
 * JSON with comments, as in the files that people edit. Comments are blanked and not cut out, so that every value keeps
 * its line; a fault can name it.
 */
#ifndef EDUTALLY_BASE_JSONC_H
#define EDUTALLY_BASE_JSONC_H

#include "base/faults.h"

#include <cJSON.h>
#include <stddef.h>

struct jsonc {
    char *path;
    char *text; /* comments blanked */
    size_t length;
    cJSON *root;
};

/* Reads and parses `path`; a fault is added for a file that cannot be read, is larger than 16 MiB, or is not JSON.
 * Returns 0, ERROR_CONFIG or ERROR_MEMORY. Free with jsonc_free in both cases. */
int jsonc_load(struct jsonc *file, const char *path, struct faults *faults);

/* The same for text in memory; `name` stands for the path in faults. */
int jsonc_parse(struct jsonc *file, const char *name, const char *text, size_t length, struct faults *faults);
void jsonc_free(struct jsonc *file);

/* The line, from 1, on which `node` (of this file's tree) begins; for a member that is where its value begins. Linear
 * in the file's length: for faults, not for hot paths. */
unsigned jsonc_line(const struct jsonc *file, const cJSON *node);

/* Adds a fault at `node`. The arguments are those of faults_add without file and line. */
#define jsonc_fault(file, node, faults, remedy, ...)                                                                   \
    faults_add((faults), (file)->path, jsonc_line((file), (node)), (remedy), __VA_ARGS__)

#endif
