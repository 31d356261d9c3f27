/*
 * An HMAC costs about a microsecond, as much as all else that is done with an event, and the same users come again day
 * by day: a direct-mapped cache stands before it (4 MiB when full; half of a province's learners are found there). An
 * entry is known by a 64-bit hash of the identifier under a seed of this process, so that no identifier is held; that
 * two identifiers share it is as unlikely as that their keys do.
 */
#include "base/digest.h"

#include "base/error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CACHE_SLOTS = 262144 };

struct cached_key {
    uint64_t hash; /* of the identifier; 0: empty */
    uint64_t key;
};

struct keyer {
    EVP_MAC_CTX *context;
    uint64_t seed;
    struct cached_key cache[CACHE_SLOTS];
};

int digest_sha256_hex(const void *bytes, size_t count, char out[DIGEST_HEX_SIZE])
{
    unsigned char hash[32];
    if (EVP_Digest(bytes, count, hash, NULL, EVP_sha256(), NULL) != 1) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    return 0;
}

int keyer_new(struct keyer **out, const void *secret, size_t secret_bytes, struct error *error)
{
    struct keyer *keyer = calloc(1, sizeof *keyer);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char name[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                     OSSL_PARAM_construct_end()};
    if (keyer != NULL && mac != NULL) {
        keyer->context = EVP_MAC_CTX_new(mac);
    }
    EVP_MAC_free(mac);
    if (keyer == NULL || keyer->context == NULL ||
        getrandom(&keyer->seed, sizeof keyer->seed, 0) != (ssize_t)sizeof keyer->seed ||
        EVP_MAC_init(keyer->context, secret, secret_bytes, parameters) != 1) {
        keyer_free(&keyer);
        return error_set(error, ERROR_MEMORY, "cannot set up HMAC-SHA-256");
    }
    *out = keyer;
    return 0;
}

void keyer_free(struct keyer **keyer)
{
    if (*keyer != NULL) {
        EVP_MAC_CTX_free((*keyer)->context);
        OPENSSL_cleanse(*keyer, sizeof **keyer);
        free(*keyer);
        *keyer = NULL;
    }
}

uint64_t keyer_key(struct keyer *keyer, const char *identifier, size_t length)
{
    uint64_t name = XXH3_64bits_withSeed(identifier, length, keyer->seed);
    struct cached_key *cached = &keyer->cache[name % CACHE_SLOTS];
    if (name != 0 && cached->hash == name) {
        return cached->key;
    }
    unsigned char hash[32];
    size_t hash_bytes = 0;
    if (EVP_MAC_init(keyer->context, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(keyer->context, (const unsigned char *)identifier, length) != 1 ||
        EVP_MAC_final(keyer->context, hash, &hash_bytes, sizeof hash) != 1) {
        fprintf(stderr, "event=broken_invariant what=hmac\n");
        abort(); /* HMAC over memory does not fail once its key is set */
    }
    uint64_t key;
    memcpy(&key, hash, sizeof key);
    *cached = (struct cached_key){.hash = name, .key = key};
    return key;
}
