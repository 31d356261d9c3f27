/*
 * The request target (RFC 9112, 3.2): path and query, taken apart here and not by the library, which would let "%00"
 * end a string early and "%zz" stand for itself. Strict: one text has one meaning or none, so that a proxy in front and
 * this server never read it differently. Pure; whatever the bytes, the result fits into the request.
 */
#include "internal.h"

#include <string.h>
#include <strings.h>

struct reading {
    struct request *request;
    size_t used; /* of request->memory */
};

static bool refuse(struct request *request, unsigned status, const char *fault)
{
    request->fault_status = status;
    request->fault = fault;
    return false;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes `length` bytes into the request's memory; NULL, and the request says why. In a path an escaped slash is
 * refused: is it a slash or not? In a query '+' is a blank. */
static const char *decode(struct reading *reading, const char *text, size_t length, bool in_path)
{
    struct request *request = reading->request;
    char *out = request->memory + reading->used;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        bool escaped = byte == '%';
        if (escaped) {
            int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                refuse(request, 400, "a % stands in the address without two hexadecimal digits after it");
                return NULL;
            }
            byte = (char)(high * 16 + low);
            i += 2;
        } else if (byte == ' ') {
            refuse(request, 400, "a blank stands in the address: write it %20");
            return NULL;
        } else if (byte == '+' && !in_path) {
            byte = ' ';
        }
        if ((unsigned char)byte < 0x20 || byte == 0x7f) {
            refuse(request, 400, "the address holds a NUL byte or another control character");
            return NULL;
        }
        if (escaped && in_path && byte == '/') {
            refuse(request, 400, "the path holds an escaped slash");
            return NULL;
        }
        out[used++] = byte;
    }
    out[used++] = '\0';
    reading->used += used;
    return out;
}

/* One "name=value", or "name" alone. */
static bool read_parameter(struct reading *reading, const char *text, size_t length)
{
    struct request *request = reading->request;
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    size_t value_length = equals != NULL ? length - name_length - 1 : 0;
    if (request->parameter_count == API_MAX_PARAMETERS) {
        return refuse(request, 400, "there are too many parameters");
    }
    const char *name = decode(reading, text, name_length, false);
    const char *value = name != NULL ? decode(reading, equals != NULL ? equals + 1 : text, value_length, false) : NULL;
    if (value == NULL) {
        return false;
    }
    if (strlen(name) > API_VALUE_BYTES || strlen(value) > API_VALUE_BYTES) {
        return refuse(request, 400, "a parameter is too long");
    }
    request->parameters[request->parameter_count++] = (struct request_parameter){name, value};
    return true;
}

static bool read_query(struct reading *reading, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '&', length - at);
        size_t piece = end != NULL ? (size_t)(end - text) - at : length - at;
        if (piece > 0 && !read_parameter(reading, text + at, piece)) {
            return false;
        }
        at += piece + 1;
    }
    return true;
}

/* "http://host/path", as to a proxy: a server has to take it too (RFC 9112, 3.2.2). */
static const char *skip_authority(const char *raw)
{
    size_t scheme = strncmp(raw, "http://", 7) == 0 ? 7 : strncmp(raw, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0) {
        return raw;
    }
    const char *path = raw + scheme + strcspn(raw + scheme, "/?");
    return *path == '/' ? path : "/";
}

bool target_parse(const char *raw, struct request *request)
{
    struct reading reading = {.request = request};
    request->path = "";
    request->parameter_count = 0;
    request->fault = NULL;
    request->fault_status = 0;
    if (strnlen(raw, API_TARGET_BYTES + 1) > API_TARGET_BYTES) {
        return refuse(request, 414, "the address is too long");
    }
    raw = skip_authority(raw);
    if (raw[0] != '/' || strchr(raw, '#') != NULL) {
        return refuse(request, 400, "the address does not begin with a slash, or holds a '#'");
    }
    size_t length = strcspn(raw, "?");
    const char *path = decode(&reading, raw, length, true);
    if (path == NULL) {
        return false;
    }
    if (strlen(path) > API_PATH_BYTES) {
        return refuse(request, 414, "the path is too long");
    }
    request->path = path;
    return raw[length] != '?' || read_query(&reading, raw + length + 1, strlen(raw + length + 1));
}

/* An address in digits, or localhost: what no stranger's name can be. A port may follow. */
bool host_is_local_name(const char *host)
{
    if (host[0] == '[') {
        size_t length = strspn(host + 1, "0123456789abcdefABCDEF:.");
        return length > 0 && host[1 + length] == ']' && (host[2 + length] == '\0' || host[2 + length] == ':');
    }
    size_t name = strcspn(host, ":");
    return (name == 9 && strncasecmp(host, "localhost", 9) == 0) || (name > 0 && strspn(host, "0123456789.") == name);
}
