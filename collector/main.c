/* edutally: picks a command, nothing else. */
#include "base/json_arena.h"
#include "commands/commands.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", command_run, "the daemon: receive over MQTT, count, serve the dashboard"},
    {"check", command_check, "name every fault in config, registry and rules, and its remedy"},
    {"ingest", command_ingest, "count events from a file of JSON lines"},
    {"report", command_report, "print where the province stands, for people"},
    {"export", command_export, "write facts, usage, adoption or centres as CSV or JSON"},
    {"journal", command_journal, "look into what arrived, check it, or erase it before its time"},
    {"rejected", command_rejected, "list what was not counted, or try it again"},
    {"token", command_token, "make, list or remove who may ask over HTTP"},
    {"version", command_version, "print the program's version and its libraries'"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fprintf(out, "edutally measures which share of schools and learning centres works digitally.\n\n"
                 "Usage: edutally COMMAND --config FILE [options]\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out, "\n`edutally COMMAND --help` explains a command, docs/operators.md the whole.\n");
}

int main(int argc, char **argv)
{
    json_arena_install();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "edutally: unknown command '%s'; `edutally --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
