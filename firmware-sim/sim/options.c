/* Option tables: parse and explain. Every refusal names the option and what it takes. */
#include "options.h"

#include "civil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct option_table *table)
{
    (void)printf("usage: edutally-sim %s [options]\n\n%s\n", table->command, table->about);
    for (const struct option *option = table->options; option->name; option++) {
        char left[64];

        if (option->kind == OPTION_HEADING) {
            (void)printf("\n%s\n", option->name);
            continue;
        }
        (void)snprintf(left, sizeof left, "%s%s%s", option->name, option->argument ? " " : "",
                       option->argument ? option->argument : "");
        (void)printf("  %-26s %s\n", left, option->help);
    }
    (void)printf("\n%s", table->examples);
}

static const struct option *find_option(const struct option_table *table, const char *name, size_t length)
{
    for (const struct option *option = table->options; option->name; option++) {
        if (option->kind != OPTION_HEADING && strlen(option->name) == length &&
            strncmp(option->name, name, length) == 0) {
            return option;
        }
    }
    return NULL;
}

static int set_option(const struct option *option, const char *text, struct error *error)
{
    char *end;
    long long number;

    if (option->kind == OPTION_TEXT) {
        *(const char **)option->value = text;
        return 0;
    }
    number = strtoll(text, &end, 10);
    if (end == text || *end || number < option->least || number > option->most) {
        return error_set(error, ERROR_USAGE, "%s is \"%s\"; it takes a whole number from %lld to %lld", option->name,
                         text, (long long)option->least, (long long)option->most);
    }
    *(int64_t *)option->value = number;
    return 0;
}

int options_parse(const struct option_table *table, int argc, char **argv, struct error *error)
{
    for (int i = 0; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        const struct option *option;

        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(table);
            return 1;
        }
        option = find_option(table, argv[i], length);
        if (!option || (option->kind == OPTION_FLAG && argv[i][length] == '=')) {
            return error_set(error, ERROR_USAGE, "unknown option %s; see: edutally-sim %s --help", argv[i],
                             table->command);
        }
        if (option->kind == OPTION_FLAG) {
            *(bool *)option->value = true;
            continue;
        }
        if (argv[i][length] != '=' && i + 1 == argc) {
            return error_set(error, ERROR_USAGE, "%s needs a value (%s)", option->name, option->argument);
        }
        if (set_option(option, argv[i][length] == '=' ? argv[i] + length + 1 : argv[++i], error)) {
            return error->code;
        }
    }
    return 0;
}

int options_parse_moment(const char *name, const char *text, int offset_minutes, int64_t *t_ms, struct error *error)
{
    if (strcmp(text, "now") == 0) {
        *t_ms = civil_now_ms();
        return 0;
    }
    if (civil_parse_moment(text, offset_minutes, t_ms)) {
        return error_set(error, ERROR_USAGE,
                         "%s is \"%s\"; it takes now, a date (2026-02-14) or a time (2026-02-14T07:00:00+07:00)", name,
                         text);
    }
    return 0;
}
