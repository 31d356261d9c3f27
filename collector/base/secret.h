/*
 * The deployment's secret: a file (0600) made at the first start. From it every other key is derived, so that one file
 * is to be backed up, apart from the data, and its loss makes everything sealed unreadable for good.
 */
#ifndef EDUTALLY_BASE_SECRET_H
#define EDUTALLY_BASE_SECRET_H

#include "base/crypt.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>

struct secret;

/* Reads the secret from `path`. If there is none and `may_make`, makes one of 256 random bits and says so in the log.
 * ERROR_CONFIG (missing and must not be made, too short, readable by others), ERROR_IO, ERROR_MEMORY. */
int secret_open(struct secret **secret, const char *path, bool may_make, struct error *error);
void secret_free(struct secret **secret);

/* The key for one purpose: HMAC-SHA-256(secret, "edutally " purpose), so that no purpose's key tells another's.
 * ERROR_MEMORY. */
int secret_derive(const struct secret *secret, const char *purpose, unsigned char key[CRYPT_KEY]);
/* The same, made ready; caller frees. */
int secret_crypt(const struct secret *secret, const char *purpose, struct crypt **crypt, struct error *error);
/* What user keys are re-keyed with: keyed with the secret itself. Caller frees. */
int secret_keyer(const struct secret *secret, struct keyer **keyer, struct error *error);

#endif
