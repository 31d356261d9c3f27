/* `edutally version`: which program, and which libraries it runs with. */
#include "api/api.h"
#include "commands/commands.h"
#include "ingest/ingest.h"
#include "output/output.h"
#include "store/store.h"

#include <cJSON.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

struct library {
    const char *key, *name, *version;
};

enum { LIBRARIES = 5 };

static void name_libraries(struct library out[LIBRARIES])
{
    const struct library libraries[LIBRARIES] = {
        {"cjson", "cJSON", cJSON_Version()},
        {"paho", "Paho MQTT C", ingest_library_version()},
        {"sqlite", "SQLite", store_library_version()},
        {"libcurl", "libcurl", output_library_version()},
        {"libmicrohttpd", "libmicrohttpd", api_library_version()},
    };
    memcpy(out, libraries, sizeof libraries);
}

static bool add_libraries(cJSON *root)
{
    char libc[64];
    struct library list[LIBRARIES];
    cJSON *libraries = cJSON_AddObjectToObject(root, "libraries");
    name_libraries(list);
    for (size_t i = 0; i < LIBRARIES; i++) {
        if (cJSON_AddStringToObject(libraries, list[i].key, list[i].version) == NULL) {
            return false;
        }
    }
    return cJSON_AddStringToObject(libraries, "libc", c_library(libc, sizeof libc)) != NULL;
}

static int print_json(void)
{
    cJSON *root = cJSON_CreateObject();
    char *text = NULL;
    if (root != NULL && cJSON_AddStringToObject(root, "version", EDUTALLY_VERSION) != NULL && add_libraries(root) &&
        cJSON_AddStringToObject(root, "compiler", COMPILER) != NULL) {
        text = cJSON_PrintUnformatted(root);
    }
    bool done = text != NULL && puts(text) >= 0;
    cJSON_free(text);
    cJSON_Delete(root);
    return done ? EXIT_DONE : EXIT_FAILED;
}

static void print_lines(void)
{
    char libc[64];
    struct library list[LIBRARIES];
    name_libraries(list);
    printf("edutally %s\n", EDUTALLY_VERSION);
    for (size_t i = 0; i < LIBRARIES; i++) {
        printf("  %s %s\n", list[i].name, list[i].version);
    }
    printf("  %s\n  compiled by %s\n", c_library(libc, sizeof libc), COMPILER);
}

int command_version(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool json = false;
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
    print_lines();
    return EXIT_DONE;
}
