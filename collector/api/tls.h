/* The server's certificate and key, as files: read, and tried with the library that will use them (GnuTLS). */
#ifndef EDUTALLY_API_TLS_H
#define EDUTALLY_API_TLS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

struct tls_files {
    struct buffer cert, key; /* PEM, NUL ended */
    int64_t expires_s;       /* of the server's own certificate, seconds since 1970 */
};

/* ERROR_CONFIG: a file is missing or no PEM, the key is not the certificate's, or others may read it. ERROR_MEMORY,
 * ERROR_IO. Free with tls_files_free in all cases; the key is wiped. */
int tls_files_load(struct tls_files *files, const char *cert_path, const char *key_path, struct error *error);
void tls_files_free(struct tls_files *files);

/* What GnuTLS is to offer: TLS 1.2 and 1.3, and nothing that is known to be weak. */
extern const char tls_priorities[];

#endif
