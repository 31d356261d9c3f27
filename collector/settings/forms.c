/* What a text must look like to be a zone, an address, a URL: each form checks one text and says what is wrong with it
 * in words that follow "is \"…\": ". */
#include "internal.h"

#include "base/error.h"
#include "base/zone.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static const char *identifier_fault(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 64) {
        return "it has no or more than 64 characters";
    }
    return strspn(text, LETTERS DIGITS "._-") == length ? NULL : "it has a character that topics cannot carry";
}

static const char *zone_fault(const char *text, char *why, size_t size)
{
    struct error error = {0};
    if (zone_check(text, &error) != 0) { /* not opened: a reload reads another zone's name beside the running one */
        snprintf(why, size, "%s", error.text);
        return why;
    }
    return NULL;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *log_level_fault(const char *text)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    return is_one_of(text, levels, sizeof levels / sizeof levels[0]) ? NULL : "there is no such level";
}

static const char *output_type_fault(const char *text)
{
    static const char *const types[] = {"influxdb1", "influxdb2", "victoriametrics"};
    return is_one_of(text, types, sizeof types / sizeof types[0]) ? NULL : "there is no such type of output";
}

/* A port in decimal digits up to the end of `text`. */
static bool is_port(const char *text, long least)
{
    size_t length = strspn(text, DIGITS);
    if (length == 0 || length > 5 || text[length] != '\0') {
        return false;
    }
    long port = strtol(text, NULL, 10);
    return port >= least && port <= 65535;
}

/* "host", "host:port" or "[::1]:port" with a path after it or not; `at` is behind the "//". */
static const char *authority_fault(const char *at)
{
    char authority[300];
    size_t length = strcspn(at, "/");
    if (length == 0 || length >= sizeof authority) {
        return "there is no usable host after //";
    }
    snprintf(authority, sizeof authority, "%.*s", (int)length, at);
    if (strchr(authority, '@') != NULL) {
        return "user and password do not belong into the URL: there are settings for them";
    }
    char *port;
    if (authority[0] == '[') {
        struct in6_addr address;
        char *close = strchr(authority, ']');
        if (close == NULL) {
            return "the ']' after the IPv6 address is missing";
        }
        *close = '\0';
        port = close + 1;
        if (inet_pton(AF_INET6, authority + 1, &address) != 1 || (*port != '\0' && *port != ':')) {
            return "that is no IPv6 address in brackets";
        }
    } else {
        port = authority + strcspn(authority, ":");
        if (port == authority || strspn(authority, LETTERS DIGITS "._-") != (size_t)(port - authority)) {
            return "that is no host name";
        }
    }
    return *port == '\0' || is_port(port + 1, 1) ? NULL : "the port is not a number from 1 to 65535";
}

static const char *url_fault(const char *text, const char *const *schemes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(schemes[i]);
        if (strncmp(text, schemes[i], length) == 0 && strncmp(text + length, "://", 3) == 0) {
            if (strpbrk(text, "?# \t\r\n") != NULL) {
                return "a URL here has no '?', no '#' and no space";
            }
            return authority_fault(text + length + 3);
        }
    }
    return "the scheme is missing or unknown";
}

static const char *mqtt_url_fault(const char *text)
{
    static const char *const schemes[] = {"mqtt", "mqtts", "ws", "wss"};
    const char *fault = url_fault(text, schemes, sizeof schemes / sizeof schemes[0]);
    if (fault == NULL && text[0] == 'm' && strchr(strstr(text, "//") + 2, '/') != NULL) {
        return "only ws:// and wss:// have a path";
    }
    return fault;
}

static const char *http_url_fault(const char *text)
{
    static const char *const schemes[] = {"http", "https"};
    return url_fault(text, schemes, sizeof schemes / sizeof schemes[0]);
}

/* Takes "address:port" apart. NULL, or what is wrong. */
static const char *read_listen(const char *text, bool *loopback)
{
    char address[64];
    struct in_addr v4;
    struct in6_addr v6;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof address || !is_port(colon + 1, 0)) {
        return "that is no address with a port from 0 to 65535";
    }
    snprintf(address, sizeof address, "%.*s", (int)(colon - text), text);
    size_t length = strlen(address);
    bool bracketed = length > 2 && address[0] == '[' && address[length - 1] == ']';
    if (bracketed) {
        address[length - 1] = '\0';
    }
    if (bracketed ? inet_pton(AF_INET6, address + 1, &v6) != 1 : inet_pton(AF_INET, address, &v4) != 1) {
        return "the part before the port is no IP address";
    }
    *loopback =
        bracketed ? memcmp(&v6, &in6addr_loopback, sizeof v6) == 0 : (ntohl(v4.s_addr) & 0xff000000u) == 0x7f000000u;
    return NULL;
}

static const char *listen_fault(const char *text)
{
    bool loopback;
    return read_listen(text, &loopback);
}

bool form_is_loopback(const char *listen)
{
    bool loopback = false;
    return read_listen(listen, &loopback) == NULL && loopback;
}

const char *form_fault(enum setting_form form, const char *text, char *why, size_t size)
{
    switch (form) {
    case FORM_IDENTIFIER:
        return identifier_fault(text);
    case FORM_ZONE:
        return zone_fault(text, why, size);
    case FORM_LOG_LEVEL:
        return log_level_fault(text);
    case FORM_OUTPUT_TYPE:
        return output_type_fault(text);
    case FORM_MQTT_URL:
        return mqtt_url_fault(text);
    case FORM_HTTP_URL:
        return http_url_fault(text);
    case FORM_LISTEN:
        return listen_fault(text);
    case FORM_NONE:
        break;
    }
    return NULL;
}

const char *form_description(enum setting_form form)
{
    switch (form) {
    case FORM_IDENTIFIER:
        return "1 to 64 characters of A-Z a-z 0-9 . _ -";
    case FORM_ZONE:
        return "an IANA name such as Asia/Ho_Chi_Minh";
    case FORM_LOG_LEVEL:
        return "error, warning, info or debug";
    case FORM_OUTPUT_TYPE:
        return "influxdb1, influxdb2 or victoriametrics";
    case FORM_MQTT_URL:
        return "mqtt://host:port, or mqtts:// ws:// wss://";
    case FORM_HTTP_URL:
        return "http://host:port or https://host:port";
    case FORM_LISTEN:
        return "127.0.0.1:port or [::1]:port";
    case FORM_NONE:
        break;
    }
    return "";
}
