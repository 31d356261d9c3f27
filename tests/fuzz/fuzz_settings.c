/* Any bytes as collector.jsonc. Promise: what is refused has a fault, and what is accepted prints as JSON. */
#include "fuzz.h"

#include "settings/settings.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct faults faults = {0};
    struct buffer text = {0};
    if (settings_load(&settings, fuzz_file(data, size), &faults) != 0) {
        PROMISE(faults.count > 0);
    } else {
        PROMISE(settings.realm_count > 0 && settings.data_dir != NULL && settings.time_zone != NULL);
        settings_print(&settings, &text);
        PROMISE(!text.failed && text.used > 2);
    }
    settings_free(&settings);
    faults_clear(&faults);
    buffer_free(&text);
    return 0;
}
