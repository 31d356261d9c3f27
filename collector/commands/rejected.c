/* `edutally rejected list|retry`: what was not counted, and the means to try it again. */
#include "engine.h"

#include "base/buffer.h"
#include "base/civil.h"
#include "base/json_arena.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "store/reader.h"

#include <cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 50, SHOWN_RAW = 100, LEDGER_LINES = 20 };

static void explain(FILE *out)
{
    fprintf(out,
            "Usage: edutally rejected list  --config FILE [--limit N] [--raw] [--json]\n"
            "       edutally rejected retry --config FILE [--json]\n\n"
            "list   shows the newest rejected and quarantined rows: what came, from where,\n"
            "       and why it was not counted; then what the bounds on these rows let go,\n"
            "       with the positions where it stands in the journal.\n"
            "retry  judges quarantined events again: those of centres that the registry knows\n"
            "       by now, and those whose clock was ahead and is not any more. What may\n"
            "       count is counted once and leaves the list. The daemon must not be running\n"
            "       on the same data_dir (it does this by itself at start and SIGHUP).\n\n"
            "  --config FILE  the collector's configuration\n"
            "  --limit N      rows to list, %d if not given\n"
            "  --raw          the bytes as they came. They may hold the keys of users: show\n"
            "                 them to nobody who has no business with them. Without it what\n"
            "                 could name a person is blotted out with *\n"
            "  --json         JSON, one object a line\n\n"
            "Exit: 0 done, 1 the store failed, 2 usage, 3 config\n",
            LISTED);
}

struct listing {
    bool json, raw;
    const struct registry *registry;
};

static bool knows_type(const void *context, const char *word, size_t length)
{
    return registry_activity_of(context, word, length) != REGISTRY_OTHER;
}

/* As they came, but for bytes that a terminal takes for orders. */
static void show_raw(const char *bytes, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        buffer_add(out, byte < 0x20 || byte == 0x7f ? "?" : &bytes[i], 1);
    }
}

static void print_text(const struct rejected_row *row, const char *when, const char *content, bool is_cut)
{
    char topic[300], detail[160];
    printf("%lld  %s  %-11s %-15s x%lld  %s\n    %s\n    %s%s\n", (long long)row->id, when,
           row->quarantined ? "quarantined" : "rejected", row->reason, (long long)row->times,
           log_safe(row->topic, topic, sizeof topic), log_safe(row->detail, detail, sizeof detail), content,
           is_cut ? "…" : "");
}

static int print_json(cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL || json_arena_lacked_memory()) { /* a member may be missing */
        cJSON_free(text);
        return ERROR_MEMORY;
    }
    puts(text);
    cJSON_free(text);
    return 0;
}

/* Bytes as a JSON string if they are text without NUL, else as hexadecimal digits under another name. */
static void add_raw(cJSON *object, const struct rejected_row *row)
{
    struct buffer hex = {0};
    if (utf8_is_text(row->raw, row->raw_length)) {
        buffer_add(&hex, row->raw, row->raw_length);
        cJSON_AddStringToObject(object, "raw", hex.failed || hex.bytes == NULL ? "" : hex.bytes);
    } else {
        for (size_t i = 0; i < row->raw_length; i++) {
            buffer_print(&hex, "%02x", ((const unsigned char *)row->raw)[i]);
        }
        cJSON_AddStringToObject(object, "raw_hex", hex.failed || hex.bytes == NULL ? "" : hex.bytes);
    }
    buffer_free(&hex);
}

static int print_object(const struct listing *listing, const struct rejected_row *row, const char *when,
                        const char *content)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "id", (double)row->id);
    cJSON_AddStringToObject(object, "state", row->quarantined ? "quarantined" : "rejected");
    cJSON_AddStringToObject(object, "reason", row->reason);
    cJSON_AddStringToObject(object, "detail", row->detail);
    cJSON_AddStringToObject(object, "topic", row->topic);
    cJSON_AddStringToObject(object, "centre", row->centre);
    cJSON_AddStringToObject(object, "device", row->device);
    cJSON_AddStringToObject(object, "received", when);
    cJSON_AddNumberToObject(object, "times", (double)row->times);
    cJSON_AddNumberToObject(object, "position", (double)row->position);
    if (!listing->raw) {
        cJSON_AddStringToObject(object, "excerpt", content);
    } else if (row->raw != NULL) {
        add_raw(object, row);
    }
    return print_json(object);
}

static int show_row(void *context, const struct rejected_row *row)
{
    const struct listing *listing = context;
    char when[CIVIL_TIME_SIZE];
    struct buffer content = {0};
    civil_format_time(row->received_ms, when);
    if (row->raw == NULL) {
        buffer_add_text(&content, "(sealed with a secret that cannot be read here)");
    } else if (listing->raw) {
        show_raw(row->raw, row->raw_length, &content);
    } else {
        mask_message(row->raw, row->raw_length, SHOWN_RAW, knows_type, listing->registry, &content);
    }
    const char *text = content.failed || content.bytes == NULL ? "" : content.bytes;
    int result = content.failed ? ERROR_MEMORY : 0;
    if (result == 0 && listing->json) {
        result = print_object(listing, row, when, text);
    } else if (result == 0) {
        print_text(row, when, text, !listing->raw && row->raw != NULL && row->raw_length > SHOWN_RAW);
    }
    buffer_free(&content);
    return result;
}

static int show_let_go(void *context, const struct let_go_row *row)
{
    const struct listing *listing = context;
    char first[CIVIL_TIME_SIZE], last[CIVIL_TIME_SIZE];
    civil_format_time(row->first_received_ms, first);
    civil_format_time(row->last_received_ms, last);
    if (!listing->json) {
        printf("let go (%s): %lld x %s from %s/%s, %s to %s, journal %lld to %lld\n", row->cause,
               (long long)row->events, row->reason, row->centre[0] != '\0' ? row->centre : "?",
               row->device[0] != '\0' ? row->device : "?", first, last, (long long)row->first_position,
               (long long)row->last_position);
        return 0;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "state", "let_go");
    cJSON_AddStringToObject(object, "cause", row->cause);
    cJSON_AddStringToObject(object, "reason", row->reason);
    cJSON_AddStringToObject(object, "centre", row->centre);
    cJSON_AddStringToObject(object, "device", row->device);
    cJSON_AddNumberToObject(object, "events", (double)row->events);
    cJSON_AddStringToObject(object, "first_received", first);
    cJSON_AddStringToObject(object, "last_received", last);
    cJSON_AddNumberToObject(object, "first_position", (double)row->first_position);
    cJSON_AddNumberToObject(object, "last_position", (double)row->last_position);
    return print_json(object);
}

/* Whoever may read the database may not always read the secret: then rows are listed without their content, unless
 * that is what was asked for. */
static int unseal(struct store_reader *reader, const struct settings *settings, bool must, struct error *error)
{
    struct secret *secret = NULL;
    int result = secret_open(&secret, settings->secret_file, false, error);
    if (result == 0) {
        result = store_reader_unseal(reader, secret, error);
    }
    secret_free(&secret);
    return must || result == ERROR_MEMORY ? result : 0;
}

static int list_rows(const char *config, int limit, const struct listing *listing)
{
    struct world world;
    struct store_reader *reader = NULL;
    struct error error = {0};
    struct listing shown = *listing;
    int code = world_load_or_explain(&world, config);
    if (code == EXIT_DONE) {
        shown.registry = world.registry;
        json_arena_lacked_memory(); /* what is printed from here on is whole */
        int result = store_reader_open(&reader, world.settings.data_dir, &error);
        if (result == 0) {
            result = unseal(reader, &world.settings, listing->raw, &error);
        }
        if (result == 0) {
            result = store_read_rejected(reader, INT64_MAX, limit, show_row, &shown, &error);
        }
        if (result == 0) {
            result = store_read_let_go(reader, LEDGER_LINES, show_let_go, &shown, &error);
        }
        if (result != 0) {
            fprintf(stderr, "edutally rejected: %s\n", error.code != 0 ? error.text : "out of memory");
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
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"limit", required_argument, NULL, 'l'},
        {"json", no_argument, NULL, 'j'},         {"raw", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {0}};
    const char *config = NULL;
    long limit = LISTED;
    struct listing listing = {0};
    int option;
    while ((option = getopt_long(argc, argv, "c:l:jrh", options, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        if (option == 'c') {
            config = optarg;
        } else if (option == 'l') {
            limit = strtol(optarg, NULL, 10);
        } else if (option == 'j') {
            listing.json = true;
        } else if (option == 'r') {
            listing.raw = true;
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
    return retry ? retry_rows(config, listing.json) : list_rows(config, (int)limit, &listing);
}
