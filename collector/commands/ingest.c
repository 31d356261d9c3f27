/*
 * `edutally ingest`: JSON lines through the very same pipeline. Lines go into the journal without a sync of their own
 * (nobody waits for an acknowledgement) and are counted piece by piece. A line that cannot be read is said with its
 * number and left out; the rest counts. Running the same file twice counts nothing twice.
 */
#include "engine.h"
#include "progress.h"

#include "base/arena.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/json_arena.h"
#include "commands/commands.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARENA_BLOCK = 256 * 1024,
    READ_BYTES = 1024 * 1024,
    LONGEST_LINE = 64 * 1024 * 1024,
    PIECE_BYTES = 32 * 1024 * 1024,
    SHOWN_FAULTS = 20
};

struct input {
    int fd;
    const char *name;
    char *bytes;
    size_t used, start, size;
    bool ended;
    int64_t taken; /* bytes read so far */
    int64_t line;
};

struct ingestion {
    struct engine engine;
    struct input input;
    struct arena arena;
    struct progress progress;
    int64_t messages, bad_lines, pending_bytes;
};

static void explain(FILE *out)
{
    fputs("Usage: edutally ingest --config FILE [--json] [FILE|-]\n\n"
          "Counts events from a file, or from standard input (-, or no name), of JSON\n"
          "lines, one message a line:\n"
          "  {\"topic\":\"edu/v1/46/th-1/tablet-7/event\",\"payload\":\"{…}\",\n"
          "   \"received\":\"2026-10-05T08:31:02+07:00\"}\n"
          "without the line break. `payload` is the MQTT message as a string; `received` is\n"
          "when it came (now, if absent). Messages take the same way as those from MQTT:\n"
          "journal, decoding, counting once. A file that is ingested twice counts once; so\n"
          "after an interruption start again from the beginning. The daemon must not be\n"
          "running on the same data_dir.\n\n"
          "  --config FILE  the collector's configuration\n"
          "  --json         print the summary as JSON\n\n"
          "Example:\n"
          "  edutally-sim events --scenario province-year.jsonc --to now |\n"
          "      edutally ingest --config collector.jsonc -\n\n"
          "Exit: 0 all lines counted or set aside with a reason, 1 some line was no message\n"
          "      or the disk failed, 2 usage, 3 config\n",
          out);
}

static int read_more(struct input *input, struct error *error)
{
    if (input->start > 0) {
        memmove(input->bytes, input->bytes + input->start, input->used - input->start);
        input->used -= input->start;
        input->start = 0;
    }
    if (input->size - input->used < READ_BYTES) {
        size_t size = input->size == 0 ? 2 * (size_t)READ_BYTES : input->size * 2;
        char *grown = size <= LONGEST_LINE ? realloc(input->bytes, size) : NULL;
        if (grown == NULL) {
            return error_set(error, ERROR_LIMIT, "%s:%lld: a line is longer than %d MiB: is this a file of JSON lines?",
                             input->name, (long long)input->line + 1, LONGEST_LINE / 1024 / 1024);
        }
        input->bytes = grown;
        input->size = size;
    }
    ssize_t got;
    do {
        got = read(input->fd, input->bytes + input->used, input->size - input->used);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_errno(error, "cannot read %s", input->name);
    }
    input->ended = got == 0;
    input->used += (size_t)got;
    input->taken += got;
    return 0;
}

/* The next line without its end: 1; 0 at the end of the input; or an error. */
static int next_line(struct input *input, char **line, size_t *length, struct error *error)
{
    size_t searched = input->start;
    for (;;) {
        char *end = input->used > searched ? memchr(input->bytes + searched, '\n', input->used - searched) : NULL;
        if (end != NULL || (input->ended && input->used > input->start)) {
            *line = input->bytes + input->start;
            *length = (size_t)((end != NULL ? end : input->bytes + input->used) - *line);
            input->start += *length + (end != NULL);
            input->line++;
            return 1;
        }
        if (input->ended) {
            return 0;
        }
        size_t open = input->used - input->start;
        int result = read_more(input, error);
        if (result != 0) {
            return result;
        }
        searched = input->start + open;
    }
}

static void bad_line(struct ingestion *ingestion, const char *what)
{
    ingestion->bad_lines++;
    if (ingestion->bad_lines <= SHOWN_FAULTS) {
        progress_end(&ingestion->progress);
        fprintf(stderr, "%s:%lld: %s; this line was left out\n", ingestion->input.name,
                (long long)ingestion->input.line, what);
    }
}

/* True if the text has the escape \u0000: cJSON would end the string there. A backslash before it makes it plain text.
 */
static bool has_nul_escape(const char *text, size_t length)
{
    static const char escape[] = "u0000";
    const char *end = text + length;
    for (const char *at = text; (at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at > 5; at += 2) {
        if (memcmp(at + 1, escape, sizeof escape - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Hexadecimal digits to the bytes that they stand for, in place. False if they are none. */
static bool decode_hex(char *text, size_t *bytes)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, text[i]);
        if (digit == NULL || length % 2 != 0) {
            return false;
        }
        int value = (int)(digit - digits);
        text[i / 2] = (char)(i % 2 == 0 ? value << 4 : (unsigned char)text[i / 2] | value);
    }
    *bytes = length / 2;
    return true;
}

/* The message in a line: its bytes and NULL, or what is wrong with it. */
static const char *read_payload(const cJSON *root, const char **bytes, size_t *length)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(root, "payload");
    const cJSON *hex = cJSON_GetObjectItemCaseSensitive(root, "payload_hex");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "masked"))) {
        return "what was blotted out cannot be counted: dump with --raw";
    }
    if (payload == NULL && cJSON_IsString(hex)) {
        *bytes = hex->valuestring;
        return decode_hex(hex->valuestring, length) ? NULL : "\"payload_hex\" is no even number of digits 0-9 a-f";
    }
    if (payload == NULL || !cJSON_IsString(payload)) {
        return "\"payload\" is missing or no string: put the message's JSON into a string";
    }
    *bytes = payload->valuestring;
    *length = strlen(payload->valuestring);
    return NULL;
}

static int append_line(struct ingestion *ingestion, const char *line, size_t length, struct error *error)
{
    int64_t received_ms = clock_wall_ms();
    const char *end = line, *payload = NULL, *fault;
    size_t bytes = 0;
    json_arena_use(&ingestion->arena);
    const cJSON *root = cJSON_ParseWithLengthOpts(line, length, &end, false);
    json_arena_use(NULL);
    while (root != NULL && end < line + length && strchr(" \t\r", *end) != NULL) {
        end++;
    }
    const cJSON *topic = cJSON_GetObjectItemCaseSensitive(root, "topic");
    const cJSON *received = cJSON_GetObjectItemCaseSensitive(root, "received");
    if (root == NULL || end != line + length) {
        bad_line(ingestion, "not JSON: each line is one object {\"topic\":…,\"payload\":…}");
    } else if (memchr(line, '\0', length) != NULL || has_nul_escape(line, length)) {
        bad_line(ingestion, "a NUL character, which no message may hold");
    } else if (!cJSON_IsString(topic) || strlen(topic->valuestring) > JOURNAL_MAX_TOPIC) {
        bad_line(ingestion, "\"topic\" is missing or no string");
    } else if ((fault = read_payload(root, &payload, &bytes)) != NULL) {
        bad_line(ingestion, fault);
    } else if (received != NULL &&
               (!cJSON_IsString(received) ||
                civil_parse_time(received->valuestring, strlen(received->valuestring), &received_ms) != 0)) {
        bad_line(ingestion, "\"received\" is not RFC 3339 with a zone, such as 2026-10-05T08:31:02+07:00");
    } else {
        ingestion->messages++;
        ingestion->pending_bytes += (int64_t)bytes;
        return journal_append_lazily(ingestion->engine.journal, received_ms, topic->valuestring,
                                     strlen(topic->valuestring), payload, bytes, error);
    }
    return 0;
}

static int count_piece(struct ingestion *ingestion, struct error *error)
{
    ingestion->pending_bytes = 0;
    int result = journal_flush(ingestion->engine.journal, error);
    return result == 0 ? pipeline_catch_up(ingestion->engine.pipeline, error) : result;
}

static int ingest_lines(struct ingestion *ingestion, struct error *error)
{
    char *line = NULL;
    size_t length = 0;
    int result = pipeline_catch_up(ingestion->engine.pipeline, error);
    while (result == 0 && (result = next_line(&ingestion->input, &line, &length, error)) == 1) {
        arena_reset(&ingestion->arena);
        result = length == 0 ? 0 : append_line(ingestion, line, length, error);
        if (result == 0 && ingestion->pending_bytes >= PIECE_BYTES) {
            result = count_piece(ingestion, error);
        }
        progress_show(&ingestion->progress, ingestion->input.taken,
                      counter_get(&ingestion->engine.counters, COUNTER_events_received));
    }
    if (result == 0) {
        result = count_piece(ingestion, error);
    }
    return result == 0 ? pipeline_finish(ingestion->engine.pipeline, error) : result;
}

static void summarize(const struct ingestion *ingestion, bool json)
{
    const struct counters *counters = &ingestion->engine.counters;
    const struct {
        const char *name, *words;
        int64_t value;
    } figures[] = {
        {"lines", "lines", ingestion->input.line},
        {"messages", "messages", ingestion->messages},
        {"events", "events", counter_get(counters, COUNTER_events_received)},
        {"counted", "counted", counter_get(counters, COUNTER_events_counted)},
        {"repeated", "counted before", counter_get(counters, COUNTER_events_repeated)},
        {"quarantined", "quarantined", counter_get(counters, COUNTER_events_quarantined)},
        {"rejected", "rejected", counter_get(counters, COUNTER_events_rejected)},
        {"bad_lines", "lines left out", ingestion->bad_lines},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (json) {
            printf("%s\"%s\":%lld", i == 0 ? "{" : ",", figures[i].name, (long long)figures[i].value);
        } else {
            printf("%s%s %lld", i == 0 ? "" : ", ", figures[i].words, (long long)figures[i].value);
        }
    }
    puts(json ? "}" : "");
}

static int open_input(struct input *input, const char *name)
{
    bool standard = strcmp(name, "-") == 0;
    *input = (struct input){.name = standard ? "standard input" : name,
                            .fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC)};
    if (input->fd < 0) {
        fprintf(stderr, "edutally ingest: cannot open %s: check the path\n", name);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int ingest_file(struct ingestion *ingestion, const char *config, bool json)
{
    struct error error = {0};
    struct stat status;
    int code = engine_open(&ingestion->engine, config, NULL, NULL);
    if (code != EXIT_DONE) {
        engine_close(&ingestion->engine);
        return code;
    }
    arena_init(&ingestion->arena, ARENA_BLOCK);
    bool sized = fstat(ingestion->input.fd, &status) == 0 && S_ISREG(status.st_mode);
    progress_start(&ingestion->progress, sized ? status.st_size : 0, "events");
    int result = ingest_lines(ingestion, &error);
    progress_end(&ingestion->progress);
    if (result != 0) {
        fprintf(stderr, "edutally ingest: %s\n", error.text);
    }
    if (ingestion->bad_lines > SHOWN_FAULTS) {
        fprintf(stderr, "edutally ingest: %lld more lines were left out\n",
                (long long)(ingestion->bad_lines - SHOWN_FAULTS));
    }
    summarize(ingestion, json);
    arena_free(&ingestion->arena);
    engine_close(&ingestion->engine);
    return result != 0 || ingestion->bad_lines > 0 ? EXIT_FAILED : EXIT_DONE;
}

int command_ingest(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *config = NULL;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:jh", options, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        if (option == 'c') {
            config = optarg;
        } else if (option == 'j') {
            json = true;
        } else {
            return EXIT_USAGE;
        }
    }
    if (config == NULL || argc - optind > 1) {
        explain(stderr);
        return EXIT_USAGE;
    }
    struct ingestion *ingestion = calloc(1, sizeof *ingestion);
    if (ingestion == NULL) {
        fprintf(stderr, "edutally ingest: out of memory\n");
        return EXIT_FAILED;
    }
    int code = open_input(&ingestion->input, optind < argc ? argv[optind] : "-");
    if (code == EXIT_DONE) {
        code = ingest_file(ingestion, config, json);
        close(ingestion->input.fd);
    }
    free(ingestion->input.bytes);
    free(ingestion);
    return code;
}
