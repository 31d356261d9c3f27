/*
 * Filters are per centre ("edu/v1/46/{centre}/+/ack") and not per realm, so that each connection gets the
 * acknowledgements of its own devices only. A connection has one last will: the state of a "gateway" of its first
 * centre; the devices' own states are set offline by a clean stop.
 */
#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORDS_SIZE_MAX ((size_t)1048576)

static int read_passwords(const char *path, struct gateways *gateways, struct error *error)
{
    FILE *stream = fopen(path, "rb");
    size_t length;

    if (!stream) {
        return error_set(error, ERROR_FAILED, "--password-file %s cannot be opened: %s", path, strerror(errno));
    }
    gateways->passwords = calloc(1, PASSWORDS_SIZE_MAX + 1);
    length = gateways->passwords ? fread(gateways->passwords, 1, PASSWORDS_SIZE_MAX, stream) : 0;
    (void)fclose(stream);
    return length > 0 ? 0 : error_set(error, ERROR_FAILED, "--password-file %s is empty or cannot be read", path);
}

/* Keeps an allocated string for gateways_free. NULL (given or found no room) stays NULL. */
static char *keep(struct gateways *gateways, char *text)
{
    char **larger = text ? realloc(gateways->texts, (gateways->text_count + 1) * sizeof *larger) : NULL;

    if (!larger) {
        free(text);
        return NULL;
    }
    gateways->texts = larger;
    larger[gateways->text_count++] = text;
    return text;
}

/* The password on the line "user:password", or the first line if that holds no colon. NULL if there is none. */
static const char *find_password(struct gateways *gateways, const char *username)
{
    const char *text = gateways->passwords;
    size_t user_length = strlen(username), first_length = strcspn(text, "\r\n");

    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at ? 1 : 0) {
        if (strncmp(at, username, user_length) == 0 && at[user_length] == ':') {
            at += user_length + 1;
            return keep(gateways, strndup(at, strcspn(at, "\r\n")));
        }
    }
    return memchr(text, ':', first_length) ? NULL : keep(gateways, strndup(text, first_length));
}

static char *make_topic(struct gateways *gateways, const char *realm, const char *centre, const char *rest)
{
    char text[256];

    (void)snprintf(text, sizeof text, "edu/v1/%s/%s/%s", realm, centre, rest);
    return keep(gateways, strdup(text));
}

static int fill_credential(const struct gateway_settings *settings, struct gateways *gateways, const char *centre,
                           struct link_identity *identity, struct error *error)
{
    identity->username = settings->username_per_centre ? centre : settings->username;
    if (!identity->username || !gateways->passwords) {
        return 0;
    }
    identity->password = find_password(gateways, identity->username);
    if (!identity->password) {
        return error_set(error, ERROR_USAGE, "--password-file %s has no line \"%s:PASSWORD\"", settings->password_file,
                         identity->username);
    }
    return 0;
}

static int fill_identity(const struct gateway_settings *settings, struct gateways *gateways, uint32_t index,
                         const char *const *centre_ids, uint32_t centre_count, struct error *error)
{
    struct link_identity *identity = &gateways->identities[index];
    const char **filters = calloc((centre_count - index - 1) / gateways->count + 1, sizeof *filters);

    identity->filters = filters;
    for (uint32_t i = index; filters && i < centre_count; i += gateways->count) {
        filters[identity->filter_count] = make_topic(gateways, settings->realm, centre_ids[i], "+/ack");
        if (!filters[identity->filter_count++]) {
            return error_set(error, ERROR_MEMORY, "out of memory");
        }
    }
    identity->will_topic = make_topic(gateways, settings->realm, centre_ids[index], "gateway/state");
    identity->will_payload = "{\"v\":1,\"status\":\"offline\"}";
    if (!filters || !identity->will_topic) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return fill_credential(settings, gateways, centre_ids[index], identity, error);
}

int gateways_make(const struct gateway_settings *settings, const char *const *centre_ids, uint32_t centre_count,
                  struct gateways *gateways, struct error *error)
{
    int result = 0;

    *gateways = (struct gateways){0};
    gateways->count =
        settings->username_per_centre || settings->connections > centre_count ? centre_count : settings->connections;
    gateways->identities = calloc(gateways->count, sizeof *gateways->identities);
    if (!gateways->identities) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (settings->password_file) {
        result = read_passwords(settings->password_file, gateways, error);
    }
    for (uint32_t i = 0; i < gateways->count && result == 0; i++) {
        result = fill_identity(settings, gateways, i, centre_ids, centre_count, error);
    }
    if (result) {
        gateways_free(gateways);
    }
    return result;
}

void gateways_free(struct gateways *gateways)
{
    for (uint32_t i = 0; i < gateways->text_count; i++) {
        free(gateways->texts[i]);
    }
    for (uint32_t i = 0; gateways->identities && i < gateways->count; i++) {
        free((void *)(uintptr_t)gateways->identities[i].filters);
    }
    free(gateways->texts);
    free(gateways->passwords);
    free(gateways->identities);
    *gateways = (struct gateways){0};
}
