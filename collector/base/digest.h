/* SHA-256 and HMAC-SHA-256 (OpenSSL): hashes that name a rule or a registry, and the re-keying of user keys. */
#ifndef EDUTALLY_BASE_DIGEST_H
#define EDUTALLY_BASE_DIGEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX_SIZE = 65 };

enum { DIGEST_BYTES = 32 };

/* SHA-256. Returns 0 or ERROR_MEMORY. */
int digest_sha256(const void *bytes, size_t count, unsigned char out[DIGEST_BYTES]);
/* The same in lower-case hexadecimal. */
int digest_sha256_hex(const void *bytes, size_t count, char out[DIGEST_HEX_SIZE]);

/* Whether both are the same; takes as long whichever bytes differ. */
bool digest_equal(const void *one, const void *other, size_t count);

struct keyer;

/* A keyer turns identifiers into 64-bit keys that cannot be linked back without `secret` (kept inside, wiped on free).
 * Not for use by several threads at once. Returns 0 or ERROR_MEMORY. */
int keyer_new(struct keyer **keyer, const void *secret, size_t secret_bytes, struct error *error);
void keyer_free(struct keyer **keyer);

/* The first 64 bits of HMAC-SHA-256(secret, identifier). */
uint64_t keyer_key(struct keyer *keyer, const char *identifier, size_t length);

#endif
