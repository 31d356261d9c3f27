/* From the settings to a connection: what every attempt needs, the password of the moment, MQTT 5 before 3.1.1. */
#ifndef EDUTALLY_INGEST_CONNECT_H
#define EDUTALLY_INGEST_CONNECT_H

#include "link.h"
#include "server.h"

#include "settings/settings.h"

/* What a collector says of itself on its state topic. */
#define CONNECT_ONLINE  "{\"v\":1,\"status\":\"online\"}"
#define CONNECT_OFFLINE "{\"v\":1,\"status\":\"offline\"}"

struct connect_plan {
    const struct settings *settings;
    struct server server;
    struct link_options link; /* the caller adds who he is: client id, will, callback, bell */
    int mqtt_version;         /* of the last connection that was made */
    bool spoke_5;             /* a connection was made in MQTT 5 */
};

/* Checks what can be checked without the broker: address, readable password and TLS files. ERROR_CONFIG. The plan must
 * stay where it is while links of it live. */
int connect_prepare(struct connect_plan *plan, const struct settings *settings, struct error *error);

/* One attempt; as link_open, and ERROR_CONFIG if the password cannot be read now. */
int connect_link(struct link **link, struct connect_plan *plan, struct link_answer *answer, struct error *error);

#endif
