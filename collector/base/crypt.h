/*
 * Sealing what is at rest: AES-256-GCM (NIST SP 800-38D; OpenSSL). A sealed text is as long as the plain one plus a
 * tag; opening it fails if a bit of it, of what it is bound to, or of the key is another one.
 *
 * A nonce must never be used twice with one key: callers take it from a position that never repeats, or at random
 * (crypt_random) where a key seals fewer than 2^32 texts.
 */
#ifndef EDUTALLY_BASE_CRYPT_H
#define EDUTALLY_BASE_CRYPT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { CRYPT_KEY = 32, CRYPT_NONCE = 12, CRYPT_TAG = 16 };

/* One key, made ready. Wiped when freed. Not for use by several threads at once. */
struct crypt;

/* ERROR_MEMORY. */
int crypt_new(struct crypt **crypt, const unsigned char key[CRYPT_KEY], struct error *error);
void crypt_free(struct crypt **crypt);

/* Writes `length` + CRYPT_TAG bytes to `sealed`, which may begin where `plain` does. `bound` is not sealed, but must be
 * the same when it is opened. ERROR_MEMORY. */
int crypt_seal(struct crypt *crypt, const unsigned char nonce[CRYPT_NONCE], const void *bound, size_t bound_length,
               const void *plain, size_t length, void *sealed);

/* Writes `length` - CRYPT_TAG bytes to `plain`, which may begin where `sealed` does. False: it is not what was sealed,
 * and `plain` holds nothing of use. */
bool crypt_open(struct crypt *crypt, const unsigned char nonce[CRYPT_NONCE], const void *bound, size_t bound_length,
                const void *sealed, size_t length, void *plain);

/* Random bytes of the system, fit for keys. ERROR_IO. */
int crypt_random(void *bytes, size_t count, struct error *error);

/* Overwrites; the compiler does not leave it out. */
void crypt_wipe(void *bytes, size_t count);

#endif
