#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void fail_with_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        print_error("%s:%u: %s (%s)\n", fault->file, fault->line, fault->what, fault->remedy);
    }
    fail_msg("%zu faults", faults->count);
}

int fixture_open(void **state)
{
    const struct registry_files files = {.centres = TEST_DATA_DIR "/fixture/centres.csv",
                                         .areas = TEST_DATA_DIR "/fixture/areas.csv",
                                         .taxonomy = TEST_DATA_DIR "/fixture/taxonomy.jsonc"};
    struct registry *registry = NULL;
    struct faults faults = {0};
    if (registry_load(&registry, &files, &faults) != 0) {
        fail_with_faults(&faults);
    }
    *state = registry;
    return 0;
}

int fixture_close(void **state)
{
    struct registry *registry = *state;
    registry_free(&registry);
    return 0;
}

void parse_rule(struct indicators *indicators, const struct registry *registry, const char *rule)
{
    struct buffer text = {0};
    struct faults faults = {0};
    buffer_print(&text,
                 "{\"indicators\": [{\"id\": \"i\", \"name\": {\"vi\": \"v\", \"en\": \"e\"}, \"centre_types\": "
                 "[\"primary\"], \"period\": \"school_year\", \"targets\": [], \"rule\": %s}]}",
                 rule);
    assert_false(text.failed);
    if (indicators_parse(indicators, "test.jsonc", text.bytes, text.used, registry, &faults) != 0) {
        fail_with_faults(&faults);
    }
    buffer_free(&text);
}
