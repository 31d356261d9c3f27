/*
 * User keys are re-keyed with a secret before they touch facts. The secret is a file (0600) made at the first start;
 * the store keeps a fingerprint of it, because another secret would make every user a new one.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_secret(const char *path, struct error *error)
{
    unsigned char random[32];
    char text[2 * sizeof random + 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return error_errno(error, "no random numbers");
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    }
    text[2 * sizeof random] = '\n';
    int result = file_replace(path, text, 2 * sizeof random + 1, 0600, error);
    if (result == 0) {
        log_info("secret_made", "file=\"%s\" note=\"back it up: without it users cannot be told apart\"", path);
    }
    return result;
}

static int check_fingerprint(struct keyer *keyer, const char *path, struct store *store, struct error *error)
{
    static const char probe[] = "edutally secret fingerprint";
    struct buffer stored = {0};
    char fingerprint[24];
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)keyer_key(keyer, probe, sizeof probe - 1));
    int result = store_text_get(store, "secret_fingerprint", &stored, error);
    if (result == 0) {
        result = store_text_set(store, "secret_fingerprint", fingerprint, error);
    } else if (result == 1) {
        result = strcmp(stored.bytes, fingerprint) == 0
                     ? 0
                     : error_set(error, ERROR_CONFIG,
                                 "%s is not the secret that this store was made with: restore the old file", path);
    }
    buffer_free(&stored);
    return result;
}

int secret_open(struct keyer **keyer, const struct settings *settings, struct store *store, struct error *error)
{
    struct buffer secret = {0}, known = {0};
    int result = 0;
    if (access(settings->secret_file, F_OK) != 0 && errno == ENOENT) {
        result = store_text_get(store, "secret_fingerprint", &known, error);
        buffer_free(&known);
        if (result == 1) {
            return error_set(error, ERROR_CONFIG, "%s is missing, and this store was made with it: restore the file",
                             settings->secret_file);
        }
        result = result == 0 ? make_secret(settings->secret_file, error) : result;
    }
    if (result == 0) {
        result = file_read_secret(settings->secret_file, &secret, error);
    }
    if (result == 0 && secret.used < 16) {
        result = error_set(error, ERROR_CONFIG, "%s holds fewer than 16 characters: use at least 32 random ones",
                           settings->secret_file);
    }
    if (result == 0) {
        result = keyer_new(keyer, secret.bytes, secret.used, error);
    }
    if (result == 0) {
        result = check_fingerprint(*keyer, settings->secret_file, store, error);
        if (result != 0) {
            keyer_free(keyer);
        }
    }
    buffer_wipe(&secret);
    return result;
}
