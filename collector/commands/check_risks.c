/*
 * What works, and is still not how it should be: settings with which somebody could be robbed or overheard. Warnings,
 * and no failures, for an operator may know better: a network may be his own, an id may be more random than it looks.
 * And what to do about a broker that does not let us in, which depends on what it said.
 */
#include "commands/check.h"

#include "base/error.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Of a client id, to count as not to be guessed: so many letters and digits in a row, some of them digits. What
 * edutally-provision proposes has sixteen random ones. How they were chosen does not show; that there are none does. */
enum { UNGUESSABLE_LEAST = 12 };

static bool looks_random(const char *client_id)
{
    size_t length = 0;
    bool digits = false;
    for (; *client_id != '\0'; client_id++) {
        bool part = isalnum((unsigned char)*client_id) != 0;
        length = part ? length + 1 : 0;
        digits = part && (digits || isdigit((unsigned char)*client_id) != 0);
        if (length >= UNGUESSABLE_LEAST && digits) {
            return true;
        }
    }
    return false;
}

/* `address` begins with a host, as in "127.0.0.1:8080". */
static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
           strncmp(address, "localhost:", 10) == 0 || strcmp(address, "localhost") == 0;
}

/* A broker on loopback that asks for no password is somebody's own, to try things out: no stranger knows of it. */
static bool has_strangers(const struct settings *settings)
{
    const char *host = strstr(settings->mqtt_server, "://");
    bool tls = strncmp(settings->mqtt_server, "mqtts:", 6) == 0 || strncmp(settings->mqtt_server, "wss:", 4) == 0;
    return tls || settings->mqtt_username != NULL || host == NULL || !is_loopback(host + 3);
}

static void warn_of_client_id(const struct settings *settings, struct check_findings *findings)
{
    if (settings->mqtt_server != NULL && has_strangers(settings) && !looks_random(settings->mqtt_client_id)) {
        check_warn(
            findings,
            "take the one that `edutally-provision collector` prints, before the first start; of a collector that "
            "is in use, as docs/security.md says",
            "mqtt.client_id",
            "%.100s can be guessed: who is let in by the broker and uses it ends our session, and what waits in "
            "its queue is gone",
            settings->mqtt_client_id);
    }
}

static void warn_of_plain_tokens(const struct settings *settings, struct check_findings *findings)
{
    if (settings->http_listen != NULL && settings->http_tokens_file != NULL && settings->http_cert_file == NULL &&
        !is_loopback(settings->http_listen)) {
        check_warn(findings,
                   "set http.tls, for which `edutally-provision http --host NAME` makes the files; or listen on "
                   "127.0.0.1, behind a server that speaks TLS",
                   "http", "tokens come to %.100s without TLS: whoever is on the way can read them, and use them",
                   settings->http_listen);
    }
}

void check_risks(const struct settings *settings, struct check_findings *findings)
{
    warn_of_client_id(settings, findings);
    warn_of_plain_tokens(settings, findings);
}

const char *check_broker_remedy(const struct error *error)
{
    static const struct {
        const char *said, *remedy;
    } remedies[] = {
        {"cannot read", "make the file, or run this as the daemon's user: only that one may read secrets"},
        {"TLS: ",
         "mqtt.tls.ca_file has to be the authority of this very broker (edutally-ca.pem from its machine), "
         "mqtt.server a name in its certificate, and the clocks right; where the broker asks for a certificate, "
         "mqtt.tls.cert_file one that it knows and did not revoke"},
        {"the broker refused ", "its access list must let our user read edu/v1/REALM/#, for each of our realms: "
                                "config/mosquitto/acl"},
        {"ot authori", "the broker does not know this user with this password: `edutally-provision collector` on its "
                       "machine makes both agree, then systemctl reload mosquitto"},
        {"user name or password", "the broker does not know this user with this password: `edutally-provision "
                                  "collector` on its machine makes both agree, then systemctl reload mosquitto"},
        {"lient", "the broker takes no client of this mqtt.client_id: look at its settings, or take another"},
    };
    if (error->code == ERROR_MEMORY) {
        return "free memory, and try again";
    }
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strstr(error->text, remedies[i].said) != NULL) {
            return remedies[i].remedy;
        }
    }
    return error->code == ERROR_CONFIG ? "mend mqtt.server"
                                       : "is the broker running, and is mqtt.server right: name, port, mqtt or mqtts?";
}
