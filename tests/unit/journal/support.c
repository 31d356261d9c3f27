#include "support.h"

#include "base/crc32c.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->directory, sizeof place->directory, "/tmp/edutally-journal-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    char path[sizeof place->directory + sizeof "/secret"];
    snprintf(path, sizeof path, "%s/secret", place->directory);
    assert_int_equal(secret_open(&place->secret, path, true, &place->error), 0);
    place_reopen(place, 1 << 20);
    *state = place;
    return 0;
}

/* Removes the files whose names end so. */
static void remove_files(const struct place *place, const char *ending)
{
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[sizeof place->directory + sizeof entry->d_name];
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        snprintf(path, sizeof path, "%s/%s", place->directory, entry->d_name);
        if (length >= tail && strcmp(entry->d_name + length - tail, ending) == 0) {
            unlink(path);
        }
    }
    closedir(directory);
}

void place_restore(struct place *place, const char *bytes, size_t count)
{
    journal_close(&place->journal);
    remove_files(place, ".seg");
    file_put(place_segment(place, 0), bytes, count);
}

int place_teardown(void **state)
{
    struct place *place = *state;
    journal_close(&place->journal);
    secret_free(&place->secret);
    remove_files(place, "");
    rmdir(place->directory);
    free(place);
    return 0;
}

void place_reopen(struct place *place, int64_t segment_bytes)
{
    journal_close(&place->journal);
    int result =
        journal_open(&place->journal, place->directory, segment_bytes, place->secret, &place->counters, &place->error);
    if (result != 0) {
        fail_msg("%s", place->error.text);
    }
}

void place_open_for_reading(struct place *place)
{
    journal_close(&place->journal);
    int result =
        journal_open_for_reading(&place->journal, place->directory, place->secret, &place->counters, &place->error);
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

static int keep_segment(void *context, const struct journal_segment *segment)
{
    struct surveyed *surveyed = context;
    assert_true(surveyed->segment_count < MOST_SURVEYED);
    surveyed->segments[surveyed->segment_count++] = *segment;
    return 0;
}

static int keep_damage(void *context, const struct journal_damage *damage)
{
    struct surveyed *surveyed = context;
    assert_true(surveyed->damage_count < MOST_SURVEYED);
    surveyed->damages[surveyed->damage_count++] = *damage;
    return 0;
}

void place_survey(struct place *place, struct surveyed *surveyed)
{
    surveyed->segment_count = surveyed->damage_count = 0;
    assert_int_equal(journal_survey(place->journal, keep_segment, keep_damage, surveyed, &place->error), 0);
}

void place_set_made(const struct place *place, int64_t first, int64_t made_ms)
{
    size_t count;
    char path[128];
    snprintf(path, sizeof path, "%s", place_segment(place, first));
    char *bytes = file_bytes(path, &count);
    assert_true(count >= HEADER);
    for (int i = 0; i < 8; i++) {
        bytes[92 + i] = (char)(made_ms >> (8 * i));
    }
    uint32_t crc = crc32c_extend(0, bytes, COPY - 4);
    for (int i = 0; i < 4; i++) {
        bytes[COPY - 4 + i] = (char)(crc >> (8 * i));
    }
    memcpy(bytes + COPY, bytes, COPY);
    file_put(path, bytes, count);
    free(bytes);
}

void disk_size(int64_t bytes)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit limit;
    assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

int64_t counted(const struct place *place, enum counter counter)
{
    return counter_get(&place->counters, counter);
}
