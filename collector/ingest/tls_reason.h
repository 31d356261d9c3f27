/* Why a broker's certificate is not trusted, in words. */
#ifndef EDUTALLY_INGEST_TLS_REASON_H
#define EDUTALLY_INGEST_TLS_REASON_H

#include <stddef.h>

enum { TLS_REASON_MS = 3000 };

/* Greets the server of `uri` (as Paho reads it: scheme://host:port[/path]) once more, sends nothing, and writes what is
 * wrong with its certificate to `text` ("certificate has expired: …", "hostname mismatch: …") and what to look at.
 * Empty if nothing is, or if nobody answers within TLS_REASON_MS. `ca_file` may be NULL: the system's authorities. */
void tls_reason(const char *uri, const char *ca_file, char *text, size_t size);

#endif
