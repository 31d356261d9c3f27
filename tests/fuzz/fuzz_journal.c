/*
 * Any bytes as a segment of the journal. The first byte says how the rest is taken: 'f' a whole file; 'h' what follows
 * a good header; 'o' orders: records are appended, and then bytes of the file are changed, cut off or repeated.
 *
 * Promises. It can be opened, for reading and for writing, unless it says that a newer program or another secret made
 * it. A reader and a survey find the same records. Opening for writing loses none of them. What is appended then is
 * found behind them. And of orders: no record is found that was not appended.
 */
#include "fuzz.h"

#include "base/log.h"
#include "journal/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 8192, MOST_APPENDED = 64, LONGEST = 1 << 16 };

static struct {
    char directory[64], secret_path[96], segment[96];
    struct secret *secret;
    unsigned char header[HEADER]; /* a good one, of a segment at 0 */
} place;

/* Of 'o': each payload is its own number, repeated. */
static struct {
    bool is_known;
    size_t count, lengths[MOST_APPENDED];
} appended;

static void clear_directory(bool all)
{
    char path[sizeof place.directory + 256 + 1];
    DIR *directory = opendir(place.directory);
    PROMISE(directory != NULL);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", place.directory, entry->d_name);
        if (all || strstr(entry->d_name, ".seg") != NULL) {
            unlink(path);
        }
    }
    closedir(directory);
}

static void clean_up(void)
{
    secret_free(&place.secret);
    clear_directory(true);
    rmdir(place.directory);
}

static struct journal *open_to_write(struct counters *counters, int *result)
{
    struct error error = {0};
    struct journal *journal = NULL;
    *result = journal_open(&journal, place.directory, 1 << 20, place.secret, counters, &error);
    PROMISE(*result == 0 || *result == ERROR_INPUT || *result == ERROR_CONFIG);
    return journal;
}

static void put_file(const void *head, size_t head_size, const void *rest, size_t rest_size)
{
    int fd = open(place.segment, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PROMISE(fd >= 0);
    PROMISE(write(fd, head, head_size) == (ssize_t)head_size && write(fd, rest, rest_size) == (ssize_t)rest_size);
    close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct counters counters = {0};
    struct error error = {0};
    int result;
    (void)argc;
    (void)argv;
    log_set_level(LOG_ERROR_LEVEL);
    snprintf(place.directory, sizeof place.directory,
             "/dev/shm/edutally-fuzz-XXXXXX"); /* where syncing costs nothing */
    if (mkdtemp(place.directory) == NULL) {
        snprintf(place.directory, sizeof place.directory, "/tmp/edutally-fuzz-XXXXXX");
        PROMISE(mkdtemp(place.directory) != NULL);
    }
    atexit(clean_up);
    snprintf(place.secret_path, sizeof place.secret_path, "%s/secret", place.directory);
    snprintf(place.segment, sizeof place.segment, "%s/%020d.seg", place.directory, 0);
    int fd = open(place.secret_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    PROMISE(fd >= 0 && write(fd, "the secret of the fuzz target\n", 30) == 30);
    close(fd);
    PROMISE(secret_open(&place.secret, place.secret_path, false, &error) == 0);
    struct journal *journal = open_to_write(&counters, &result);
    PROMISE(result == 0);
    journal_close(&journal);
    fd = open(place.segment, O_RDONLY | O_CLOEXEC);
    PROMISE(fd >= 0 && read(fd, place.header, HEADER) == HEADER);
    close(fd);
    return 0;
}

/* Reads everything; each record is one that was appended, in order. Their number. */
static int64_t read_all(struct journal *journal)
{
    struct journal_reader *reader = NULL;
    struct journal_record record;
    struct error error = {0};
    int64_t count = 0, position = 0;
    int result, last = -1;
    PROMISE(journal_reader_open(&reader, journal, 0, &error) == 0);
    while ((result = journal_read(reader, &record, &error)) == 1) {
        PROMISE(record.position >= position && record.next > record.position);
        PROMISE(record.topic + record.topic_length == record.payload);
        position = record.next;
        count++;
        if (appended.is_known && !(record.payload_length == 5 && memcmp(record.payload, "after", 5) == 0)) {
            int number = record.topic_length == 1 ? (unsigned char)record.topic[0] : -1;
            PROMISE(number > last && number < (int)appended.count);
            PROMISE(record.payload_length == appended.lengths[number]);
            for (size_t i = 0; i < record.payload_length; i++) {
                PROMISE(record.payload[i] == (char)number);
            }
            last = number;
        }
    }
    PROMISE(result == 0 && journal_reader_position(reader) == journal_end(journal));
    journal_reader_close(&reader);
    return count;
}

static int sum_up(void *context, const struct journal_segment *segment)
{
    int64_t *records = context;
    PROMISE(segment->records >= 0 && segment->next >= segment->first);
    *records += segment->records;
    return 0;
}

/* Looks, opens to write, appends, and looks again. */
static void run(void)
{
    struct counters counters = {0};
    struct error error = {0};
    struct journal *journal = NULL;
    int64_t surveyed = 0;
    int result = journal_open_for_reading(&journal, place.directory, place.secret, &counters, &error);
    PROMISE(result == 0 || result == ERROR_INPUT);
    if (result != 0) {
        return;
    }
    int64_t before = read_all(journal);
    PROMISE(journal_survey(journal, sum_up, NULL, &surveyed, &error) == 0 && surveyed == before);
    journal_close(&journal);

    journal = open_to_write(&counters, &result);
    if (result != 0) {
        PROMISE(before == 0);
        return;
    }
    PROMISE(read_all(journal) == before);
    PROMISE(journal_append(journal, 1, "x", 1, "after", 5, &error) == 0);
    PROMISE(read_all(journal) == before + 1);
    journal_close(&journal);
    journal = open_to_write(&counters, &result);
    PROMISE(result == 0 && read_all(journal) == before + 1);
    journal_close(&journal);
}

/* Pairs of bytes: a length, and what to do then. */
static void append_records(const uint8_t *orders, size_t size)
{
    static char payload[LONGEST];
    struct counters counters = {0};
    struct error error = {0};
    int result;
    struct journal *journal = open_to_write(&counters, &result);
    PROMISE(result == 0);
    for (size_t i = 0; i < size && i < MOST_APPENDED; i++) {
        char topic = (char)appended.count;
        size_t length = orders[i] < 250 ? orders[i] : (size_t)1 << (orders[i] - 239);
        memset(payload, topic, length);
        PROMISE(journal_append(journal, 1, &topic, 1, payload, length, &error) == 0);
        appended.lengths[appended.count++] = length;
    }
    journal_close(&journal);
}

/* One change of the file: what, where and how much, in 4 bytes. */
static void damage(const uint8_t order[4])
{
    static unsigned char bytes[2 * MOST_APPENDED * LONGEST];
    int fd = open(place.segment, O_RDWR | O_CLOEXEC);
    PROMISE(fd >= 0);
    ssize_t size = pread(fd, bytes, sizeof bytes / 2, 0);
    PROMISE(size >= 0);
    size_t at = ((size_t)order[1] << 8 | order[2]) % ((size_t)size + 1), length = order[3];
    length = length < (size_t)size - at ? length : (size_t)size - at;
    switch (order[0] % 4) {
    case 0:
        if (at < (size_t)size) {
            bytes[at] ^= (unsigned char)(1 << order[3] % 8);
        }
        break;
    case 1:
        size = (ssize_t)at;
        break;
    case 2:
        memset(bytes + at, order[3], length);
        break;
    default:
        memmove(bytes + at + length, bytes + at, (size_t)size - at);
        size += (ssize_t)length;
    }
    PROMISE(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, (size_t)size, 0) == size);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    appended.is_known = false;
    appended.count = 0;
    clear_directory(false);
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'h') {
        put_file(place.header, HEADER, data + 1, size - 1);
    } else if (data[0] != 'o' || size < 3) {
        put_file(data + 1, size - 1, NULL, 0);
    } else {
        size_t records = data[1] % MOST_APPENDED;
        records = records < size - 2 ? records : size - 2;
        appended.is_known = true;
        append_records(data + 2, records);
        for (size_t i = 2 + records; i + 4 <= size; i += 4) {
            damage(data + i);
        }
    }
    run();
    return 0;
}
