/* The broker's address as people write it, turned into what Paho reads. Pure. */
#ifndef EDUTALLY_INGEST_SERVER_H
#define EDUTALLY_INGEST_SERVER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { SERVER_URI_SIZE = 512 };

struct server {
    char uri[SERVER_URI_SIZE]; /* tcp, ssl, ws or wss, always with a port */
    bool tls;
};

/* `url` is mqtt://, mqtts://, ws:// or wss:// with a host, an optional port and, for ws and wss, an optional path.
 * ERROR_CONFIG with what is wrong and how to mend it. */
int server_parse(struct server *server, const char *url, struct error *error);

#endif
