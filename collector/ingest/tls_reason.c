/*
 * Paho says of a certificate that it does not trust "certificate verify failed", and of one for another host nothing at
 * all: neither tells an operator what to mend. So after a failed connection the handshake is made once more, with
 * OpenSSL and by the same rules, and its verdict is read. No byte of MQTT is sent, so no password leaves.
 */
#include "tls_reason.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct place {
    char address[300]; /* host:port, as OpenSSL's BIO reads it */
    char host[256];    /* without the brackets of IPv6 */
};

static int place_of(const char *uri, struct place *place)
{
    const char *start = strstr(uri, "://");
    if (start == NULL) {
        return -1;
    }
    start += 3;
    size_t length = strcspn(start, "/");
    int used = snprintf(place->address, sizeof place->address, "%.*s", (int)length, start);
    if (used < 0 || (size_t)used >= sizeof place->address) {
        return -1;
    }
    const char *colon = strrchr(place->address, ':');
    size_t host_length = colon == NULL ? strlen(place->address) : (size_t)(colon - place->address);
    bool bracketed = place->address[0] == '[' && host_length > 2;
    used = snprintf(place->host, sizeof place->host, "%.*s", (int)(host_length - (bracketed ? 2 : 0)),
                    place->address + (bracketed ? 1 : 0));
    return used > 0 && (size_t)used < sizeof place->host ? 0 : -1;
}

/* A name is looked for among the names of the certificate, an address among its addresses. */
static bool expect_host(SSL *ssl, const char *host)
{
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ||
           (SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1);
}

/* Until the handshake is over, failed, or out of time. Who refuses the connection is not asked again. */
static void shake_hands(BIO *connection)
{
    enum { NAP_MS = 20 };
    time_t until = time(NULL) + TLS_REASON_MS / 1000;
    BIO_set_nbio(connection, 1);
    while (BIO_do_connect(connection) <= 0 && BIO_should_retry(connection) &&
           BIO_wait(connection, until, NAP_MS) == 1) {
    }
}

/* The verdict on the certificate: X509_V_OK also if there was none to judge. */
static long judge(SSL_CTX *context, const struct place *place)
{
    long verdict = X509_V_OK;
    SSL *ssl = NULL;
    BIO *connection = BIO_new_ssl_connect(context);
    if (connection == NULL) {
        return X509_V_OK;
    }
    BIO_get_ssl(connection, &ssl);
    if (ssl != NULL && expect_host(ssl, place->host) && BIO_set_conn_hostname(connection, place->address) == 1) {
        shake_hands(connection);
        verdict = SSL_get_verify_result(ssl);
    }
    BIO_free_all(connection);
    return verdict;
}

void tls_reason(const char *uri, const char *ca_file, char *text, size_t size)
{
    struct place place;
    text[0] = '\0';
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || place_of(uri, &place) != 0) {
        SSL_CTX_free(context);
        return;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    int loaded = ca_file == NULL ? SSL_CTX_set_default_verify_paths(context)
                                 : SSL_CTX_load_verify_locations(context, ca_file, NULL);
    if (loaded != 1) {
        snprintf(text, size, "%s holds no certificate in PEM form", ca_file == NULL ? "the system's set" : ca_file);
    } else {
        long verdict = judge(context, &place);
        if (verdict != X509_V_OK) {
            snprintf(text, size, "%s: the broker's certificate does not fit mqtt.server, mqtt.tls.ca_file or the date",
                     X509_verify_cert_error_string(verdict));
        }
    }
    ERR_clear_error();
    SSL_CTX_free(context);
}
