/* `edutally-sim truth`: the facts that a collector must find, for the system tests to compare with. */
#include "commands.h"
#include "deliver.h"
#include "options.h"
#include "setup.h"
#include "taxonomy.h"
#include "truth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char about[] = "Prints what a collector must find in the messages that `events` writes with the\n"
                            "same options, as\n"
                            "  centre,day,activity,events,seconds,users,devices\n"
                            "sorted by the first three: the columns and the order of `edutally export facts`.\n"
                            "Repeats count once; events with a clock that is off, malformed ones and those\n"
                            "older than --late-days are left out.\n";

static const char examples[] = "example:\n"
                               "  edutally-sim truth --scenario province-year.jsonc --centres 20\n";

static int add_all(const struct setup *setup, struct truth *truth, struct error *error)
{
    struct deliver *deliver = deliver_open(&setup->plan, setup->to_ms);
    const struct delivery *delivery;
    int got = deliver ? 0 : error_set(error, ERROR_MEMORY, "out of memory");

    while (got == 0 && (got = deliver_next(deliver, &delivery, error)) > 0) {
        got = 0;
        if (delivery->received_ms >= setup->from_ms && truth_add(truth, delivery)) {
            got = error_set(error, ERROR_MEMORY, "out of memory for the truth of so many events; use --centres");
        }
        if (got == 0) {
            continue;
        }
        break;
    }
    deliver_close(&deliver);
    return got;
}

static void print_counts(const struct truth_counts *counts)
{
    (void)fprintf(stderr,
                  "counted=%llu clock_off=%llu too_late=%llu bad_events=%llu repeated_events=%llu bad_messages=%llu\n",
                  (unsigned long long)counts->counted, (unsigned long long)counts->clock_off,
                  (unsigned long long)counts->too_late, (unsigned long long)counts->bad_events,
                  (unsigned long long)counts->repeats, (unsigned long long)counts->bad_messages);
}

static int write_truth(const struct setup *setup, const struct taxonomy *taxonomy, int32_t late_days,
                       struct error *error)
{
    struct truth *truth = truth_open(&setup->plan, taxonomy, setup->from_ms, late_days);
    int result = truth ? add_all(setup, truth, error) : error_set(error, ERROR_MEMORY, "out of memory");

    if (result == 0) {
        print_counts(truth_counts(truth));
        if (truth_write(truth, stdout)) {
            result = error_set(error, ERROR_FAILED, "writing to standard output failed: %s", strerror(errno));
        }
    }
    truth_close(&truth);
    return result;
}

int command_truth(int argc, char **argv)
{
    struct setup_options options = {.seed = -1};
    int64_t late_days = 60;
    const struct option rows[] = {
        {"--scenario", OPTION_TEXT, &options.scenario, 0, 0, "FILE", "the scenario (needed); it names the taxonomy"},
        {"--from", OPTION_TEXT, &options.from, 0, 0, "TIME", "as for events"},
        {"--to", OPTION_TEXT, &options.to, 0, 0, "TIME|now", "as for events"},
        {"--centres", OPTION_TEXT, &options.centres, 0, 0, "N|ID,...", "as for events"},
        {"--seed", OPTION_NUMBER, &options.seed, 0, INT64_MAX, "N", "as for events"},
        {"--late-days", OPTION_NUMBER, &late_days, 0, 100000, "N", "the collector's late_days; default 60"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL}};
    const struct option_table table = {"truth", about, examples, rows};
    struct jsonc_faults faults = {0};
    struct taxonomy taxonomy = {0};
    struct error error = {0};
    struct setup setup = {0};
    int result = options_parse(&table, argc, argv, &error);

    if (result == 1) {
        return 0;
    }
    if (result == 0) {
        result = setup_load(&options, &setup, &error);
    }
    if (result == 0 && taxonomy_load(setup.scenario->taxonomy_path, &faults, &taxonomy)) {
        result = setup_report_faults(&faults, setup.scenario->taxonomy_path, &error);
    }
    if (result == 0) {
        result = write_truth(&setup, &taxonomy, (int32_t)late_days, &error);
    }
    if (result) {
        (void)fprintf(stderr, "edutally-sim truth: %s\n", error.text);
    }
    taxonomy_free(&taxonomy);
    setup_free(&setup);
    return error_exit_code(result);
}
