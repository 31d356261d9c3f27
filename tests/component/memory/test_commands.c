/*
 * What people run, on a store with something of everything, while memory runs out at each allocation: a command prints
 * all of its answer and says 0, or it says what is wrong on standard error and its exit code is another one. It never
 * prints a part as if it were the whole.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "capture.h"
#include "each_allocation.h"
#include "failing.h"
#include "place.h"

#include "commands/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { ANSWER_SIZE = 65536 };

/* The undisturbed answer, written by the first run of a series, and shared with the others. */
static char *answer;

static const char events[] =
    "{\"topic\":\"edu/v1/46/p-1/tablet/event\",\"received\":\"2025-06-02T08:00:01+07:00\",\"payload\":\"{\\\"v\\\":1,"
    "\\\"epoch\\\":\\\"e\\\",\\\"events\\\":[{\\\"seq\\\":1,\\\"t\\\":\\\"2025-06-02T07:58:00+07:00\\\",\\\"type\\\":"
    "\\\"lesson.x\\\",\\\"user\\\":\\\"teacher-01\\\",\\\"dur\\\":60},{\\\"seq\\\":3,\\\"t\\\":\\\"2025-06-03T07:58:00+"
    "07:00"
    "\\\",\\\"type\\\":\\\"quiz.x\\\",\\\"user\\\":\\\"pupil-0001\\\"},{\\\"seq\\\":4,\\\"t\\\":5,\\\"type\\\":"
    "\\\"\\\"}]}\"}\n"
    "{\"topic\":\"edu/v1/46/p-9/board/event\",\"received\":\"2025-06-02T08:00:02+07:00\",\"payload\":\"{\\\"id\\\":"
    "\\\"3f0b0d6e-0a76-4f33-9d25-9d8b2f6f2a01\\\",\\\"t\\\":\\\"2025-06-02T08:00:00+07:00\\\",\\\"type\\\":\\\"lesson."
    "y\\\"}"
    "\"}\n"
    "{\"topic\":\"somewhere/else\",\"received\":\"2025-06-02T08:00:03+07:00\",\"payload\":\"garbage\"}\n";

static const struct {
    const char *line;
    int (*command)(int argc, char **argv);
} commands[] = {
    {"export facts --config CONFIG", command_export},
    {"export usage --config CONFIG --format json", command_export},
    {"export adoption --config CONFIG --from 2025-06-01 --to 2025-08-31", command_export},
    {"export adoption --config CONFIG --format lp --from 2025-06-01 --to 2025-08-31", command_export},
    {"export centres --config CONFIG", command_export},
    {"report --config CONFIG --period 2025-Q2 --lang en", command_report},
    {"report --config CONFIG --period 2025-Q2 --area A --json --lang vi", command_report},
    {"rejected list --config CONFIG", command_rejected},
    {"rejected list --config CONFIG --json", command_rejected},
    {"check --config CONFIG --print-config", command_check},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static size_t chosen; /* by the series under way */

static void fill_store(const struct place *place)
{
    char line[256];
    struct capture capture;
    place_write(place, "events.jsonl", events);
    snprintf(line, sizeof line, "ingest --config CONFIG %s/events.jsonl", place->directory);
    capture_command(&capture, command_ingest, line, place->config);
    capture_read(&capture);
    PROMISE(capture.code == EXIT_DONE, "ingest: %s", capture.err);
    capture_free(&capture);
}

/* Paths differ from run to run. */
static void hide_directory(char *text, const struct place *place)
{
    size_t length = strlen(place->directory);
    for (char *at = text; (at = strstr(at, place->directory)) != NULL; at += length) {
        memset(at, '.', length);
    }
}

static long run_command(long n, bool for_good)
{
    struct place place;
    struct capture capture, again;
    place_make(&place);
    fill_store(&place);
    failing_arm(n, for_good);
    capture_command(&capture, commands[chosen].command, commands[chosen].line, place.config);
    long count = failing_disarm();
    capture_command(&again, commands[chosen].command, commands[chosen].line, place.config);
    capture_read(&capture);
    capture_read(&again);
    hide_directory(capture.out, &place);
    hide_directory(again.out, &place);
    PROMISE(again.code == EXIT_DONE, "%s fails once there is memory again: %s", commands[chosen].line, again.err);
    if (n == 0) {
        PROMISE(strlen(again.out) > 10 && strlen(again.out) < ANSWER_SIZE, "no answer: %s", again.out);
        snprintf(answer, ANSWER_SIZE, "%s", again.out);
    }
    PROMISE(strcmp(again.out, answer) == 0, "another answer once there is memory again:\n%s", again.out);
    PROMISE(capture.code == EXIT_DONE || (failing_struck() && capture.code == EXIT_FAILED), "%s: exit code %d, %s",
            commands[chosen].line, capture.code, capture.err);
    PROMISE(capture.code == EXIT_DONE || (strlen(capture.err) > 20 && strstr(capture.err, ": \n") == NULL),
            "%s fails without a word: \"%s\"", commands[chosen].line, capture.err);
    PROMISE(capture.code != EXIT_DONE || strcmp(capture.out, answer) == 0, "%s prints\n%s\nnot\n%s",
            commands[chosen].line, capture.out, answer);
    capture_free(&capture);
    capture_free(&again);
    place_remove(&place);
    return count;
}

static void a_command_answers_whole_or_says_that_it_cannot(void **state)
{
    (void)state;
    for (chosen = 0; chosen < COMMANDS; chosen++) {
        each_allocation(commands[chosen].line, run_command, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_command_answers_whole_or_says_that_it_cannot)};
    answer = mmap(NULL, ANSWER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    each_allocation_begin();
    return answer == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
