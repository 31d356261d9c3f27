/*
 * What malformed and quarantined messages hold may name users: their bytes never lie in the database as they came.
 * A sealed blob is a random nonce, the text under AES-256-GCM with the key "rejected" of the deployment's secret, and
 * the tag; it is bound to the row's fingerprint. The fingerprint, by which repeats are found, is keyed too, so that
 * nobody without the secret can try out what a row might hold.
 */
#ifndef EDUTALLY_STORE_SEAL_H
#define EDUTALLY_STORE_SEAL_H

#include "base/buffer.h"
#include "base/crypt.h"
#include "base/digest.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>

struct seal {
    struct crypt *crypt;
    struct keyer *keyer;
    struct buffer scratch;
};

enum { SEAL_FINGERPRINT = 16, SEAL_EXTRA = CRYPT_NONCE + CRYPT_TAG };

/* ERROR_MEMORY. */
int seal_open(struct seal *seal, const struct secret *secret, struct error *error);
void seal_close(struct seal *seal);

/* Names topic, reason and content of a row. */
void seal_fingerprint(struct seal *seal, const char *reason, const char *topic, size_t topic_length, const void *raw,
                      size_t raw_length, unsigned char out[SEAL_FINGERPRINT]);

/* Into seal->scratch: `length` + SEAL_EXTRA bytes. ERROR_MEMORY, ERROR_IO. */
int seal_write(struct seal *seal, const unsigned char fingerprint[SEAL_FINGERPRINT], const void *raw, size_t length,
               struct error *error);

/* Into seal->scratch, NUL-terminated. ERROR_INPUT: not what was sealed. ERROR_MEMORY. */
int seal_read(struct seal *seal, const unsigned char fingerprint[SEAL_FINGERPRINT], const void *sealed, size_t length,
              struct error *error);

#endif
