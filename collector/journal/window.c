/*
 * Records, and the window through which they are read. What makes a record findable after damage needs no key: its
 * header has a check of its own that covers the record's position, so a place where none begins is left after 20 bytes,
 * and neither a record of another place nor bytes that somebody sent in the shape of a record pass for one. Only where
 * the header is good is the CRC of the body looked at, and only then is the body opened.
 *
 * Format 1 has no such check, and its bodies are as they were sent: whoever sends the right bytes can make every place
 * look as if a long record began there. So the bodies that a search looks at in vain are added up, and past a multiple
 * of the segment's size, which no accident reaches (random bytes come to a quarter of it), it gives up.
 */
#include "window.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, LOOK_ALIKES = 64, AT_SALT = 4, AT_BODY_CRC = 12, AT_CHECK = 16, BOUND = 12 };

int64_t record_size(size_t topic_length, size_t payload_length)
{
    return RECORD_HEADER + RECORD_FIXED + (int64_t)topic_length + (int64_t)payload_length + CRYPT_TAG;
}

bool record_time_fits(int64_t received_ms)
{
    const int64_t bound = INT64_C(1) << 48;
    return received_ms > -bound && received_ms < bound;
}

size_t record_compose(char *at, int64_t received_ms, const char *topic, size_t topic_length, const void *payload,
                      size_t payload_length)
{
    char *body = at + RECORD_HEADER;
    bytes_put(at, RECORD_FIXED + topic_length + payload_length + CRYPT_TAG, 4);
    bytes_put(body, (uint64_t)received_ms, 8);
    bytes_put(body + 8, topic_length, 2);
    if (topic_length > 0) {
        memcpy(body + RECORD_FIXED, topic, topic_length);
    }
    if (payload_length > 0) {
        memcpy(body + RECORD_FIXED + topic_length, payload, payload_length);
    }
    return record_composed_size(at);
}

size_t record_composed_size(const char *at)
{
    return RECORD_HEADER + (size_t)bytes_get(at, 4);
}

/* The CRC before a header or, in format 1, a body: over the position, which is not stored. */
static uint32_t begin_crc(int64_t position)
{
    unsigned char place[8];
    bytes_put(place, (uint64_t)position, 8);
    return crc32c_extend(0, place, sizeof place);
}

static uint32_t check_of(int64_t position, const char *header)
{
    return crc32c_extend(begin_crc(position), header, AT_CHECK);
}

static void fill_nonce(unsigned char nonce[CRYPT_NONCE], unsigned char bound[BOUND], int64_t position,
                       const char *header)
{
    memcpy(nonce, header + AT_SALT, 8);
    bytes_put(nonce + 8, (uint64_t)position, 4);
    bytes_put(bound, (uint64_t)position, 8);
    memcpy(bound + 8, header, 4);
}

int record_seal(struct crypt *crypt, int64_t position, uint64_t salt, const char *composed, char *out)
{
    unsigned char nonce[CRYPT_NONCE], bound[BOUND];
    size_t length = (size_t)bytes_get(composed, 4);
    bytes_put(out, length, 4);
    bytes_put(out + AT_SALT, salt, 8);
    fill_nonce(nonce, bound, position, out);
    if (crypt_seal(crypt, nonce, bound, sizeof bound, composed + RECORD_HEADER, length - CRYPT_TAG,
                   out + RECORD_HEADER) != 0) {
        return ERROR_MEMORY;
    }
    bytes_put(out + AT_BODY_CRC, crc32c_extend(0, out + RECORD_HEADER, length), 4);
    bytes_put(out + AT_CHECK, check_of(position, out), 4);
    return 0;
}

void window_set(struct window *window, int fd, const struct segment *segment, int64_t limit)
{
    window->fd = fd;
    window->segment = segment;
    window->limit = limit;
    window->at = segment != NULL ? segment->first : 0;
    window->used = 0;
    window->opened = window->at;
    window->searched = 0;
    window->unread_until = window->told_from = window->told_to = window->at;
}

void window_forget(struct window *window)
{
    window->used = 0;
    window->unread_until = window->at;
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

/* The disk does not give these bytes. Reading on, and searching, comes to the same ones again: said once. */
static void pass_unread(struct window *window, size_t count)
{
    int64_t position = window->at + (int64_t)window->used, next = position + (int64_t)count;
    memset(window->bytes + window->used, 0, count);
    window->used += count;
    window->unread_until = next > window->unread_until ? next : window->unread_until;
    if (position < window->told_from || position > window->told_to) {
        log_error("journal_unreadable", "segment=%" PRId64 " position=%" PRId64 " bytes=%zu errno=%d",
                  window->segment->first, position, count, errno);
        window->told_from = window->told_to = position;
    }
    window->told_to = next > window->told_to ? next : window->told_to;
}

/* Reads what the window is to hold, less where the file ends. A bad sector fails a read of any size that it lies in: so
 * from there on by single blocks, until one can be read again. */
static int fill(struct window *window, size_t want, struct error *error)
{
    bool by_blocks = false;
    while (window->used < want) {
        off_t offset = (off_t)(segment_offset(window->segment, window->at) + (int64_t)window->used);
        size_t rest = want - window->used, block = SEGMENT_BLOCK - (size_t)(offset % SEGMENT_BLOCK);
        rest = by_blocks && rest > block ? block : rest;
        ssize_t got = pread(window->fd, window->bytes + window->used, rest, offset);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            window->used += (size_t)got;
            by_blocks = false;
        } else if (segment_is_unreadable(errno) && by_blocks) {
            pass_unread(window, rest);
        } else if (segment_is_unreadable(errno)) {
            by_blocks = true;
        } else if (errno != EINTR) {
            return error_errno(error, "cannot read the journal at %" PRId64, window->at);
        }
    }
    return 0;
}

/* Brings [position, position + count), which lies below the limit, into memory. 1; 0 if the file ends before. */
static int hold(struct window *window, int64_t position, size_t count, struct error *error)
{
    if (position >= window->opened && position + (int64_t)count <= window->at + (int64_t)window->used) {
        return 1;
    }
    int result = resize(window, count, error);
    if (result != 0) {
        return result;
    }
    int64_t there = window->limit - position;
    size_t want = there < (int64_t)window->size ? (size_t)there : window->size;
    window->at = window->opened = position;
    window->used = 0;
    result = fill(window, want, error);
    return result != 0 ? result : window->used >= count;
}

/* What begins every record of the segment's format, in bytes. */
static int64_t header_size(const struct window *window)
{
    return window->segment->state == SEGMENT_PLAIN ? RECORD_PLAIN_HEADER + RECORD_FIXED : RECORD_HEADER;
}

/* In format 1 only what cannot be tells that no record begins here. */
static bool is_plausible_plain(const char *header)
{
    uint64_t length = bytes_get(header, 4), topic_length = bytes_get(header + 16, 2);
    uint64_t received = bytes_get(header + 8, 8);
    int64_t received_ms;
    memcpy(&received_ms, &received, sizeof received_ms);
    return length >= RECORD_FIXED + topic_length &&
           length - RECORD_FIXED - topic_length <= (uint64_t)JOURNAL_MAX_PAYLOAD && record_time_fits(received_ms);
}

/* The size of the record that may begin at the position, as far as its header tells: 1; 0 if none can. Constant work.
 */
static int measure(struct window *window, int64_t position, size_t *size, struct error *error)
{
    int64_t least = header_size(window);
    if (window->limit - position < least) {
        return 0;
    }
    int result = hold(window, position, (size_t)least, error);
    if (result != 1) {
        return result;
    }
    const char *header = window->bytes + (position - window->at);
    uint64_t length = bytes_get(header, 4);
    if (window->segment->state == SEGMENT_PLAIN) {
        *size = RECORD_PLAIN_HEADER + (size_t)length;
        return is_plausible_plain(header) && (int64_t)*size <= window->limit - position;
    }
    *size = RECORD_HEADER + (size_t)length;
    return length >= RECORD_FIXED + CRYPT_TAG && *size <= RECORD_MOST && (int64_t)*size <= window->limit - position &&
           bytes_get(header + AT_CHECK, 4) == check_of(position, header);
}

/* 1 if the bytes of the record that was measured are as they were written. */
static int check_body(struct window *window, int64_t position, size_t size, struct error *error)
{
    int result = hold(window, position, size, error);
    if (result != 1) {
        return result;
    }
    const char *header = window->bytes + (position - window->at);
    if (window->segment->state == SEGMENT_PLAIN) {
        uint32_t crc = crc32c_extend(begin_crc(position), header, 4);
        crc = crc32c_extend(crc, header + RECORD_PLAIN_HEADER, size - RECORD_PLAIN_HEADER);
        return bytes_get(header + 4, 4) == crc;
    }
    return bytes_get(header + AT_BODY_CRC, 4) == crc32c_extend(0, header + RECORD_HEADER, size - RECORD_HEADER);
}

/* Measured and checked. */
static int find_record(struct window *window, int64_t position, size_t *size, struct error *error)
{
    int result = measure(window, position, size, error);
    return result == 1 ? check_body(window, position, *size, error) : result;
}

int window_check(struct window *window, int64_t position, int64_t *next, struct error *error)
{
    size_t size;
    int result = find_record(window, position, &size, error);
    if (result == 1) {
        *next = position + (int64_t)size;
    }
    return result;
}

/* Opens a checked record where it lies. Whether or not it opens, its bytes are not the file's any more. */
static bool open_body(struct window *window, int64_t position, size_t size)
{
    unsigned char nonce[CRYPT_NONCE], bound[BOUND];
    char *header = window->bytes + (position - window->at), *body = header + RECORD_HEADER;
    fill_nonce(nonce, bound, position, header);
    if (crypt_open(window->segment->crypt, nonce, bound, sizeof bound, body, size - RECORD_HEADER, body)) {
        window->opened = position + (int64_t)size;
        return true;
    }
    window->used = 0;
    return false;
}

int window_read(struct window *window, int64_t position, struct journal_record *record, struct error *error)
{
    size_t size, around = RECORD_PLAIN_HEADER;
    int result = find_record(window, position, &size, error);
    if (result != 1) {
        return result;
    }
    const char *body = window->bytes + (position - window->at) + RECORD_PLAIN_HEADER;
    if (window->segment->state != SEGMENT_PLAIN) {
        if (!open_body(window, position, size)) {
            return 0;
        }
        body += RECORD_HEADER - RECORD_PLAIN_HEADER;
        around = RECORD_HEADER + CRYPT_TAG;
    }
    uint64_t received = bytes_get(body, 8);
    record->topic_length = (size_t)bytes_get(body + 8, 2);
    if (record->topic_length > size - around - RECORD_FIXED) {
        return 0; /* sealed by nobody who writes records */
    }
    memcpy(&record->received_ms, &received, sizeof record->received_ms);
    record->position = position;
    record->next = position + (int64_t)size;
    record->topic = body + RECORD_FIXED;
    record->payload = record->topic + record->topic_length;
    record->payload_length = size - around - RECORD_FIXED - record->topic_length;
    return 1;
}

int window_find(struct window *window, int64_t from, int64_t *found, struct error *error)
{
    int64_t least = header_size(window);
    int64_t most = LOOK_ALIKES * (window->limit - window->segment->first) + CHUNK;
    for (int64_t position = from; window->limit - position >= least; position++) {
        size_t size;
        int result = hold(window, position, (size_t)least, error);
        if (result != 1) {
            return result; /* 0: the file ends here */
        }
        result = measure(window, position, &size, error);
        if (result == 1) {
            result = check_body(window, position, size, error);
            window->searched += result == 0 ? (int64_t)size : 0;
        }
        if (result == 1) {
            *found = position;
        }
        if (result != 0) {
            return result;
        }
        if (window->searched > most) {
            return WINDOW_GAVE_UP;
        }
    }
    return 0;
}
