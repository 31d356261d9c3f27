/*
 * Any bytes as indicators.jsonc, over the registry of the unit tests. Promises: a refusal names at least one fault; an
 * accepted rule has a verdict with a bounded number of conditions, printed as JSON; and its canonical text is a rule
 * with the same hash.
 */
#include "fuzz.h"

#include "base/buffer.h"
#include "indicator/indicator.h"

#include <cJSON.h>
#include <string.h>

static struct registry *registry;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const struct registry_files files = {.centres = FIXTURE_DIR "/centres.csv",
                                         .areas = FIXTURE_DIR "/areas.csv",
                                         .taxonomy = FIXTURE_DIR "/taxonomy.jsonc"};
    struct faults faults = {0};
    PROMISE(registry_load(&registry, &files, &faults) == 0);
    return 0;
}

static void check_faults(const struct faults *faults)
{
    PROMISE(faults->count > 0);
    for (size_t i = 0; i < faults->count; i++) {
        PROMISE(faults->list[i].what[0] != '\0' && faults->list[i].remedy[0] != '\0');
    }
}

static void check_verdict(const struct indicator *indicator)
{
    struct indicator_figures figures = {.reporting = true, .head_count = 3};
    struct indicator_verdict verdict;
    struct buffer text = {0};
    figures.active_days[1] = 8;
    figures.users[2] = 200;
    indicator_evaluate(indicator, registry, &figures, &verdict);
    PROMISE(verdict.condition_count >= 1 && verdict.condition_count <= INDICATOR_MAX_CONDITIONS);
    indicator_print_conditions(&verdict, &text);
    PROMISE(!text.failed);
    cJSON *parsed = cJSON_Parse(text.bytes);
    PROMISE(cJSON_GetArraySize(parsed) == (int)verdict.condition_count);
    cJSON_Delete(parsed);
    buffer_free(&text);
}

static void check_canonical(const struct indicator *indicator)
{
    struct buffer text = {0};
    struct indicators again;
    struct faults faults = {0};
    buffer_print(&text, "{\"indicators\":[{\"id\":\"i\",\"name\":{\"vi\":\"v\",\"en\":\"e\"},\"period\":\"%s\",",
                 period_kind_word(indicator->period));
    for (size_t i = 0; i < indicator->centre_type_count; i++) {
        buffer_print(&text, "%s\"%s\"", i == 0 ? "\"centre_types\":[" : ",", indicator->centre_types[i]);
    }
    buffer_print(&text, "],\"targets\":[],\"rule\":%s}]}", indicator->rule_json);
    PROMISE(!text.failed);
    PROMISE(indicators_parse(&again, "again", text.bytes, text.used, registry, &faults) == 0);
    PROMISE(strcmp(again.list[0].rule_hash, indicator->rule_hash) == 0);
    PROMISE(strcmp(again.list[0].rule_json, indicator->rule_json) == 0);
    indicators_free(&again);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct indicators indicators;
    struct faults faults = {0};
    if (indicators_parse(&indicators, "fuzz", (const char *)data, size, registry, &faults) != 0) {
        check_faults(&faults);
    } else {
        PROMISE(faults.count == 0);
        for (size_t i = 0; i < indicators.count; i++) {
            check_verdict(&indicators.list[i]);
            check_canonical(&indicators.list[i]);
        }
    }
    indicators_free(&indicators);
    faults_clear(&faults);
    return 0;
}
