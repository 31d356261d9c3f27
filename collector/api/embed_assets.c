/*
 * embed_assets FOLDER OUT.c: makes the files below FOLDER part of the program. Run at build time. For each file, in
 * byte order of paths: its bytes, the same with gzip where that is smaller, a strong entity tag (the content's
 * SHA-256), and whether its name holds a hash (everything in assets/ does, the bundler sees to it). Dot files are left
 * out. The same folder gives the same output.
 */
#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { LARGEST_FILE = 16 * 1024 * 1024, MOST_FILES = 1000, TAG_HEX = 32 };

struct paths {
    char *list[MOST_FILES]; /* below the folder, beginning with '/' */
    size_t count;
};

static int find_files(const char *folder, const char *below, struct paths *paths, struct error *error);

static int add_entry(const char *folder, const char *below, const char *name, struct paths *paths, struct error *error)
{
    char path[1024], full[2048];
    struct stat info;
    if (snprintf(path, sizeof path, "%s/%s", below, name) >= (int)sizeof path ||
        snprintf(full, sizeof full, "%s%s", folder, path) >= (int)sizeof full) {
        return error_set(error, ERROR_LIMIT, "the path of %s is too long", name);
    }
    if (stat(full, &info) != 0) {
        return error_errno(error, "cannot look at %s", full);
    }
    if (S_ISDIR(info.st_mode)) {
        return find_files(folder, path, paths, error);
    }
    if (paths->count == MOST_FILES) {
        return error_set(error, ERROR_LIMIT, "more than %d files in %s", MOST_FILES, folder);
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    paths->list[paths->count++] = copy;
    return 0;
}

static int find_files(const char *folder, const char *below, struct paths *paths, struct error *error)
{
    char full[2048];
    int failed = 0;
    snprintf(full, sizeof full, "%s%s", folder, below);
    DIR *directory = opendir(full);
    if (directory == NULL) {
        return error_errno(error, "cannot open the folder %s", full);
    }
    const struct dirent *entry;
    while (failed == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            failed = add_entry(folder, below, entry->d_name, paths, error);
        }
    }
    if (failed == 0 && errno != 0) {
        failed = error_errno(error, "cannot read the folder %s", full);
    }
    closedir(directory);
    return failed;
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webp", "image/webp"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(ending, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* gzip at its best; zlib writes no time and no name, so the output depends on the input alone. */
static int compress_file(const struct buffer *in, struct buffer *out, struct error *error)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        return error_set(error, ERROR_MEMORY, "zlib cannot start");
    }
    size_t most = deflateBound(&stream, in->used);
    unsigned char *bytes = malloc(most);
    int failed = bytes == NULL ? ERROR_MEMORY : 0;
    if (failed == 0) {
        stream.next_in = (unsigned char *)in->bytes;
        stream.avail_in = (uInt)in->used;
        stream.next_out = bytes;
        stream.avail_out = (uInt)most;
        failed = deflate(&stream, Z_FINISH) == Z_STREAM_END ? 0 : ERROR_IO;
        buffer_add(out, bytes, stream.total_out);
    }
    deflateEnd(&stream);
    free(bytes);
    return failed == 0 && !out->failed ? 0 : error_set(error, ERROR_IO, "zlib failed");
}

static void write_array(FILE *out, const char *name, size_t index, const struct buffer *content)
{
    fprintf(out, "static const unsigned char %s_%zu[] = {", name, index);
    for (size_t i = 0; i < content->used; i++) {
        fprintf(out, "%s%u,", i % 32 == 0 ? "\n" : "", (unsigned char)content->bytes[i]);
    }
    fprintf(out, "%s};\n", content->used == 0 ? "0" : "\n");
}

/* Writes the file's bytes, and its line of the table into `table`. */
static int embed_file(const char *folder, const char *path, size_t index, FILE *out, struct buffer *table,
                      struct error *error)
{
    struct buffer plain = {0}, packed = {0};
    char full[2048], hash[DIGEST_HEX_SIZE];
    snprintf(full, sizeof full, "%s%s", folder, path);
    int failed = strpbrk(path, "\"\\\n") != NULL ? error_set(error, ERROR_INPUT, "a strange file name: %s", path) : 0;
    failed = failed != 0 ? failed : file_read(full, LARGEST_FILE, &plain, error);
    failed = failed != 0 ? failed : digest_sha256_hex(plain.bytes, plain.used, hash);
    failed = failed != 0 ? failed : compress_file(&plain, &packed, error);
    if (failed == 0) {
        bool smaller = packed.used < plain.used - plain.used / 20;
        bool immutable = strncmp(path, "/assets/", 8) == 0;
        write_array(out, "plain", index, &plain);
        buffer_print(table, "    {\"%s\", \"%s\", \"\\\"%.*s\\\"\", \"\\\"%.*s-gzip\\\"\", plain_%zu, %zuU, ", path,
                     content_type(path), TAG_HEX, hash, TAG_HEX, hash, index, plain.used);
        if (smaller) {
            write_array(out, "packed", index, &packed);
            buffer_print(table, "packed_%zu, %zuU, ", index, packed.used);
        } else {
            buffer_add_text(table, "0, 0, ");
        }
        buffer_print(table, "%s},\n", immutable ? "true" : "false");
    }
    buffer_free(&plain);
    buffer_free(&packed);
    return failed;
}

static int embed(const char *folder, const struct paths *paths, FILE *out, struct error *error)
{
    struct buffer table = {0};
    int failed = 0;
    fprintf(out, "/* Made by embed_assets; not to be edited. */\n#include \"internal.h\"\n\n");
    for (size_t i = 0; failed == 0 && i < paths->count; i++) {
        failed = embed_file(folder, paths->list[i], i, out, &table, error);
    }
    if (failed == 0 && table.failed) {
        failed = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (failed == 0) {
        fprintf(out, "\nconst struct asset assets[] = {\n%s};\n", table.bytes);
        fprintf(out, "const size_t asset_count = sizeof assets / sizeof assets[0];\n");
    }
    buffer_free(&table);
    return failed;
}

static int run(const char *folder, const char *out_path, struct paths *paths, struct error *error)
{
    int failed = find_files(folder, "", paths, error);
    if (failed != 0) {
        return failed;
    }
    if (paths->count == 0) {
        return error_set(error, ERROR_MISSING, "no files in %s", folder);
    }
    qsort(paths->list, paths->count, sizeof paths->list[0], by_bytes);
    FILE *out = fopen(out_path, "w");
    if (out == NULL) {
        return error_errno(error, "cannot write %s", out_path);
    }
    failed = embed(folder, paths, out, error);
    bool written = ferror(out) == 0;
    if (fclose(out) != 0 || !written) {
        failed = failed != 0 ? failed : error_errno(error, "cannot write %s", out_path);
    }
    if (failed != 0) {
        remove(out_path);
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "Usage: embed_assets FOLDER OUT.c\n");
        return 2;
    }
    struct error error = {0};
    struct paths paths = {.count = 0};
    int failed = run(argv[1], argv[2], &paths, &error);
    if (failed != 0) {
        fprintf(stderr, "embed_assets: %s\n", error.text);
    }
    for (size_t i = 0; i < paths.count; i++) {
        free(paths.list[i]);
    }
    return failed != 0;
}
