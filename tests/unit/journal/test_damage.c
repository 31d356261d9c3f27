/* Damage of every kind: what it touches is lost and counted, what lies beside it is kept, and nothing ever stops the
 * start. */
#include "support.h"

#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void restore(struct place *place, const char *bytes, size_t count)
{
    place_restore(place, bytes, count);
    place_reopen(place, 1 << 20);
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
    file_flip(place_segment(place, 0), HEADER + 130, 0x10);

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
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    free(bytes);
}

/* Five segments of one record each; returns where the n-th begins. */
static void fill_segments(struct place *place, int64_t begins[5])
{
    place_reopen(place, 100);
    for (int i = 0; i < 5; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
}

static void missing_segment_is_passed_over(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    int64_t begins[5];
    fill_segments(place, begins);
    assert_int_equal(unlink(place_segment(place, begins[2])), 0);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4); /* gone while the journal is open */
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4); /* gone before it was opened */
    assert_int_equal(counted(place, COUNTER_journal_damaged), 2);
    assert_int_equal(place_read_all(place, begins[2], payloads, sizeof payloads), 2);
}

static void missing_first_segment_is_where_the_journal_begins_no_more(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    int64_t begins[5];
    fill_segments(place, begins);
    assert_int_equal(unlink(place_segment(place, begins[0])), 0);
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4);
    assert_int_equal(place_read_all(place, begins[1], payloads, sizeof payloads), 4);
}

/* The store has counted past it: its position is where the journal goes on, so that no position stands for two. */
static void missing_last_segment_leaves_its_positions_unused(void **state)
{
    struct place *place = *state;
    char payloads[2048];
    int64_t begins[5];
    fill_segments(place, begins);
    int64_t end = journal_end(place->journal);
    journal_close(&place->journal);
    assert_int_equal(unlink(place_segment(place, begins[4])), 0);

    place_reopen(place, 100);

    assert_int_equal(journal_end(place->journal), begins[4]);
    assert_int_equal(place_read_all(place, end, payloads, sizeof payloads), 0);
    place_append(place, "t", "after");
    assert_int_equal(place_read_all(place, end, payloads, sizeof payloads), 1);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 5);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
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

/* Three records; the position of each, and of the end. */
static char *three_records(struct place *place, int64_t at[4], size_t *count)
{
    static const char *const payloads[] = {"first", "second", "third"};
    for (int i = 0; i < 3; i++) {
        at[i] = journal_end(place->journal);
        place_append(place, "topic", payloads[i]);
    }
    at[3] = journal_end(place->journal);
    return file_bytes(place_segment(place, 0), count);
}

/* The next bit to flip. All of the records and of what the header says; of its padding, 8,000 bytes of zeros, each
 * sixteenth byte unless EDUTALLY_TEST_LONG asks for all. */
static int64_t next_bit(int64_t bit)
{
    int64_t in_copy = bit / 8 % COPY;
    bool in_padding = bit / 8 < HEADER && in_copy >= 100 && in_copy < COPY - 20;
    return in_padding && getenv("EDUTALLY_TEST_LONG") == NULL ? bit + 8 * 16 + 1 : bit + 1;
}

static void flipped_bit_anywhere_is_found_said_and_costs_what_it_hit_alone(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    int64_t at[4];
    size_t count;
    char *bytes = three_records(place, at, &count);
    for (int64_t bit = 0; bit < 8 * (int64_t)count; bit = next_bit(bit)) {
        int64_t byte = bit / 8, position = byte - HEADER;
        file_flip(place_segment(place, 0), byte, (unsigned char)(1 << bit % 8));
        place_open_for_reading(place);
        place_survey(place, &surveyed);
        const struct journal_segment *segment = &surveyed.segments[0];
        int64_t hit = position < at[1] ? 0 : position < at[2] ? 1 : 2;
        bool in_header = byte < HEADER, in_tail = !in_header && hit == 2;
        bool is_right = segment->header_copies == (in_header ? 1 : 2) && segment->records == (in_header ? 3 : 2) &&
                        segment->damages == (in_header || in_tail ? 0 : 1) &&
                        segment->tail_bytes == (in_tail ? at[3] - at[2] : 0);
        if (is_right && segment->damages == 1) {
            is_right = surveyed.damages[0].position == at[hit] && surveyed.damages[0].bytes == at[hit + 1] - at[hit];
        }
        if (!is_right) {
            fail_msg("bit %ld: %ld records, %ld damages, %d copies", (long)bit, (long)segment->records,
                     (long)segment->damages, segment->header_copies);
        }
        file_flip(place_segment(place, 0), byte, (unsigned char)(1 << bit % 8));
    }
    free(bytes);
}

static void copy_of_the_header_that_was_damaged_is_mended_from_the_other(void **state)
{
    struct place *place = *state;
    char payloads[64];
    size_t count, again;
    int64_t at[4];
    char *bytes = three_records(place, at, &count);
    for (int64_t byte = 0; byte < HEADER; byte += byte % COPY < 100 || byte % COPY > COPY - 6 ? 3 : 83) {
        file_flip(place_segment(place, 0), byte, 0x20);

        place_reopen(place, 1 << 20);

        assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
        char *mended = file_bytes(place_segment(place, 0), &again);
        assert_int_equal(again, count);
        assert_memory_equal(mended, bytes, count);
        free(mended);
    }
    place_append(place, "t", "fourth");
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 4);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    free(bytes);
}

static void segment_that_lost_both_copies_of_its_key_costs_itself_alone(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    char payloads[2048];
    int64_t begins[4];
    place_reopen(place, 100);
    for (int i = 0; i < 4; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
    for (int i = 1; i < 4; i += 2) { /* one in the middle, and the last one, to which records would be appended */
        file_flip(place_segment(place, begins[i]), 50, 0x01);
        file_flip(place_segment(place, begins[i]), COPY + 60, 0x01);
    }

    place_reopen(place, 100);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 2);
    int64_t end = journal_end(place->journal);
    place_append(place, "t", "appended");
    assert_int_equal(place_read_all(place, begins[3], payloads, sizeof payloads), 1);
    assert_string_equal(payloads, "appended");
    assert_true(file_size(place_segment(place, end)) > HEADER); /* in a segment of its own, with a key */
    place_survey(place, &surveyed);
    assert_int_equal(surveyed.segment_count, 5);
    assert_int_equal(surveyed.segments[1].condition, JOURNAL_DAMAGED);
    assert_int_equal(surveyed.segments[2].condition, JOURNAL_WHOLE);
    assert_int_equal(surveyed.segments[3].condition, JOURNAL_DAMAGED);
}

static void torn_header_of_the_last_segment_is_made_again(void **state)
{
    struct place *place = *state;
    char payloads[2048], path[128];
    size_t count;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    int64_t end = journal_end(place->journal);
    place_append_numbered(place, 2, 1, 90);
    snprintf(path, sizeof path, "%s", place_segment(place, end));
    char *whole = file_bytes(path, &count);
    char *zeros = calloc(1, HEADER);
    assert_non_null(zeros);
    for (size_t size = 0; size <= HEADER; size += size < 100 || size > HEADER - 8 ? 5 : 127) {
        for (int filled = 0; filled < 2; filled++) {
            journal_close(&place->journal);
            file_put(path, filled ? whole : zeros, size);

            place_reopen(place, 100);

            assert_int_equal(journal_end(place->journal), end);
            assert_int_equal(file_size(path), HEADER);
            assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
        }
    }
    place_append_numbered(place, 2, 1, 90);
    place_reopen(place, 100);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
    free(zeros);
    free(whole);
}

/* What it says in its first 32 bytes is enough, whatever lies behind. */
static void segment_of_a_newer_program_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    struct journal *journal = NULL;
    size_t count;
    char *bytes = file_bytes(place_segment(place, 0), &count);
    bytes[8] = 3;
    uint32_t crc = crc32c_extend(0, bytes, 28);
    for (int i = 0; i < 4; i++) {
        bytes[28 + i] = (char)(crc >> (8 * i));
    }
    place_restore(place, bytes, count);

    int result = journal_open(&journal, place->directory, 1 << 20, place->secret, &place->counters, &place->error);

    assert_int_equal(result, ERROR_INPUT);
    assert_null(journal);
    assert_non_null(strstr(place->error.text, "format 3"));
    assert_int_equal(file_size(place_segment(place, 0)), (int64_t)count);
    free(bytes);
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

static bool is_one_of(const char *payloads, const char *word, size_t length)
{
    const char *at = payloads;
    while (at != NULL && (strncmp(at, word, length) != 0 || (at[length] != '|' && at[length] != '\0'))) {
        at = strchr(at, '|');
        at = at == NULL ? NULL : at + 1;
    }
    return at != NULL;
}

/* Whatever happened to the file, the journal opens, gives out only records that were appended, and takes new ones. */
static void corpus_of_mutated_segments_never_yields_a_false_record(void **state)
{
    struct place *place = *state;
    size_t count;
    char good[4096], payloads[4096];
    place_append_numbered(place, 0, 12, 20);
    place_append(place, "t", "\x0a\x01\x02\x03 looks like a length");
    assert_int_equal(place_read_all(place, 0, good, sizeof good), 13);
    char *whole = file_bytes(place_segment(place, 0), &count);
    char *bytes = malloc(count + 1024);
    assert_non_null(bytes);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t stream = seed;
        size_t before = seed % 4 == 0 ? 0 : HEADER, size = count - before; /* mostly the records */
        memcpy(bytes, whole, count);
        for (uint64_t i = 0; i < 1 + seed % 4; i++) {
            size = mutate(bytes + before, size, &stream);
        }
        restore(place, bytes, before + size);
        place_append(place, "t", "appended");
        int records = place_read_all(place, 0, payloads, sizeof payloads);
        if (records < 1 || records > 14 || strstr(payloads, "appended") == NULL) {
            fail_msg("seed %lu: %d records, %s", (unsigned long)seed, records, payloads);
        }
        for (char *word = payloads; word != NULL; word = strchr(word, '|') == NULL ? NULL : strchr(word, '|') + 1) {
            if (!is_one_of(good, word, strcspn(word, "|")) && strncmp(word, "appended", 8) != 0) {
                fail_msg("seed %lu: false record '%s'", (unsigned long)seed, word);
            }
        }
    }
    free(bytes);
    free(whole);
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
        TEST(missing_first_segment_is_where_the_journal_begins_no_more),
        TEST(missing_last_segment_leaves_its_positions_unused),
        TEST(shortened_sealed_segment_costs_its_own_records),
        TEST(flipped_bit_anywhere_is_found_said_and_costs_what_it_hit_alone),
        TEST(copy_of_the_header_that_was_damaged_is_mended_from_the_other),
        TEST(segment_that_lost_both_copies_of_its_key_costs_itself_alone),
        TEST(torn_header_of_the_last_segment_is_made_again),
        TEST(segment_of_a_newer_program_is_refused_and_left_alone),
        TEST(corpus_of_mutated_segments_never_yields_a_false_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
