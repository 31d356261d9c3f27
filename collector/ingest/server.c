/*
 * Paho 1.3.12 takes tcp, ssl, ws and wss and gives wss the port 80 where none is written; its names for the first two
 * are not those that people know. So the scheme is mapped and the port always written out. A user name in the address
 * would end in logs: it is refused.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scheme {
    const char *ours;
    const char *paho;
    int port; /* registered for the scheme */
    bool tls;
    bool path; /* web sockets have one */
};

static const struct scheme schemes[] = {
    {"mqtt://", "tcp://", 1883, false, false},
    {"mqtts://", "ssl://", 8883, true, false},
    {"ws://", "ws://", 80, false, true},
    {"wss://", "wss://", 443, true, true},
};

static const struct scheme *scheme_of(const char *url)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i].ours, strlen(schemes[i].ours)) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* The length of the host at the start of `text` (an IPv6 address stands in brackets); 0 if there is none. */
static size_t host_length(const char *text)
{
    if (text[0] != '[') {
        return strcspn(text, ":/");
    }
    size_t inside = strcspn(text, "]/");
    return text[inside] == ']' && inside > 1 ? inside + 1 : 0;
}

/* Reads ":port"; moves `*text` past it. 0 is no port, -1 is not one. */
static long port_at(const char **text)
{
    char *end = NULL;
    if (**text != ':') {
        return 0;
    }
    if ((*text)[1] < '0' || (*text)[1] > '9') {
        return -1;
    }
    long port = strtol(*text + 1, &end, 10);
    *text = end;
    return port >= 1 && port <= 65535 ? port : -1;
}

int server_parse(struct server *server, const char *url, struct error *error)
{
    const struct scheme *scheme = scheme_of(url);
    if (scheme == NULL) {
        return error_set(error, ERROR_CONFIG,
                         "mqtt.server \"%.100s\" has no scheme that we know: write mqtt://HOST:PORT, or mqtts, ws, wss",
                         url);
    }
    const char *host = url + strlen(scheme->ours);
    if (strchr(host, '@') != NULL) {
        return error_set(error, ERROR_CONFIG,
                         "mqtt.server holds a user name: write it as mqtt.username, and the password into a file");
    }
    size_t length = host_length(host);
    const char *rest = host + length;
    long port = length == 0 ? -1 : port_at(&rest);
    if (port < 0 || (rest[0] != '\0' && rest[0] != '/')) {
        return error_set(error, ERROR_CONFIG, "mqtt.server \"%.100s\" has no usable host and port: write %sHOST:PORT",
                         url, scheme->ours);
    }
    if (!scheme->path && strcmp(rest, "/") == 0) {
        rest = "";
    }
    if (!scheme->path && rest[0] != '\0') {
        return error_set(error, ERROR_CONFIG,
                         "mqtt.server \"%.100s\" has a path, which only ws and wss have: cut it off", url);
    }
    server->tls = scheme->tls;
    int used = snprintf(server->uri, sizeof server->uri, "%s%.*s:%ld%s", scheme->paho, (int)length, host,
                        port == 0 ? (long)scheme->port : port, rest);
    if (used < 0 || (size_t)used >= sizeof server->uri) {
        return error_set(error, ERROR_CONFIG, "mqtt.server is longer than %d bytes", SERVER_URI_SIZE - 16);
    }
    return 0;
}
