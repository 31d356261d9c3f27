/*
 * The secret is read once and stays in memory, for segments of the journal are made as long as the program runs; it is
 * wiped when freed. It is text, so that people can print it and put it into a safe.
 */
#include "base/secret.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LEAST_CHARACTERS = 16, RANDOM_BYTES = 32 };

struct secret {
    struct buffer text;
};

static int make_file(const char *path, struct error *error)
{
    unsigned char random[RANDOM_BYTES];
    char text[2 * RANDOM_BYTES + 2];
    int result = crypt_random(random, sizeof random, error);
    if (result != 0) {
        return result;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    }
    text[sizeof text - 2] = '\n';
    result = file_replace(path, text, 2 * RANDOM_BYTES + 1, 0600, error);
    crypt_wipe(random, sizeof random);
    crypt_wipe(text, sizeof text);
    if (result == 0) {
        log_info("secret_made",
                 "file=\"%s\" note=\"back it up, apart from the data: nothing at rest can be read or told "
                 "apart without it\"",
                 path);
    }
    return result;
}

/* Readable by everybody is no secret. A group may read it: that is how a service's user often gets it. */
static int check_mode(const char *path, const struct stat *status, struct error *error)
{
    if ((status->st_mode & (S_IROTH | S_IWOTH)) != 0) {
        return error_set(error, ERROR_CONFIG, "%s can be read by everybody on this machine: chmod 0600 it", path);
    }
    return 0;
}

static int find_file(const char *path, bool may_make, struct error *error)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        return check_mode(path, &status, error);
    }
    if (errno != ENOENT) {
        return error_errno(error, "cannot read the secret %s", path);
    }
    if (!may_make) {
        return error_set(error, ERROR_CONFIG,
                         "%s is missing, and the data beside it was made with it: restore the file from its backup",
                         path);
    }
    return make_file(path, error);
}

int secret_open(struct secret **out, const char *path, bool may_make, struct error *error)
{
    int result = find_file(path, may_make, error);
    if (result != 0) {
        return result;
    }
    struct secret *secret = calloc(1, sizeof *secret);
    if (secret == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    result = file_read_secret(path, &secret->text, error);
    if (result == 0 && secret->text.used < LEAST_CHARACTERS) {
        result = error_set(error, ERROR_CONFIG, "%s holds fewer than %d characters: use at least 32 random ones", path,
                           (int)LEAST_CHARACTERS);
    }
    if (result != 0) {
        secret_free(&secret);
        return result;
    }
    *out = secret;
    return 0;
}

void secret_free(struct secret **secret)
{
    if (*secret != NULL) {
        buffer_wipe(&(*secret)->text);
        free(*secret);
        *secret = NULL;
    }
}

int secret_derive(const struct secret *secret, const char *purpose, unsigned char key[CRYPT_KEY])
{
    char info[96];
    unsigned length = CRYPT_KEY;
    int count = snprintf(info, sizeof info, "edutally %s", purpose);
    const unsigned char *made = HMAC(EVP_sha256(), secret->text.bytes, (int)secret->text.used,
                                     (const unsigned char *)info, (size_t)count, key, &length);
    return made != NULL && length == CRYPT_KEY ? 0 : ERROR_MEMORY;
}

int secret_crypt(const struct secret *secret, const char *purpose, struct crypt **crypt, struct error *error)
{
    unsigned char key[CRYPT_KEY];
    int result = secret_derive(secret, purpose, key) == 0 ? crypt_new(crypt, key, error)
                                                          : error_set(error, ERROR_MEMORY, "out of memory");
    crypt_wipe(key, sizeof key);
    return result;
}

int secret_keyer(const struct secret *secret, struct keyer **keyer, struct error *error)
{
    return keyer_new(keyer, secret->text.bytes, secret->text.used, error);
}
