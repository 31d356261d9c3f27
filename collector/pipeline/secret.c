/*
 * User keys are re-keyed with the deployment's secret before they touch facts. The store keeps a fingerprint of it,
 * because another secret would make every user a new one.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

int secret_check(struct pipeline *pipeline, struct error *error)
{
    static const char probe[] = "edutally secret fingerprint";
    const char *path = pipeline->parts.settings->secret_file;
    struct buffer stored = {0};
    char fingerprint[24];
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)keyer_key(pipeline->keyer, probe, sizeof probe - 1));
    int result = store_text_get(pipeline->store, "secret_fingerprint", &stored, error);
    if (result == 0) {
        result = store_text_set(pipeline->store, "secret_fingerprint", fingerprint, error);
    } else if (result == 1) {
        result = strcmp(stored.bytes, fingerprint) == 0
                     ? 0
                     : error_set(error, ERROR_CONFIG,
                                 "%s is not the secret that this store was made with: restore the old file", path);
    }
    buffer_free(&stored);
    return result;
}
