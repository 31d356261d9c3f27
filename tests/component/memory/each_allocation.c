#define _GNU_SOURCE /* memfd_create */
#include "each_allocation.h"

#include "failing.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { HANG_S = 60 };

/* Crashes are the sanitizer's to describe. cmocka puts handlers of its own in their place. */
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
enum { CRASHES = sizeof crashes / sizeof crashes[0] };
static struct sigaction before_cmocka[CRASHES];

struct series {
    const char *name;
    allocation_scenario *scenario;
    long *counted; /* shared with the run's process */
    int output;    /* what the run said: a file without a name */
};

void each_allocation_begin(void)
{
    failing_install();
    for (size_t i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], NULL, &before_cmocka[i]);
    }
}

void broken_promise(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort(); /* and not _exit, upon which the sanitizer would look for leaks */
}

static void run_in_child(const struct series *series, long n, bool for_good)
{
    alarm(HANG_S);
    for (size_t i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], &before_cmocka[i], NULL);
    }
    dup2(series->output, STDOUT_FILENO);
    dup2(series->output, STDERR_FILENO);
    *series->counted = series->scenario(n, for_good);
    fflush(NULL);
    _exit(EXIT_SUCCESS); /* here the sanitizer looks for leaks, and ends the process with a code of its own */
}

/* NULL if the run was as it should be. */
static const char *judge(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return "hangs";
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) {
        return "breaks a promise";
    }
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "dies of signal %d", WTERMSIG(status));
        return text;
    }
    return WEXITSTATUS(status) == 0 ? NULL : "leaks, or is ended by a sanitizer";
}

static void show_output(const struct series *series)
{
    char chunk[4096];
    ssize_t got;
    off_t at = 0;
    while ((got = pread(series->output, chunk, sizeof chunk, at)) > 0) {
        fwrite(chunk, 1, (size_t)got, stderr);
        at += got;
    }
}

static bool run(const struct series *series, long n, bool for_good)
{
    char text[64];
    int status = 0;
    assert_int_equal(ftruncate(series->output, 0), 0);
    assert_int_equal(lseek(series->output, 0, SEEK_SET), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_in_child(series, n, for_good);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    const char *wrong = judge(status, text, sizeof text);
    if (wrong != NULL) {
        show_output(series);
        fprintf(stderr, "%s: the run %s; again: EDUTALLY_TEST_ALLOCATION=%ld%s\n", series->name, wrong, n,
                for_good ? "+" : "");
    }
    return wrong == NULL;
}

/* Every `step`-th allocation from `start`, from 1; how many runs were made, or -1. */
static long run_all(const struct series *series, long all, long start, long step)
{
    long runs = 0, broken = 0;
    for (int for_good = 0; for_good < 2; for_good++) {
        for (long n = start; n <= all; n += step, runs++) {
            broken += !run(series, n, for_good == 1);
            if (broken == (getenv("EDUTALLY_TEST_LONG") != NULL ? 10 : 1)) {
                return -1;
            }
        }
    }
    return broken > 0 ? -1 : runs;
}

static long start_of(long step)
{
    const char *seed = getenv("EDUTALLY_TEST_SEED");
    long value = seed != NULL ? strtol(seed, NULL, 10) : (long)(time(NULL) % 1000000);
    return 1 + value % step;
}

void each_allocation(const char *name, allocation_scenario *scenario, size_t most)
{
    const char *one = getenv("EDUTALLY_TEST_ALLOCATION"), *wanted = getenv("EDUTALLY_TEST_SERIES");
    if (wanted != NULL && strcmp(wanted, name) != 0) {
        return;
    }
    struct series series = {.name = name, .scenario = scenario, .output = memfd_create("output", MFD_CLOEXEC)};
    assert_true(series.output >= 0);
    series.counted = mmap(NULL, sizeof *series.counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(series.counted != MAP_FAILED);
    assert_true(run(&series, 0, false));
    if (one != NULL) {
        bool good = run(&series, strtol(one, NULL, 10), strchr(one, '+') != NULL);
        show_output(&series);
        assert_true(good);
        return;
    }
    const char *every = getenv("EDUTALLY_TEST_EVERY");
    long all = *series.counted, step = every != NULL ? strtol(every, NULL, 10) : 1;
    if (every == NULL && getenv("EDUTALLY_TEST_LONG") == NULL && (size_t)(2 * all) > most) {
        step = (2 * all + (long)most - 1) / (long)most;
    }
    long start = start_of(step), began = (long)time(NULL);
    printf("%s: %ld allocations, every %ld. of them fails, from the %ld. on (EDUTALLY_TEST_SEED=%ld)\n", name, all,
           step, start, start - 1);
    fflush(stdout);
    long runs = run_all(&series, all, start, step);
    printf("%s: %ld runs in %ld s\nEDUTALLY_TEST_INJECTED=%ld\n", name, runs, (long)time(NULL) - began, runs);
    munmap(series.counted, sizeof *series.counted);
    close(series.output);
    assert_true(runs > 0);
}
