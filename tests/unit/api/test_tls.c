/* Certificates and keys that fit, and that do not. */
#include "tls.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURE(name) TEST_DATA_DIR "/fixture/" name

static char folder[] = "/tmp/edutally-tls-XXXXXX";

/* A copy of the key, for a checkout gives files modes of its own. */
static const char *key_with_mode(const char *from, unsigned mode)
{
    static char path[64];
    struct buffer bytes = {0};
    struct error error = {0};
    snprintf(path, sizeof path, "%s/key.pem", folder);
    assert_int_equal(file_read(from, 65536, &bytes, &error), 0);
    assert_int_equal(file_replace(path, bytes.bytes, bytes.used, 0600, &error), 0);
    assert_int_equal(chmod(path, (mode_t)mode), 0);
    buffer_free(&bytes);
    return path;
}

static int load(const char *cert, const char *key, struct tls_files *files, struct error *error)
{
    *error = (struct error){0};
    return tls_files_load(files, cert, key, error);
}

static void a_certificate_and_its_key_are_taken(void **state)
{
    struct tls_files files;
    struct error error;
    (void)state;
    if (load(FIXTURE("server.cert.pem"), key_with_mode(FIXTURE("server.key.pem"), 0640), &files, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_true(files.expires_s > 4000000000);
    tls_files_free(&files);
}

struct bad_pair {
    const char *cert, *key;
    unsigned mode;
    const char *word;
};

static void what_does_not_fit_is_refused_with_the_reason(void **state)
{
    static const struct bad_pair table[] = {
        {FIXTURE("server.cert.pem"), FIXTURE("other.key.pem"), 0600, "do not match"},
        {FIXTURE("server.cert.pem"), FIXTURE("server.cert.pem"), 0600, "no certificate and its key"},
        {FIXTURE("server.key.pem"), FIXTURE("server.key.pem"), 0600, "no certificate and its key"},
        {FIXTURE("server.cert.pem"), "/dev/null", 0600, "no certificate and its key"},
        {"/nowhere/cert.pem", FIXTURE("server.key.pem"), 0600, "/nowhere/cert.pem"},
        {FIXTURE("server.cert.pem"), FIXTURE("server.key.pem"), 0644, "chmod"},
        {FIXTURE("server.cert.pem"), FIXTURE("server.key.pem"), 0660, "chmod"},
    };
    struct tls_files files;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(load(table[i].cert, key_with_mode(table[i].key, table[i].mode), &files, &error), ERROR_CONFIG);
        if (strstr(error.text, table[i].word) == NULL) {
            fail_msg("%zu: %s", i, error.text);
        }
        tls_files_free(&files);
    }
    assert_int_equal(load(FIXTURE("server.cert.pem"), "/nowhere/key.pem", &files, &error), ERROR_CONFIG);
    tls_files_free(&files);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int end(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/key.pem", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_and_its_key_are_taken),
        cmocka_unit_test(what_does_not_fit_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
