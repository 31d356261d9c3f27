/*
 * The password is read at every attempt, so that it can be changed without a restart. A broker that does not speak
 * MQTT 5 is greeted again in 3.1.1 at once; the next connection begins with 5 again, so that a broker that was only
 * restarting when it hung up is not taken for an old one for ever. One that spoke MQTT 5 and hangs up has another
 * reason: it would be greeted twice, and serve us without what MQTT 5 gives us, each time that the network fails.
 */
#include "connect.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A broker is told to leave out what is larger, so that one message cannot fill the memory; what is merely above
 * limits.payload_bytes still comes and gets its row among the rejected. */
enum { PACKET_LEAST_BYTES = 16 << 20, PACKET_FACTOR = 4, MQTT_PACKET_MOST_BYTES = 268435455 };

static uint32_t packet_bytes(const struct settings *settings)
{
    int64_t bytes = settings->limit_payload_bytes * PACKET_FACTOR;
    bytes = bytes < PACKET_LEAST_BYTES ? PACKET_LEAST_BYTES : bytes;
    return (uint32_t)(bytes > MQTT_PACKET_MOST_BYTES ? MQTT_PACKET_MOST_BYTES : bytes);
}

static int check_readable(const char *name, const char *path, struct error *error)
{
    if (path == NULL || access(path, R_OK) == 0) {
        return 0;
    }
    char reason[96];
    if (strerror_r(errno, reason, sizeof reason) != 0) {
        reason[0] = '\0';
    }
    return error_set(error, ERROR_CONFIG, "%s: cannot read %s: %s", name, path, reason);
}

int connect_prepare(struct connect_plan *plan, const struct settings *settings, struct error *error)
{
    *plan = (struct connect_plan){.settings = settings};
    int result = server_parse(&plan->server, settings->mqtt_server, error);
    if (result == 0) {
        result = check_readable("mqtt.password_file", settings->mqtt_password_file, error);
    }
    if (result == 0 && plan->server.tls) {
        result = check_readable("mqtt.tls.ca_file", settings->mqtt_ca_file, error);
        result = result == 0 ? check_readable("mqtt.tls.cert_file", settings->mqtt_cert_file, error) : result;
        result = result == 0 ? check_readable("mqtt.tls.key_file", settings->mqtt_key_file, error) : result;
    }
    plan->link = (struct link_options){
        .uri = plan->server.uri,
        .tls = plan->server.tls,
        .ca_file = settings->mqtt_ca_file,
        .cert_file = settings->mqtt_cert_file,
        .key_file = settings->mqtt_key_file,
        .username = settings->mqtt_username,
        .keep_alive_s = (int)settings->mqtt_keep_alive_s,
        .session_expiry_s = (uint32_t)settings->mqtt_session_expiry_s,
        .packet_bytes = packet_bytes(settings),
    };
    return result;
}

static int open_with(struct link **link, struct connect_plan *plan, int mqtt_version, struct link_answer *answer,
                     struct error *error)
{
    struct buffer password = {0};
    plan->link.mqtt_version = plan->mqtt_version = mqtt_version;
    plan->link.password = NULL;
    if (plan->settings->mqtt_password_file != NULL) {
        if (file_read_secret(plan->settings->mqtt_password_file, &password, error) != 0) {
            buffer_wipe(&password);
            return error_set(error, ERROR_CONFIG, "mqtt.password_file: cannot read the password from %s",
                             plan->settings->mqtt_password_file);
        }
        plan->link.password = &password;
    }
    int result = link_open(link, &plan->link, answer, error);
    plan->link.password = NULL;
    buffer_wipe(&password);
    return result;
}

int connect_link(struct link **link, struct connect_plan *plan, struct link_answer *answer, struct error *error)
{
    struct error older = {0};
    int result = open_with(link, plan, 5, answer, error);
    plan->spoke_5 = plan->spoke_5 || result == 0;
    if (result != ERROR_IO || !(answer->wrong_version || (answer->hung_up && !plan->spoke_5))) {
        return result;
    }
    log_info("mqtt_fall_back", "server=\"%s\" to=3.1.1 reason=\"%s\"", plan->server.uri, error->text);
    result = open_with(link, plan, 4, answer, &older);
    /* If neither is taken the first reason stands, unless the older version brought a clear "no". */
    if (result != 0 && (result != ERROR_IO || !(answer->wrong_version || answer->hung_up))) {
        *error = older;
    }
    return result;
}
