/* The common start of `events`, `truth`, `run` and `flood`. */
#include "setup.h"

#include "civil.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

int setup_report_faults(const struct jsonc_faults *faults, const char *what, struct error *error)
{
    (void)fputs(faults->text, stderr);
    return error_set(error, ERROR_CONFIG, "%s: %d fault%s, named above", what, faults->count,
                     faults->count == 1 ? "" : "s");
}

static int find_window(const struct setup_options *options, struct setup *setup, struct error *error)
{
    int offset_minutes = setup->scenario->utc_offset_minutes;

    setup->from_ms = civil_day_start_ms(setup->scenario->first_day, offset_minutes);
    setup->to_ms = civil_day_start_ms(setup->scenario->last_day + 1, offset_minutes);
    if (options->from && options_parse_moment("--from", options->from, offset_minutes, &setup->from_ms, error)) {
        return error->code;
    }
    if (options->to && strcmp(options->to, "forever") == 0) {
        setup->to_ms = INT64_MAX;
    } else if (options->to && options_parse_moment("--to", options->to, offset_minutes, &setup->to_ms, error)) {
        return error->code;
    }
    if (setup->to_ms <= setup->from_ms) {
        char from[CIVIL_TIME_MAX], to[CIVIL_TIME_MAX];

        civil_format_time(setup->from_ms, offset_minutes, from);
        civil_format_time(setup->to_ms, offset_minutes, to);
        return error_set(error, ERROR_USAGE, "the window from %s to %s is empty; set --from and --to (or --until)",
                         from, to);
    }
    return 0;
}

int setup_load(const struct setup_options *options, struct setup *setup, struct error *error)
{
    struct jsonc_faults faults = {0};
    struct registry registry = {0};
    int result;

    *setup = (struct setup){0};
    if (!options->scenario) {
        return error_set(error, ERROR_USAGE,
                         "--scenario is missing; for example "
                         "--scenario config/scenarios/province-year.jsonc");
    }
    if (scenario_load(options->scenario, &faults, &setup->scenario)) {
        return setup_report_faults(&faults, options->scenario, error);
    }
    if (options->seed >= 0) {
        setup->scenario->seed = (uint64_t)options->seed;
    }
    if (options->live_always) {
        setup->scenario->live.always = true;
        setup->scenario->live.start_ms = civil_now_ms();
    }
    result = find_window(options, setup, error);
    if (result == 0 && registry_load(setup->scenario->registry_path, &faults, &registry)) {
        result = setup_report_faults(&faults, setup->scenario->registry_path, error);
    }
    if (result == 0) {
        result = plan_make(setup->scenario, &registry, options->centres, &setup->plan, error);
    }
    if (result) {
        registry_free(&registry);
        setup_free(setup);
    }
    return result;
}

void setup_free(struct setup *setup)
{
    plan_free(&setup->plan);
    scenario_free(&setup->scenario);
}
