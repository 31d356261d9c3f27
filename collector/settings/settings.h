/*
 * What collector.jsonc says (design: §7), checked and with every default filled in. The table settings.def feeds the
 * parser, the validator, `edutally check --print-config` and the manual.
 */
#ifndef EDUTALLY_SETTINGS_SETTINGS_H
#define EDUTALLY_SETTINGS_SETTINGS_H

#include "base/buffer.h"
#include "base/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_output_type { OUTPUT_INFLUXDB1, OUTPUT_INFLUXDB2, OUTPUT_VICTORIAMETRICS };

struct settings_output {
    char *name; /* unique among the outputs, [A-Za-z0-9._-]{1,64} */
    enum settings_output_type type;
    char *url;              /* http:// or https://, without a path that ends in '/' */
    char *database;         /* influxdb1, victoriametrics; NULL otherwise */
    char *retention_policy; /* influxdb1, or NULL */
    char *org;              /* influxdb2 */
    char *bucket;           /* influxdb2 */
    char *username;         /* or NULL */
    char *password_file;    /* or NULL */
    char *token_file;       /* or NULL */
    char *ca_file;          /* or NULL: the system's certificates */
    bool gzip;
    int64_t batch_points;
    int64_t timeout_ms;
    int64_t small_cell; /* that of the whole config */
};

/* All paths are absolute or relative to the process's directory: already joined with the folder of the config file. */
struct settings {
    char *path; /* of the config file itself */
    char **realms;
    size_t realm_count;
    char *time_zone;
    char *data_dir;
    char *registry_centres;
    char *registry_areas;
    char *taxonomy;
    char *indicators;
    char *secret_file; /* default: data_dir/secret */
    int64_t late_days;
    int64_t small_cell; /* exports leave out counts of people below this; 0: none */
    char *log_level;    /* error, warning, info, debug */

    char *mqtt_server; /* NULL: no mqtt section; otherwise mqtt:// mqtts:// ws:// wss:// */
    char *mqtt_client_id;
    char *mqtt_username;
    char *mqtt_password_file;
    char *mqtt_ca_file;
    char *mqtt_cert_file;
    char *mqtt_key_file;
    int64_t mqtt_keep_alive_s;
    int64_t mqtt_session_expiry_s;

    int64_t commit_interval_ms;
    int64_t commit_max_events;
    int64_t journal_segment_bytes;
    int64_t journal_keep_days;
    int64_t journal_keep_bytes; /* 0: no bound */
    int64_t journal_backlog_bytes;
    int64_t journal_reserve_bytes; /* 0: none */
    int64_t memory_facts_bytes;
    int64_t limit_payload_bytes;
    int64_t limit_batch_events;
    int64_t limit_depth;
    int64_t limit_devices_per_centre;
    int64_t limit_unknown_devices;
    int64_t limit_epochs_per_device;
    int64_t rejected_max_rows;
    int64_t rejected_max_bytes;
    int64_t rejected_keep_days;
    int64_t rejected_device_rows_per_hour;
    int64_t rejected_device_quarantined_per_day;

    char *http_listen;      /* NULL: no HTTP; otherwise "address:port", "[::1]:8080"; port 0 takes a free one */
    char *http_tokens_file; /* NULL: whoever reaches the port may ask, which then is loopback or behind a proxy */
    bool http_behind_proxy; /* a proxy asks for credentials: any address, any host name, no tokens */
    int64_t http_connections;
    int64_t http_connections_per_address; /* 0: no bound */
    char *http_cert_file;                 /* NULL: no TLS */
    char *http_key_file;

    struct settings_output *outputs;
    size_t output_count;
};

/* Reads and checks the file; adds a fault with its line for every mistake (unknown and misspelt keys too, with the
 * nearest known name as remedy). Returns 0, ERROR_CONFIG or ERROR_MEMORY. Free with settings_free in both cases. */
int settings_load(struct settings *settings, const char *path, struct faults *faults);
void settings_free(struct settings *settings);

/* Writes all settings as JSON with their values, defaults included; secrets are files, so none is shown. */
void settings_print(const struct settings *settings, struct buffer *out);

/* Writes the table of all settings for people: name, type, bounds, default, unit, meaning (Markdown). */
void settings_manual(struct buffer *out);

#endif
