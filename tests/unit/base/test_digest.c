/* Hashes that name things, and the keyer against RFC 4231, before and after its cache. */
#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void sha_256_of_fips_180_is_written_in_hexadecimal(void **state)
{
    char hex[DIGEST_HEX_SIZE];
    (void)state;
    assert_int_equal(digest_sha256_hex("abc", 3, hex), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(digest_sha256_hex("", 0, hex), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void assert_key_begins(uint64_t key, const unsigned char expected[8])
{
    assert_memory_equal(&key, expected, 8);
}

static void a_key_is_the_beginning_of_the_hmac_of_rfc_4231(void **state)
{
    static const unsigned char first[8] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53};
    static const unsigned char second[8] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
    static const unsigned char sixth[8] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f};
    unsigned char b20[20], aa131[131];
    struct keyer *keyer = NULL;
    struct error error = {0};
    (void)state;
    memset(b20, 0x0b, sizeof b20);
    memset(aa131, 0xaa, sizeof aa131);

    assert_int_equal(keyer_new(&keyer, b20, sizeof b20, &error), 0);
    assert_key_begins(keyer_key(keyer, "Hi There", 8), first);
    keyer_free(&keyer);
    assert_null(keyer);

    assert_int_equal(keyer_new(&keyer, "Jefe", 4, &error), 0);
    assert_key_begins(keyer_key(keyer, "what do ya want for nothing?", 28), second);
    keyer_free(&keyer);

    assert_int_equal(keyer_new(&keyer, aa131, sizeof aa131, &error), 0);
    assert_key_begins(keyer_key(keyer, "Test Using Larger Than Block-Size Key - Hash Key First", 54), sixth);
    keyer_free(&keyer);
}

/* 40,000 identifiers in 8,192 slots: nearly every one has been thrown out of the cache when it comes again. */
static void the_cache_changes_no_key(void **state)
{
    enum { IDENTIFIERS = 40000 };
    static uint64_t keys[IDENTIFIERS];
    struct keyer *keyer = NULL, *fresh = NULL;
    struct error error = {0};
    char name[65];
    (void)state;
    assert_int_equal(keyer_new(&keyer, "0123456789abcdef", 16, &error), 0);
    for (int i = 0; i < IDENTIFIERS; i++) {
        int length = snprintf(name, sizeof name, "%0*d", 8 + i % 57, i);
        keys[i] = keyer_key(keyer, name, (size_t)length);
        assert_int_equal(keyer_key(keyer, name, (size_t)length), keys[i]); /* now from the cache, if short enough */
    }
    assert_int_equal(keyer_new(&fresh, "0123456789abcdef", 16, &error), 0);
    for (int i = IDENTIFIERS - 1; i >= 0; i -= 7) {
        int length = snprintf(name, sizeof name, "%0*d", 8 + i % 57, i);
        assert_int_equal(keyer_key(keyer, name, (size_t)length), keys[i]);
        assert_int_equal(keyer_key(fresh, name, (size_t)length), keys[i]);
    }
    keyer_free(&keyer);
    keyer_free(&fresh);
}

static void another_secret_gives_other_keys_and_length_matters(void **state)
{
    struct keyer *one = NULL, *other = NULL;
    struct error error = {0};
    (void)state;
    assert_int_equal(keyer_new(&one, "secret one", 10, &error), 0);
    assert_int_equal(keyer_new(&other, "secret two", 10, &error), 0);
    assert_int_not_equal(keyer_key(one, "9f8a3c1d", 8), keyer_key(other, "9f8a3c1d", 8));
    assert_int_not_equal(keyer_key(one, "9f8a3c1d", 8), keyer_key(one, "9f8a3c1d", 7));
    assert_int_equal(keyer_key(one, "", 0), keyer_key(one, "", 0));
    keyer_free(&one);
    keyer_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_of_fips_180_is_written_in_hexadecimal),
        cmocka_unit_test(a_key_is_the_beginning_of_the_hmac_of_rfc_4231),
        cmocka_unit_test(the_cache_changes_no_key),
        cmocka_unit_test(another_secret_gives_other_keys_and_length_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
