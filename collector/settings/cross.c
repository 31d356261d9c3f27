/* What no row of the table can say alone: settings that need, exclude or bound each other. */
#include "internal.h"

#include <string.h>

/* A fault at whichever of the two rows stands alone. */
static void check_pair(struct setting_reader *reader, const struct setting_scope *scope, size_t one, size_t other,
                       const char *remedy)
{
    if ((scope->seen[one] == NULL) == (scope->seen[other] == NULL)) {
        return;
    }
    size_t given = scope->seen[one] != NULL ? one : other, lacking = given == one ? other : one;
    jsonc_fault(&reader->file, scope->seen[given], reader->faults, remedy, "%s%s without %s%s", scope->label,
                scope->rows[given].path, scope->label, scope->rows[lacking].path);
}

static bool has_tls(const char *url)
{
    return strncmp(url, "mqtts:", 6) == 0 || strncmp(url, "wss:", 4) == 0 || strncmp(url, "https:", 6) == 0;
}

static void check_mqtt(struct setting_reader *reader, const struct setting_scope *scope)
{
    const struct settings *settings = reader->settings;
    const cJSON *tls = scope->seen[ROW_mqtt_tls];
    check_pair(reader, scope, ROW_mqtt_username, ROW_mqtt_password_file,
               "give both, or neither for a broker that lets anybody in");
    check_pair(reader, scope, ROW_mqtt_cert_file, ROW_mqtt_key_file, "give both: the certificate and its private key");
    if (tls != NULL && settings->mqtt_server != NULL && !has_tls(settings->mqtt_server)) {
        jsonc_fault(&reader->file, tls, reader->faults, "write mqtts:// or wss:// in mqtt.server, or remove mqtt.tls",
                    "mqtt.tls is given, but %.80s is not encrypted", settings->mqtt_server);
    }
}

static void check_journal(struct setting_reader *reader, const struct setting_scope *scope)
{
    const struct settings *settings = reader->settings;
    if (settings->journal_keep_bytes != 0 && settings->journal_keep_bytes < settings->journal_segment_bytes) {
        jsonc_fault(&reader->file, scope->seen[ROW_journal_keep_bytes], reader->faults,
                    "keep at least one segment, or write 0 for no bound",
                    "journal.keep_bytes is %lld, less than one segment of %lld bytes",
                    (long long)settings->journal_keep_bytes, (long long)settings->journal_segment_bytes);
    }
}

/* Whoever reaches the port reads everything unless tokens are asked for: that must be wanted. */
static void check_http(struct setting_reader *reader, const struct setting_scope *scope)
{
    const struct settings *settings = reader->settings;
    if (settings->http_behind_proxy && settings->http_tokens_file != NULL) {
        jsonc_fault(
            &reader->file, scope->seen[ROW_http_behind_proxy], reader->faults,
            "remove http.behind_proxy if the proxy passes the Authorization header on, otherwise http.tokens_file",
            "http.behind_proxy says that a proxy asks for credentials, http.tokens_file that we do");
    }
    if (settings->http_listen != NULL && !form_is_loopback(settings->http_listen) &&
        settings->http_tokens_file == NULL && !settings->http_behind_proxy) {
        jsonc_fault(
            &reader->file, scope->seen[ROW_http_listen], reader->faults,
            "name a file in http.tokens_file and make a token with `edutally token new`; or listen on 127.0.0.1 "
            "or [::1]; or, behind a proxy that asks for credentials, add \"behind_proxy\": true",
            "http.listen is %.60s: others could read everything through it", settings->http_listen);
    }
}

void settings_check_together(struct setting_reader *reader, const struct setting_scope *scope)
{
    check_mqtt(reader, scope);
    check_journal(reader, scope);
    check_http(reader, scope);
}

enum use { MAY, NEEDS, NEVER };

/* Which settings belong to which type of output. */
static const struct {
    size_t row;
    enum use use[3]; /* by enum settings_output_type */
} uses[] = {
    {OUTPUT_ROW_database, {NEEDS, NEVER, MAY}},    {OUTPUT_ROW_retention_policy, {MAY, NEVER, NEVER}},
    {OUTPUT_ROW_org, {NEVER, NEEDS, NEVER}},       {OUTPUT_ROW_bucket, {NEVER, NEEDS, NEVER}},
    {OUTPUT_ROW_token_file, {MAY, NEEDS, MAY}},    {OUTPUT_ROW_username, {MAY, NEVER, MAY}},
    {OUTPUT_ROW_password_file, {MAY, NEVER, MAY}},
};

static void check_uses(struct setting_reader *reader, const struct setting_scope *scope, const cJSON *node,
                       enum settings_output_type type)
{
    const char *word = settings_output_type_word(type);
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        const char *name = scope->rows[uses[i].row].path;
        const cJSON *given = scope->seen[uses[i].row];
        if (uses[i].use[type] == NEEDS && given == NULL) {
            jsonc_fault(&reader->file, node, reader->faults, "add it to this output", "%s%s is missing: %s needs it",
                        scope->label, name, word);
        } else if (uses[i].use[type] == NEVER && given != NULL) {
            jsonc_fault(&reader->file, given, reader->faults, "remove it, or change the type of the output",
                        "%s%s is given, but %s has no use for it", scope->label, name, word);
        }
    }
}

void settings_check_output(struct setting_reader *reader, const struct setting_scope *scope, const cJSON *node)
{
    const struct settings_output *output = scope->into;
    const char *type = cJSON_GetStringValue(scope->seen[OUTPUT_ROW_type]);
    const cJSON *ca_file = scope->seen[OUTPUT_ROW_ca_file];
    if (type != NULL && strcmp(type, settings_output_type_word(output->type)) == 0) {
        check_uses(reader, scope, node, output->type); /* a type that is missing or wrong is a fault already */
    }
    check_pair(reader, scope, OUTPUT_ROW_username, OUTPUT_ROW_password_file,
               "give both, or neither for a server that lets anybody in");
    if (ca_file != NULL && output->url != NULL && !has_tls(output->url)) {
        jsonc_fault(&reader->file, ca_file, reader->faults, "write https:// in the url, or remove ca_file",
                    "%sca_file is given, but %.80s is not encrypted", scope->label, output->url);
    }
}
