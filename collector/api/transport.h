/* The two files that know libmicrohttpd. */
#ifndef EDUTALLY_API_TRANSPORT_H
#define EDUTALLY_API_TRANSPORT_H

#include "internal.h"

#include <microhttpd.h>

/* Queues the answer and empties it. */
enum MHD_Result transport_respond(struct MHD_Connection *connection, struct answer *answer);

/* A listening socket for "address:port" or "[address]:port"; `url` gets "http://address:port" with the real port. The
 * descriptor, or ERROR_CONFIG, ERROR_IO. */
int listen_on(const char *address, char *url, size_t url_size, struct error *error);

#endif
