/*
 * A topic is cut at its slashes and every part checked, so that what leaves this file can be used in file names, SQL
 * and other topics without another look.
 */
#include "decode/decode.h"

#include <string.h>

static const char prefix[] = "edu/v1/";

/* Takes one identifier off the front of [*at, end), and the slash behind it. */
static bool take_identifier(const char **at, const char *end, char out[65])
{
    size_t length = 0;
    while (*at + length < end && (*at)[length] != '/') {
        char c = (*at)[length];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == '-';
        if (!fits || length == 64) {
            return false;
        }
        out[length++] = c;
    }
    out[length] = '\0';
    *at += length;
    if (length == 0 || *at == end) {
        return false;
    }
    (*at)++;
    return true;
}

static bool is_rest(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) == length && memcmp(at, word, length) == 0;
}

bool decode_topic(const char *topic, size_t length, struct decode_topic *out)
{
    static const struct {
        const char *word;
        enum decode_topic_kind kind;
    } of_device[] = {{"event", TOPIC_EVENT}, {"xapi", TOPIC_XAPI}, {"state", TOPIC_STATE}, {"ack", TOPIC_ACK}};
    const size_t prefix_length = sizeof prefix - 1;
    const char *end = topic + length;

    if (length < prefix_length || memcmp(topic, prefix, prefix_length) != 0) {
        return false;
    }
    const char *at = topic + prefix_length;
    if (!take_identifier(&at, end, out->realm) || !take_identifier(&at, end, out->centre)) {
        return false;
    }
    if (is_rest(at, end, "adoption")) {
        out->kind = TOPIC_ADOPTION;
        out->device[0] = '\0';
        return true;
    }
    if (!take_identifier(&at, end, out->device)) {
        return false;
    }
    for (size_t i = 0; i < sizeof of_device / sizeof *of_device; i++) {
        if (is_rest(at, end, of_device[i].word)) {
            out->kind = of_device[i].kind;
            return true;
        }
    }
    return false;
}
