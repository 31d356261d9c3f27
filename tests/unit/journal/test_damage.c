/* Damage of every kind: what it touches is lost and counted, what lies beside it is kept, and nothing ever stops the
 * start. */
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Puts the segment's bytes back as they were, with the journal closed meanwhile. */
static void restore(struct place *place, const char *bytes, size_t count)
{
    journal_close(&place->journal);
    file_put(place_segment(place, 0), bytes, count);
    assert_int_equal(journal_open(&place->journal, place->directory, 1 << 20, &place->counters, &place->error), 0);
}

static void torn_tail_at_every_byte_of_a_record_is_cut(void **state)
{
    struct place *place = *state;
    char payloads[128];
    size_t count;
    place_append(place, "topic/one", "first");
    int64_t second = journal_end(place->journal);
    place_append(place, "topic/two", "second record");
    char *bytes = file_bytes(place_segment(place, 0), &count);

    for (int64_t size = HEADER + second; size < (int64_t)count; size++) {
        restore(place, bytes, (size_t)size);
        assert_int_equal(journal_end(place->journal), second);
        assert_int_equal(file_size(place_segment(place, 0)), HEADER + second);
        place_append(place, "t", "again");
        assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
        assert_string_equal(payloads, "first|again");
    }
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    free(bytes);
}

static void garbage_and_zeros_behind_the_last_record_are_cut(void **state)
{
    struct place *place = *state;
    char payloads[64];
    size_t count;
    place_append(place, "t", "first");
    int64_t end = journal_end(place->journal);
    char *bytes = file_bytes(place_segment(place, 0), &count);
    bytes = realloc(bytes, count + 5000);
    assert_non_null(bytes);
    for (int fill = 0; fill < 256; fill += 51) {
        memset(bytes + count, fill, 5000);
        restore(place, bytes, count + 5000);
        assert_int_equal(journal_end(place->journal), end);
        assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
    }
    free(bytes);
}

static void flipped_bit_at_every_byte_of_a_middle_record_costs_that_record_alone(void **state)
{
    struct place *place = *state;
    char payloads[128];
    size_t count;
    place_append(place, "topic/one", "first");
    int64_t second = journal_end(place->journal);
    place_append(place, "topic/two", "second");
    int64_t third = journal_end(place->journal);
    place_append(place, "topic/three", "third");
    int64_t end = journal_end(place->journal);
    char *bytes = file_bytes(place_segment(place, 0), &count);

    for (int64_t at = second; at < third; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[HEADER + at] ^= (char)(1 << bit);
            restore(place, bytes, count);
            bytes[HEADER + at] ^= (char)(1 << bit);
            int64_t damaged = counted(place, COUNTER_journal_damaged);
            assert_int_equal(journal_end(place->journal), end);
            assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
            assert_string_equal(payloads, "first|third");
            assert_int_equal(counted(place, COUNTER_journal_damaged), damaged + 1);
        }
    }
    free(bytes);
}

static void damage_in_a_sealed_segment_costs_that_record_alone(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    place_reopen(place, 300);
    place_append_numbered(place, 0, 10, 60);
    file_flip(place_segment(place, 0), HEADER + 100, 0x10);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 9);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    assert_null(strstr(payloads, "|1 x"));
}

static void damaged_last_record_of_a_sealed_segment_leads_to_the_next_segment(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    place_reopen(place, 100);
    place_append_numbered(place, 0, 3, 60);
    file_flip(place_segment(place, 0), HEADER + 40, 0x01);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
}

/* Somebody sends a message whose payload looks like a record of the journal; the record around it is damaged. */
static void record_inside_of_a_payload_is_not_taken_for_one(void **state)
{
    struct place *place = *state;
    char payloads[256];
    size_t count;
    place_append(place, "forged", "forged");
    char *bytes = file_bytes(place_segment(place, 0), &count);
    assert_int_equal(journal_append(place->journal, 1, "t", 1, bytes + HEADER, count - HEADER, &place->error), 0);
    place_append(place, "t", "last");
    file_flip(place_segment(place, 0), (int64_t)count + 4, 0x01);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "forged|last");
    free(bytes);
}

static void missing_segment_is_passed_over(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    int64_t begins[5];
    place_reopen(place, 100);
    for (int i = 0; i < 5; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
    assert_int_equal(unlink(place_segment(place, begins[2])), 0);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4); /* gone while the journal is open */
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4); /* gone before it was opened */
    assert_int_equal(counted(place, COUNTER_journal_damaged), 2);
    assert_int_equal(place_read_all(place, begins[2], payloads, sizeof payloads), 2);
}

static void shortened_sealed_segment_costs_its_own_records(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    place_reopen(place, 300);
    place_append_numbered(place, 0, 6, 60);
    file_cut(place_segment(place, 0), HEADER + 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
}

static void damaged_header_costs_nothing(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    place_reopen(place, 300);
    place_append_numbered(place, 0, 6, 60);
    int64_t end = journal_end(place->journal);
    for (int64_t at = 0; at < HEADER; at++) {
        file_flip(place_segment(place, 0), at, 0x80);
        file_flip(place_segment(place, end / 2), at, 0x80);
        place_reopen(place, 300);
        assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 6);
    }
}

static void torn_header_of_the_last_segment_is_made_again(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    int64_t end = journal_end(place->journal);
    char path[128];
    snprintf(path, sizeof path, "%s", place_segment(place, end));
    for (int size = 0; size <= HEADER; size++) {
        char torn[HEADER] = {0};
        file_put(path, torn, (size_t)size);

        place_reopen(place, 100);

        assert_int_equal(journal_end(place->journal), end);
        assert_int_equal(file_size(path), HEADER);
        assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    }
    place_append_numbered(place, 2, 1, 90);
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
}

static void segment_of_a_newer_program_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    struct journal *journal = NULL;
    static const unsigned char
        header[] = {0x65, 0x64, 0x75, 0x6a, 0x72, 0x6e, 0x6c, 0x0a, 0x02, 0x00, 0x00,
                    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25, 0xb9, 0xa5, 0xed}; /* format 2, with a good CRC */
    journal_close(&place->journal);
    file_put(place_segment(place, 0), (const char *)header, sizeof header);

    int result = journal_open(&journal, place->directory, 1 << 20, &place->counters, &place->error);

    assert_int_equal(result, ERROR_INPUT);
    assert_null(journal);
    assert_non_null(strstr(place->error.text, "format 2"));
    assert_int_equal(file_size(place_segment(place, 0)), HEADER);
}

/* SplitMix64 (Steele, Lea, Flood 2014): the corpus below is the same on every machine. */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Cuts, flips, zeroes, copies over, or inserts, at a place and of a length that the seed says. */
static size_t mutate(char *bytes, size_t count, uint64_t *seed)
{
    size_t at = next_random(seed) % (count + 1), from = next_random(seed) % (count + 1);
    size_t length = next_random(seed) % 64;
    size_t most = count - (at > from ? at : from);
    length = length < most ? length : most;
    switch (next_random(seed) % 5) {
    case 0:
        return at;
    case 1:
        if (at < count) {
            bytes[at] ^= (char)(1 << next_random(seed) % 8);
        }
        return count;
    case 2:
        memset(bytes + at, 0, length);
        return count;
    case 3:
        memmove(bytes + at, bytes + from, length);
        return count;
    default:
        memmove(bytes + at + length, bytes + at, count - at);
        return count + length;
    }
}

static bool contains(const char *bytes, size_t count, const char *word, size_t length)
{
    for (size_t at = 0; at + length <= count; at++) {
        if (memcmp(bytes + at, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Whatever happened to the file, the journal opens, gives out only records that were appended, and takes new ones. */
static void corpus_of_mutated_segments_never_yields_a_false_record(void **state)
{
    struct place *place = *state;
    size_t count;
    char payloads[4096];
    place_append_numbered(place, 0, 12, 20);
    place_append(place, "t", "\x0a\x01\x02\x03 looks like a length");
    char *good = file_bytes(place_segment(place, 0), &count);
    char *bytes = malloc(count + 1024);
    assert_non_null(bytes);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t stream = seed;
        size_t size = count;
        memcpy(bytes, good, count);
        for (uint64_t i = 0; i < 1 + seed % 4; i++) {
            size = mutate(bytes, size, &stream);
        }
        restore(place, bytes, size);
        place_append(place, "t", "appended");
        int records = place_read_all(place, 0, payloads, sizeof payloads);
        if (records < 1 || records > 14 || strstr(payloads, "appended") == NULL) {
            fail_msg("seed %lu: %d records, %s", (unsigned long)seed, records, payloads);
        }
        for (char *word = payloads; word != NULL; word = strchr(word, '|') == NULL ? NULL : strchr(word, '|') + 1) {
            if (!contains(good, count, word, strcspn(word, "|")) && strncmp(word, "appended", 8) != 0) {
                fail_msg("seed %lu: false record '%s'", (unsigned long)seed, word);
            }
        }
    }
    free(bytes);
    free(good);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(torn_tail_at_every_byte_of_a_record_is_cut),
        TEST(garbage_and_zeros_behind_the_last_record_are_cut),
        TEST(flipped_bit_at_every_byte_of_a_middle_record_costs_that_record_alone),
        TEST(damage_in_a_sealed_segment_costs_that_record_alone),
        TEST(damaged_last_record_of_a_sealed_segment_leads_to_the_next_segment),
        TEST(record_inside_of_a_payload_is_not_taken_for_one),
        TEST(missing_segment_is_passed_over),
        TEST(shortened_sealed_segment_costs_its_own_records),
        TEST(damaged_header_costs_nothing),
        TEST(torn_header_of_the_last_segment_is_made_again),
        TEST(segment_of_a_newer_program_is_refused_and_left_alone),
        TEST(corpus_of_mutated_segments_never_yields_a_false_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
