/* What a fuzz target is: libFuzzer calls these, or corpus.c does with the files of a corpus. A broken promise aborts.
 */
#ifndef EDUTALLY_TESTS_FUZZ_FUZZ_H
#define EDUTALLY_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* file.c: a path under which the bytes can be read until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

#endif
