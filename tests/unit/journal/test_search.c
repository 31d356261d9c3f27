/* Searching behind damage costs work in proportion to the segment's size, whatever its bytes are: counted, not timed.
 */
#include "support.h"
#include "window.h"

#include "base/crc32c.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEP = 32 };

static void put(char *out, uint64_t value, int count)
{
    for (int i = 0; i < count; i++) {
        out[i] = (char)(value >> (8 * i));
    }
}

/* A header, every 32 bytes, of a record that would reach to the end: in format 2 with the check that it needs. */
static void fill_with_look_alikes(char *bytes, size_t size, enum segment_state state)
{
    memset(bytes, 0, size);
    for (size_t at = 0; at + STEP <= size; at += STEP) {
        char covered[8 + 16] = {0};
        size_t head = state == SEGMENT_PLAIN ? 8 : 20;
        put(bytes + at, size - at - head, 4);
        if (state != SEGMENT_PLAIN) {
            put(covered, at, 8);
            memcpy(covered + 8, bytes + at, 16);
            put(bytes + at + 16, crc32c_extend(0, covered, sizeof covered), 4);
        }
    }
}

/* How many bytes of bodies a search through `size` crafted bytes looks at; it finds nothing. */
static int64_t searched(struct place *place, enum segment_state state, size_t size)
{
    struct segment segment = {.state = state};
    struct window window = {.fd = -1};
    char path[128];
    int64_t found;
    size_t header = (size_t)segment_offset(&segment, 0);
    char *bytes = calloc(1, header + size);
    assert_non_null(bytes);
    fill_with_look_alikes(bytes + header, size, state);
    snprintf(path, sizeof path, "%s/crafted", place->directory);
    file_put(path, bytes, header + size);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    window_set(&window, fd, &segment, (int64_t)size);
    assert_int_equal(window_find(&window, 0, &found, &place->error), WINDOW_GAVE_UP);
    window_free(&window);
    close(fd);
    free(bytes);
    return window.searched;
}

static void search_among_look_alikes_is_linear_in_the_size(void **state)
{
    struct place *place = *state;
    static const enum segment_state states[] = {SEGMENT_PLAIN, SEGMENT_LOST};
    for (size_t i = 0; i < 2; i++) {
        int64_t small = searched(place, states[i], 1 << 18), large = searched(place, states[i], 1 << 20);
        assert_true(small <= 70 * (1 << 18)); /* all look-alikes together: 4,096 times the size */
        assert_true(large <= 5 * small);
    }
}

/* Whoever wrote such bytes cost themselves the rest of the segment, and nothing of it is cut off as a tail. */
static void crafted_segment_is_passed_over_and_kept(void **state)
{
    struct place *place = *state;
    char payloads[64];
    size_t size = 1 << 18, count;
    char *old = calloc(1, PLAIN_HEADER + size), *whole = NULL;
    assert_non_null(old);
    memcpy(old, "edujrnl\n\x01", 9);
    put(old + 28, crc32c_extend(0, old, 28), 4);
    fill_with_look_alikes(old + PLAIN_HEADER, size, SEGMENT_PLAIN);
    place_restore(place, old, PLAIN_HEADER + size);

    place_reopen(place, 1 << 20);

    assert_int_equal(journal_end(place->journal), (int64_t)size);
    place_append(place, "t", "after");
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
    assert_string_equal(payloads, "after");
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    whole = file_bytes(place_segment(place, 0), &count);
    assert_int_equal(count, PLAIN_HEADER + size);
    assert_memory_equal(whole, old, count);
    free(whole);
    free(old);
}

/* In a sealed segment no accident makes a look-alike: its header has a check of its own. */
static void search_through_a_damaged_record_looks_at_no_body_in_vain(void **state)
{
    struct place *place = *state;
    struct segment segment = {.state = SEGMENT_SEALED};
    struct window window = {.fd = -1};
    int64_t found;
    place_append_numbered(place, 0, 1, 300000);
    int64_t second = journal_end(place->journal);
    place_append(place, "t", "second");
    file_flip(place_segment(place, 0), HEADER + 5, 1);
    int fd = open(place_segment(place, 0), O_RDONLY);
    assert_true(fd >= 0);
    window_set(&window, fd, &segment, journal_end(place->journal));
    assert_int_equal(window_find(&window, 0, &found, &place->error), 1);
    assert_int_equal(found, second);
    assert_int_equal(window.searched, 0);
    window_free(&window);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(search_among_look_alikes_is_linear_in_the_size),
        TEST(crafted_segment_is_passed_over_and_kept),
        TEST(search_through_a_damaged_record_looks_at_no_body_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
