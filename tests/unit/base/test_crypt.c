/* Sealing: what was sealed opens, and nothing else does; keys from the secret. */
#include "base/crypt.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "remove_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The Galois/Counter Mode of Operation (McGrew, Viega), test case 16: AES-256 with bound data. */
static void a_published_vector_is_met(void **state)
{
    static const unsigned char key[CRYPT_KEY] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f,
                                                 0x94, 0x67, 0x30, 0x83, 0x08, 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65,
                                                 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
    static const unsigned char nonce[CRYPT_NONCE] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                                     0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
    static const unsigned char bound[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
                                            0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
    static const unsigned char plain[60] = {0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
                                            0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
                                            0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
                                            0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
                                            0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
    static const unsigned char tag[CRYPT_TAG] = {0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68,
                                                 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b};
    struct crypt *crypt = NULL;
    struct error error;
    unsigned char sealed[sizeof plain + CRYPT_TAG];
    (void)state;
    assert_int_equal(crypt_new(&crypt, key, &error), 0);
    assert_int_equal(crypt_seal(crypt, nonce, bound, sizeof bound, plain, sizeof plain, sealed), 0);
    assert_memory_equal(sealed + sizeof plain, tag, sizeof tag);
    assert_true(crypt_open(crypt, nonce, bound, sizeof bound, sealed, sizeof sealed, sealed));
    assert_memory_equal(sealed, plain, sizeof plain);
    crypt_free(&crypt);
}

static void every_flipped_bit_is_found(void **state)
{
    static const char text[] = "a payload", bound[] = "its place";
    unsigned char key[CRYPT_KEY], nonce[CRYPT_NONCE] = {7}, sealed[sizeof text + CRYPT_TAG], opened[sizeof sealed];
    char other[sizeof bound];
    struct crypt *crypt = NULL;
    struct error error;
    (void)state;
    assert_int_equal(crypt_random(key, sizeof key, &error), 0);
    assert_int_equal(crypt_new(&crypt, key, &error), 0);
    assert_int_equal(crypt_seal(crypt, nonce, bound, sizeof bound, text, sizeof text, sealed), 0);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(crypt_open(crypt, nonce, bound, sizeof bound, sealed, sizeof sealed, opened));
        sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof bound; bit++) {
        memcpy(other, bound, sizeof bound);
        other[bit / 8] = (char)((unsigned char)other[bit / 8] ^ 1U << bit % 8);
        assert_false(crypt_open(crypt, nonce, other, sizeof other, sealed, sizeof sealed, opened));
    }
    assert_true(crypt_open(crypt, nonce, bound, sizeof bound, sealed, sizeof sealed, opened));
    assert_string_equal((char *)opened, text);
    crypt_free(&crypt);
}

static void nothing_at_all_is_sealed_too_and_too_little_does_not_open(void **state)
{
    const unsigned char key[CRYPT_KEY] = {1}, nonce[CRYPT_NONCE] = {2};
    unsigned char sealed[CRYPT_TAG], opened[1];
    struct crypt *crypt = NULL;
    struct error error;
    (void)state;
    assert_int_equal(crypt_new(&crypt, key, &error), 0);
    assert_int_equal(crypt_seal(crypt, nonce, NULL, 0, NULL, 0, sealed), 0);
    assert_true(crypt_open(crypt, nonce, NULL, 0, sealed, sizeof sealed, opened));
    assert_false(crypt_open(crypt, nonce, NULL, 0, sealed, sizeof sealed - 1, opened));
    crypt_free(&crypt);
}

struct folder {
    char directory[64], file[96];
    struct error error;
};

static int folder_setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    snprintf(folder->directory, sizeof folder->directory, "/tmp/edutally-secret-XXXXXX");
    assert_non_null(mkdtemp(folder->directory));
    snprintf(folder->file, sizeof folder->file, "%s/secret", folder->directory);
    log_set_level(LOG_ERROR_LEVEL);
    *state = folder;
    return 0;
}

static int folder_teardown(void **state)
{
    struct folder *folder = *state;
    remove_tree(folder->directory);
    free(folder);
    return 0;
}

static void a_secret_is_made_once_for_its_owner(void **state)
{
    struct folder *folder = *state;
    unsigned char first[CRYPT_KEY], second[CRYPT_KEY], other[CRYPT_KEY];
    struct secret *secret = NULL;
    struct stat status;
    assert_int_equal(secret_open(&secret, folder->file, true, &folder->error), 0);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(secret_derive(secret, "journal", first), 0);
    secret_free(&secret);
    assert_int_equal(secret_open(&secret, folder->file, true, &folder->error), 0);
    assert_int_equal(secret_derive(secret, "journal", second), 0);
    assert_int_equal(secret_derive(secret, "rejected", other), 0);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    secret_free(&secret);
}

static void a_secret_that_must_be_there_is_asked_for(void **state)
{
    struct folder *folder = *state;
    struct secret *secret = NULL;
    assert_int_equal(secret_open(&secret, folder->file, false, &folder->error), ERROR_CONFIG);
    assert_non_null(strstr(folder->error.text, "restore"));
    assert_int_not_equal(access(folder->file, F_OK), 0);
    assert_null(secret);
}

static void a_secret_that_everybody_may_read_or_that_is_short_is_refused(void **state)
{
    struct folder *folder = *state;
    struct secret *secret = NULL;
    static const char text[] = "0123456789abcdef0123456789abcdef\n";
    assert_int_equal(file_replace(folder->file, text, sizeof text - 1, 0644, &folder->error), 0);
    assert_int_equal(secret_open(&secret, folder->file, true, &folder->error), ERROR_CONFIG);
    assert_non_null(strstr(folder->error.text, "chmod"));
    assert_int_equal(file_replace(folder->file, "short\n", 6, 0600, &folder->error), 0);
    assert_int_equal(secret_open(&secret, folder->file, true, &folder->error), ERROR_CONFIG);
    assert_null(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_vector_is_met),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(nothing_at_all_is_sealed_too_and_too_little_does_not_open),
        cmocka_unit_test_setup_teardown(a_secret_is_made_once_for_its_owner, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_secret_that_must_be_there_is_asked_for, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_secret_that_everybody_may_read_or_that_is_short_is_refused, folder_setup,
                                        folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
