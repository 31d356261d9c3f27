/* `edutally rejected list|retry`: what was not counted, and the means to try it again. */
#include "engine.h"

#include "base/civil.h"
#include "base/log.h"
#include "commands/commands.h"
#include "store/reader.h"

#include <cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 50, SHOWN_RAW = 60 };

static void explain(FILE *out)
{
    fprintf(out,
            "Usage: edutally rejected list  --config FILE [--limit N] [--json]\n"
            "       edutally rejected retry --config FILE [--json]\n\n"
            "list   shows the newest rejected and quarantined rows: what came, from where,\n"
            "       and why it was not counted.\n"
            "retry  judges quarantined events again: those of centres that the registry knows\n"
            "       by now, and those whose clock was ahead and is not any more. What may\n"
            "       count is counted once and leaves the list. The daemon must not be running\n"
            "       on the same data_dir (it does this by itself at start and SIGHUP).\n\n"
            "  --config FILE  the collector's configuration\n"
            "  --limit N      rows to list, %d if not given\n"
            "  --json         JSON, one object a line\n\n"
            "Exit: 0 done, 1 the store failed, 2 usage, 3 config\n",
            LISTED);
}

/* The first bytes as they came, but for those that a terminal takes for orders. */
static void show_bytes(const char *bytes, size_t count, char out[SHOWN_RAW + 1])
{
    size_t shown = 0;
    for (; shown < count && shown < SHOWN_RAW; shown++) {
        unsigned char byte = (unsigned char)bytes[shown];
        out[shown] = byte < 0x20 || byte == 0x7f ? '?' : bytes[shown];
    }
    out[shown] = '\0';
}

static int show_row(void *context, const struct rejected_row *row)
{
    char when[CIVIL_TIME_SIZE], raw[SHOWN_RAW + 1], topic[300], detail[160];
    const bool *json = context;
    show_bytes(row->raw, row->raw_length, raw);
    civil_format_time(row->received_ms, when);
    if (!*json) {
        printf("%lld  %s  %-11s %-15s x%lld  %s\n    %s\n    %s%s\n", (long long)row->id, when,
               row->quarantined ? "quarantined" : "rejected", row->reason, (long long)row->times,
               log_safe(row->topic, topic, sizeof topic), log_safe(row->detail, detail, sizeof detail), raw,
               row->raw_length > SHOWN_RAW ? "…" : "");
        return 0;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "id", (double)row->id);
    cJSON_AddStringToObject(object, "state", row->quarantined ? "quarantined" : "rejected");
    cJSON_AddStringToObject(object, "reason", row->reason);
    cJSON_AddStringToObject(object, "detail", row->detail);
    cJSON_AddStringToObject(object, "topic", row->topic);
    cJSON_AddStringToObject(object, "centre", row->centre);
    cJSON_AddStringToObject(object, "received", when);
    cJSON_AddNumberToObject(object, "times", (double)row->times);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL) {
        return ERROR_MEMORY;
    }
    puts(text);
    cJSON_free(text);
    return 0;
}

static int list_rows(const char *config, int limit, bool json)
{
    struct world world;
    struct store_reader *reader = NULL;
    struct error error = {0};
    int code = world_load_or_explain(&world, config);
    if (code == EXIT_DONE) {
        int result = store_reader_open(&reader, world.settings.data_dir, &error);
        if (result == 0) {
            result = store_read_rejected(reader, INT64_MAX, limit, show_row, &json, &error);
        }
        if (result != 0) {
            fprintf(stderr, "edutally rejected: %s\n", error.text);
            code = EXIT_FAILED;
        }
    }
    store_reader_close(&reader);
    world_free(&world);
    return code;
}

static int retry_rows(const char *config, bool json)
{
    int64_t released = 0, kept = 0;
    struct error error = {0};
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        fprintf(stderr, "edutally rejected: out of memory\n");
        return EXIT_FAILED;
    }
    int code = engine_open(engine, config, NULL, NULL);
    if (code == EXIT_DONE) {
        int result = pipeline_retry_quarantine(engine->pipeline, &released, &kept, &error);
        if (result == 0) {
            result = pipeline_finish(engine->pipeline, &error);
        }
        if (result != 0) {
            fprintf(stderr, "edutally rejected: %s\n", error.text);
            code = EXIT_FAILED;
        }
        long long counted = (long long)counter_get(&engine->counters, COUNTER_events_released);
        if (json) {
            printf("{\"counted\":%lld,\"kept\":%lld}\n", counted, (long long)kept);
        } else {
            printf("counted %lld, still quarantined %lld\n", counted, (long long)kept);
        }
    }
    engine_close(engine);
    free(engine);
    return code;
}

int command_rejected(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *config = NULL;
    long limit = LISTED;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:l:jh", options, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        if (option == 'c') {
            config = optarg;
        } else if (option == 'l') {
            limit = strtol(optarg, NULL, 10);
        } else if (option == 'j') {
            json = true;
        } else {
            return EXIT_USAGE;
        }
    }
    const char *verb = optind + 1 == argc ? argv[optind] : "";
    bool retry = strcmp(verb, "retry") == 0;
    if (config == NULL || limit < 1 || limit > 1000000 || (!retry && strcmp(verb, "list") != 0)) {
        explain(stderr);
        return EXIT_USAGE;
    }
    return retry ? retry_rows(config, json) : list_rows(config, (int)limit, json);
}
