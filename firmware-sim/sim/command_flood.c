/* `edutally-sim flood`: load, and what it measured, as text or JSON. */
#include "broker_options.h"
#include "commands.h"
#include "flood.h"
#include "options.h"
#include "setup.h"
#include "stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char about[] = "Sends numbered events of many devices and tells what became of them:\n"
                            "acknowledged by the broker, covered by the collector's end-to-end\n"
                            "acknowledgements (if one is running), and how long both took. Events are stamped\n"
                            "with the real time, and are real events to the collector: do not point it at a\n"
                            "real province.\n";

static const char examples[] = "examples:\n"
                               "  edutally-sim flood --scenario FILE --server URL --messages 100000\n"
                               "  edutally-sim flood --registry centres.csv --server URL --devices 20000 \\\n"
                               "      --rate 2000 --batch 10 --json\n";

struct flood_options {
    struct broker_options broker;
    const char *scenario, *registry, *realm, *rate;
    int64_t devices, messages, batch, qos, centres;
    bool json;
};

static void print_json(const struct flood_result *result)
{
    const struct histogram *broker = &result->to_broker_us, *covered = &result->to_covered_us;
    double seconds = result->send_seconds > 0 ? result->send_seconds : 1e-6;

    (void)printf(
        "{\"sent\":%llu,\"broker_acked\":%llu,\"refused\":%llu,\"covered\":%llu,\"events\":%llu,"
        "\"seconds\":%.3f,\"messages_per_second\":%.1f,\"events_per_second\":%.1f,\"covered_seconds\":%.3f,"
        "\"puback_us\":{\"p50\":%llu,\"p99\":%llu,\"p999\":%llu,\"max\":%llu},"
        "\"covered_us\":{\"p50\":%llu,\"p99\":%llu,\"p999\":%llu,\"max\":%llu}}\n",
        (unsigned long long)result->sent, (unsigned long long)result->broker_acked, (unsigned long long)result->refused,
        (unsigned long long)result->covered, (unsigned long long)result->events, result->send_seconds,
        (double)result->broker_acked / seconds, (double)result->events / seconds,
        result->covered > 0 ? result->covered_seconds : 0.0, (unsigned long long)histogram_percentile(broker, 0.5),
        (unsigned long long)histogram_percentile(broker, 0.99), (unsigned long long)histogram_percentile(broker, 0.999),
        (unsigned long long)broker->most, (unsigned long long)histogram_percentile(covered, 0.5),
        (unsigned long long)histogram_percentile(covered, 0.99),
        (unsigned long long)histogram_percentile(covered, 0.999), (unsigned long long)covered->most);
}

static void print_latency(const char *name, const struct histogram *histogram)
{
    if (histogram->count == 0) {
        (void)printf("%-22s none\n", name);
        return;
    }
    (void)printf("%-22s p50 %.2f ms  p99 %.2f ms  p99.9 %.2f ms  max %.2f ms\n", name,
                 (double)histogram_percentile(histogram, 0.5) / 1000,
                 (double)histogram_percentile(histogram, 0.99) / 1000,
                 (double)histogram_percentile(histogram, 0.999) / 1000, (double)histogram->most / 1000);
}

static void print_text(const struct flood_result *result)
{
    double seconds = result->send_seconds > 0 ? result->send_seconds : 1e-6;

    (void)printf("%-22s %llu messages, %llu events\n", "sent", (unsigned long long)result->sent,
                 (unsigned long long)result->events);
    (void)printf("%-22s %llu in %.2f s: %.0f messages/s, %.0f events/s\n", "acknowledged by broker",
                 (unsigned long long)result->broker_acked, result->send_seconds, (double)result->broker_acked / seconds,
                 (double)result->events / seconds);
    (void)printf("%-22s %llu", "covered end to end", (unsigned long long)result->covered);
    if (result->covered > 0) {
        (void)printf(" in %.2f s: %.0f messages/s", result->covered_seconds,
                     (double)result->covered / (result->covered_seconds > 0 ? result->covered_seconds : 1e-6));
    }
    (void)printf("%s\n", result->untracked ? "; more were sent than could be watched without an answer" : "");
    print_latency("to PUBACK", &result->to_broker_us);
    print_latency("to end-to-end ack", &result->to_covered_us);
}

/* The registry and realm: from the options, or from the scenario. */
static int load_centres(const struct flood_options *options, struct registry *registry, char realm[65],
                        struct error *error)
{
    struct jsonc_faults faults = {0};
    struct scenario *scenario = NULL;
    const char *path = options->registry;
    int result = 0;

    if (!options->scenario == !options->registry) {
        return error_set(error, ERROR_USAGE, "give either --scenario or --registry, for the centres' ids");
    }
    if (options->scenario) {
        if (scenario_load(options->scenario, &faults, &scenario)) {
            return setup_report_faults(&faults, options->scenario, error);
        }
        path = scenario->registry_path;
    }
    (void)snprintf(realm, 65, "%s", options->realm ? options->realm : scenario ? scenario->realm : "46");
    if (registry_load(path, &faults, registry)) {
        result = setup_report_faults(&faults, path, error);
    }
    scenario_free(&scenario);
    return result;
}

static int run_flood(const struct flood_options *options, struct flood_settings *settings, struct error *error)
{
    struct registry registry = {0};
    struct flood_result *measured = calloc(1, sizeof *measured);
    const char **ids = NULL;
    char realm[65], *end = NULL;
    int result = load_centres(options, &registry, realm, error);

    result =
        result ? result : broker_options_check(&options->broker, realm, &settings->link, &settings->gateway, error);
    if (result == 0 && strcmp(options->rate, "max") != 0) {
        settings->rate = strtod(options->rate, &end);
        if (*end || !(settings->rate > 0 && settings->rate <= 1e9)) {
            result =
                error_set(error, ERROR_USAGE, "--rate is \"%s\"; it takes max or messages a second", options->rate);
        }
    }
    if (result || registry.count == 0) {
        goto out;
    }
    ids = calloc(registry.count, sizeof *ids);
    if (!ids || !measured) {
        result = error_set(error, ERROR_MEMORY, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < registry.count; i++) {
        ids[i] = registry.centres[i].id;
    }
    settings->centre_ids = ids;
    settings->centre_count = (uint32_t)registry.count;
    if ((int64_t)settings->centre_count > options->centres) {
        settings->centre_count = (uint32_t)options->centres;
    }
    stop_listen();
    result = flood(settings, measured, error);
    if (measured->sent > 0) {
        (options->json ? print_json : print_text)(measured);
    }
out:
    free(ids);
    free(measured);
    registry_free(&registry);
    return result;
}

int command_flood(int argc, char **argv)
{
    struct flood_options options = {.broker = BROKER_OPTIONS_DEFAULT,
                                    .rate = "max",
                                    .devices = 1000,
                                    .messages = 10000,
                                    .batch = 1,
                                    .qos = 1,
                                    .centres = 1000000};
    struct flood_settings settings = {.connect_seconds = 15, .drain_seconds = 10, .stop = &stop_requested};
    const struct option rows[] = {
        {"load", OPTION_HEADING, NULL, 0, 0, NULL, NULL},
        {"--devices", OPTION_NUMBER, &options.devices, 1, 10000000, "N", "that take turns; default 1000"},
        {"--messages", OPTION_NUMBER, &options.messages, 1, INT64_MAX, "N", "in all; default 10000"},
        {"--batch", OPTION_NUMBER, &options.batch, 1, FLOOD_BATCH_MAX, "N", "events in a message; default 1"},
        {"--rate", OPTION_TEXT, &options.rate, 0, 0, "N|max", "messages a second; default max, a closed loop"},
        {"--qos", OPTION_NUMBER, &options.qos, 0, 2, "N", "default 1"},
        {"--scenario", OPTION_TEXT, &options.scenario, 0, 0, "FILE", "whose registry's centres to use, or"},
        {"--registry", OPTION_TEXT, &options.registry, 0, 0, "FILE", "a registry's centres.csv"},
        {"--realm", OPTION_TEXT, &options.realm, 0, 0, "CODE", "default: the scenario's, or 46"},
        {"--centres", OPTION_NUMBER, &options.centres, 1, 1000000, "N", "the first so many; default all"},
        {"--connect-seconds", OPTION_NUMBER, &settings.connect_seconds, 1, 86400, "N", "for all connections; 15"},
        {"--drain-seconds", OPTION_NUMBER, &settings.drain_seconds, 0, 86400, "N",
         "ends when so long nothing more was acknowledged; 10"},
        {"--json", OPTION_FLAG, &options.json, 0, 0, NULL, "the result as one JSON object"},
        BROKER_OPTION_ROWS(options.broker),
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct option_table table = {"flood", about, examples, rows};
    struct error error = {0};
    int result = options_parse(&table, argc, argv, &error);

    if (result == 1) {
        return 0;
    }
    if (result == 0) {
        settings.devices = (uint32_t)options.devices;
        settings.messages = (uint64_t)options.messages;
        settings.batch = (uint32_t)options.batch;
        settings.qos = (int)options.qos;
        result = run_flood(&options, &settings, &error);
    }
    if (result) {
        (void)fprintf(stderr, "edutally-sim flood: %s\n", error.text);
    }
    return error_exit_code(result);
}
