/* `edutally-sim events`: a scenario's messages as JSON lines, in the order of their arrival. */
#include "civil.h"
#include "commands.h"
#include "deliver.h"
#include "format.h"
#include "options.h"
#include "progress.h"
#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BUFFER ((size_t)1048576)

static const char about[] =
    "Writes what a scenario's devices send as JSON lines, in order of arrival:\n"
    "  {\"topic\":\"edu/v1/...\",\"payload\":\"...\",\"received\":\"2026-02-14T07:00:00+07:00\"}\n"
    "for `edutally ingest`. The same seed gives the same bytes. --from and --to bound\n"
    "the time of arrival, so two windows that meet hold together exactly what the\n"
    "whole holds.\n";

static const char examples[] = "examples:\n"
                               "  edutally-sim events --scenario config/scenarios/province-year.jsonc --to now |\n"
                               "      edutally ingest --config FILE -\n"
                               "  edutally-sim events --scenario FILE --to now --out events.jsonl\n"
                               "  edutally-sim events --scenario FILE --centres 20 --from 2026-03-01 --to now\n";

struct output {
    FILE *stream;
    const char *name;
    uint64_t lines, events, bytes;
};

static void show(struct progress *progress, const struct setup *setup, const struct output *output, int64_t now_ms)
{
    char date[CIVIL_DATE_MAX], line[128];

    civil_format_date(civil_day_of(now_ms, setup->scenario->utc_offset_minutes), date);
    (void)snprintf(line, sizeof line, "events %3d %%  day %s  %llu events in %llu messages  %llu MB",
                   (int)(100.0 * (double)(now_ms - setup->from_ms) / (double)(setup->to_ms - setup->from_ms)), date,
                   (unsigned long long)output->events, (unsigned long long)output->lines,
                   (unsigned long long)output->bytes / 1000000);
    progress_show(progress, line);
}

static int write_all(const struct setup *setup, struct output *output, struct error *error)
{
    struct deliver *deliver = deliver_open(&setup->plan, setup->to_ms);
    const struct delivery *delivery;
    struct progress progress;
    char line[FORMAT_LINE_MAX];
    int got;

    if (!deliver) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    progress_begin(&progress, 0);
    while ((got = deliver_next(deliver, &delivery, error)) > 0) {
        size_t length;

        if (delivery->received_ms < setup->from_ms) {
            continue;
        }
        length = format_line(&setup->plan, delivery, line);
        if (fwrite(line, 1, length, output->stream) != length) {
            got = error_set(error, ERROR_FAILED, "writing to %s failed: %s", output->name, strerror(errno));
            break;
        }
        output->lines++;
        output->events += delivery->kind == DELIVERY_NEW ? delivery->count : 0;
        output->bytes += length;
        if (output->lines % 1024 == 0 && progress_due(&progress)) {
            show(&progress, setup, output, delivery->received_ms);
        }
    }
    if (got == 0 && progress.terminal) {
        show(&progress, setup, output, setup->to_ms);
    }
    progress_end(&progress);
    deliver_close(&deliver);
    return got;
}

static int open_output(const char *path, struct output *output, struct error *error)
{
    bool standard = !path || strcmp(path, "-") == 0;

    output->name = standard ? "standard output" : path;
    output->stream = standard ? stdout : fopen(path, "wb");
    if (!output->stream) {
        return error_set(error, ERROR_FAILED, "--out %s cannot be written: %s", path, strerror(errno));
    }
    return setvbuf(output->stream, NULL, _IOFBF, OUTPUT_BUFFER) ? error_set(error, ERROR_MEMORY, "out of memory") : 0;
}

static int close_output(struct output *output, struct error *error)
{
    bool failed = fflush(output->stream) != 0 || ferror(output->stream);

    if (output->stream != stdout) {
        failed = fclose(output->stream) != 0 || failed;
    }
    return failed ? error_set(error, ERROR_FAILED, "writing to %s failed: %s", output->name, strerror(errno)) : 0;
}

int command_events(int argc, char **argv)
{
    struct setup_options options = {.seed = -1};
    const char *out = NULL;
    const struct option rows[] = {
        {"--scenario", OPTION_TEXT, &options.scenario, 0, 0, "FILE", "the scenario (needed)"},
        {"--from", OPTION_TEXT, &options.from, 0, 0, "TIME", "first moment of arrival; default: the first day"},
        {"--to", OPTION_TEXT, &options.to, 0, 0, "TIME|now", "ends before this; default: the end of its last day"},
        {"--centres", OPTION_TEXT, &options.centres, 0, 0, "N|ID,...",
         "only so many, spread over the registry, or these"},
        {"--seed", OPTION_NUMBER, &options.seed, 0, INT64_MAX, "N", "another seed than the scenario's"},
        {"--out", OPTION_TEXT, &out, 0, 0, "FILE|-", "default: standard output"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct option_table table = {"events", about, examples, rows};
    struct output output = {0};
    struct error error = {0};
    struct setup setup = {0};
    int result = options_parse(&table, argc, argv, &error);

    if (result == 1) {
        return 0;
    }
    if (result == 0 && options.to && strcmp(options.to, "forever") == 0) {
        result = error_set(&error, ERROR_USAGE, "--to forever is for `run`; events ends at a time");
    }
    if (result == 0) {
        result = setup_load(&options, &setup, &error);
    }
    if (result == 0) {
        result = open_output(out, &output, &error);
    }
    if (result == 0) {
        result = write_all(&setup, &output, &error);
    }
    if (output.stream) {
        struct error closing = {0};

        if (close_output(&output, &closing) && result == 0) {
            error = closing;
            result = closing.code;
        }
    }
    if (result) {
        (void)fprintf(stderr, "edutally-sim events: %s\n", error.text);
    }
    setup_free(&setup);
    return error_exit_code(result);
}
