/*
 * An event as text, in one canonical form that decodes to the same event, and as a fingerprint. Of the strings only
 * user and app can hold characters that JSON escapes; the others are words (see member_word).
 */
#include "decode/decode.h"

#include <inttypes.h>
#include <xxhash.h>

static void print_string(struct buffer *out, const char *key, const struct decode_text *text)
{
    if (text->at == NULL) {
        return;
    }
    buffer_print(out, ",\"%s\":\"", key);
    size_t from = 0;
    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->at[i];
        if (c != '"' && c != '\\' && c >= 0x20) {
            continue;
        }
        buffer_add(out, text->at + from, i - from);
        buffer_print(out, c < 0x20 ? "\\u%04x" : "\\%c", c);
        from = i + 1;
    }
    buffer_add(out, text->at + from, text->length - from);
    buffer_add(out, "\"", 1);
}

static void print_uuid(struct buffer *out, const unsigned char id[16])
{
    buffer_add_text(out, ",\"id\":\"");
    for (size_t i = 0; i < 16; i++) {
        buffer_print(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
    }
    buffer_add(out, "\"", 1);
}

void decode_print_event(const struct decode_event *event, struct buffer *out)
{
    buffer_add_text(out, "{\"v\":1");
    if (event->identity == IDENTITY_SEQ) {
        print_string(out, "epoch", &event->epoch);
        buffer_print(out, ",\"seq\":%" PRId64, event->seq);
    } else if (event->identity == IDENTITY_ID) {
        print_uuid(out, event->id);
    }
    buffer_print(out, ",\"t\":%" PRId64, event->t_ms);
    print_string(out, "type", &event->type);
    print_string(out, "role", &event->role);
    print_string(out, "user", &event->user);
    if (event->seconds != 0) {
        buffer_print(out, ",\"dur\":%" PRId64, event->seconds);
    }
    print_string(out, "app", &event->app);
    buffer_add(out, "}", 1);
}

static void put_64(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (unsigned char)(value >> (56 - 8 * i));
    }
}

/* Each text is hashed by itself and the hashes, which have one length, once more: so no text can run into the next. */
void decode_fingerprint(const struct decode_event *event, unsigned char out[16])
{
    const struct decode_text *texts[] = {&event->type, &event->role, &event->user, &event->app};
    enum { TEXTS = sizeof texts / sizeof *texts };
    unsigned char all[16 + 16 * TEXTS];
    put_64(all, (uint64_t)event->t_ms);
    put_64(all + 8, (uint64_t)event->seconds);
    for (size_t i = 0; i < TEXTS; i++) {
        XXH128_hash_t hash = XXH3_128bits(texts[i]->length > 0 ? texts[i]->at : "", texts[i]->length);
        put_64(all + 16 + 16 * i, hash.high64);
        put_64(all + 24 + 16 * i, hash.low64);
    }
    XXH128_hash_t hash = XXH3_128bits(all, sizeof all);
    put_64(out, hash.high64);
    put_64(out + 8, hash.low64);
}
