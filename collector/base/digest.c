/*
 * Keys are made by HMAC-SHA-256 (RFC 2104) from the two states that the secret leads to, which are made once. OpenSSL's
 * EVP takes memory from the heap for each hash (3.0: at each EVP_DigestInit_ex and each copy of a context), so it can
 * fail in the middle of a message; its low-level SHA-256 is a struct that can be copied, and nothing that is done with
 * it can fail. It is deprecated in favour of EVP for what only that does, other providers: none is wanted here.
 *
 * A key still costs as much as much else that is done with an event, and the same users come again day by day: a
 * direct-mapped cache stands before it (4 MiB when full; half of a province's learners are found there). An entry is
 * known by a 64-bit hash of the identifier under a seed of this process, so that no identifier is held; that two
 * identifiers share it is as unlikely as that their keys do.
 */
#define OPENSSL_API_COMPAT 10101 /* SHA256_Init and its like without a warning */
#include "base/digest.h"

#include "base/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
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
    SHA256_CTX inner, outer; /* after the padded secret */
    uint64_t seed;
    struct cached_key cache[CACHE_SLOTS];
};

int digest_sha256(const void *bytes, size_t count, unsigned char out[DIGEST_BYTES])
{
    return EVP_Digest(bytes, count, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : ERROR_MEMORY;
}

bool digest_equal(const void *one, const void *other, size_t count)
{
    return CRYPTO_memcmp(one, other, count) == 0;
}

int digest_sha256_hex(const void *bytes, size_t count, char out[DIGEST_HEX_SIZE])
{
    unsigned char hash[DIGEST_BYTES];
    if (digest_sha256(bytes, count, hash) != 0) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    return 0;
}

/* The state after the secret, padded to a block, every byte combined with `pad`; a longer one is hashed first. */
static SHA256_CTX state_after(const void *secret, size_t secret_bytes, unsigned char pad)
{
    unsigned char block[SHA256_CBLOCK] = {0};
    SHA256_CTX state;
    if (secret_bytes > sizeof block) {
        SHA256_Init(&state);
        SHA256_Update(&state, secret, secret_bytes);
        SHA256_Final(block, &state);
    } else {
        memcpy(block, secret, secret_bytes);
    }
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] ^= pad;
    }
    SHA256_Init(&state);
    SHA256_Update(&state, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
    return state;
}

int keyer_new(struct keyer **out, const void *secret, size_t secret_bytes, struct error *error)
{
    struct keyer *keyer = calloc(1, sizeof *keyer);
    if (keyer == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for the keys of users");
    }
    if (getrandom(&keyer->seed, sizeof keyer->seed, 0) != (ssize_t)sizeof keyer->seed) {
        free(keyer);
        return error_errno(error, "no random numbers");
    }
    keyer->inner = state_after(secret, secret_bytes, 0x36);
    keyer->outer = state_after(secret, secret_bytes, 0x5c);
    *out = keyer;
    return 0;
}

void keyer_free(struct keyer **keyer)
{
    if (*keyer != NULL) {
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
    unsigned char hash[DIGEST_BYTES];
    SHA256_CTX state = keyer->inner;
    SHA256_Update(&state, identifier, length);
    SHA256_Final(hash, &state);
    state = keyer->outer;
    SHA256_Update(&state, hash, sizeof hash);
    SHA256_Final(hash, &state);
    uint64_t key;
    memcpy(&key, hash, sizeof key);
    *cached = (struct cached_key){.hash = name, .key = key};
    return key;
}
