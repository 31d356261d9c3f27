/*
 * `edutally journal list|dump|verify|erase`: a look into what arrived, beside a running collector or without one, and
 * the means to let it go before its time. Reading changes nothing, not even a torn tail; only `erase` takes the data
 * directory's lock.
 */
#include "journal_view.h"

#include "base/faults.h"
#include "base/log.h"
#include "commands/commands.h"
#include "commands/world.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void explain(FILE *out)
{
    fputs("Usage: edutally journal list   --config FILE [--json]\n"
          "       edutally journal dump   --config FILE [--from POSITION] [--limit N] [--raw]\n"
          "                               [--json]\n"
          "       edutally journal verify --config FILE [--json]\n"
          "       edutally journal erase  --config FILE --before YYYY-MM-DD [--json]\n\n"
          "The journal holds every message as it came, sealed, in files called segments\n"
          "(data_dir/journal). A position is a number of bytes since the journal began.\n\n"
          "list    shows the segments: from which position to which, how many messages, when\n"
          "        they were received, and in which state each is: open (the one being\n"
          "        written), whole, damaged, erased, or sealed with another secret.\n"
          "dump    prints the messages. With --json --raw each line is one that `edutally\n"
          "        ingest` reads.\n"
          "verify  reads everything and names each damage. What is damaged was passed over\n"
          "        or will be: look at the disk, and restore the segment from a backup.\n"
          "erase   removes the segments whose messages were all received before a day, by\n"
          "        overwriting their keys, or all of a segment that an older version wrote in\n"
          "        plain; only what is counted already. What was counted stays counted, but\n"
          "        cannot be counted anew from the journal any more.\n\n"
          "list, dump and verify may be used while the collector runs. erase may not.\n\n"
          "  --config FILE    the collector's configuration\n"
          "  --from POSITION  where to begin: a position of list, or of a message\n"
          "  --limit N        the most messages to print; all, if not given\n"
          "  --raw            the messages as they came. They hold the keys of users: show\n"
          "                   them to nobody who has no business with them, and keep no copy.\n"
          "                   Without it what could name a person is blotted out with *, in\n"
          "                   malformed messages too\n"
          "  --before DATE    in the time zone of the configuration\n"
          "  --json           JSON, one object a line\n\n"
          "Exit: 0 done, 1 failed, or verify found damage, 2 usage, 3 config\n",
          out);
}

int journal_view_open(struct journal_view *view, const char *config_path)
{
    struct faults faults = {0};
    struct error error = {0};
    char directory[4200];
    *view = (struct journal_view){0};
    log_set_level(LOG_WARNING_LEVEL);
    if (settings_load(&view->settings, config_path, &faults) != 0) {
        world_explain(&faults);
        faults_clear(&faults);
        return EXIT_CONFIG;
    }
    faults_clear(&faults);
    snprintf(directory, sizeof directory, "%s/journal", view->settings.data_dir);
    int result = zone_open(&view->zone, view->settings.time_zone, &error);
    if (result == 0 && access(directory, F_OK) != 0 && errno == ENOENT) {
        result = error_set(&error, ERROR_MISSING, "there is no journal in %s yet", view->settings.data_dir);
    }
    if (result == 0) {
        result = secret_open(&view->secret, view->settings.secret_file, false, &error);
    }
    if (result == 0) {
        result = journal_open_for_reading(&view->journal, directory, view->secret, &view->counters, &error);
    }
    if (result != 0) {
        fprintf(stderr, "edutally journal: %s\n", error.text);
    }
    return result == 0 ? EXIT_DONE : result == ERROR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

void journal_view_close(struct journal_view *view)
{
    journal_close(&view->journal);
    secret_free(&view->secret);
    zone_close(&view->zone);
    settings_free(&view->settings);
}

int journal_print_json(cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL) {
        return ERROR_MEMORY;
    }
    puts(text);
    cJSON_free(text);
    return 0;
}

const char *journal_local_time(const struct journal_view *view, int64_t t_ms, char *out, size_t size)
{
    char text[64];
    zone_format_time(view->zone, t_ms, text, sizeof text);
    char *between = strchr(text, 'T');
    if (between != NULL) {
        *between = ' ';
    }
    snprintf(out, size, "%.*s", (int)strcspn(text, "+Z") - 3, text);
    return out;
}

/* Digits alone, at most 2^62. */
static bool read_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = value;
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

/* False if an option is unknown or its value is none. */
static bool read_options(int argc, char **argv, struct journal_options *options, bool *help)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'}, {"from", required_argument, NULL, 'f'},
        {"limit", required_argument, NULL, 'l'},  {"before", required_argument, NULL, 'b'},
        {"raw", no_argument, NULL, 'r'},          {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {0}};
    int option;
    bool is_good = true;
    while ((option = getopt_long(argc, argv, "c:f:l:b:rjh", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'f':
            is_good = read_number(optarg, &options->from) && is_good;
            break;
        case 'l':
            is_good = read_number(optarg, &options->limit) && is_good;
            break;
        case 'b':
            options->before = optarg;
            break;
        case 'r':
            options->raw = true;
            break;
        case 'j':
            options->json = true;
            break;
        case 'h':
            *help = true;
            break;
        default:
            is_good = false;
        }
    }
    return is_good;
}

int command_journal(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct journal_options *options);
    } verbs[] = {
        {"list", journal_list}, {"dump", journal_dump}, {"verify", journal_verify}, {"erase", journal_erase_before}};
    struct journal_options options = {.limit = -1};
    bool help = false, is_good = read_options(argc, argv, &options, &help);
    if (help) {
        explain(stdout);
        return EXIT_DONE;
    }
    const char *verb = optind + 1 == argc ? argv[optind] : "";
    bool is_dump = strcmp(verb, "dump") == 0, is_erase = strcmp(verb, "erase") == 0;
    is_good = is_good && options.config != NULL && is_erase == (options.before != NULL) &&
              (is_dump || (options.from == 0 && options.limit < 0 && !options.raw));
    for (size_t i = 0; is_good && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].name) == 0) {
            return verbs[i].run(&options);
        }
    }
    explain(stderr);
    return EXIT_USAGE;
}
