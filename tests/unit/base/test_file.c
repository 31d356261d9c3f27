/* Files: whole reads with a bound, replacement that leaves the old or the new content, the lock of a data directory. */
#include "base/file.h"

#include "remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
    char file[96];
    struct error error;
};

static int folder_setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/edutally-file-XXXXXX");
    *state = folder;
    if (mkdtemp(folder->path) == NULL) {
        return -1;
    }
    snprintf(folder->file, sizeof folder->file, "%s/file", folder->path);
    return 0;
}

static int folder_teardown(void **state)
{
    struct folder *folder = *state;
    int result = remove_tree(folder->path);
    free(folder);
    return result;
}

static void assert_content(const struct folder *folder, const char *expected)
{
    struct buffer content = {0};
    struct error error = {0};
    assert_int_equal(file_read(folder->file, 1000000, &content, &error), 0);
    assert_int_equal(content.used, strlen(expected));
    assert_memory_equal(content.bytes, expected, content.used);
    buffer_free(&content);
}

static void a_file_is_read_whole_up_to_its_bound(void **state)
{
    struct folder *folder = *state;
    struct buffer content = {0};
    char *bytes = calloc(1, 200000);
    assert_int_equal(file_replace(folder->file, bytes, 200000, 0640, &folder->error), 0);
    assert_int_equal(file_read(folder->file, 200000, &content, &folder->error), 0);
    assert_int_equal(content.used, 200000);
    buffer_clear(&content);
    assert_int_equal(file_read(folder->file, 199999, &content, &folder->error), ERROR_LIMIT);
    assert_int_equal(file_read("/tmp/no/such/file", 10, &content, &folder->error), ERROR_IO);
    assert_non_null(strstr(folder->error.text, "/tmp/no/such/file: No such file"));
    assert_int_equal(file_read(folder->path, 10, &content, &folder->error), ERROR_IO);
    buffer_free(&content);
    free(bytes);
}

static void a_secret_is_read_without_its_line_end(void **state)
{
    struct folder *folder = *state;
    struct buffer secret = {0};
    assert_int_equal(file_replace(folder->file, "two words \r\n\n", 13, 0600, &folder->error), 0);
    assert_int_equal(file_read_secret(folder->file, &secret, &folder->error), 0);
    assert_string_equal(secret.bytes, "two words ");
    buffer_clear(&secret);
    assert_int_equal(file_replace(folder->file, "\n", 1, 0600, &folder->error), 0);
    assert_int_equal(file_read_secret(folder->file, &secret, &folder->error), ERROR_CONFIG);
    buffer_free(&secret);
}

static void replacing_leaves_content_mode_and_nothing_else(void **state)
{
    struct folder *folder = *state;
    char temporary[128];
    struct stat status;
    assert_int_equal(file_replace(folder->file, "old", 3, 0600, &folder->error), 0);
    assert_int_equal(file_replace(folder->file, "new one", 7, 0600, &folder->error), 0);
    assert_content(folder, "new one");
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(temporary, sizeof temporary, "%s.new", folder->file);
    assert_int_not_equal(access(temporary, F_OK), 0);
}

/* A bound on the file's size stands for a full disk: the write fails in the middle. */
static void a_replacement_that_fails_leaves_the_old_content(void **state)
{
    struct folder *folder = *state;
    char *bytes = calloc(1, 100000), temporary[128];
    struct rlimit limit, small;
    assert_int_equal(file_replace(folder->file, "old", 3, 0600, &folder->error), 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, signal_before;
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &signal_before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    int result = file_replace(folder->file, bytes, 100000, 0600, &folder->error);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(sigaction(SIGXFSZ, &signal_before, NULL), 0);
    assert_int_equal(result, ERROR_IO);
    assert_content(folder, "old");
    snprintf(temporary, sizeof temporary, "%s.new", folder->file);
    assert_int_not_equal(access(temporary, F_OK), 0);
    free(bytes);
}

/* A reader that opens the file at any time sees one content or the other, whole. */
static void a_reader_never_sees_half_a_replacement(void **state)
{
    struct folder *folder = *state;
    enum { BYTES = 60000, TIMES = 60 };
    char *bytes = malloc(BYTES);
    memset(bytes, 'a', BYTES);
    assert_int_equal(file_replace(folder->file, bytes, BYTES, 0600, &folder->error), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        for (int i = 0; i < TIMES; i++) {
            memset(bytes, 'a' + i % 26, BYTES);
            if (file_replace(folder->file, bytes, BYTES, 0600, NULL) != 0) {
                _exit(1);
            }
        }
        _exit(0);
    }
    int status = 0;
    do {
        struct buffer content = {0};
        assert_int_equal(file_read(folder->file, BYTES, &content, &folder->error), 0);
        assert_int_equal(content.used, BYTES);
        assert_int_equal(memcmp(content.bytes, content.bytes + 1, BYTES - 1), 0);
        buffer_free(&content);
    } while (waitpid(writer, &status, WNOHANG) == 0);
    assert_int_equal(status, 0);
    free(bytes);
}

static void a_second_process_does_not_get_the_lock(void **state)
{
    struct folder *folder = *state;
    int fd = -1, status;
    char expected[64];
    assert_int_equal(file_lock(folder->path, "lock", &fd, &folder->error), 0);
    snprintf(expected, sizeof expected, "in use by process %ld:", (long)getpid());
    pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) {
        struct error error = {0};
        int second = -1;
        close(fd); /* what it inherited; the parent still holds the lock */
        int result = file_lock(folder->path, "lock", &second, &error);
        _exit(result == ERROR_BUSY && second == -1 && strstr(error.text, expected) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    close(fd);
}

static void a_dead_process_leaves_no_lock(void **state)
{
    struct folder *folder = *state;
    int fd = -1, status, ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) {
        int held = -1;
        if (file_lock(folder->path, "lock", &held, NULL) != 0 || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(file_lock(folder->path, "lock", &fd, &folder->error), ERROR_BUSY);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, &status, 0), other);

    assert_int_equal(file_lock(folder->path, "lock", &fd, &folder->error), 0);

    close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void a_directory_is_made_with_its_parents(void **state)
{
    struct folder *folder = *state;
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/a/b/c", folder->path);
    assert_int_equal(file_make_directory(path, &folder->error), 0);
    assert_int_equal(file_make_directory(path, &folder->error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(status.st_mode & 0007, 0);
    assert_int_equal(file_sync_directory(path, &folder->error), 0);
    assert_int_equal(file_make_directory("", &folder->error), ERROR_IO);
    assert_int_equal(file_replace(folder->file, "x", 1, 0600, &folder->error), 0);
    snprintf(path, sizeof path, "%s/below", folder->file);
    assert_int_equal(file_make_directory(path, &folder->error), ERROR_IO);
}

static void a_path_is_taken_relative_to_the_file_that_names_it(void **state)
{
    static const struct {
        const char *base, *path, *joined;
    } cases[] = {{"config/collector.jsonc", "taxonomy.jsonc", "config/taxonomy.jsonc"},
                 {"/etc/edutally/c.jsonc", "registry/areas.csv", "/etc/edutally/registry/areas.csv"},
                 {"collector.jsonc", "taxonomy.jsonc", "taxonomy.jsonc"},
                 {"config/collector.jsonc", "/var/lib/x", "/var/lib/x"},
                 {"/c.jsonc", "x", "/x"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *joined = file_path_beside(cases[i].base, cases[i].path);
        assert_string_equal(joined, cases[i].joined);
        free(joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_whole_up_to_its_bound, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_secret_is_read_without_its_line_end, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(replacing_leaves_content_mode_and_nothing_else, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_replacement_that_fails_leaves_the_old_content, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_reader_never_sees_half_a_replacement, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_second_process_does_not_get_the_lock, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_dead_process_leaves_no_lock, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_directory_is_made_with_its_parents, folder_setup, folder_teardown),
        cmocka_unit_test(a_path_is_taken_relative_to_the_file_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
