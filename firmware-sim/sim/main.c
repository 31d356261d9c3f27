/* edutally-sim: simulated devices of a province's schools and community learning centres. Picks a command. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#ifndef EDUTALLY_VERSION
#define EDUTALLY_VERSION "unknown"
#endif

static int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("edutally-sim %s\n", EDUTALLY_VERSION);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"events", command_events, "write a scenario's messages as JSON lines, for edutally ingest"},
    {"truth", command_truth, "print the facts that a collector must find in them"},
    {"run", command_run, "play a scenario's devices against an MQTT broker"},
    {"flood", command_flood, "generate load and measure it"},
    {"version", command_version, "print the version"},
};

static void print_usage(FILE *stream)
{
    (void)fputs("usage: edutally-sim COMMAND [options]\n\n", stream);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].about);
    }
    (void)fputs("\nedutally-sim COMMAND --help explains each.\n"
                "Exit: 0 done, 1 failed, 2 usage, 3 config\n",
                stream);
}

int main(int argc, char **argv)
{
    if (argc >= 2) {
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
            if (strcmp(argv[1], commands[i].name) == 0) {
                return commands[i].run(argc - 2, argv + 2);
            }
        }
    }
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    print_usage(stderr);
    return 2;
}
