/* What is at rest is sealed: with a key per segment, a nonce that never comes back, and under the right secret alone.
 * Segments of format 1, in plain, are still read. */
#include "support.h"

#include "base/crc32c.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t number(const char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return value;
}

static void put(char *out, uint64_t value, int count)
{
    for (int i = 0; i < count; i++) {
        out[i] = (char)(value >> (8 * i));
    }
}

/* Bit by bit from the polynomial, so that the file is not checked with the code that wrote it. */
static uint32_t crc_of(const char *bytes, size_t count)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < 8 * count; i++) {
        uint32_t low = (crc ^ (uint32_t)((unsigned char)bytes[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (low != 0 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* Reads one record from the drawing in journal.c alone. */
static void format_is_as_drawn(void **state)
{
    struct place *place = *state;
    unsigned char wrapping[CRYPT_KEY], key[CRYPT_KEY], nonce[CRYPT_NONCE], bound[12];
    struct crypt *crypt = NULL;
    char body[10 + 2 + 3], covered[8 + 16];
    size_t count;
    place_append(place, "ab", "cde");

    char *bytes = file_bytes(place_segment(place, 0), &count);

    assert_int_equal(count, HEADER + 20 + 10 + 5 + 16);
    assert_memory_equal(bytes, bytes + COPY, COPY);
    assert_memory_equal(bytes, "edujrnl\n\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
    assert_int_equal(number(bytes + 28, 4), crc_of(bytes, 28));
    assert_int_equal(number(bytes + COPY - 4, 4), crc_of(bytes, COPY - 4));
    assert_int_equal(secret_derive(place->secret, "journal", wrapping), 0);
    assert_int_equal(crypt_new(&crypt, wrapping, &place->error), 0);
    assert_true(crypt_open(crypt, (unsigned char *)bytes + 32, bytes, 32, bytes + 44, 48, key));
    crypt_free(&crypt);
    const char *record = bytes + HEADER;
    assert_int_equal(number(record, 4), 31);
    assert_int_equal(number(record + 12, 4), crc_of(record + 20, 31));
    memset(covered, 0, 8);
    memcpy(covered + 8, record, 16);
    assert_int_equal(number(record + 16, 4), crc_of(covered, sizeof covered));
    memset(nonce, 0, sizeof nonce);
    memcpy(nonce, record + 4, 8);
    memset(bound, 0, sizeof bound);
    memcpy(bound + 8, record, 4);
    assert_int_equal(crypt_new(&crypt, key, &place->error), 0);
    assert_true(crypt_open(crypt, nonce, bound, sizeof bound, record + 20, 31, body));
    crypt_free(&crypt);
    assert_int_equal(number(body, 8), 1764000000123);
    assert_memory_equal(body + 8, "\x02\0abcde", 7);
    free(bytes);
}

static void nothing_of_what_was_appended_stands_in_the_file(void **state)
{
    struct place *place = *state;
    static const char topic[] = "edu/v1/46/th-1/tablet-1/event", payload[] = "{\"user\":\"9f8a3c1d77e0b2aa\"}";
    size_t count;
    place_append(place, topic, payload);
    assert_int_equal(journal_append_lazily(place->journal, 1764000000123, topic, strlen(topic), payload,
                                           strlen(payload), &place->error),
                     0);
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    char *bytes = file_bytes(place_segment(place, 0), &count);
    for (size_t at = HEADER; at + 8 <= count; at++) {
        for (size_t from = 0; from + 8 <= sizeof payload; from++) {
            assert_memory_not_equal(bytes + at, payload + from, 8);
        }
        for (size_t from = 0; from + 8 <= sizeof topic; from++) {
            assert_memory_not_equal(bytes + at, topic + from, 8);
        }
    }
    free(bytes);
}

static void each_segment_has_a_key_of_its_own(void **state)
{
    struct place *place = *state;
    size_t count;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    char *one = file_bytes(place_segment(place, 0), &count);
    char *two = file_bytes(place_segment(place, (int64_t)count - HEADER), &count);
    assert_memory_not_equal(one + 32, two + 32, 12);
    assert_memory_not_equal(one + 44, two + 44, 32);
    free(one);
    free(two);
}

static void another_secret_is_refused_and_nothing_is_touched(void **state)
{
    struct place *place = *state;
    struct journal *journal = NULL;
    struct secret *other = NULL;
    char path[128], payloads[64];
    size_t count, again;
    place_append(place, "t", "one");
    int64_t end = journal_end(place->journal);
    journal_close(&place->journal);
    file_put(place_segment(place, end), "torn", 4); /* a newest segment that says nothing of the secret */
    char *bytes = file_bytes(place_segment(place, 0), &count);
    snprintf(path, sizeof path, "%s/other", place->directory);
    assert_int_equal(secret_open(&other, path, true, &place->error), 0);

    int result = journal_open(&journal, place->directory, 1 << 20, other, &place->counters, &place->error);

    assert_int_equal(result, ERROR_CONFIG);
    assert_null(journal);
    assert_non_null(strstr(place->error.text, "not the secret that this journal was made with: restore the old file"));
    char *left = file_bytes(place_segment(place, 0), &again);
    assert_int_equal(again, count);
    assert_memory_equal(left, bytes, count);
    assert_int_equal(file_size(place_segment(place, end)), 4);
    place_reopen(place, 1 << 20);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
    secret_free(&other);
    free(left);
    free(bytes);
}

/* Makes the second of three segments one whose key was erased, by an erasure that died before it removed the file. */
static void erase_second_of_three(struct place *place, int64_t begins[3])
{
    char path[128], kept[140];
    place_reopen(place, 100);
    for (int i = 0; i < 3; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
    snprintf(path, sizeof path, "%s", place_segment(place, begins[1]));
    snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(link(path, kept), 0);
    size_t count;
    char *first = file_bytes(place_segment(place, 0), &count);
    assert_int_equal(journal_trim(place->journal, begins[2], 0, 1, &place->error), 0);
    assert_int_equal(place_count_segments(place), 2); /* and the link */
    journal_close(&place->journal);
    assert_int_equal(rename(kept, path), 0);
    file_put(place_segment(place, 0), first, count);
    free(first);
    place_reopen(place, 100);
}

static void segment_whose_key_was_erased_is_passed_over_said_and_counted(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    int64_t begins[3];
    char payloads[512];
    erase_second_of_three(place, begins);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);

    assert_null(strstr(payloads, "|1 x"));
    assert_int_equal(counted(place, COUNTER_journal_erased), 1);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    place_survey(place, &surveyed);
    assert_int_equal(surveyed.segments[1].condition, JOURNAL_ERASED);
    assert_int_equal(surveyed.damage_count, 0);
}

static void erased_header_holds_nothing_of_the_key(void **state)
{
    struct place *place = *state;
    static const char zeros[60];
    int64_t begins[3];
    size_t count;
    erase_second_of_three(place, begins);
    char *bytes = file_bytes(place_segment(place, begins[1]), &count);
    assert_memory_equal(bytes + 32, zeros, 60);
    assert_memory_equal(bytes + COPY + 32, zeros, 60);
    assert_int_equal(number(bytes + 12, 4), 1);
    free(bytes);
}

/* The nonce of the record at the journal's end before the last append. */
static uint64_t salt_at(const struct place *place, int64_t position)
{
    size_t count;
    char *bytes = file_bytes(place_segment(place, 0), &count);
    assert_true((int64_t)count >= HEADER + position + RECORD);
    uint64_t salt = number(bytes + HEADER + position + 4, 8);
    free(bytes);
    return salt;
}

/* A write that failed sealed something with a nonce and may have left it on the disk. */
static void nonce_of_a_failed_write_is_not_used_again(void **state)
{
    struct place *place = *state;
    place_append(place, "t", "first");
    int64_t second = journal_end(place->journal);
    uint64_t salt = salt_at(place, 0);
    for (int i = 1; i <= 3; i++) {
        disk_size(HEADER + second + 30);
        assert_int_equal(journal_append(place->journal, 1, "t", 1, "never there", 11, &place->error), ERROR_IO);
        assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "waits", 5, &place->error), 0);
        assert_int_equal(journal_flush(place->journal, &place->error), ERROR_IO);
        disk_size(-1);
    }
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    assert_true(salt_at(place, second) - salt >= 1 + 3 + 1 + 2 + 3 - 1);
}

/* Another record is written where a torn one was cut off, under the same key. */
static void nonce_of_a_torn_tail_is_not_used_again(void **state)
{
    struct place *place = *state;
    enum { TIMES = 64 };
    uint64_t salts[TIMES];
    char payload[16];
    place_append(place, "t", "first");
    int64_t second = journal_end(place->journal);
    for (int i = 0; i < TIMES; i++) {
        snprintf(payload, sizeof payload, "try %d", i);
        place_append(place, "t", payload);
        salts[i] = salt_at(place, second);
        for (int k = 0; k < i; k++) {
            assert_true(salts[k] != salts[i]);
        }
        journal_close(&place->journal);
        file_cut(place_segment(place, 0), file_size(place_segment(place, 0)) - 1);
        place_reopen(place, 1 << 20);
        assert_int_equal(journal_end(place->journal), second);
    }
}

/* Between two tries to write them, gathered records may come to another segment, with another key. */
static void gathered_records_survive_a_failed_flush_and_a_rotation(void **state)
{
    struct place *place = *state;
    char payloads[256];
    place_reopen(place, 300);
    place_append(place, "t", "first");
    assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "two", 3, &place->error), 0);
    disk_size(HEADER + journal_end(place->journal) + 5);
    assert_int_equal(journal_flush(place->journal, &place->error), ERROR_IO);
    disk_size(-1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(journal_append_lazily(place->journal, 1, "t", 1, "more", 4, &place->error), 0);
    }
    assert_int_equal(journal_flush(place->journal, &place->error), 0);
    assert_int_equal(place_count_segments(place), 2);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 7);
    assert_string_equal(payloads, "first|two|more|more|more|more|more");
}

/* Two records of a topic "ab", as the version before wrote them. */
static size_t old_segment(char *out, const char *const payloads[], int count)
{
    memset(out, 0, PLAIN_HEADER);
    memcpy(out, "edujrnl\n\x01", 9);
    put(out + 28, crc_of(out, 28), 4);
    size_t used = PLAIN_HEADER;
    for (int i = 0; i < count; i++) {
        char covered[256];
        size_t length = 10 + 2 + strlen(payloads[i]);
        put(covered, used - PLAIN_HEADER, 8);
        put(covered + 8, length, 4);
        put(covered + 12, 1764000000123, 8);
        put(covered + 20, 2, 2);
        memcpy(covered + 22, "ab", 2);
        memcpy(covered + 24, payloads[i], strlen(payloads[i]));
        put(out + used, length, 4);
        put(out + used + 4, crc_of(covered, 12 + length), 4);
        memcpy(out + used + 8, covered + 12, length);
        used += 8 + length;
    }
    return used;
}

static const char *const old_payloads[] = {"old one", "old two", "old three"};

/* The bytes that the version before is known to have written. */
static void old_segment_of_these_tests_is_what_the_version_before_wrote(void **state)
{
    static const char *const payloads[] = {"cde"};
    static const unsigned char expected[] = {0x65, 0x64, 0x75, 0x6a, 0x72, 0x6e, 0x6c, 0x0a, 0x01, 0x00, 0x00,
                                             0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                             0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe2, 0xa1, 0x61, 0xb4, 0x0f,
                                             0x00, 0x00, 0x00, 0xa6, 0x13, 0x77, 0x0f, 0x7b, 0xe8, 0x97, 0xb6,
                                             0x9a, 0x01, 0x00, 0x00, 0x02, 0x00, 0x61, 0x62, 0x63, 0x64, 0x65};
    char bytes[256];
    (void)state;
    assert_int_equal(old_segment(bytes, payloads, 1), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void segment_of_the_version_before_is_read_and_never_appended_to(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    char old[512], payloads[256];
    size_t size = old_segment(old, old_payloads, 3), count;
    memcpy(old + size, "torn tail", 9);
    place_restore(place, old, size + 9);

    place_reopen(place, 1 << 20);

    int64_t end = journal_end(place->journal);
    assert_int_equal(end, (int64_t)size - PLAIN_HEADER);
    assert_int_equal(place_count_segments(place), 1);
    place_append(place, "t", "new");
    place_reopen(place, 1 << 20);
    place_append(place, "t", "newer");
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 5);
    assert_string_equal(payloads, "old one|old two|old three|new|newer");
    char *bytes = file_bytes(place_segment(place, 0), &count);
    assert_int_equal(count, size);
    assert_memory_equal(bytes, old, size);
    free(bytes);
    place_survey(place, &surveyed);
    assert_int_equal(surveyed.segment_count, 2);
    assert_int_equal(surveyed.segments[0].format, 1);
    assert_int_equal(surveyed.segments[0].records, 3);
    assert_int_equal(surveyed.segments[1].format, 2);
}

static void empty_segment_of_the_version_before_is_made_anew(void **state)
{
    struct place *place = *state;
    char old[64], payloads[64];
    place_restore(place, old, old_segment(old, old_payloads, 0));
    place_reopen(place, 1 << 20);
    place_append(place, "t", "new");
    assert_int_equal(place_count_segments(place), 1);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 1);
}

static void damage_in_a_segment_of_the_version_before_costs_what_it_hit_alone(void **state)
{
    struct place *place = *state;
    char old[512], payloads[256];
    size_t size = old_segment(old, old_payloads, 3);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        old[bit / 8] ^= (char)(1 << bit % 8);
        place_restore(place, old, size);
        old[bit / 8] ^= (char)(1 << bit % 8);
        place_open_for_reading(place);
        int records = place_read_all(place, 0, payloads, sizeof payloads);
        if (records != (bit / 8 < PLAIN_HEADER ? 3 : 2)) {
            fail_msg("bit %zu: %d records: %s", bit, records, payloads);
        }
    }
}

/* There is no key to overwrite. */
static void records_in_plain_are_overwritten_before_their_file_goes(void **state)
{
    struct place *place = *state;
    char old[512], kept[128];
    size_t size = old_segment(old, old_payloads, 3), count;
    place_restore(place, old, size);
    place_reopen(place, 1 << 20);
    place_append(place, "t", "new");
    snprintf(kept, sizeof kept, "%s/kept", place->directory);
    assert_int_equal(link(place_segment(place, 0), kept), 0);

    assert_int_equal(journal_trim(place->journal, journal_end(place->journal), 0, 1, &place->error), 0);

    assert_int_equal(file_size(place_segment(place, 0)), -1);
    char *bytes = file_bytes(kept, &count);
    assert_int_equal(count, size);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(bytes[i], 0);
    }
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(format_is_as_drawn),
        TEST(nothing_of_what_was_appended_stands_in_the_file),
        TEST(each_segment_has_a_key_of_its_own),
        TEST(another_secret_is_refused_and_nothing_is_touched),
        TEST(segment_whose_key_was_erased_is_passed_over_said_and_counted),
        TEST(erased_header_holds_nothing_of_the_key),
        TEST(nonce_of_a_failed_write_is_not_used_again),
        TEST(nonce_of_a_torn_tail_is_not_used_again),
        TEST(gathered_records_survive_a_failed_flush_and_a_rotation),
        cmocka_unit_test(old_segment_of_these_tests_is_what_the_version_before_wrote),
        TEST(segment_of_the_version_before_is_read_and_never_appended_to),
        TEST(empty_segment_of_the_version_before_is_made_anew),
        TEST(damage_in_a_segment_of_the_version_before_costs_what_it_hit_alone),
        TEST(records_in_plain_are_overwritten_before_their_file_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
