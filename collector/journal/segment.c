/*
 * One segment file: its name, its header, its key. The key is random and lives in the header alone, wrapped with a key
 * that is derived from the deployment's secret and bound to the segment's position. Whoever overwrites the header's two
 * copies has erased the segment, however large it is.
 *
 * What erasing means: on a file system that writes in place (ext4, xfs) and a disk that does too, the wrapped key is
 * gone when segment_erase returns. File systems that copy on write (btrfs, ZFS, snapshots of LVM) and the inside of
 * flash drives keep old blocks for a while; and a backup of the segment holds its wrapped key. None of these can be
 * read without the secret, so what must be beyond reach even of someone with the secret needs those copies gone too.
 */
#include "segment.h"

#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "bytes.h"
#include "window.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = 20, FORMAT_PLAIN = 1, FORMAT = 2, STATE_KEY = 0, STATE_ERASED = 1 };

/* Where things lie in a block of the header. The first 32 bytes are those of format 1, so that a program that knows
 * only that one refuses the file instead of taking it for damaged. */
enum {
    AT_FORMAT = 8,
    AT_STATE = 12,
    AT_FIRST = 16,
    AT_PREFIX_CRC = 28,
    AT_NONCE = 32,
    AT_KEY = AT_NONCE + CRYPT_NONCE,
    AT_MADE = AT_KEY + CRYPT_KEY + CRYPT_TAG,
    AT_CRC = SEGMENT_BLOCK - 4
};

static const unsigned char magic[8] = {'e', 'd', 'u', 'j', 'r', 'n', 'l', '\n'};

const char *segment_name(int64_t first, char out[SEGMENT_NAME_SIZE])
{
    snprintf(out, SEGMENT_NAME_SIZE, "%0*" PRId64 ".seg", (int)NAME_DIGITS, first);
    return out;
}

bool segment_parse_name(const char *name, int64_t *first)
{
    char expected[SEGMENT_NAME_SIZE];
    if (strspn(name, "0123456789") != NAME_DIGITS) {
        return false;
    }
    errno = 0;
    long long value = strtoll(name, NULL, 10);
    if (errno != 0 || strcmp(segment_name(value, expected), name) != 0) {
        return false;
    }
    *first = value;
    return true;
}

char *segment_path(const char *directory, int64_t first)
{
    char name[SEGMENT_NAME_SIZE];
    size_t size = strlen(directory) + 1 + SEGMENT_NAME_SIZE;
    char *path = malloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", directory, segment_name(first, name));
    }
    return path;
}

int64_t segment_offset(const struct segment *segment, int64_t position)
{
    return (segment->state == SEGMENT_PLAIN ? SEGMENT_PLAIN_HEADER : SEGMENT_HEADER) + (position - segment->first);
}

/* The header's block, but for nonce and key. */
static void fill_block(unsigned char block[SEGMENT_BLOCK], int64_t first, int state, int64_t made_ms)
{
    memset(block, 0, SEGMENT_BLOCK);
    memcpy(block, magic, sizeof magic);
    bytes_put(block + AT_FORMAT, FORMAT, 4);
    bytes_put(block + AT_STATE, (uint64_t)state, 4);
    bytes_put(block + AT_FIRST, (uint64_t)first, 8);
    bytes_put(block + AT_PREFIX_CRC, crc32c_extend(0, block, AT_PREFIX_CRC), 4);
    bytes_put(block + AT_MADE, (uint64_t)made_ms, 8);
}

static void finish_block(unsigned char block[SEGMENT_BLOCK])
{
    bytes_put(block + AT_CRC, crc32c_extend(0, block, AT_CRC), 4);
}

/* A new key, ready in `*crypt` and wrapped in the block. */
static int make_key(const struct secret *secret, unsigned char block[SEGMENT_BLOCK], struct crypt **crypt,
                    struct error *error)
{
    unsigned char key[CRYPT_KEY];
    struct crypt *wrapping = NULL;
    int result = crypt_random(key, sizeof key, error);
    if (result == 0) {
        result = crypt_random(block + AT_NONCE, CRYPT_NONCE, error);
    }
    if (result == 0) {
        result = secret_crypt(secret, "journal", &wrapping, error);
    }
    if (result == 0 && crypt_seal(wrapping, block + AT_NONCE, block, AT_NONCE, key, sizeof key, block + AT_KEY) != 0) {
        result = error_set(error, ERROR_MEMORY, "out of memory for a key of the journal");
    }
    if (result == 0) {
        result = crypt_new(crypt, key, error);
    }
    crypt_wipe(key, sizeof key);
    crypt_free(&wrapping);
    return result;
}

int segment_begin(int fd, int64_t first, const struct secret *secret, struct segment *segment, struct error *error)
{
    unsigned char blocks[SEGMENT_HEADER];
    *segment =
        (struct segment){.first = first, .state = SEGMENT_SEALED, .made_ms = clock_wall_ms(), .whole = {true, true}};
    fill_block(blocks, first, STATE_KEY, segment->made_ms);
    int result = make_key(secret, blocks, &segment->crypt, error);
    if (result != 0) {
        return result;
    }
    finish_block(blocks);
    memcpy(blocks + SEGMENT_BLOCK, blocks, SEGMENT_BLOCK);
    if (ftruncate(fd, 0) != 0 || file_write_all(fd, blocks, sizeof blocks) != 0) {
        result = error_errno(error, "cannot write the header of a journal segment");
        segment_close(segment);
    }
    return result;
}

/* A segment that could not be made and could not be removed either has no records: it makes room for another try. */
static bool remove_empty(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size <= SEGMENT_HEADER && unlink(path) == 0;
}

int segment_create(const char *directory, int64_t first, const struct secret *secret, int *out, struct segment *segment,
                   struct error *error)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC;
    char *path = segment_path(directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path in %s", directory);
    }
    int result = 0;
    int fd = open(path, flags, 0640);
    if (fd < 0 && errno == EEXIST && remove_empty(path)) {
        fd = open(path, flags, 0640);
    }
    if (fd < 0) {
        result = error_errno(error, "cannot make the journal segment %s", path);
        goto out;
    }
    result = segment_begin(fd, first, secret, segment, error);
    if (result != 0) {
        close(fd);
        unlink(path);
        goto out;
    }
    *out = fd;
out:
    free(path);
    return result;
}

/* The format that a block's first bytes name, 0 if they are damaged. */
static uint64_t format_of(const unsigned char *block)
{
    bool is_good = memcmp(block, magic, sizeof magic) == 0 &&
                   bytes_get(block + AT_PREFIX_CRC, 4) == crc32c_extend(0, block, AT_PREFIX_CRC);
    return is_good ? bytes_get(block + AT_FORMAT, 4) : 0;
}

static bool is_whole(const unsigned char *block, int64_t first)
{
    return format_of(block) == FORMAT && bytes_get(block + AT_FIRST, 8) == (uint64_t)first &&
           bytes_get(block + AT_CRC, 4) == crc32c_extend(0, block, AT_CRC);
}

/* Opens the key in a whole block. 1; 0 if the secret is another one; or an error. */
static int unwrap(const struct secret *secret, const unsigned char *block, struct crypt **crypt, struct error *error)
{
    unsigned char key[CRYPT_KEY];
    struct crypt *wrapping = NULL;
    int result = secret_crypt(secret, "journal", &wrapping, error);
    if (result == 0 && crypt_open(wrapping, block + AT_NONCE, block, AT_NONCE, block + AT_KEY, AT_MADE - AT_KEY, key)) {
        result = crypt_new(crypt, key, error);
        result = result == 0 ? 1 : result;
    }
    crypt_wipe(key, sizeof key);
    crypt_free(&wrapping);
    return result;
}

/* Fills in what the two blocks of format 2 say. A copy that still holds the key wins over one that is erased already:
 * whoever was erasing it was interrupted, and does it again. */
static int open_sealed(const unsigned char *blocks, const struct secret *secret, struct segment *segment,
                       struct error *error)
{
    segment->state = SEGMENT_LOST;
    for (int i = 0; i < 2; i++) {
        const unsigned char *block = blocks + (size_t)i * SEGMENT_BLOCK;
        segment->whole[i] = is_whole(block, segment->first);
        if (!segment->whole[i] || segment->state == SEGMENT_SEALED) {
            continue;
        }
        segment->made_ms = (int64_t)bytes_get(block + AT_MADE, 8);
        if (bytes_get(block + AT_STATE, 4) != STATE_KEY) {
            segment->state = segment->state == SEGMENT_FOREIGN ? SEGMENT_FOREIGN : SEGMENT_ERASED;
            continue;
        }
        int result = unwrap(secret, block, &segment->crypt, error);
        if (result < 0) {
            return result;
        }
        segment->state = result == 1 ? SEGMENT_SEALED : SEGMENT_FOREIGN;
    }
    return 0;
}

/* Nothing in the header says what this is: a record of format 1 does, wherever it lies. */
static int guess_format(int fd, int64_t first, int64_t size, struct segment *segment, struct error *error)
{
    struct segment plain = {.first = first, .state = SEGMENT_PLAIN};
    struct window window = {.fd = -1};
    int64_t found;
    int result = 0;
    if (size > SEGMENT_PLAIN_HEADER) {
        window_set(&window, fd, &plain, first + size - SEGMENT_PLAIN_HEADER);
        result = window_find(&window, first, &found, error);
        window_free(&window);
    }
    segment->state = result > 0 ? SEGMENT_PLAIN : SEGMENT_LOST;
    return result < 0 ? result : 0;
}

/* The kernel says EIO of a bad sector, and some file systems one of the others of what fails their own checks. */
bool segment_is_unreadable(int code)
{
    return code == EIO || code == EBADMSG || code == EUCLEAN || code == ENODATA;
}

/* Reads the two blocks: zeros behind the file's end, and where the disk gives none. 0, 1 if there are such, or -1 with
 * errno. Each by itself: a sector that is bad in one of them leaves the other. */
static int read_blocks(int fd, unsigned char blocks[SEGMENT_HEADER])
{
    int result = 0;
    size_t used = 0;
    memset(blocks, 0, SEGMENT_HEADER);
    while (used < SEGMENT_HEADER) {
        size_t rest = SEGMENT_BLOCK - used % SEGMENT_BLOCK;
        ssize_t got = pread(fd, blocks + used, rest, (off_t)used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && segment_is_unreadable(errno)) {
            result = 1;
            used += rest;
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : result;
        }
        used += (size_t)got;
    }
    return result;
}

int segment_open(int fd, int64_t first, const struct secret *secret, const char *path, struct segment *segment,
                 struct error *error)
{
    unsigned char blocks[SEGMENT_HEADER];
    struct stat status;
    *segment = (struct segment){.first = first, .state = SEGMENT_LOST};
    int unread = read_blocks(fd, blocks);
    if (unread < 0 || fstat(fd, &status) != 0) {
        return error_errno(error, "cannot read %s", path);
    }
    segment->is_unread = unread == 1;
    segment->made_ms = (int64_t)status.st_mtime * 1000;
    uint64_t format = format_of(blocks), second = format_of(blocks + SEGMENT_BLOCK);
    if (format > FORMAT) {
        return error_set(error, ERROR_INPUT,
                         "%s is a journal segment of format %" PRIu64
                         ", this program knows format %d: run the version that wrote it",
                         path, format, (int)FORMAT);
    }
    if (format == FORMAT_PLAIN) {
        segment->state = SEGMENT_PLAIN;
        segment->whole[0] = segment->whole[1] = bytes_get(blocks + AT_FIRST, 8) == (uint64_t)first;
        return 0;
    }
    if (format == FORMAT || second == FORMAT) {
        return open_sealed(blocks, secret, segment, error);
    }
    return guess_format(fd, first, (int64_t)status.st_size, segment, error);
}

void segment_close(struct segment *segment)
{
    crypt_free(&segment->crypt);
}

int segment_mend(const struct segment *segment, const char *path, struct error *error)
{
    unsigned char blocks[SEGMENT_HEADER];
    off_t good = segment->whole[0] ? 0 : SEGMENT_BLOCK;
    int fd = open(path, O_RDWR | O_CLOEXEC); /* with O_APPEND, Linux' pwrite would write at the end */
    if (fd < 0) {
        return error_errno(error, "cannot open %s", path);
    }
    int result = 0;
    if (read_blocks(fd, blocks) < 0 ||
        pwrite(fd, blocks + good, SEGMENT_BLOCK, SEGMENT_BLOCK - good) != SEGMENT_BLOCK || fdatasync(fd) != 0) {
        result = error_errno(error, "cannot mend the header of %s", path);
    }
    close(fd);
    return result;
}

/* Writes zeros over all of a file. 0, or -1 with errno. */
static int overwrite_all(int fd)
{
    static const unsigned char zeros[64 * 1024];
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return -1;
    }
    for (off_t at = 0; at < status.st_size;) {
        size_t rest = status.st_size - at < (off_t)sizeof zeros ? (size_t)(status.st_size - at) : sizeof zeros;
        ssize_t done = pwrite(fd, zeros, rest, at);
        if (done < 0 && errno != EINTR) {
            return -1;
        }
        at += done > 0 ? done : 0;
    }
    return fdatasync(fd) == 0 ? 0 : -1;
}

/* 0 if neither a copy of a key nor a record in plain is left in the file, or -1 with errno. */
static int overwrite_key(int fd, int64_t first)
{
    unsigned char blocks[SEGMENT_HEADER];
    if (read_blocks(fd, blocks) < 0) {
        return -1;
    }
    if (format_of(blocks) != FORMAT && format_of(blocks + SEGMENT_BLOCK) != FORMAT) {
        return overwrite_all(fd); /* in plain, or nothing says that it is not */
    }
    fill_block(blocks, first, STATE_ERASED, (int64_t)bytes_get(blocks + AT_MADE, 8));
    finish_block(blocks);
    memcpy(blocks + SEGMENT_BLOCK, blocks, SEGMENT_BLOCK);
    ssize_t done = pwrite(fd, blocks, sizeof blocks, 0);
    if (done >= 0 && done != sizeof blocks) {
        errno = ENOSPC;
    }
    return done == sizeof blocks && fdatasync(fd) == 0 ? 0 : -1;
}

int segment_erase(const char *directory, int64_t first, struct error *error)
{
    char *path = segment_path(directory, first);
    if (path == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory for a path of the journal");
    }
    int result = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 ? overwrite_key(fd, first) != 0 : errno != ENOENT) {
        log_warning("journal_not_overwritten", "file=%s errno=%d the file is removed all the same", path, errno);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        result = error_errno(error, "cannot remove the journal segment %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return result;
}
