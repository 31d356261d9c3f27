/*
 * One segment file. What makes a record findable after damage is its CRC, which covers the record's own position: so
 * neither a record of another place nor bytes that somebody sent as a payload in the shape of a record pass for one
 * when the reader searches behind a damaged stretch.
 */
#include "segment.h"

#include "base/crc32c.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = 20, FORMAT_VERSION = 1, CHUNK = 256 * 1024, RECORD_FIXED = 10, RECORD_PREFIX = 8 };

static const unsigned char magic[8] = {'e', 'd', 'u', 'j', 'r', 'n', 'l', '\n'};

/* Little-endian numbers, whatever the processor's order. */
static void put(unsigned char *out, uint64_t value, int count)
{
    for (int i = 0; i < count; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get(const char *in, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) {
        value = value << 8 | (unsigned char)in[i];
    }
    return value;
}

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

int segment_write_header(int fd, int64_t first, struct error *error)
{
    unsigned char header[SEGMENT_HEADER] = {0};
    memcpy(header, magic, sizeof magic);
    put(header + 8, FORMAT_VERSION, 4);
    put(header + 16, (uint64_t)first, 8);
    put(header + 28, crc32c_extend(0, header, 28), 4);
    if (file_write_all(fd, header, sizeof header) != 0 || fsync(fd) != 0) {
        return error_errno(error, "cannot write the header of a journal segment");
    }
    return 0;
}

/* A segment that could not be made and could not be removed either has no records: it makes room for another try. */
static bool remove_empty(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size <= SEGMENT_HEADER && unlink(path) == 0;
}

int segment_create(const char *directory, int64_t first, int *out, struct error *error)
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
    result = segment_write_header(fd, first, error);
    if (result == 0) {
        result = file_sync_directory(directory, error);
    }
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

int segment_check_header(int fd, int64_t first, const char *path, struct error *error)
{
    char header[SEGMENT_HEADER];
    ssize_t got = pread(fd, header, sizeof header, 0);
    if (got < 0) {
        return error_errno(error, "cannot read %s", path);
    }
    if (got != SEGMENT_HEADER || memcmp(header, magic, sizeof magic) != 0 ||
        get(header + 28, 4) != crc32c_extend(0, header, 28)) {
        return 0;
    }
    uint64_t version = get(header + 8, 4);
    if (version != FORMAT_VERSION) {
        return error_set(error, ERROR_INPUT,
                         "%s is a journal segment of format %" PRIu64
                         ", this program knows format %d: run the version that wrote it",
                         path, version, (int)FORMAT_VERSION);
    }
    return get(header + 16, 8) == (uint64_t)first ? 1 : 0;
}

int64_t record_size(size_t topic_length, size_t payload_length)
{
    return RECORD_HEADER + (int64_t)topic_length + (int64_t)payload_length;
}

bool record_time_fits(int64_t received_ms)
{
    const int64_t bound = INT64_C(1) << 48;
    return received_ms > -bound && received_ms < bound;
}

/* The CRC before the body: over the position, which is not stored, and the length. */
static uint32_t begin_crc(int64_t position, uint64_t length)
{
    unsigned char place[12];
    put(place, (uint64_t)position, 8);
    put(place + 8, length, 4);
    return crc32c_extend(0, place, sizeof place);
}

void record_write_header(unsigned char header[RECORD_HEADER], int64_t position, int64_t received_ms, const char *topic,
                         size_t topic_length, const void *payload, size_t payload_length)
{
    uint64_t length = RECORD_FIXED + topic_length + payload_length;
    put(header, length, 4);
    put(header + 8, (uint64_t)received_ms, 8);
    put(header + 16, topic_length, 2);
    uint32_t crc = crc32c_extend(begin_crc(position, length), header + RECORD_PREFIX, RECORD_FIXED);
    crc = crc32c_extend(crc, topic, topic_length);
    put(header + 4, crc32c_extend(crc, payload, payload_length), 4);
}

void window_set(struct window *window, int fd, int64_t first, int64_t limit)
{
    window->fd = fd;
    window->first = first;
    window->limit = limit;
    window->at = first;
    window->used = 0;
}

void window_free(struct window *window)
{
    free(window->bytes);
    window->bytes = NULL;
    window->size = 0;
    window->used = 0;
}

/* Makes room for `count` bytes: a chunk, or the one record that is larger. */
static int resize(struct window *window, size_t count, struct error *error)
{
    size_t size = count > CHUNK ? count : CHUNK;
    if (window->size == size || (size > CHUNK && window->size > size)) {
        return 0;
    }
    window_free(window);
    window->bytes = malloc(size);
    if (window->bytes == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory reading a journal record of %zu bytes", count);
    }
    window->size = size;
    return 0;
}

/* Brings [position, position + count), which lies below the limit, into memory. 1; 0 if the file ends before. */
static int hold(struct window *window, int64_t position, size_t count, struct error *error)
{
    if (position >= window->at && position + (int64_t)count <= window->at + (int64_t)window->used) {
        return 1;
    }
    int result = resize(window, count, error);
    if (result != 0) {
        return result;
    }
    int64_t there = window->limit - position;
    size_t want = there < (int64_t)window->size ? (size_t)there : window->size;
    window->at = position;
    window->used = 0;
    while (window->used < want) {
        ssize_t got = pread(window->fd, window->bytes + window->used, want - window->used,
                            SEGMENT_HEADER + (position - window->first) + (int64_t)window->used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, "cannot read the journal at %" PRId64, position);
        }
        if (got == 0) {
            break;
        }
        window->used += (size_t)got;
    }
    return window->used >= count;
}

/* Whether the 18 bytes can be a record's header that fits below the limit: what is cheap to ask before the CRC. */
static bool is_plausible(const struct window *window, int64_t position, const char *header)
{
    uint64_t length = get(header, 4), topic_length = get(header + 16, 2);
    uint64_t received = get(header + 8, 8);
    int64_t received_ms;
    memcpy(&received_ms, &received, sizeof received_ms);
    return length >= RECORD_FIXED + topic_length &&
           length - RECORD_FIXED - topic_length <= (uint64_t)JOURNAL_MAX_PAYLOAD && record_time_fits(received_ms) &&
           position + RECORD_PREFIX + (int64_t)length <= window->limit;
}

int window_read(struct window *window, int64_t position, struct journal_record *record, struct error *error)
{
    if (window->limit - position < RECORD_HEADER) {
        return 0;
    }
    int result = hold(window, position, RECORD_HEADER, error);
    if (result != 1) {
        return result;
    }
    const char *header = window->bytes + (position - window->at);
    if (!is_plausible(window, position, header)) {
        return 0;
    }
    size_t length = (size_t)get(header, 4);
    result = hold(window, position, RECORD_PREFIX + length, error);
    if (result != 1) {
        return result;
    }
    header = window->bytes + (position - window->at);
    if (crc32c_extend(begin_crc(position, length), header + RECORD_PREFIX, length) != get(header + 4, 4)) {
        return 0;
    }
    uint64_t received = get(header + 8, 8);
    record->position = position;
    record->next = position + RECORD_PREFIX + (int64_t)length;
    memcpy(&record->received_ms, &received, sizeof record->received_ms);
    record->topic = header + RECORD_HEADER;
    record->topic_length = (size_t)get(header + 16, 2);
    record->payload = record->topic + record->topic_length;
    record->payload_length = length - RECORD_FIXED - record->topic_length;
    return 1;
}

int window_find(struct window *window, int64_t from, int64_t *found, struct error *error)
{
    struct journal_record record;
    for (int64_t position = from; window->limit - position >= RECORD_HEADER; position++) {
        int result = hold(window, position, RECORD_HEADER, error);
        if (result == 1) {
            result = window_read(window, position, &record, error);
        } else if (result == 0) {
            return 0; /* the file ends here */
        }
        if (result == 1) {
            *found = position;
        }
        if (result != 0) {
            return result;
        }
    }
    return 0;
}
