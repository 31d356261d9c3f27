/* Options on the broker, checked together. */
#include "broker_options.h"

#include <string.h>

int broker_options_check(const struct broker_options *options, const char *realm, struct link_settings *link,
                         struct gateway_settings *gateway, struct error *error)
{
    if (!options->server) {
        return error_set(error, ERROR_USAGE, "--server is missing; for example --server mqtt://127.0.0.1:1883");
    }
    if (strcmp(options->mqtt, "5") != 0 && strcmp(options->mqtt, "3.1.1") != 0) {
        return error_set(error, ERROR_USAGE, "--mqtt is \"%s\"; it takes 5 or 3.1.1", options->mqtt);
    }
    if (options->username && options->username_per_centre) {
        return error_set(error, ERROR_USAGE, "--username and --username-per-centre exclude each other; give one");
    }
    if (options->password_file && !options->username && !options->username_per_centre) {
        return error_set(error, ERROR_USAGE, "--password-file needs --username or --username-per-centre");
    }
    if (!options->cert != !options->key) {
        return error_set(error, ERROR_USAGE, "--tls-cert and --tls-key go together; give both");
    }
    *link = (struct link_settings){.server = options->server,
                                   .client_prefix = options->client_id,
                                   .ca_file = options->ca,
                                   .cert_file = options->cert,
                                   .key_file = options->key,
                                   .mqtt_311 = strcmp(options->mqtt, "3.1.1") == 0,
                                   .in_flight = (uint32_t)options->in_flight};
    *gateway = (struct gateway_settings){.realm = realm,
                                         .connections = (uint32_t)options->connections,
                                         .username = options->username,
                                         .username_per_centre = options->username_per_centre,
                                         .password_file = options->password_file};
    return 0;
}
