#include "failing.h"

#include "base/arena.h"
#include "base/crypt.h"
#include "base/digest.h"
#include "base/json_arena.h"

#include <csv.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic bool armed;
static _Atomic long count;
static _Atomic long fails_at;
static _Atomic bool fails_for_good;
static _Atomic bool struck;
static sqlite3_mem_methods sqlite_memory;

/* True if the allocation that asks is to fail. */
static bool strikes(void)
{
    if (!atomic_load(&armed)) {
        return false;
    }
    long number = atomic_fetch_add(&count, 1) + 1, at = atomic_load(&fails_at);
    bool now = at != 0 && (number == at || (number > at && atomic_load(&fails_for_good)));
    if (now) {
        atomic_store(&struck, true);
        errno = ENOMEM;
    }
    return now;
}

/* The names are the linker's: a call of malloc becomes one of __wrap_malloc, and __real_malloc is malloc. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t members, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
DIR *__real_opendir(const char *path);
void *__real_arena_alloc(struct arena *arena, size_t bytes);
int __real_csv_init(struct csv_parser *parser, unsigned char options);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t members, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
DIR *__wrap_opendir(const char *path);
void *__wrap_arena_alloc(struct arena *arena, size_t bytes);
int __wrap_csv_init(struct csv_parser *parser, unsigned char options);

void *__wrap_malloc(size_t bytes)
{
    return strikes() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t members, size_t bytes)
{
    return strikes() ? NULL : __real_calloc(members, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return strikes() ? NULL : __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return strikes() ? NULL : __real_aligned_alloc(alignment, bytes);
}

char *__wrap_strdup(const char *text)
{
    return strikes() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return strikes() ? NULL : __real_strndup(text, length);
}

/* The C library takes a buffer for the listing. */
DIR *__wrap_opendir(const char *path)
{
    return strikes() ? NULL : __real_opendir(path);
}

/* An arena asks for memory once a block; here every piece may be the one for which there is no block. */
void *__wrap_arena_alloc(struct arena *arena, size_t bytes)
{
    return strikes() ? NULL : __real_arena_alloc(arena, bytes);
}

static void *csv_grow(void *memory, size_t bytes)
{
    return strikes() ? NULL : __real_realloc(memory, bytes);
}

int __wrap_csv_init(struct csv_parser *parser, unsigned char options)
{
    int result = __real_csv_init(parser, options);
    csv_set_realloc_func(parser, csv_grow);
    return result;
}

static void *sqlite_malloc(int bytes)
{
    return strikes() ? NULL : sqlite_memory.xMalloc(bytes);
}

static void *sqlite_realloc(void *memory, int bytes)
{
    return strikes() ? NULL : sqlite_memory.xRealloc(memory, bytes);
}

static void *openssl_malloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return strikes() ? NULL : __real_malloc(bytes);
}

static void *openssl_realloc(void *memory, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return strikes() ? NULL : __real_realloc(memory, bytes);
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

void failing_install(void)
{
    sqlite3_mem_methods methods;
    bool done = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) == SQLITE_OK;
    methods = sqlite_memory;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    done = done && sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK;
    done = done && CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;
    if (!done) {
        fprintf(stderr, "a library had taken memory before its allocator could be replaced\n");
        abort();
    }
    json_arena_install();
}

void failing_warm_up(void)
{
    char hash[DIGEST_HEX_SIZE];
    struct keyer *keyer = NULL;
    struct crypt *crypt = NULL;
    static const unsigned char key[CRYPT_KEY];
    unsigned char made[EVP_MAX_MD_SIZE];
    bool done = HMAC(EVP_sha256(), key, sizeof key, key, sizeof key, made, NULL) != NULL &&
                digest_sha256_hex("", 0, hash) == 0 && keyer_new(&keyer, key, sizeof key, NULL) == 0 &&
                crypt_new(&crypt, key, NULL) == 0;
    keyer_free(&keyer);
    crypt_free(&crypt);
    if (!done) {
        fprintf(stderr, "OpenSSL is not usable\n");
        abort();
    }
}

void failing_arm(long n, bool for_good)
{
    atomic_store(&count, 0);
    atomic_store(&fails_at, n);
    atomic_store(&fails_for_good, for_good);
    atomic_store(&struck, false);
    atomic_store(&armed, true);
}

long failing_disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&count);
}

bool failing_struck(void)
{
    return atomic_load(&struck);
}
