/*
 * An HMAC costs about a microsecond, and the same users come again within minutes: a small direct-mapped cache of the
 * last identifiers stands before it. The cache holds identifiers in memory only and is wiped with the keyer.
 */
#include "base/digest.h"

#include "base/error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_SLOTS = 32768, CACHED_LENGTH = 48 };

struct cached_key {
    uint64_t key;
    uint8_t length; /* 0: empty */
    char identifier[CACHED_LENGTH];
};

struct keyer {
    EVP_MAC_CTX *context;
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

static size_t cache_slot(const char *identifier, size_t length)
{
    uint32_t hash = 2166136261u; /* FNV-1a: only spreads entries over the cache */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)identifier[i]) * 16777619u;
    }
    return (hash ^ hash >> 16) % CACHE_SLOTS;
}

uint64_t keyer_key(struct keyer *keyer, const char *identifier, size_t length)
{
    struct cached_key *cached = &keyer->cache[cache_slot(identifier, length)];
    if (length != 0 && cached->length == length && memcmp(cached->identifier, identifier, length) == 0) {
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
    if (length <= CACHED_LENGTH) {
        cached->key = key;
        cached->length = (uint8_t)length;
        memcpy(cached->identifier, identifier, length);
    }
    return key;
}
