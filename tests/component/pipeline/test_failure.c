/* When something fails: a full disk, a lost file, the deployment's secret; and what the outputs leave behind. */
#include "world.h"

#include "base/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char noon[] = "2025-06-15T12:00:00+07:00";

static void send(struct world *world, int64_t seq)
{
    world_send_event(world, noon, "p-1", "d", seq, "2025-06-15T08:00:00+07:00", "lesson.x", "teacher-1");
}

static struct rlimit lower(__rlimit_resource_t resource, rlim_t to)
{
    struct rlimit before, small;
    assert_int_equal(getrlimit(resource, &before), 0);
    small = before;
    small.rlim_cur = to;
    assert_int_equal(setrlimit(resource, &small), 0);
    return before;
}

/* A bound on the size of files stands for a full disk: the commit fails, and is made again when there is room. */
static void a_full_disk_loses_nothing_and_counts_nothing_twice(void **state)
{
    struct world *world = *state;
    send(world, 1);
    world_count(world);
    send(world, 2);
    send(world, 3);
    struct rlimit before = lower(RLIMIT_FSIZE, 0);
    int first = pipeline_catch_up(world->pipeline, &world->error);
    int second = pipeline_catch_up(world->pipeline, &world->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, ERROR_IO);
    assert_int_equal(second, ERROR_IO);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 1 1|");

    world_count(world);

    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 3 180 1 1|");
}

/* With no file to be had either, the journal cannot be opened again at once: it is, once files can be had. */
static void a_journal_that_cannot_be_opened_again_is_opened_later(void **state)
{
    struct world *world = *state;
    send(world, 1);
    world_count(world);
    send(world, 2);
    struct rlimit size = lower(RLIMIT_FSIZE, 0), files = lower(RLIMIT_NOFILE, 3);
    int first = pipeline_catch_up(world->pipeline, &world->error);
    int second = pipeline_catch_up(world->pipeline, &world->error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &size), 0);
    assert_int_equal(first, ERROR_IO);
    assert_int_equal(second, ERROR_IO);

    world_count(world);

    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 2 120 1 1|");
}

/* A release that fails must leave neither a counted event nor its row half done. */
static void a_failed_reload_is_made_good_by_the_next(void **state)
{
    struct world *world = *state;
    world_send_event(world, noon, "x-9", "d", 1, "2025-06-15T08:00:00+07:00", "lesson.x", "");
    world_finish(world);
    world_write(world, "centres.csv", "id,name,type,area,head_count,opened,closed\nx-9,School,primary,C,9,,\n");
    struct rlimit before = lower(RLIMIT_FSIZE, 0);
    world_load_again(world, false);
    int failed = pipeline_reload(world->pipeline, world->registry, &world->indicators, &world->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, ERROR_IO);

    MUST(world, pipeline_reload(world->pipeline, world->registry, &world->indicators, &world->error));
    world_finish(world);

    assert_string_equal(world_usage(world), "x-9 2025-06-15 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "");
    char *dump = world_dump(world, true);
    assert_non_null(strstr(dump, "digital x-9 24305 10 "));
    assert_null(strstr(dump, "digital p-1"));
    free(dump);
}

/* Events that come after a failed reload are counted with the new registry, and evaluated without another one. */
static void after_a_failed_reload_turns_make_it_good(void **state)
{
    struct world *world = *state;
    int64_t revision;
    send(world, 1);
    world_finish(world);
    world_write(world, "centres.csv", "id,name,type,area,head_count,opened,closed\np-1,School,primary,C,9,,\n");
    struct rlimit before = lower(RLIMIT_FSIZE, 0);
    world_load_again(world, false);
    int failed = pipeline_reload(world->pipeline, world->registry, &world->indicators, &world->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, ERROR_IO);
    for (int64_t until_ms = clock_steady_ms() + 10000, done = 0; !done;) {
        assert_true(clock_steady_ms() < until_ms);
        MUST(world, pipeline_turn(world->pipeline, 10, &revision, &world->error));
        char *dump = world_dump(world, true);
        done = strstr(dump, "digital C 24305 1/1/0|") != NULL && strstr(dump, "digital A ") == NULL;
        free(dump);
    }
}

/* The quarantine too: nobody reloads a second time by himself. */
static void after_a_failed_reload_turns_release_the_quarantine(void **state)
{
    struct world *world = *state;
    int64_t revision;
    world_send_event(world, noon, "x-9", "d", 1, "2025-06-15T08:00:00+07:00", "lesson.x", "");
    world_finish(world);
    world_write(world, "centres.csv", "id,name,type,area,head_count,opened,closed\nx-9,School,primary,C,9,,\n");
    struct rlimit before = lower(RLIMIT_FSIZE, 0);
    world_load_again(world, false);
    int failed = pipeline_reload(world->pipeline, world->registry, &world->indicators, &world->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, ERROR_IO);

    MUST(world, pipeline_turn(world->pipeline, 10, &revision, &world->error));

    assert_string_equal(world_usage(world), "x-9 2025-06-15 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "");
}

/* A batch that is rolled back and made again shows in the figures once. */
static void figures_speak_of_what_is_committed(void **state)
{
    struct world *world = *state;
    send(world, 1);
    world_count(world);
    send(world, 2);
    struct rlimit before = lower(RLIMIT_FSIZE, 0);
    int failed = pipeline_catch_up(world->pipeline, &world->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, ERROR_IO);
    assert_int_equal(world_counter(world, COUNTER_events_counted), 1);

    world_count(world);

    assert_int_equal(world_counter(world, COUNTER_events_received), 2);
    assert_int_equal(world_counter(world, COUNTER_events_counted), 2);
}

/* A last record that cannot be read any more is passed over for good: not waited for, over and over, nor called a
 * backlog that does not move. */
static void a_damaged_end_of_the_journal_is_not_waited_for(void **state)
{
    struct world *world = *state;
    char path[160];
    int64_t revision, before = journal_end(world->journal);
    send(world, 1);
    snprintf(path, sizeof path, "%s/journal/%020d.seg", world->directory, 0);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "#", 1, (off_t)(8192 + before + 30)), 1);
    close(fd);
    MUST(world, pipeline_turn(world->pipeline, 0, &revision, &world->error));
    assert_int_equal(world_counter(world, COUNTER_journal_damaged), 1);

    int64_t started_ms = clock_steady_ms();
    MUST(world, pipeline_turn(world->pipeline, 60, &revision, &world->error));

    assert_true(clock_steady_ms() - started_ms >= 50);
    assert_int_equal(world_counter(world, COUNTER_journal_committed), journal_end(world->journal));
    send(world, 2);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 1 1|");
}

static void a_turn_never_tells_a_revision_that_readers_cannot_see(void **state)
{
    struct world *world = *state;
    struct store_reader *reader = NULL;
    int64_t told, seen;
    world->settings.commit_interval_ms = 20;
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    for (int64_t seq = 1; seq <= 50; seq++) {
        send(world, seq);
        MUST(world, pipeline_turn(world->pipeline, 1, &told, &world->error));
        MUST(world, store_reader_revision(reader, &seen, &world->error));
        assert_int_equal(told, seen);
    }
    store_reader_close(&reader);
}

static int64_t saved_cursor(struct world *world, enum store_series series)
{
    struct store_reader *reader = NULL;
    int64_t cursor = -1;
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_cursor(reader, "influx", series, &cursor, &world->error));
    store_reader_close(&reader);
    return cursor;
}

static void cursors_of_outputs_are_saved_without_a_new_revision(void **state)
{
    struct world *world = *state;
    const struct output_sink *sink = pipeline_output_sink(world->pipeline);
    int64_t before, after;
    send(world, 1);
    world_finish(world);
    MUST(world, pipeline_turn(world->pipeline, 0, &before, &world->error));
    sink->save_cursor(sink->context, "influx", "usage", before - 1);
    sink->save_cursor(sink->context, "influx", "usage", before);
    sink->save_cursor(sink->context, "influx", "adoption", 1);
    sink->refused(sink->context, "influx", "usage,centre=p-1 events=1i 1", "field type conflict");
    MUST(world, pipeline_turn(world->pipeline, 0, &after, &world->error));
    assert_int_equal(before, after);
    assert_int_equal(saved_cursor(world, SERIES_USAGE), before);
    assert_int_equal(saved_cursor(world, SERIES_ADOPTION), 1);
}

struct writer {
    const struct output_sink *sink;
    int64_t times;
};

static void *write_cursors(void *context)
{
    const struct writer *writer = context;
    for (int64_t i = 1; i <= writer->times; i++) {
        writer->sink->save_cursor(writer->sink->context, "influx", i % 2 == 0 ? "usage" : "adoption", 1);
        if (i % 50 == 0) {
            writer->sink->refused(writer->sink->context, "influx", "a line", "a reason");
        }
    }
    return NULL;
}

static void outputs_leave_cursors_from_their_own_threads(void **state)
{
    struct world *world = *state;
    pthread_t threads[3];
    struct writer writer = {.sink = pipeline_output_sink(world->pipeline), .times = 3000};
    int64_t revision;
    send(world, 1);
    world_finish(world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_cursors, &writer), 0);
    }
    for (int64_t seq = 2; seq < 60; seq++) {
        send(world, seq);
        MUST(world, pipeline_turn(world->pipeline, 0, &revision, &world->error));
        world_count(world);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    MUST(world, pipeline_turn(world->pipeline, 0, &revision, &world->error));
    assert_int_equal(saved_cursor(world, SERIES_USAGE), 1);
    assert_int_equal(saved_cursor(world, SERIES_ADOPTION), 1);
}

static void the_secret_is_made_once_for_the_owner_alone(void **state)
{
    struct world *world = *state;
    struct stat status;
    struct buffer first = {0}, second = {0};
    assert_int_equal(stat(world->settings.secret_file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    MUST(world, file_read_secret(world->settings.secret_file, &first, &world->error));
    assert_int_equal(first.used, 64);
    world_crash(world);
    world_start(world);
    MUST(world, file_read_secret(world->settings.secret_file, &second, &world->error));
    assert_string_equal(first.bytes, second.bytes);
    buffer_free(&first);
    buffer_free(&second);
}

static void a_lost_secret_is_not_replaced_by_another(void **state)
{
    struct world *world = *state;
    pipeline_close(&world->pipeline);
    assert_int_equal(unlink(world->settings.secret_file), 0);
    assert_int_equal(world_try_pipeline(world), ERROR_CONFIG);
    assert_null(world->pipeline);
    assert_non_null(strstr(world->error.text, "restore"));
    assert_int_not_equal(access(world->settings.secret_file, F_OK), 0);
}

static void another_secret_is_refused(void **state)
{
    struct world *world = *state;
    pipeline_close(&world->pipeline);
    assert_int_equal(file_replace(world->settings.secret_file, "0123456789abcdef0123456789abcdef\n", 33, 0600, NULL),
                     0);
    assert_int_equal(world_try_pipeline(world), ERROR_CONFIG);
    assert_int_equal(file_replace(world->settings.secret_file, "too short\n", 10, 0600, NULL), 0);
    assert_int_equal(world_try_pipeline(world), ERROR_CONFIG);
    assert_null(world->pipeline);
}

/* Past a lowered bound writing fails with EFBIG instead of ending the process. */
static int ignore_size_signal(void **state)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)state;
    return sigaction(SIGXFSZ, &ignore, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_full_disk_loses_nothing_and_counts_nothing_twice),
        WITH_WORLD(a_journal_that_cannot_be_opened_again_is_opened_later),
        WITH_WORLD(a_failed_reload_is_made_good_by_the_next),
        WITH_WORLD(after_a_failed_reload_turns_make_it_good),
        WITH_WORLD(after_a_failed_reload_turns_release_the_quarantine),
        WITH_WORLD(figures_speak_of_what_is_committed),
        WITH_WORLD(a_damaged_end_of_the_journal_is_not_waited_for),
        WITH_WORLD(a_turn_never_tells_a_revision_that_readers_cannot_see),
        WITH_WORLD(cursors_of_outputs_are_saved_without_a_new_revision),
        WITH_WORLD(outputs_leave_cursors_from_their_own_threads),
        WITH_WORLD(the_secret_is_made_once_for_the_owner_alone),
        WITH_WORLD(a_lost_secret_is_not_replaced_by_another),
        WITH_WORLD(another_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, ignore_size_signal, NULL);
}
