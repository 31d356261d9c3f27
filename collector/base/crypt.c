/*
 * AES-256-GCM through OpenSSL's EVP. The key is expanded once; sealing and opening set the nonce alone. One context
 * serves both ways, for GCM runs the same cipher in both.
 */
#include "base/crypt.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

struct crypt {
    EVP_CIPHER_CTX *sealing;
    EVP_CIPHER_CTX *opening;
};

int crypt_new(struct crypt **out, const unsigned char key[CRYPT_KEY], struct error *error)
{
    struct crypt *crypt = calloc(1, sizeof *crypt);
    if (crypt != NULL) {
        crypt->sealing = EVP_CIPHER_CTX_new();
        crypt->opening = EVP_CIPHER_CTX_new();
    }
    if (crypt == NULL || crypt->sealing == NULL || crypt->opening == NULL ||
        EVP_EncryptInit_ex(crypt->sealing, EVP_aes_256_gcm(), NULL, key, NULL) != 1 ||
        EVP_DecryptInit_ex(crypt->opening, EVP_aes_256_gcm(), NULL, key, NULL) != 1) {
        crypt_free(&crypt);
        return error_set(error, ERROR_MEMORY, "cannot set up AES-256-GCM");
    }
    *out = crypt;
    return 0;
}

void crypt_free(struct crypt **crypt)
{
    if (*crypt != NULL) {
        EVP_CIPHER_CTX_free((*crypt)->sealing); /* wipes the key */
        EVP_CIPHER_CTX_free((*crypt)->opening);
        free(*crypt);
        *crypt = NULL;
    }
}

int crypt_seal(struct crypt *crypt, const unsigned char nonce[CRYPT_NONCE], const void *bound, size_t bound_length,
               const void *plain, size_t length, void *sealed)
{
    unsigned char *out = sealed;
    int done = 0, last = 0;
    if (length > INT_MAX || bound_length > INT_MAX ||
        EVP_EncryptInit_ex(crypt->sealing, NULL, NULL, NULL, nonce) != 1 ||
        (bound_length > 0 && EVP_EncryptUpdate(crypt->sealing, NULL, &done, bound, (int)bound_length) != 1) ||
        (length > 0 && EVP_EncryptUpdate(crypt->sealing, out, &done, plain, (int)length) != 1) ||
        EVP_EncryptFinal_ex(crypt->sealing, out + length, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(crypt->sealing, EVP_CTRL_GCM_GET_TAG, CRYPT_TAG, out + length) != 1) {
        return ERROR_MEMORY;
    }
    return 0;
}

bool crypt_open(struct crypt *crypt, const unsigned char nonce[CRYPT_NONCE], const void *bound, size_t bound_length,
                const void *sealed, size_t length, void *plain)
{
    const unsigned char *in = sealed;
    unsigned char tag[CRYPT_TAG], none[CRYPT_TAG];
    int done = 0, last = 0;
    if (length < CRYPT_TAG || length > INT_MAX || bound_length > INT_MAX) {
        return false;
    }
    size_t count = length - CRYPT_TAG;
    for (size_t i = 0; i < CRYPT_TAG; i++) {
        tag[i] = in[count + i];
    }
    return EVP_DecryptInit_ex(crypt->opening, NULL, NULL, NULL, nonce) == 1 &&
           (bound_length == 0 || EVP_DecryptUpdate(crypt->opening, NULL, &done, bound, (int)bound_length) == 1) &&
           (count == 0 || EVP_DecryptUpdate(crypt->opening, plain, &done, in, (int)count) == 1) &&
           EVP_CIPHER_CTX_ctrl(crypt->opening, EVP_CTRL_GCM_SET_TAG, CRYPT_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(crypt->opening, none, &last) == 1;
}

int crypt_random(void *bytes, size_t count, struct error *error)
{
    unsigned char *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, "no random numbers");
        }
        next += got;
        count -= (size_t)got;
    }
    return 0;
}

void crypt_wipe(void *bytes, size_t count)
{
    OPENSSL_cleanse(bytes, count);
}
