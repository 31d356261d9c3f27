/* The four files that know libmicrohttpd. */
#ifndef EDUTALLY_API_TRANSPORT_H
#define EDUTALLY_API_TRANSPORT_H

#include "internal.h"
#include "tls.h"

#include <microhttpd.h>

/* Queues the answer and empties it. */
enum MHD_Result transport_respond(struct api *api, struct MHD_Connection *connection, struct answer *answer);

/* credentials.c. What http.tls names (NULL without the setting), freed by credentials_drop_tls, and what
 * http.tokens_file does. At the start somebody must be able to ask: a file without tokens is ERROR_CONFIG, as is any
 * other fault. */
int credentials_load_tls(const struct settings *settings, struct tls_files **files, struct error *error);
void credentials_drop_tls(struct tls_files **files);
int credentials_load_tokens(const struct settings *settings, struct tokens *tokens, struct error *error);

/* Starts the library's threads on a duplicate of api->listen_fd, with the certificate of `tls` (or NULL). NULL: it
 * cannot. */
struct MHD_Daemon *server_start(struct api *api, const struct tls_files *tls);

/* Waits for answers on their way, but not for long, and stops the threads. `keeps`: another daemon goes on
 * listening. */
void server_stop(struct api *api, struct MHD_Daemon *daemon, bool keeps);

/* A listening socket for "address:port" or "[address]:port"; `url` gets "http://address:port" with the real port. The
 * descriptor, or ERROR_CONFIG, ERROR_IO. */
int listen_on(const char *address, const char *scheme, char *url, size_t url_size, bool *loopback, struct error *error);

#endif
