/* Any bytes as a topic. Promise: what is taken for one of ours is made again from its parts, byte by byte. */
#include "fuzz.h"

#include "decode/decode.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const endings[] = {[TOPIC_EVENT] = "event",
                                          [TOPIC_XAPI] = "xapi",
                                          [TOPIC_STATE] = "state",
                                          [TOPIC_ACK] = "ack",
                                          [TOPIC_ADOPTION] = "adoption"};
    struct decode_topic topic;
    if (!decode_topic((const char *)data, size, &topic)) {
        return 0;
    }
    char again[256];
    int length = snprintf(again, sizeof again, "edu/v1/%s/%s/%s%s%s", topic.realm, topic.centre, topic.device,
                          topic.kind == TOPIC_ADOPTION ? "" : "/", endings[topic.kind]);
    PROMISE((size_t)length == size && memcmp(again, data, size) == 0);
    PROMISE((topic.kind == TOPIC_ADOPTION) == (topic.device[0] == '\0'));
    return 0;
}
