/* `edutally version`: which program, and which libraries it runs with. */
#include "commands/commands.h"

#include <cJSON.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#ifndef EDUTALLY_VERSION
#error "the build names the version: EDUTALLY_VERSION"
#endif

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "GCC " __VERSION__
#endif

static const char help[] = "Usage: edutally version [--json]\n\n"
                           "Prints the program's version and those of the libraries that it runs with.\n";

/* "glibc 2.36"; "unknown" where the C library does not say. */
static const char *c_library(char *out, size_t size)
{
    size_t length = confstr(_CS_GNU_LIBC_VERSION, out, size);
    return length > 0 && length <= size ? out : "unknown";
}

static int print_json(void)
{
    char libc[64];
    cJSON *root = cJSON_CreateObject(), *libraries = NULL;
    char *text = NULL;
    if (root != NULL && cJSON_AddStringToObject(root, "version", EDUTALLY_VERSION) != NULL &&
        (libraries = cJSON_AddObjectToObject(root, "libraries")) != NULL &&
        cJSON_AddStringToObject(libraries, "cjson", cJSON_Version()) != NULL &&
        cJSON_AddStringToObject(libraries, "libc", c_library(libc, sizeof libc)) != NULL &&
        cJSON_AddStringToObject(root, "compiler", COMPILER) != NULL) {
        text = cJSON_PrintUnformatted(root);
    }
    bool done = text != NULL && puts(text) >= 0;
    cJSON_free(text);
    cJSON_Delete(root);
    return done ? EXIT_DONE : EXIT_FAILED;
}

int command_version(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool json = false;
    char libc[64];
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        if (option != 'j') {
            optind = argc + 1;
            break;
        }
        json = true;
    }
    if (optind != argc) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    if (json) {
        return print_json();
    }
    printf("edutally %s\n  cJSON %s\n  %s\n  compiled by %s\n", EDUTALLY_VERSION, cJSON_Version(),
           c_library(libc, sizeof libc), COMPILER);
    return EXIT_DONE;
}
