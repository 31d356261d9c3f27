/* Everything that can be wrong with a certificate is found here, where it can be said; the server's start would only
 * fail. */
#include "tls.h"

#include "base/file.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_BYTES = 1024 * 1024 };

/* SECURE128 is GnuTLS' own choice of ciphers of at least 128 bits; without CBC and the key exchange by RSA, which keeps
 * no secret once the key is lost, TLS 1.2 is left with what TLS 1.3 has. */
const char tls_priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-AES-128-CBC:-AES-256-CBC:"
                              "-CAMELLIA-128-CBC:-CAMELLIA-256-CBC:%SERVER_PRECEDENCE";

static int check_mode(const char *path, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return error_set(error, ERROR_CONFIG, "http.tls.key_file %.120s: %s", path, strerror(errno));
    }
    if ((status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
        return error_set(error, ERROR_CONFIG, "http.tls.key_file %.120s: others may read or write it; chmod 0640",
                         path);
    }
    return 0;
}

static int read_expiry(struct tls_files *files, const gnutls_datum_t *cert)
{
    gnutls_x509_crt_t parsed;
    int result = gnutls_x509_crt_init(&parsed);
    if (result != 0) {
        return result;
    }
    result = gnutls_x509_crt_import(parsed, cert, GNUTLS_X509_FMT_PEM);
    if (result == 0) {
        files->expires_s = (int64_t)gnutls_x509_crt_get_expiration_time(parsed);
    }
    gnutls_x509_crt_deinit(parsed);
    return result;
}

/* 0, or GnuTLS' code. */
static int try_pair(struct tls_files *files)
{
    gnutls_certificate_credentials_t credentials;
    if (files->cert.used > UINT_MAX || files->key.used > UINT_MAX) {
        return GNUTLS_E_LARGE_PACKET;
    }
    const gnutls_datum_t cert = {(unsigned char *)files->cert.bytes, (unsigned)files->cert.used};
    const gnutls_datum_t key = {(unsigned char *)files->key.bytes, (unsigned)files->key.used};
    int result = gnutls_certificate_allocate_credentials(&credentials);
    if (result != 0) {
        return result;
    }
    result = gnutls_certificate_set_x509_key_mem2(credentials, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_certificate_free_credentials(credentials);
    return result < 0 ? result : read_expiry(files, &cert);
}

int tls_files_load(struct tls_files *files, const char *cert_path, const char *key_path, struct error *error)
{
    *files = (struct tls_files){0};
    int result = check_mode(key_path, error);
    if (result == 0) {
        result = file_read(cert_path, PEM_BYTES, &files->cert, error);
    }
    if (result == 0) {
        result = file_read(key_path, PEM_BYTES, &files->key, error);
    }
    if (result != 0) {
        return result == ERROR_MEMORY ? result : ERROR_CONFIG;
    }
    int reason =
        files->cert.used == 0 || files->key.used == 0 ? GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR : try_pair(files);
    if (reason == GNUTLS_E_MEMORY_ERROR) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return reason == 0
               ? 0
               : error_set(error, ERROR_CONFIG, "http.tls: %.80s and %.80s are no certificate and its key in PEM: %s",
                           cert_path, key_path, gnutls_strerror(reason));
}

void tls_files_free(struct tls_files *files)
{
    buffer_free(&files->cert);
    buffer_wipe(&files->key);
}
