/* `edutally-sim run`: a scenario's devices as real MQTT clients. */
#include "broker_options.h"
#include "commands.h"
#include "options.h"
#include "play.h"
#include "setup.h"
#include "stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char about[] = "Plays a scenario's devices against a broker: retained births, QoS 1, an outbox\n"
                            "that forgets an event only when the collector's end-to-end acknowledgement\n"
                            "covers it, resends of what is missing. Started again with the same scenario it\n"
                            "asks the collector what it has and goes on where it was: nothing is counted\n"
                            "twice. Ends with 0 if everything was acknowledged end to end, or on SIGINT or\n"
                            "SIGTERM.\n\n"
                            "Virtual time begins at --from, runs --speed times as fast as real time and never\n"
                            "overtakes it. The collector takes the time of arrival from its own clock:\n"
                            "playing a past year needs its late_days raised (or use: edutally-sim events |\n"
                            "edutally ingest).\n";

static const char examples[] = "examples:\n"
                               "  edutally-sim run --scenario FILE --server mqtt://127.0.0.1:1883 \\\n"
                               "      --live-hours always\n"
                               "          a demonstration: real time, every hour a school hour, until Ctrl-C\n"
                               "  edutally-sim run --scenario FILE --server URL --from 2026-09-01 --until now \\\n"
                               "      --speed max\n"
                               "  edutally-sim run --scenario FILE --server URL --from now --centres 20\n"
                               "          real time and real school hours\n";

struct run_options {
    struct setup_options setup;
    struct broker_options broker;
    const char *until, *speed, *live_hours;
};

static int read_speed(const char *text, double *speed, struct error *error)
{
    char *end;

    *speed = 0;
    if (strcmp(text, "max") == 0) {
        return 0;
    }
    *speed = strtod(text, &end);
    if (end == text || *end || !(*speed >= 0.001 && *speed <= 1e9)) {
        return error_set(error, ERROR_USAGE, "--speed is \"%s\"; it takes max or a number such as 1 or 3600", text);
    }
    return 0;
}

/* Fills in what follows from other options. */
static int complete(struct run_options *options, struct play_settings *settings, struct error *error)
{
    bool always = options->live_hours && strcmp(options->live_hours, "always") == 0;

    if (options->live_hours && !always && strcmp(options->live_hours, "calendar") != 0) {
        return error_set(error, ERROR_USAGE, "--live-hours is \"%s\"; it takes calendar or always",
                         options->live_hours);
    }
    options->setup.from = options->setup.from ? options->setup.from : "now";
    options->setup.to = options->until ? options->until : "forever";
    options->setup.live_always = always;
    if (always && (strcmp(options->setup.from, "now") != 0 || strcmp(options->speed, "1") != 0)) {
        return error_set(error, ERROR_USAGE, "--live-hours always plays real time: leave out --from and --speed");
    }
    return read_speed(options->speed, &settings->speed, error);
}

static void print_result(const struct play_result *result)
{
    const struct player_counts *counts = &result->counts;

    (void)printf("events=%llu covered=%llu already_covered=%llu uncovered=%llu sent=%llu resent=%llu messages=%llu "
                 "bad_acks=%llu seconds=%.1f\n",
                 (unsigned long long)counts->events, (unsigned long long)counts->covered,
                 (unsigned long long)counts->skipped, (unsigned long long)result->uncovered,
                 (unsigned long long)counts->sent, (unsigned long long)counts->resent,
                 (unsigned long long)counts->messages, (unsigned long long)counts->bad_acks, result->seconds);
}

static int run_play(struct run_options *options, struct play_settings *settings, struct error *error)
{
    struct setup setup = {0};
    struct play_result result;
    int failed = complete(options, settings, error);

    if (failed == 0) {
        failed = setup_load(&options->setup, &setup, error);
    }
    if (failed == 0) {
        settings->from_ms = setup.from_ms;
        settings->to_ms = setup.to_ms;
        failed =
            broker_options_check(&options->broker, setup.scenario->realm, &settings->link, &settings->gateway, error);
    }
    if (failed == 0) {
        stop_listen();
        failed = play(&setup.plan, settings, &result, error);
        print_result(&result);
    }
    setup_free(&setup);
    return failed;
}

int command_run(int argc, char **argv)
{
    struct run_options options = {
        .setup = {.seed = -1}, .broker = BROKER_OPTIONS_DEFAULT, .speed = "1", .live_hours = NULL};
    struct play_settings settings = {.connect_seconds = 15,
                                     .birth_wait_seconds = 5,
                                     .drain_seconds = 60,
                                     .resend_seconds = 15,
                                     .outbox_events = 200000,
                                     .stop = &stop_requested};
    const struct option rows[] = {
        {"what", OPTION_HEADING, NULL, 0, 0, NULL, NULL},
        {"--scenario", OPTION_TEXT, &options.setup.scenario, 0, 0, "FILE", "the scenario (needed)"},
        {"--centres", OPTION_TEXT, &options.setup.centres, 0, 0, "N|ID,...", "only so many, or these"},
        {"--seed", OPTION_NUMBER, &options.setup.seed, 0, INT64_MAX, "N", "another seed than the scenario's"},
        {"--from", OPTION_TEXT, &options.setup.from, 0, 0, "TIME|now", "first moment of arrival; default now"},
        {"--until", OPTION_TEXT, &options.until, 0, 0, "TIME|now|forever", "default forever"},
        {"--speed", OPTION_TEXT, &options.speed, 0, 0, "N|max", "virtual by real time; default 1"},
        {"--live-hours", OPTION_TEXT, &options.live_hours, 0, 0, "calendar|always",
         "always: every hour is a school hour, from now on"},
        BROKER_OPTION_ROWS(options.broker),
        {"patience", OPTION_HEADING, NULL, 0, 0, NULL, NULL},
        {"--connect-seconds", OPTION_NUMBER, &settings.connect_seconds, 1, 86400, "N", "for the first connection; 15"},
        {"--birth-wait-seconds", OPTION_NUMBER, &settings.birth_wait_seconds, 0, 86400, "N",
         "for the collector to tell what it has; 5"},
        {"--resend-seconds", OPTION_NUMBER, &settings.resend_seconds, 1, 86400, "N",
         "before an event is sent again; 15, doubling to 120"},
        {"--drain-seconds", OPTION_NUMBER, &settings.drain_seconds, 0, 86400, "N", "for the last ones at the end; 60"},
        {"--outbox-events", OPTION_NUMBER, &settings.outbox_events, 1, 100000000, "N",
         "uncovered events at which the play waits; 200000"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct option_table table = {"run", about, examples, rows};
    struct error error = {0};
    int result = options_parse(&table, argc, argv, &error);

    if (result == 1) {
        return 0;
    }
    if (result == 0) {
        result = run_play(&options, &settings, &error);
    }
    if (result) {
        (void)fprintf(stderr, "edutally-sim run: %s\n", error.text);
    }
    return error_exit_code(result);
}
