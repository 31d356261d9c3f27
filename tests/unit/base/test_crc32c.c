/* CRC-32C against RFC 3720 B.4 and against a third way to compute it, one bit at a time; both ways of the room. */
#include "../../../collector/base/crc32c.c" /* the portable way is reached from within only */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static uint32_t bit_by_bit(uint32_t crc, const unsigned char *bytes, size_t count)
{
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
        }
    }
    return ~crc;
}

static uint32_t portable(uint32_t crc, const void *bytes, size_t count)
{
    return ~extend_portable(~crc, bytes, count);
}

static void vectors_of_rfc_3720_hold(void **state)
{
    unsigned char zeros[32] = {0}, ones[32], rising[32], falling[32];
    const unsigned char scsi_read[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                                         0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                         0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
    (void)state;
    memset(ones, 0xff, sizeof ones);
    for (unsigned i = 0; i < 32; i++) {
        rising[i] = (unsigned char)i;
        falling[i] = (unsigned char)(31 - i);
    }
    const struct {
        const void *bytes;
        size_t count;
        uint32_t crc;
    } vectors[] = {{zeros, 32, 0x8a9136aa},
                   {ones, 32, 0x62a8ab43},
                   {rising, 32, 0x46dd794e},
                   {falling, 32, 0x113fdb5c},
                   {scsi_read, 48, 0xd9963a56},
                   {"123456789", 9, 0xe3069283},
                   {"", 0, 0}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal(crc32c_extend(0, vectors[i].bytes, vectors[i].count), vectors[i].crc);
        assert_int_equal(portable(0, vectors[i].bytes, vectors[i].count), vectors[i].crc);
    }
}

static void both_ways_agree_at_any_length_and_alignment(void **state)
{
    static unsigned char bytes[600];
    unsigned seed = (unsigned)time(NULL);
    uint64_t random = seed;
    (void)state;
    print_message("seed %u\n", seed);
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(random >> 56);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t count = 0; from + count <= 300; count++) {
            uint32_t expected = bit_by_bit(0, bytes + from, count);
            assert_int_equal(crc32c_extend(0, bytes + from, count), expected);
            assert_int_equal(portable(0, bytes + from, count), expected);
        }
    }
}

static void a_crc_can_be_extended_piece_by_piece(void **state)
{
    const char text[] = "a record is length, time, topic and payload";
    uint32_t whole = crc32c_extend(0, text, sizeof text);
    (void)state;
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        assert_int_equal(crc32c_extend(crc32c_extend(0, text, cut), text + cut, sizeof text - cut), whole);
        assert_int_equal(portable(crc32c_extend(0, text, cut), text + cut, sizeof text - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_3720_hold),
        cmocka_unit_test(both_ways_agree_at_any_length_and_alignment),
        cmocka_unit_test(a_crc_can_be_extended_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
