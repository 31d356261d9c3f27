/* What the journal asks of the disk, and what it makes of a disk that fails: the calls below stand before the C
 * library's, note what is synced and written in place, and fail as they are told. What survives power loss is for
 * tests/system/test_power_loss.py. */
#define _GNU_SOURCE /* syscall */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALLS_MOST = 256, NAME_SIZE = 40, CHUNK = 65536 };

struct call {
    char what; /* 'w': a write in place, 's': a sync */
    char name[NAME_SIZE];
    int64_t from, to;
};

static struct {
    char bad_name[NAME_SIZE]; /* of the file that gives no bytes in this range */
    int64_t bad_from, bad_to;
    bool takes_no_sync;
    struct call calls[CALLS_MOST];
    int count;
} disk;

static void reset_disk(void)
{
    memset(&disk, 0, sizeof disk);
}

/* The name of an open file, without its directory. */
static void name_of(int fd, char name[NAME_SIZE])
{
    char link[64], path[256], *slash;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    slash = strrchr(path, '/');
    snprintf(name, NAME_SIZE, "%.*s", NAME_SIZE - 1, slash != NULL ? slash + 1 : path);
}

static void note(char what, int fd, int64_t from, int64_t to)
{
    if (disk.count < CALLS_MOST) {
        struct call *call = &disk.calls[disk.count++];
        *call = (struct call){.what = what, .from = from, .to = to};
        name_of(fd, call->name);
    }
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    char name[NAME_SIZE];
    if (disk.bad_to > 0) {
        name_of(fd, name);
        bool is_bad = strcmp(name, disk.bad_name) == 0;
        if (is_bad && offset >= disk.bad_from && offset < disk.bad_to) {
            errno = EIO;
            return -1;
        }
        if (is_bad && offset < disk.bad_from && offset + (off_t)count > disk.bad_from) {
            count = (size_t)(disk.bad_from - offset); /* as the kernel does: what it has before the bad sector */
        }
    }
    return syscall(SYS_pread64, fd, bytes, count, offset);
}

/* pread of a buffer whose size the compiler knows, where it checks that. */
ssize_t __pread_chk(int fd, void *bytes, size_t count, off_t offset, size_t size);
ssize_t __pread_chk(int fd, void *bytes, size_t count, off_t offset, size_t size)
{
    return count <= size ? pread(fd, bytes, count, offset) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    note('w', fd, offset, offset + (off_t)count);
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

static int sync_file(int fd)
{
    note('s', fd, 0, 0);
    if (disk.takes_no_sync) {
        errno = EIO;
        return -1;
    }
    return 0; /* nothing is lost here but time */
}

int fdatasync(int fd)
{
    return sync_file(fd);
}

int fsync(int fd)
{
    return sync_file(fd);
}

static const char *name_of_segment(int64_t first)
{
    static char name[NAME_SIZE];
    snprintf(name, sizeof name, "%020" PRId64 ".seg", first);
    return name;
}

/* The disk gives no bytes in this range of a segment's file. */
static void make_bad(int64_t first, int64_t from, int64_t to)
{
    snprintf(disk.bad_name, sizeof disk.bad_name, "%s", name_of_segment(first));
    disk.bad_from = from;
    disk.bad_to = to;
}

/* Where in its file the first call of the kind on the segment began, -1 if there was none; `*at`: which call it was. */
static int64_t first_call(char what, int64_t first, int *at)
{
    for (int i = 0; i < disk.count; i++) {
        if (disk.calls[i].what == what && strcmp(disk.calls[i].name, name_of_segment(first)) == 0) {
            *at = i;
            return disk.calls[i].from;
        }
    }
    return -1;
}

static int count_syncs(void)
{
    int count = 0;
    for (int i = 0; i < disk.count; i++) {
        count += disk.calls[i].what == 's';
    }
    return count;
}

/* Asserts that all of the segment's file from `from` on was written in place, and synced after that. */
static void assert_written_again(const struct place *place, int64_t first, int64_t from)
{
    int64_t until = from, size = file_size(place_segment(place, first));
    int last = -1;
    for (int i = 0; i < disk.count; i++) {
        const struct call *call = &disk.calls[i];
        if (strcmp(call->name, name_of_segment(first)) == 0 && call->what == 'w' && call->from <= until) {
            until = call->to > until ? call->to : until;
            last = i;
        }
    }
    assert_int_equal(until, size);
    for (int i = last; i < disk.count; i++) {
        if (strcmp(disk.calls[i].name, name_of_segment(first)) == 0 && disk.calls[i].what == 's') {
            return;
        }
    }
    fail_msg("what was written anew was not synced");
}

/* The process dies: what it holds is not closed, and the next one opens the journal. */
static struct journal *die_and_reopen(struct place *place, int64_t segment_bytes)
{
    struct journal *dead = place->journal;
    place->journal = NULL;
    disk.count = 0;
    place_reopen(place, segment_bytes);
    return dead;
}

static void bytes_whose_sync_failed_are_written_anew_before_they_count(void **state)
{
    struct place *place = *state;
    char payloads[64];
    int at;
    place_append(place, "t", "one");
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    place_append(place, "t", "two");
    disk.takes_no_sync = true;
    assert_int_equal(journal_sync(place->journal, &place->error), ERROR_IO);
    assert_true(journal_is_broken(place->journal));
    journal_close(&place->journal);
    reset_disk();

    place_reopen(place, 1 << 20);

    assert_written_again(place, 0, 0);
    assert_int_equal(first_call('w', 0, &at), 0);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    assert_string_equal(payloads, "one|two");
}

static void bytes_that_a_former_process_synced_are_not_written_anew(void **state)
{
    struct place *place = *state;
    int at;
    place_reopen(place, 1 << 22);
    place_append_numbered(place, 0, 10, 100000);
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    int64_t synced = journal_end(place->journal);
    place_append_numbered(place, 10, 10, 100000);
    disk.takes_no_sync = true;
    journal_close(&place->journal);
    reset_disk();

    place_reopen(place, 1 << 22);

    int64_t from = first_call('w', 0, &at);
    assert_true(from > HEADER);
    assert_true(from <= HEADER + synced);
    assert_true(from > HEADER + synced - (int64_t)2 * CHUNK);
    assert_written_again(place, 0, from);
}

static void start_after_a_clean_stop_writes_nothing_anew(void **state)
{
    struct place *place = *state;
    int at;
    place_append_numbered(place, 0, 10, 100000);
    journal_close(&place->journal);
    reset_disk();
    place_reopen(place, 1 << 20);
    assert_int_equal(first_call('w', 0, &at), -1);
}

static void start_after_a_death_writes_a_few_mebibytes_anew(void **state)
{
    struct place *place = *state;
    int at;
    place_reopen(place, 1 << 30);
    for (int i = 0; i < 100; i++) {
        place_append_numbered(place, i, 1, 100000);
        assert_int_equal(journal_sync(place->journal, &place->error), 0);
    }

    struct journal *dead = die_and_reopen(place, 1 << 30);

    int64_t from = first_call('w', 0, &at);
    assert_true(from > HEADER);
    assert_true(journal_end(place->journal) - from < INT64_C(5242880));
    assert_written_again(place, 0, from);
    journal_close(&dead);
}

/* Other bytes came in their place: nobody vouches for those. */
static void word_of_what_is_synced_is_not_believed_of_bytes_that_are_gone(void **state)
{
    struct place *place = *state;
    place_append(place, "t", "one");
    int64_t second = journal_end(place->journal);
    place_append(place, "t", "two");
    journal_close(&place->journal);
    file_cut(place_segment(place, 0), HEADER + second);
    reset_disk();
    place_reopen(place, 1 << 20);
    assert_written_again(place, 0, 0);
    place_append(place, "t", "three");

    struct journal *dead = die_and_reopen(place, 1 << 20);

    assert_written_again(place, 0, 0);
    journal_close(&dead);
}

static void damaged_or_missing_word_costs_a_start_the_last_two_segments(void **state)
{
    struct place *place = *state;
    char path[128];
    int64_t begins[3];
    place_reopen(place, 100);
    for (int i = 0; i < 3; i++) {
        begins[i] = journal_end(place->journal);
        place_append_numbered(place, i, 1, 90);
    }
    snprintf(path, sizeof path, "%s/synced", place->directory);
    for (int i = 0; i < 2; i++) {
        int at;
        journal_close(&place->journal);
        if (i == 0) {
            file_flip(path, 9, 0x01);
        } else {
            assert_int_equal(unlink(path), 0);
        }
        reset_disk();
        place_reopen(place, 100);
        assert_int_equal(first_call('w', begins[0], &at), -1);
        assert_written_again(place, begins[1], 0);
        assert_written_again(place, begins[2], 0);
    }
}

static void segment_begins_without_a_sync_and_the_next_sync_makes_good(void **state)
{
    struct place *place = *state;
    char directory[NAME_SIZE], payloads[512];
    place_reopen(place, 100);
    place_append_numbered(place, 0, 1, 90);
    int64_t second = journal_end(place->journal);
    disk.count = 0;

    place_append_numbered(place, 1, 1, 90);

    assert_int_equal(place_count_segments(place), 2);
    assert_int_equal(count_syncs(), 0);
    disk.count = 0;
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    snprintf(directory, sizeof directory, "%s", strrchr(place->directory, '/') + 1);
    assert_int_equal(disk.count, 3);
    assert_string_equal(disk.calls[0].name, name_of_segment(0));
    assert_string_equal(disk.calls[1].name, name_of_segment(second));
    assert_string_equal(disk.calls[2].name, directory);
    disk.count = 0;
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    assert_int_equal(disk.count, 0);
    place_append_numbered(place, 2, 1, 90);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
}

/* Three would be more than a start looks at. */
static void third_segment_does_not_begin_before_the_first_is_synced(void **state)
{
    struct place *place = *state;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    disk.count = 0;

    place_append_numbered(place, 2, 1, 90);

    assert_int_equal(place_count_segments(place), 3);
    assert_int_equal(count_syncs(), 3);
    assert_string_equal(disk.calls[0].name, name_of_segment(0));
}

static void failed_sync_of_the_segment_before_is_final(void **state)
{
    struct place *place = *state;
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    int64_t end = journal_end(place->journal);
    disk.takes_no_sync = true;
    assert_int_equal(journal_sync(place->journal, &place->error), ERROR_IO);
    disk.takes_no_sync = false;

    assert_int_equal(journal_sync(place->journal, &place->error), ERROR_IO);
    assert_int_equal(journal_append(place->journal, 0, "t", 1, "x", 1, &place->error), ERROR_IO);
    journal_close(&place->journal);
    reset_disk();
    place_reopen(place, 100);

    assert_int_equal(journal_end(place->journal), end);
    assert_written_again(place, 0, 0);
    assert_written_again(place, end / 2, 0);
}

static void segment_left_unsynced_by_a_death_is_made_safe_by_the_next_start(void **state)
{
    struct place *place = *state;
    char payloads[512];
    place_reopen(place, 100);
    place_append_numbered(place, 0, 2, 90);
    int64_t second = journal_end(place->journal) / 2;

    struct journal *dead = die_and_reopen(place, 100);

    assert_written_again(place, 0, 0);
    assert_written_again(place, second, 0);
    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 2);
    journal_close(&dead);
}

static void power_loss_between_two_segments_costs_what_was_not_synced(void **state)
{
    struct place *place = *state;
    char payloads[1024];
    place_reopen(place, 400);
    place_append_numbered(place, 0, 4, 90);
    int64_t record = journal_end(place->journal) / 4;
    assert_true(file_size(place_segment(place, 2 * record)) > HEADER);
    journal_close(&place->journal);
    file_cut(place_segment(place, 0),
             HEADER + record + 10); /* the second record is torn, the third and fourth are there */

    place_reopen(place, 400);

    assert_int_equal(place_read_all(place, 0, payloads, sizeof payloads), 3);
    assert_null(strstr(payloads, "|1 x"));
    assert_non_null(strstr(payloads, "|2 x"));
    assert_non_null(strstr(payloads, "|3 x"));
    int64_t end = journal_end(place->journal);
    place_append(place, "t", "after");
    assert_true(journal_end(place->journal) > end);
    assert_int_equal(place_read_all(place, end, payloads, sizeof payloads), 1);
}

/* Bad sectors. */

enum { BAD_RECORD = 1000 };

/* Records of BAD_RECORD bytes of payload; returns what one takes. */
static int64_t fill(struct place *place, int64_t segment_bytes, int count)
{
    place_reopen(place, segment_bytes);
    place_append_numbered(place, 0, count, BAD_RECORD);
    assert_int_equal(journal_sync(place->journal, &place->error), 0);
    return journal_end(place->journal) / count;
}

static void bad_sector_costs_the_records_in_its_block_alone(void **state)
{
    struct place *place = *state;
    char *payloads = malloc(1 << 20);
    assert_non_null(payloads);
    int64_t record = fill(place, 1 << 19, 700);
    int64_t bad = HEADER + (int64_t)40 * COPY;
    make_bad(0, bad + 512, bad + 1024);
    int64_t first = (bad - HEADER) / record, last = (bad + COPY - 1 - HEADER) / record;

    int count = place_read_all(place, 0, payloads, 1 << 20);

    assert_int_equal(count, 700 - (last - first + 1));
    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    free(payloads);
}

static void bad_sectors_in_a_row_cost_what_lies_in_them(void **state)
{
    struct place *place = *state;
    char *payloads = malloc(1 << 20);
    assert_non_null(payloads);
    int64_t record = fill(place, 1 << 19, 700);
    int64_t bad = HEADER + (int64_t)10 * COPY;
    make_bad(0, bad, bad + (int64_t)70 * COPY);
    int64_t first = (bad - HEADER) / record, last = (bad + (int64_t)70 * COPY - 1 - HEADER) / record;

    assert_int_equal(place_read_all(place, 0, payloads, 1 << 20), 700 - (last - first + 1));

    assert_int_equal(counted(place, COUNTER_journal_damaged), 1);
    free(payloads);
}

/* A disk that takes no write either is away: the bytes may well be there when it is back. */
static void disk_that_is_away_is_waited_for_and_nothing_is_passed_over(void **state)
{
    struct place *place = *state;
    struct journal_reader *reader = NULL;
    struct journal_record record;
    char *payloads = malloc(1 << 16);
    assert_non_null(payloads);
    fill(place, 1 << 14, 40);
    for (int in_header = 0; in_header < 2; in_header++) {
        make_bad(0, in_header ? 0 : HEADER, 1 << 20);
        disk.takes_no_sync = true;
        assert_int_equal(journal_reader_open(&reader, place->journal, 0, &place->error), 0);

        assert_int_equal(journal_read(reader, &record, &place->error), ERROR_IO);
        assert_int_equal(journal_read(reader, &record, &place->error), ERROR_IO);
        assert_int_equal(journal_reader_position(reader), 0);
        reset_disk();
        assert_int_equal(journal_read(reader, &record, &place->error), 1);

        assert_int_equal(record.position, 0);
        journal_reader_close(&reader);
    }
    assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 40);
    assert_int_equal(counted(place, COUNTER_journal_damaged), 0);
    free(payloads);
}

static void header_that_cannot_be_read_costs_nothing_or_its_segment_and_never_the_start(void **state)
{
    struct place *place = *state;
    struct surveyed surveyed;
    char *payloads = malloc(1 << 16);
    assert_non_null(payloads);
    int64_t record = fill(place, 5200, 8); /* two segments of five and of three */
    int64_t firsts[] = {0, 4 * record};
    assert_int_equal(place_count_segments(place), 2);
    for (int i = 0; i < 2; i++) {
        make_bad(firsts[i], 0, 512);
        place_reopen(place, 5200);
        assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 8);

        make_bad(firsts[i], 0, HEADER);
        place_reopen(place, 5200);
        assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 4);
        place_survey(place, &surveyed);
        assert_int_equal(surveyed.segment_count, 2);
        assert_int_equal(surveyed.segments[i].condition, JOURNAL_DAMAGED);
        assert_int_equal(surveyed.segments[1 - i].condition, JOURNAL_WHOLE);
        reset_disk();
        place_reopen(place, 5200);
        assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 8);
    }
    free(payloads);
}

static void tail_that_cannot_be_read_is_not_cut(void **state)
{
    struct place *place = *state;
    char *payloads = malloc(1 << 16);
    assert_non_null(payloads);
    int64_t record = fill(place, 1 << 20, 20), end = journal_end(place->journal);
    int64_t size = file_size(place_segment(place, 0));
    make_bad(0, HEADER + 18 * record, HEADER + 20 * record);

    place_reopen(place, 1 << 20);

    assert_int_equal(journal_end(place->journal), end);
    assert_int_equal(file_size(place_segment(place, 0)), size);
    place_append(place, "t", "after");
    assert_int_equal(place_count_segments(place), 2); /* the one that nobody knows the end of takes no more */
    assert_true(place_read_all(place, 0, payloads, 1 << 16) < 20);
    assert_non_null(strstr(payloads, "|after"));
    reset_disk();
    assert_int_equal(place_read_all(place, 0, payloads, 1 << 16), 21);
    free(payloads);
}

/* What cannot be read cannot be written anew: all else is. */
static void bad_sector_in_bytes_that_are_written_anew_is_left_out(void **state)
{
    struct place *place = *state;
    char path[128];
    fill(place, 1 << 20, 300);
    snprintf(path, sizeof path, "%s/synced", place->directory);
    journal_close(&place->journal);
    unlink(path);
    reset_disk();
    int64_t bad = (int64_t)30 * COPY, size = file_size(place_segment(place, 0)), written = 0;
    make_bad(0, bad, bad + COPY);

    place_reopen(place, 1 << 20);

    for (int i = 0; i < disk.count; i++) {
        const struct call *call = &disk.calls[i];
        if (call->what == 'w' && strcmp(call->name, name_of_segment(0)) == 0) {
            assert_true(call->to <= bad || call->from >= bad + COPY);
            written += call->to - call->from;
        }
    }
    assert_int_equal(written, size - COPY);
}

static int setup(void **state)
{
    reset_disk();
    return place_setup(state);
}

static int teardown(void **state)
{
    reset_disk();
    return place_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_whose_sync_failed_are_written_anew_before_they_count),
        TEST(bytes_that_a_former_process_synced_are_not_written_anew),
        TEST(start_after_a_clean_stop_writes_nothing_anew),
        TEST(start_after_a_death_writes_a_few_mebibytes_anew),
        TEST(word_of_what_is_synced_is_not_believed_of_bytes_that_are_gone),
        TEST(damaged_or_missing_word_costs_a_start_the_last_two_segments),
        TEST(segment_begins_without_a_sync_and_the_next_sync_makes_good),
        TEST(third_segment_does_not_begin_before_the_first_is_synced),
        TEST(failed_sync_of_the_segment_before_is_final),
        TEST(segment_left_unsynced_by_a_death_is_made_safe_by_the_next_start),
        TEST(power_loss_between_two_segments_costs_what_was_not_synced),
        TEST(bad_sector_costs_the_records_in_its_block_alone),
        TEST(bad_sectors_in_a_row_cost_what_lies_in_them),
        TEST(disk_that_is_away_is_waited_for_and_nothing_is_passed_over),
        TEST(header_that_cannot_be_read_costs_nothing_or_its_segment_and_never_the_start),
        TEST(tail_that_cannot_be_read_is_not_cut),
        TEST(bad_sector_in_bytes_that_are_written_anew_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
