/*
 * The snapshot: three files -> one object that never changes. Areas come first, because centres name them; each file is
 * read to its end whatever the others hold, so that one run shows all faults, and the snapshot is given out only if
 * there were none. All texts live in one arena. Lookups by text go through index.c.
 *
 * Invariant: texts that are compared often (types, area codes) are interned, so that equal means the same pointer.
 */
#include "registry/registry.h"

#include "base/civil.h"
#include "base/error.h"
#include "base/file.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TEXT_BLOCK = 64 * 1024 };

const char *registry_keep(struct registry *registry, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(&registry->texts, size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

const char *registry_intern(struct registry *registry, struct index *index, const char *text)
{
    size_t length = strlen(text);
    const struct index_entry *known = index_find(index, text, length);
    if (known != NULL) {
        return known->key;
    }
    const char *copy = registry_keep(registry, text);
    return copy != NULL && index_add(index, copy, length, (uint32_t)index->used) == 0 ? copy : NULL;
}

bool registry_is_identifier(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return length > 0 && length <= 64 && text[length] == '\0';
}

bool registry_is_word(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= 32 && text[length] == '\0' && text[0] >= 'a';
}

bool registry_is_name(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return length > 0 && length <= TEXT_MOST;
}

bool registry_read_date(const char *text, int32_t empty, int32_t *day)
{
    if (text[0] == '\0') {
        *day = empty;
        return true;
    }
    return civil_parse_date(text, strlen(text), day) == 0;
}

void registry_no_memory(struct faults *faults, const char *path)
{
    faults_no_memory(faults, path);
}

static struct registry *registry_new(void)
{
    uint64_t seed;
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL || getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        free(registry);
        return NULL;
    }
    arena_init(&registry->texts, TEXT_BLOCK);
    registry->centre_index.seed = registry->type_index.seed = registry->run_index.seed = seed;
    registry->types.seed = registry->verbs.seed = seed;
    registry->activities[REGISTRY_OTHER] = "other";
    registry->activity_count = 1;
    return registry;
}

/* Reads a file's bytes and their digest; a fault if that cannot be done. */
static bool read_bytes(const char *path, struct buffer *content, char digest[DIGEST_HEX_SIZE], struct faults *faults)
{
    struct error error = {0};
    int result = file_read(path, REGISTRY_MOST_BYTES, content, &error);
    if (result == ERROR_MEMORY) {
        registry_no_memory(faults, path);
        return false;
    }
    if (result != 0) {
        faults_add(faults, path, 0, "check the path and the permissions of the file", "%s", error.text);
        return false;
    }
    if (digest_sha256_hex(content->used > 0 ? content->bytes : "", content->used, digest) != 0) {
        registry_no_memory(faults, path);
        return false;
    }
    return true;
}

/* True if words of other files can be judged by what was read. */
static bool read_files(struct registry *registry, const struct registry_files *files, struct faults *faults)
{
    struct buffer content = {0};
    char digests[3][DIGEST_HEX_SIZE] = {0};
    bool taxonomy_is_sound = false;
    if (read_bytes(files->areas, &content, digests[1], faults)) {
        areas_read(registry, files->areas, &content, faults);
    } else {
        registry->areas_incomplete = true;
    }
    buffer_free(&content);
    if (read_bytes(files->taxonomy, &content, digests[2], faults)) {
        size_t before = faults->count + faults->dropped;
        taxonomy_read(registry, files->taxonomy, &content, faults);
        taxonomy_is_sound = faults->count + faults->dropped == before;
    }
    buffer_free(&content);
    if (read_bytes(files->centres, &content, digests[0], faults)) {
        centres_read(registry, files->centres, &content, faults);
    }
    buffer_free(&content);
    if (digest_sha256_hex(digests, sizeof digests, registry->hash) != 0) {
        registry_no_memory(faults, files->centres);
    }
    return taxonomy_is_sound && registry->centre_count > 0;
}

int registry_load_to_check(struct registry **out, const struct registry_files *files, struct faults *faults)
{
    size_t before = faults->count + faults->dropped;
    struct registry *registry = registry_new();
    *out = NULL;
    if (registry == NULL) {
        registry_no_memory(faults, files->centres);
        return ERROR_MEMORY;
    }
    if (!read_files(registry, files, faults)) {
        registry_free(&registry);
    }
    *out = registry;
    return faults_result(faults, before);
}

int registry_load(struct registry **registry, const struct registry_files *files, struct faults *faults)
{
    int result = registry_load_to_check(registry, files, faults);
    if (result != 0) {
        registry_free(registry);
    }
    return result;
}

void registry_free(struct registry **registry)
{
    struct registry *gone = *registry;
    if (gone == NULL) {
        return;
    }
    index_free(&gone->centre_index);
    index_free(&gone->type_index);
    index_free(&gone->run_index);
    index_free(&gone->types);
    index_free(&gone->verbs);
    arena_free(&gone->texts);
    free(gone->centres);
    free(gone->areas);
    free(gone->runs);
    free(gone->verb_types);
    free(gone);
    *registry = NULL;
}

const char *registry_hash(const struct registry *registry)
{
    return registry->hash;
}
