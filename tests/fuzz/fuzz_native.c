/*
 * Any bytes as a native message and as a state message. Promises: it ends with events and faults within the limits and
 * never with lack of memory (json.c's invariant: what its check accepts, cJSON parses); every text ends where it says;
 * and every event, printed, decodes to itself.
 */
#include "fuzz.h"

#include "base/error.h"
#include "base/json_arena.h"
#include "decode/decode.h"

#include <string.h>

static const struct decode_limits limits = {.payload_bytes = 8192, .batch_events = 20, .depth = 8};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    json_arena_install();
    return 0;
}

static void check_text(const struct decode_text *text, size_t most)
{
    if (text->at == NULL) {
        PROMISE(text->length == 0);
        return;
    }
    PROMISE(text->length > 0 && text->length <= most);
    PROMISE(strlen(text->at) == text->length);
}

static bool same_text(const struct decode_text *a, const struct decode_text *b)
{
    return (a->at == NULL) == (b->at == NULL) && a->length == b->length &&
           (a->at == NULL || memcmp(a->at, b->at, a->length) == 0);
}

static void check_event(const struct decode_event *event)
{
    check_text(&event->epoch, 64);
    check_text(&event->type, 64);
    check_text(&event->role, 64);
    check_text(&event->user, 256);
    check_text(&event->app, 256);
    PROMISE((event->identity == IDENTITY_SEQ) == (event->epoch.at != NULL));
    PROMISE((event->identity == IDENTITY_SEQ) == (event->seq >= 0));
    PROMISE(event->seconds >= 0 && event->seconds <= 86400);
}

static void check_printed(const struct decode_event *event)
{
    struct buffer text = {0};
    struct arena arena;
    struct decode_result again;
    unsigned char one[16], other[16];
    arena_init(&arena, 4096);
    decode_print_event(event, &text);
    PROMISE(!text.failed);
    PROMISE(decode_native(text.bytes, text.used, &limits, &arena, &again) == 0);
    PROMISE(again.event_count == 1 && again.fault_count == 0);
    decode_fingerprint(event, one);
    decode_fingerprint(&again.events[0], other);
    PROMISE(memcmp(one, other, sizeof one) == 0);
    PROMISE(event->identity == again.events[0].identity && event->seq == again.events[0].seq);
    PROMISE(memcmp(event->id, again.events[0].id, sizeof event->id) == 0);
    PROMISE(same_text(&event->epoch, &again.events[0].epoch));
    arena_free(&arena);
    buffer_free(&text);
}

static void check_fault(const struct decode_fault *fault, size_t size)
{
    PROMISE(fault->reason < DECODE_UNKNOWN_CENTRE);
    PROMISE(memchr(fault->detail, '\0', sizeof fault->detail) != NULL && fault->detail[0] != '\0');
    PROMISE(fault->index >= -1 && fault->index < (int64_t)limits.batch_events);
    PROMISE((fault->seq >= 0) == (fault->epoch.at != NULL));
    check_text(&fault->epoch, 64);
    PROMISE(fault->raw.length <= size + 64 + sizeof "\"epoch\":\"\",");
    struct buffer copy = {0}; /* reads every byte, for the sanitizer */
    buffer_add(&copy, fault->raw.at, fault->raw.length);
    PROMISE(!copy.failed);
    buffer_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct decode_result result;
    struct decode_state state;
    arena_init(&arena, 4096);
    PROMISE(decode_native((const char *)data, size, &limits, &arena, &result) == 0);
    PROMISE(result.event_count + result.fault_count <= limits.batch_events);
    for (size_t i = 0; i < result.event_count; i++) {
        check_event(&result.events[i]);
        check_printed(&result.events[i]);
    }
    for (size_t i = 0; i < result.fault_count; i++) {
        check_fault(&result.faults[i], size);
    }
    int read = decode_state((const char *)data, size, &arena, &state);
    PROMISE(read == 0 || read == ERROR_INPUT);
    check_text(&state.epoch, 64);
    arena_free(&arena);
    return 0;
}
