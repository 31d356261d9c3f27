/* Every file of tests/vectors (see its README): what must be refused, and what must be decoded to exactly which events.
 */
#include "base/file.h"
#include "base/json_arena.h"
#include "decode/decode.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct decode_limits limits = {.payload_bytes = 8192, .batch_events = 20, .depth = 8};

enum { MOST_FILES = 1000, MOST_BYTES = 1 << 20 };

static void read_file(const char *folder, const char *name, struct buffer *out)
{
    char path[512];
    struct error error = {0};
    snprintf(path, sizeof path, VECTORS_DIR "/%s/%s", folder, name);
    if (file_read(path, MOST_BYTES, out, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

/* Decodes a copy that ends where the payload ends, so that a sanitizer sees a read past it. */
static void decode(const struct buffer *payload, char **copy, struct arena *arena, struct decode_result *result)
{
    *copy = malloc(payload->used > 0 ? payload->used : 1);
    assert_non_null(*copy);
    if (payload->used > 0) {
        memcpy(*copy, payload->bytes, payload->used);
    }
    arena_init(arena, 4096);
    assert_int_equal(decode_native(*copy, payload->used, &limits, arena, result), 0);
}

static void print_text(struct buffer *out, const char *name, const struct decode_text *text)
{
    if (text->at != NULL) {
        assert_int_equal(strlen(text->at), text->length);
        buffer_print(out, "  %s %s\n", name, text->at);
    }
}

static void print_event(struct buffer *out, const struct decode_event *event)
{
    buffer_add_text(out, "event\n");
    if (event->identity == IDENTITY_SEQ) {
        print_text(out, "epoch", &event->epoch);
        buffer_print(out, "  seq %" PRId64 "\n", event->seq);
    } else if (event->identity == IDENTITY_ID) {
        buffer_add_text(out, "  id ");
        for (size_t i = 0; i < sizeof event->id; i++) {
            buffer_print(out, "%02x", event->id[i]);
        }
        buffer_add_text(out, "\n");
    }
    buffer_print(out, "  t %" PRId64 "\n  seconds %" PRId64 "\n", event->t_ms, event->seconds);
    print_text(out, "type", &event->type);
    print_text(out, "role", &event->role);
    print_text(out, "user", &event->user);
    print_text(out, "app", &event->app);
}

static void print_fault(struct buffer *out, const struct decode_fault *fault, bool with_raw)
{
    buffer_print(out, "fault %s\n  index %" PRId64 "\n", decode_reason_word(fault->reason), fault->index);
    print_text(out, "epoch", &fault->epoch);
    if (fault->seq >= 0) {
        buffer_print(out, "  seq %" PRId64 "\n", fault->seq);
    }
    if (with_raw) {
        buffer_print(out, "  raw %.*s\n", (int)fault->raw.length, fault->raw.at);
    }
}

static void must_decode(const char *name, const struct buffer *payload, const struct buffer *expected)
{
    struct arena arena;
    struct decode_result result;
    struct buffer actual = {0};
    char *copy;
    decode(payload, &copy, &arena, &result);

    buffer_add(&actual, "", 0);
    for (size_t i = 0; i < result.event_count; i++) {
        print_event(&actual, &result.events[i]);
    }
    for (size_t i = 0; i < result.fault_count; i++) {
        print_fault(&actual, &result.faults[i], strstr(expected->bytes, "  raw ") != NULL);
    }
    if (strcmp(actual.bytes, expected->bytes) != 0) {
        fail_msg("%s decodes to\n%sand should to\n%s", name, actual.bytes, expected->bytes);
    }
    buffer_free(&actual);
    arena_free(&arena);
    free(copy);
}

static void must_reject(const char *name, const struct buffer *payload, const char *reason)
{
    struct arena arena;
    struct decode_result result;
    char *copy;
    decode(payload, &copy, &arena, &result);
    if (result.event_count != 0 || result.fault_count != 1) {
        fail_msg("%s gives %zu events and %zu faults", name, result.event_count, result.fault_count);
    }
    const struct decode_fault *fault = &result.faults[0];
    if (strcmp(decode_reason_word(fault->reason), reason) != 0) {
        fail_msg("%s is refused as %s (%s)", name, decode_reason_word(fault->reason), fault->detail);
    }
    assert_true(fault->detail[0] != '\0');
    assert_true(strlen(fault->detail) < sizeof fault->detail - 1); /* not cut */
    assert_true((fault->seq >= 0) == (fault->epoch.at != NULL));
    if (fault->index < 0) {
        assert_ptr_equal(fault->raw.at, copy);
        assert_int_equal(fault->raw.length, payload->used);
    }
    arena_free(&arena);
    free(copy);
}

static int is_vector(const struct dirent *entry)
{
    const char *ending = strrchr(entry->d_name, '.');
    return ending != NULL && strcmp(ending, ".json") == 0;
}

/* Calls `check` for each vector of the folder; returns how many there are. */
static int each_vector(const char *folder, void (*check)(const char *name, const struct buffer *payload))
{
    struct dirent **list = NULL;
    char path[512];
    snprintf(path, sizeof path, VECTORS_DIR "/%s", folder);
    int count = scandir(path, &list, is_vector, alphasort);
    assert_in_range(count, 1, MOST_FILES);
    for (int i = 0; i < count; i++) {
        struct buffer payload = {0};
        read_file(folder, list[i]->d_name, &payload);
        check(list[i]->d_name, &payload);
        buffer_free(&payload);
        free(list[i]);
    }
    free(list);
    return count;
}

static void check_reject(const char *name, const struct buffer *payload)
{
    char reason[64];
    const char *dashes = strstr(name, "--");
    assert_non_null(dashes);
    snprintf(reason, sizeof reason, "%.*s", (int)(dashes - name), name);
    must_reject(name, payload, reason);
}

static void check_accept(const char *name, const struct buffer *payload)
{
    char expect_name[300];
    struct buffer expected = {0};
    snprintf(expect_name, sizeof expect_name, "%.*s.expect", (int)(strlen(name) - strlen(".json")), name);
    buffer_add(&expected, "", 0);
    read_file("accept", expect_name, &expected);
    must_decode(name, payload, &expected);
    buffer_free(&expected);
}

static void every_reject_vector_is_refused_for_its_reason(void **state)
{
    (void)state;
    assert_true(each_vector("reject", check_reject) >= 60);
}

static void every_accept_vector_decodes_to_what_it_expects(void **state)
{
    (void)state;
    assert_true(each_vector("accept", check_accept) >= 25);
}

/* A message can be cut anywhere on a bad line: no part of one is taken for the whole. */
static void no_prefix_of_a_batch_is_accepted(void **state)
{
    (void)state;
    struct buffer payload = {0};
    read_file("accept", "batch-of-the-design.json", &payload);
    size_t end = (size_t)(strrchr(payload.bytes, '}') - payload.bytes) + 1;
    for (payload.used = 1; payload.used < end; payload.used++) {
        must_reject("a prefix", &payload, "bad_json");
    }
    buffer_free(&payload);
}

int main(void)
{
    json_arena_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reject_vector_is_refused_for_its_reason),
        cmocka_unit_test(every_accept_vector_decodes_to_what_it_expects),
        cmocka_unit_test(no_prefix_of_a_batch_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
