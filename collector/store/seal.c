/* Sealing and opening the raw bytes of rejected rows. See seal.h for what it is for. */
#include "seal.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

int seal_open(struct seal *seal, const struct secret *secret, struct error *error)
{
    int result = secret_crypt(secret, "rejected", &seal->crypt, error);
    return result == 0 ? secret_keyer(secret, &seal->keyer, error) : result;
}

void seal_close(struct seal *seal)
{
    crypt_free(&seal->crypt);
    keyer_free(&seal->keyer);
    buffer_wipe(&seal->scratch);
}

void seal_fingerprint(struct seal *seal, const char *reason, const char *topic, size_t topic_length, const void *raw,
                      size_t raw_length, unsigned char out[SEAL_FINGERPRINT])
{
    XXH3_state_t state;
    XXH128_canonical_t content;
    unsigned char part[sizeof content + 1];
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, reason, strlen(reason) + 1);
    XXH3_128bits_update(&state, topic, topic_length);
    XXH3_128bits_update(&state, "", 1);
    XXH3_128bits_update(&state, raw, raw_length);
    XXH128_canonicalFromHash(&content, XXH3_128bits_digest(&state));
    memcpy(part, &content, sizeof content);
    for (size_t half = 0; half < 2; half++) {
        part[sizeof content] = (unsigned char)half;
        uint64_t key = keyer_key(seal->keyer, (const char *)part, sizeof part);
        memcpy(out + half * sizeof key, &key, sizeof key);
    }
}

int seal_write(struct seal *seal, const unsigned char fingerprint[SEAL_FINGERPRINT], const void *raw, size_t length,
               struct error *error)
{
    unsigned char nonce[CRYPT_NONCE];
    int result = crypt_random(nonce, sizeof nonce, error);
    if (result != 0) {
        return result;
    }
    buffer_clear(&seal->scratch);
    buffer_add(&seal->scratch, nonce, sizeof nonce);
    buffer_add(&seal->scratch, raw, length);
    buffer_add(&seal->scratch, nonce, CRYPT_NONCE); /* room for the tag */
    buffer_add(&seal->scratch, nonce, CRYPT_TAG - CRYPT_NONCE);
    if (seal->scratch.failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    char *text = seal->scratch.bytes + CRYPT_NONCE;
    return crypt_seal(seal->crypt, nonce, fingerprint, SEAL_FINGERPRINT, text, length, text) == 0
               ? 0
               : error_set(error, ERROR_MEMORY, "cannot seal a rejected row");
}

int seal_read(struct seal *seal, const unsigned char fingerprint[SEAL_FINGERPRINT], const void *sealed, size_t length,
              struct error *error)
{
    buffer_clear(&seal->scratch);
    if (length < SEAL_EXTRA) {
        return error_set(error, ERROR_INPUT, "a sealed row is cut off");
    }
    buffer_add(&seal->scratch, sealed, length);
    if (seal->scratch.failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    unsigned char nonce[CRYPT_NONCE];
    char *text = seal->scratch.bytes;
    memcpy(nonce, text, sizeof nonce);
    char *plain = text + CRYPT_NONCE;
    if (!crypt_open(seal->crypt, nonce, fingerprint, SEAL_FINGERPRINT, plain, length - CRYPT_NONCE, plain)) {
        return error_set(error, ERROR_INPUT, "a sealed row is damaged, or another secret sealed it");
    }
    seal->scratch.used = length - SEAL_EXTRA;
    memmove(text, plain, seal->scratch.used);
    text[seal->scratch.used] = '\0';
    return 0;
}
