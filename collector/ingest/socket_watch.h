/* Learns which socket Paho opened for a client id. Paho has no call for it; its trace tells. */
#ifndef EDUTALLY_INGEST_SOCKET_WATCH_H
#define EDUTALLY_INGEST_SOCKET_WATCH_H

#include <stdatomic.h>

struct socket_watch {
    struct socket_watch *next;
    const char *client_id; /* borrowed from begin to end */
    _Atomic int number;
};

void socket_watch_init(struct socket_watch *watch);

/* To stand around a connection attempt: while any watch is on, Paho writes a trace line for each packet. */
void socket_watch_begin(struct socket_watch *watch, const char *client_id);
void socket_watch_end(struct socket_watch *watch);

/* -1 as long as no CONNECT left. */
int socket_watch_number(const struct socket_watch *watch);

/* The number in front of " CLIENT-ID -> CONNECT " in a trace line; -1 if the line is not about this client. */
int socket_watch_read(const char *line, const char *client_id);

#endif
