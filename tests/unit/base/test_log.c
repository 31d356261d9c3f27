/* Log lines: their form, their level, and that a flood of one event is cut off and counted. The clock is the test's. */
#include "base/log.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms = 1000; /* in place of the room's own clock */

int64_t clock_steady_ms(void)
{
    return now_ms;
}

int64_t clock_wall_ms(void)
{
    return 1791163800123;
}

struct capture {
    int standard_error;
    int fd;
    char path[64];
    char text[65536];
};

static int capture_setup(void **state)
{
    struct capture *capture = calloc(1, sizeof *capture);
    snprintf(capture->path, sizeof capture->path, "/tmp/edutally-log-XXXXXX");
    capture->fd = mkstemp(capture->path);
    capture->standard_error = dup(STDERR_FILENO);
    *state = capture;
    log_set_level(LOG_INFO_LEVEL);
    now_ms += 1000000; /* every test begins with fresh limits */
    return capture->fd >= 0 && dup2(capture->fd, STDERR_FILENO) >= 0 ? 0 : -1;
}

static int capture_teardown(void **state)
{
    struct capture *capture = *state;
    dup2(capture->standard_error, STDERR_FILENO);
    close(capture->standard_error);
    close(capture->fd);
    unlink(capture->path);
    free(capture);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(struct capture *capture)
{
    fflush(stderr);
    ssize_t got = pread(capture->fd, capture->text, sizeof capture->text - 1, 0);
    assert_true(got >= 0);
    capture->text[got] = '\0';
    assert_int_equal(ftruncate(capture->fd, 0), 0);
    lseek(capture->fd, 0, SEEK_SET);
    return capture->text;
}

static int lines(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void a_line_has_time_level_event_and_values(void **state)
{
    unsetenv("JOURNAL_STREAM");
    log_warning("broker_gone", "server=\"%s\" tries=%d", "127.0.0.1", 3);
    assert_string_equal(logged(*state),
                        "2026-10-05T01:30:00.123Z warning event=broker_gone server=\"127.0.0.1\" tries=3\n");
}

static void under_systemd_a_line_begins_with_its_priority(void **state)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    log_error("disk_full", "free=%d", 0);
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(logged(*state), "<3>event=disk_full free=0\n");
}

static void lines_above_the_level_are_dropped(void **state)
{
    log_info("shown", "a=1");
    log_debug("not_shown", "a=1");
    assert_int_equal(lines(logged(*state)), 1);
    log_set_level(LOG_ERROR_LEVEL);
    log_info("not_shown", "a=1");
    log_warning("not_shown", "a=1");
    log_error("shown", "a=1");
    assert_int_equal(lines(logged(*state)), 1);
}

static void a_flood_is_cut_off_and_counted(void **state)
{
    for (int i = 0; i < 1000; i++) {
        log_warning("flood", "i=%d", i);
    }
    log_warning("another", "is=fine");
    const char *text = logged(*state);
    assert_int_equal(lines(text), 20 + 1);
    assert_null(strstr(text, "left_out"));

    now_ms += 10000;
    log_warning("flood", "i=%d", 1000);
    assert_non_null(strstr(logged(*state), "event=flood i=1000 left_out=980\n"));
    log_warning("flood", "i=%d", 1001);
    assert_null(strstr(logged(*state), "left_out"));
}

/* More names than there are limits: lines still come out, and nothing is written outside of the table. */
static void more_events_than_the_table_holds_are_no_harm(void **state)
{
    static char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "event_%d", i);
        log_info(names[i], "i=%d", i);
    }
    assert_int_equal(lines(logged(*state)), 100);
}

static void values_from_outside_cannot_break_a_line(void **state)
{
    char out[8];
    (void)state;
    assert_string_equal(log_safe("a\nb\"c\\", out, sizeof out), "a?b?c?");
    assert_string_equal(log_safe("\x1b[31mred", out, sizeof out), "?[31mre");
    assert_string_equal(log_safe("12345678", out, sizeof out), "1234567");
    assert_string_equal(log_safe("", out, 1), "");
}

/* A reason may quote what came from outside: it stays one line all the same. */
static void a_message_is_one_line_whatever_it_quotes(void **state)
{
    log_error("failed", "reason=\"%s\"", "first\nsecond\r\x1b[2J");
    const char *text = logged(*state);
    assert_int_equal(lines(text), 1);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\r'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_event_and_values, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(under_systemd_a_line_begins_with_its_priority, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(lines_above_the_level_are_dropped, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_cut_off_and_counted, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(a_message_is_one_line_whatever_it_quotes, capture_setup, capture_teardown),
        cmocka_unit_test_setup_teardown(more_events_than_the_table_holds_are_no_harm, capture_setup, capture_teardown),
        cmocka_unit_test(values_from_outside_cannot_break_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
