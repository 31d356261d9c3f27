#include "base/faults.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void faults_add(struct faults *faults, const char *file, unsigned line, const char *remedy, const char *what, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);

    if (faults->count == FAULTS_KEPT) {
        faults->dropped++;
        return;
    }
    struct fault *grown = realloc(faults->list, (faults->count + 1) * sizeof *grown);
    if (grown == NULL) {
        faults->out_of_memory = true;
        faults->dropped++;
        return;
    }
    faults->list = grown;
    struct fault *fault = &grown[faults->count];
    *fault = (struct fault){.file = strdup(file), .line = line, .what = strdup(text), .remedy = strdup(remedy)};
    if (fault->file == NULL || fault->what == NULL || fault->remedy == NULL) {
        free(fault->file);
        free(fault->what);
        free(fault->remedy);
        faults->out_of_memory = true;
        faults->dropped++;
        return;
    }
    faults->count++;
}

void faults_no_memory(struct faults *faults, const char *file)
{
    faults->out_of_memory = true;
    faults_add(faults, file, 0, "free some memory", "out of memory");
}

int faults_result(const struct faults *faults, size_t before)
{
    if (faults->count + faults->dropped == before) {
        return 0;
    }
    return faults->out_of_memory ? ERROR_MEMORY : ERROR_CONFIG;
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        free(faults->list[i].file);
        free(faults->list[i].what);
        free(faults->list[i].remedy);
    }
    free(faults->list);
    *faults = (struct faults){0};
}
