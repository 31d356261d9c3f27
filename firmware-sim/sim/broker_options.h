/* The option rows that `run` and `flood` share, and what they check. */
#ifndef SIM_BROKER_OPTIONS_H
#define SIM_BROKER_OPTIONS_H

#include "gateway.h"
#include "link.h"
#include "options.h"

#include <stdbool.h>
#include <stdint.h>

struct broker_options {
    const char *server, *username, *password_file, *ca, *cert, *key, *client_id, *mqtt;
    bool username_per_centre;
    int64_t connections, in_flight;
};

#define BROKER_OPTIONS_DEFAULT                                                                                         \
    {                                                                                                                  \
        .client_id = "edutally-sim", .mqtt = "5", .connections = 8, .in_flight = 100                                   \
    }

#define BROKER_OPTION_ROWS(o)                                                                                          \
    {"broker", OPTION_HEADING, NULL, 0, 0, NULL, NULL},                                                                \
        {"--server", OPTION_TEXT, &(o).server, 0, 0, "URL", "mqtt://HOST:1883, or mqtts, ws, wss (needed)"},           \
        {"--username", OPTION_TEXT, &(o).username, 0, 0, "NAME", "of all connections"},                                \
        {"--username-per-centre",                                                                                      \
         OPTION_FLAG,                                                                                                  \
         &(o).username_per_centre,                                                                                     \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "a connection per centre, its id the user name"},                                                             \
        {"--password-file",                                                                                            \
         OPTION_TEXT,                                                                                                  \
         &(o).password_file,                                                                                           \
         0,                                                                                                            \
         0,                                                                                                            \
         "FILE",                                                                                                       \
         "holds the password, or lines NAME:PASSWORD"},                                                                \
        {"--tls-ca", OPTION_TEXT, &(o).ca, 0, 0, "FILE", "who signed the broker's certificate (PEM)"},                 \
        {"--tls-cert", OPTION_TEXT, &(o).cert, 0, 0, "FILE", "our certificate, if the broker asks for one"},           \
        {"--tls-key", OPTION_TEXT, &(o).key, 0, 0, "FILE", "its key"},                                                 \
        {"--client-id", OPTION_TEXT, &(o).client_id, 0, 0, "PREFIX", "of the connections; default edutally-sim"},      \
        {"--mqtt", OPTION_TEXT, &(o).mqtt, 0, 0, "5|3.1.1", "default 5, and 3.1.1 where the broker refuses it"},       \
        {"--connections", OPTION_NUMBER, &(o).connections, 1, 10000, "N", "that centres share; default 8"},            \
    {                                                                                                                  \
        "--in-flight", OPTION_NUMBER, &(o).in_flight, 1, 65000, "N",                                                   \
            "sent and not yet acknowledged, each; default 100"                                                         \
    }

/* Checks what the rows cannot and fills both settings. */
int broker_options_check(const struct broker_options *options, const char *realm, struct link_settings *link,
                         struct gateway_settings *gateway, struct error *error);

#endif
