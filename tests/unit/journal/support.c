#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->directory, sizeof place->directory, "/tmp/edutally-journal-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_int_equal(journal_open(&place->journal, place->directory, 1 << 20, &place->counters, &place->error), 0);
    *state = place;
    return 0;
}

int place_teardown(void **state)
{
    struct place *place = *state;
    journal_close(&place->journal);
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[sizeof place->directory + sizeof entry->d_name];
        snprintf(path, sizeof path, "%s/%s", place->directory, entry->d_name);
        unlink(path);
    }
    closedir(directory);
    rmdir(place->directory);
    free(place);
    return 0;
}

void place_reopen(struct place *place, int64_t segment_bytes)
{
    journal_close(&place->journal);
    int result = journal_open(&place->journal, place->directory, segment_bytes, &place->counters, &place->error);
    if (result != 0) {
        fail_msg("%s", place->error.text);
    }
}

void place_append(struct place *place, const char *topic, const char *payload)
{
    int result =
        journal_append(place->journal, 1764000000123, topic, strlen(topic), payload, strlen(payload), &place->error);
    if (result != 0) {
        fail_msg("%s", place->error.text);
    }
}

void place_append_numbered(struct place *place, int from, int count, size_t bytes)
{
    char *payload = malloc(bytes + 1);
    assert_non_null(payload);
    for (int i = from; i < from + count; i++) {
        memset(payload, 'x', bytes);
        payload[bytes] = '\0';
        int used = snprintf(payload, bytes + 1, "%d ", i);
        payload[used] = used < (int)bytes ? 'x' : '\0';
        place_append(place, "t", payload);
    }
    free(payload);
}

const char *place_segment(const struct place *place, int64_t first)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%020" PRId64 ".seg", place->directory, first);
    return path;
}

long place_count_segments(const struct place *place)
{
    long count = 0;
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        count += strstr(entry->d_name, ".seg") != NULL;
    }
    closedir(directory);
    return count;
}

int64_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

void file_flip(const char *path, int64_t offset, unsigned char mask)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= mask;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

void file_cut(const char *path, int64_t size)
{
    assert_int_equal(truncate(path, (off_t)size), 0);
}

char *file_bytes(const char *path, size_t *count)
{
    int64_t size = file_size(path);
    if (size < 0) {
        fail_msg("there is no %s", path);
        return NULL;
    }
    char *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, (size_t)size), size);
    close(fd);
    *count = (size_t)size;
    return bytes;
}

void file_put(const char *path, const char *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), count);
    close(fd);
}

int place_read_all(struct place *place, int64_t position, char *payloads, size_t size)
{
    struct journal_reader *reader = NULL;
    struct journal_record record;
    int count = 0, result;
    size_t used = 0;
    assert_int_equal(journal_reader_open(&reader, place->journal, position, &place->error), 0);
    payloads[0] = '\0';
    while ((result = journal_read(reader, &record, &place->error)) == 1) {
        int wrote = snprintf(payloads + used, size - used, "%s%.*s", count > 0 ? "|" : "", (int)record.payload_length,
                             record.payload);
        used = used + (size_t)wrote < size ? used + (size_t)wrote : size - 1;
        count++;
    }
    assert_int_equal(result, 0);
    journal_reader_close(&reader);
    return count;
}

int64_t counted(const struct place *place, enum counter counter)
{
    return counter_get(&place->counters, counter);
}
