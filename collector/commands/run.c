/*
 * `edutally run`, the daemon. The main thread is the pipeline's; receiving (Paho's thread), each output and HTTP have
 * their own. Signals are blocked everywhere and fetched between two turns, so nothing is interrupted in the middle.
 */
#include "engine.h"
#include "receiving.h"

#include "api/api.h"
#include "base/file.h"
#include "base/log.h"
#include "commands/commands.h"
#include "ingest/ingest.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum { TURN_MS = 200, TIDY_EVERY_MS = 3600 * 1000, GAUGES_EVERY_MS = 5000, TIDY_WHEN_STUCK_MS = 3 * 1000 };

struct daemon {
    struct engine engine;
    struct ingest *ingest;
    struct api *api;
    struct output **outputs;
    struct api_world api_world;
    struct world *reloaded; /* by SIGHUP; NULL: the engine's first world is in force */
    sigset_t signals;
    int64_t revision;
    int64_t tidied_ms, gauged_ms;
    struct receiving receiving; /* the receiving thread's */
};

static void explain(FILE *out)
{
    fputs("Usage: edutally run --config FILE\n\n"
          "Receives events over MQTT, counts each exactly once, evaluates the targets,\n"
          "writes to the configured outputs and serves the dashboard, until SIGTERM or\n"
          "Ctrl-C. SIGHUP reads registry, taxonomy and indicators again (all or nothing), and\n"
          "the tokens and the certificate of HTTP. Passwords and tokens that others ask for\n"
          "are read again when they are refused.\n\n"
          "  --config FILE  the collector's configuration; `edutally check` explains what\n"
          "                 is wrong with it\n\n"
          "Exit: 0 stopped as asked, 1 failed, 2 usage, 3 config\n",
          out);
}

static int publish_ack(void *context, const char *topic, const void *payload, size_t length)
{
    struct daemon *daemon = context;
    return daemon->ingest != NULL ? ingest_publish(daemon->ingest, topic, payload, length, 0, false) : ERROR_BUSY;
}

static int start_outputs(struct daemon *daemon, struct error *error)
{
    const struct settings *settings = &daemon->engine.world.settings;
    daemon->outputs = calloc(settings->output_count + 1, sizeof(struct output *));
    if (daemon->outputs == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < settings->output_count; i++) {
        int result =
            output_start(&daemon->outputs[i], &settings->outputs[i], settings->data_dir, daemon->engine.world.zone,
                         &daemon->engine.counters, pipeline_output_sink(daemon->engine.pipeline), error);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int start_parts(struct daemon *daemon, struct error *error)
{
    const struct settings *settings = &daemon->engine.world.settings;
    int result = start_outputs(daemon, error);
    if (result == 0 && settings->http_listen != NULL) {
        result =
            api_start(&daemon->api, settings, EDUTALLY_VERSION, &daemon->engine.counters, &daemon->api_world, error);
    }
    if (result == 0 && settings->mqtt_server != NULL) {
        daemon->receiving = (struct receiving){
            .journal = daemon->engine.journal, .counters = &daemon->engine.counters, .settings = settings};
        const struct ingest_sink sink = {
            .take = receiving_take, .has_room = receiving_has_room, .context = &daemon->receiving};
        result = ingest_start(&daemon->ingest, settings, settings->data_dir, &daemon->engine.counters, &sink, error);
    }
    return result;
}

static void stop_parts(struct daemon *daemon)
{
    if (daemon->ingest != NULL) {
        ingest_stop(&daemon->ingest);
    }
    for (size_t i = 0; daemon->outputs != NULL && i < daemon->engine.world.settings.output_count; i++) {
        if (daemon->outputs[i] != NULL) {
            output_stop(&daemon->outputs[i]);
        }
    }
    free(daemon->outputs);
    daemon->outputs = NULL;
    if (daemon->api != NULL) {
        api_stop(&daemon->api);
    }
}

static void drop_reloaded(struct daemon *daemon)
{
    if (daemon->reloaded != NULL) {
        world_free(daemon->reloaded);
        free(daemon->reloaded);
        daemon->reloaded = NULL;
    }
}

/* SIGHUP: another registry, taxonomy and indicators, or none of them. Settings need a restart, so the first world
 * stays. Tokens come first: taking one away does not wait for a registry without faults. */
static void reload(struct daemon *daemon)
{
    struct engine *engine = &daemon->engine;
    struct error error = {0};
    if (daemon->api != NULL) {
        api_reload(daemon->api);
    }
    struct world *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL || world_reload_or_explain(fresh, &engine->world) != EXIT_DONE) {
        log_error("reload_refused", "note=\"the files could not be taken over, the old ones stay in force\"");
        if (fresh != NULL) {
            world_free(fresh);
        }
        free(fresh);
        return;
    }
    if (pipeline_reload(engine->pipeline, fresh->registry, &fresh->indicators, &error) != 0) {
        log_error("reload_unfinished", "reason=\"%s\" note=\"goes on with the next turn\"", error.text);
    }
    daemon->api_world =
        (struct api_world){.registry = fresh->registry, .indicators = &fresh->indicators, .zone = engine->world.zone};
    if (daemon->api != NULL) {
        api_replace_world(daemon->api, &daemon->api_world);
    }
    drop_reloaded(daemon);
    daemon->reloaded = fresh;
    log_info("reloaded", "centres=%zu registry=%.12s", registry_centre_count(fresh->registry),
             registry_hash(fresh->registry));
}

/* The slowest output speaks for all. */
static int64_t most_behind(const struct daemon *daemon)
{
    int64_t most = 0;
    for (size_t i = 0; daemon->outputs[i] != NULL; i++) {
        struct output_status status;
        output_get_status(daemon->outputs[i], &status);
        most = status.behind > most ? status.behind : most;
    }
    return most;
}

static void update_gauges(struct daemon *daemon)
{
    struct statvfs disk;
    int64_t now_ms = clock_steady_ms();
    counter_set(&daemon->engine.counters, COUNTER_output_behind_revisions, most_behind(daemon));
    if (now_ms - daemon->gauged_ms < GAUGES_EVERY_MS) {
        return;
    }
    daemon->gauged_ms = now_ms;
    if (statvfs(daemon->engine.world.settings.data_dir, &disk) == 0) {
        counter_set(&daemon->engine.counters, COUNTER_disk_free_bytes, (int64_t)(disk.f_bavail * disk.f_frsize));
    }
    sd_notify(0, "WATCHDOG=1");
}

/* Once an hour; oftener while the disk is full, for tidying may make room, also where counting failed for lack of it.
 * What `result` was, or what tidying gave. */
static int tidy_if_due(struct daemon *daemon, int result, struct error *error)
{
    struct error aside = {0};
    bool is_stuck = result != 0 || counter_get(&daemon->engine.counters, COUNTER_journal_stuck) != 0;
    int64_t now_ms = clock_steady_ms();
    if (now_ms - daemon->tidied_ms < (is_stuck ? TIDY_WHEN_STUCK_MS : TIDY_EVERY_MS)) {
        return result;
    }
    daemon->tidied_ms = now_ms;
    int tidied = pipeline_tidy(daemon->engine.pipeline, result == 0 ? error : &aside);
    return result == 0 ? tidied : result;
}

/* One turn of the pipeline and what follows from it. A failure is logged and waited out: the journal keeps receiving.
 */
static void turn(struct daemon *daemon)
{
    struct error error = {0};
    int64_t before = daemon->revision;
    int result = pipeline_turn(daemon->engine.pipeline, TURN_MS, &daemon->revision, &error);
    result = tidy_if_due(daemon, result, &error);
    if (result != 0) {
        log_error("counting_failed", "reason=\"%s\" note=\"tried again; nothing is lost\"", error.text);
        const struct timespec pause = {.tv_sec = 1};
        nanosleep(&pause, NULL);
    }
    for (size_t i = 0; daemon->revision != before && daemon->outputs[i] != NULL; i++) {
        output_wake(daemon->outputs[i]);
    }
    counter_set(&daemon->engine.counters, COUNTER_journal_position, journal_end(daemon->engine.journal));
    receiving_note_backlog(daemon->engine.journal, &daemon->engine.counters);
    update_gauges(daemon);
}

/* True once a sync failed: what the disk holds is not known any more. */
static bool disk_is_broken(const struct daemon *daemon)
{
    return journal_is_broken(daemon->engine.journal) || pipeline_is_broken(daemon->engine.pipeline);
}

/* Turns until SIGTERM or SIGINT, or until the disk can no longer be trusted. */
static void serve(struct daemon *daemon)
{
    const struct timespec at_once = {0};
    for (;;) {
        int signal_number = sigtimedwait(&daemon->signals, NULL, &at_once);
        if (signal_number == SIGTERM || signal_number == SIGINT) {
            log_info("stopping", "signal=%d", signal_number);
            return;
        }
        if (signal_number == SIGHUP) {
            sd_notify(0, "RELOADING=1");
            reload(daemon);
            sd_notify(0, "READY=1");
        }
        turn(daemon);
        if (disk_is_broken(daemon)) {
            log_error(
                "disk_broken",
                "note=\"the disk lost what it had taken; ending, so that the next start reads what is really there\"");
            return;
        }
    }
}

/* Stops receiving, counts what has arrived, lets the outputs end. */
static int drain(struct daemon *daemon)
{
    struct error error = {0};
    sd_notify(0, "STOPPING=1");
    if (daemon->ingest != NULL) {
        ingest_stop(&daemon->ingest);
    }
    int result = pipeline_finish(daemon->engine.pipeline, &error);
    if (result != 0) {
        log_error("drain_failed", "reason=\"%s\" note=\"the next start goes on from the journal\"", error.text);
    }
    stop_parts(daemon);
    log_info("stopped", "position=%lld revision=%lld", (long long)journal_end(daemon->engine.journal),
             (long long)counter_get(&daemon->engine.counters, COUNTER_revision));
    /* With nothing left to commit the drain succeeds over a broken disk too: the supervisor must start us again. */
    return result == 0 && !disk_is_broken(daemon) ? EXIT_DONE : EXIT_FAILED;
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

static int run_daemon(struct daemon *daemon, const char *config)
{
    struct error error = {0};
    block_signals(&daemon->signals);
    int code = engine_open(&daemon->engine, config, publish_ack, daemon);
    if (code != EXIT_DONE) {
        return code;
    }
    daemon->api_world = (struct api_world){.registry = daemon->engine.world.registry,
                                           .indicators = &daemon->engine.world.indicators,
                                           .zone = daemon->engine.world.zone};
    daemon->tidied_ms = clock_steady_ms() - TIDY_EVERY_MS;
    int result = start_parts(daemon, &error);
    if (result != 0) {
        fprintf(stderr, "edutally run: %s\n", error.text);
        stop_parts(daemon);
        return result == ERROR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
    }
    log_info("started", "version=%s data_dir=\"%s\" centres=%zu dashboard=%s", EDUTALLY_VERSION,
             daemon->engine.world.settings.data_dir, registry_centre_count(daemon->engine.world.registry),
             daemon->api != NULL ? api_url(daemon->api) : "off");
    sd_notify(0, "READY=1");
    serve(daemon);
    return drain(daemon);
}

int command_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *config = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        if (option != 'c') {
            return EXIT_USAGE;
        }
        config = optarg;
    }
    if (config == NULL || optind < argc) {
        explain(stderr);
        return EXIT_USAGE;
    }
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (daemon == NULL) {
        fprintf(stderr, "edutally run: out of memory\n");
        return EXIT_FAILED;
    }
    int code = run_daemon(daemon, config);
    engine_close(&daemon->engine);
    drop_reloaded(daemon);
    free(daemon);
    return code;
}
