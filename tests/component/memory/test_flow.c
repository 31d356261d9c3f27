/*
 * The whole flow in one process, from the journal to the export, while memory runs out at each allocation in turn.
 * Promises: no step crashes, hangs or leaks; a step that fails says why; where one allocation failed, the same step
 * done again succeeds, as the daemon does it again; where all failed from then on, everything can still be closed, and
 * what a new start then makes of what is on disk is, byte for byte, what an undisturbed run makes.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "capture.h"
#include "each_allocation.h"
#include "failing.h"
#include "place.h"

#include "base/civil.h"
#include "commands/commands.h"
#include "commands/engine.h"
#include "commands/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { EXPECTED_SIZE = 65536, LARGE = 40000, TRIES = 3 };

/* What the undisturbed run exports: written by the first run, which counts, and shared with all others. */
static char *expected;

struct run {
    struct place place;
    struct engine engine;
    bool is_open;
    struct world fresh[TRIES]; /* what reloads took over: in use until the engine is closed */
    int reloads;
    size_t sent; /* messages that the journal has: the broker sends each until then, and not again */
    int acks;
};

struct message {
    const char *received, *topic, *payload;
};

static char large_garbage[LARGE + 1];

static const struct message messages[] = {
    {"2025-06-02T08:00:00+07:00", "edu/v1/46/p-1/tablet/state",
     "{\"v\":1,\"status\":\"online\",\"epoch\":\"e1\",\"seq\":0}"},
    {"2025-06-02T08:00:01+07:00", "edu/v1/46/p-1/tablet/event",
     "{\"v\":1,\"epoch\":\"e1\",\"events\":["
     "{\"seq\":1,\"t\":\"2025-06-02T07:58:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-01\",\"dur\":60},"
     "{\"seq\":2,\"t\":\"2025-06-02T07:59:00+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0001\"},"
     "{\"seq\":3,\"t\":\"2025-06-02T07:59:01+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0002\"},"
     "{\"seq\":4,\"t\":\"2025-06-02T07:59:02+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0003\"},"
     "{\"seq\":5,\"t\":\"2025-06-02T07:59:03+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0004\"},"
     "{\"seq\":6,\"t\":\"2025-06-02T07:59:04+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0005\"},"
     "{\"seq\":7,\"t\":\"soon\",\"type\":\"quiz.taken\"},"
     "{\"seq\":9,\"t\":\"2025-06-02T07:59:05+07:00\",\"type\":\"printer.used\"}]}"},
    {"2025-06-02T08:00:02+07:00", "edu/v1/46/p-1/tablet/event", /* a repeat, and an event that fills the gap */
     "{\"v\":1,\"epoch\":\"e1\",\"events\":["
     "{\"seq\":3,\"t\":\"2025-06-02T07:59:01+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0002\"},"
     "{\"seq\":8,\"t\":\"2025-06-02T07:59:04+07:00\",\"type\":\"quiz.taken\",\"user\":\"pupil-0006\"}]}"},
    {"2025-06-02T08:00:03+07:00", "edu/v1/46/p-9/board/event", /* not registered yet */
     "{\"v\":1,\"epoch\":\"b\",\"events\":["
     "{\"seq\":1,\"t\":\"2025-06-02T08:00:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-09\",\"dur\":90}]"
     "}"},
    {"2025-06-02T08:00:04+07:00", "edu/v1/46/p-2/app/event",
     "{\"id\":\"3f0b0d6e-0a76-4f33-9d25-9d8b2f6f2a01\",\"t\":\"2025-06-02T08:00:00+07:00\",\"type\":\"lesson."
     "prepared\"}"},
    {"2025-06-02T08:00:05+07:00", "edu/v1/46/p-2/app/event",
     "{\"t\":\"2025-06-02T08:00:01+07:00\",\"type\":\"lesson.prepared\",\"dur\":5}"},
    {"2025-06-02T08:00:06+07:00", "edu/v1/46/p-2/app/event", "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":1"},
    {"2025-06-02T08:00:07+07:00", "edu/v1/46/p-2/app/event", large_garbage},
    {"2025-06-02T08:00:08+07:00", "edu/v1/99/p-2/app/event", "{}"},
    {"2025-06-02T08:00:09+07:00", "weather/today", "{\"rain\":true}"},
    /* The first seven days later, in another segment. */
    {"2025-06-09T08:00:00+07:00", "edu/v1/46/p-2/app/xapi", large_garbage},
    {"2025-06-09T08:00:01+07:00", "edu/v1/46/p-1/tablet/event", /* a clock that was off, and one that is */
     "{\"v\":1,\"epoch\":\"e1\",\"events\":["
     "{\"seq\":10,\"t\":\"2025-06-20T07:58:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-01\",\"dur\":60}"
     ","
     "{\"seq\":11,\"t\":\"2001-06-20T07:58:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-01\",\"dur\":60}"
     ","
     "{\"seq\":12,\"t\":\"2025-06-09T07:58:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-02\",\"dur\":60}"
     "]}"},
    {"2025-08-09T08:00:02+07:00", "edu/v1/46/k-1/board/event",
     "{\"v\":1,\"epoch\":\"x\",\"events\":["
     "{\"seq\":0,\"t\":\"2025-08-09T07:58:00+07:00\",\"type\":\"lesson.delivered\",\"user\":\"teacher-03\",\"dur\":60}]"
     "}"},
};
enum { MESSAGES = sizeof messages / sizeof messages[0], BEFORE_RELOAD = 10 };

static int publish(void *context, const char *topic, const void *payload, size_t length)
{
    struct run *run = context;
    PROMISE(strncmp(topic, "edu/v1/46/", 10) == 0 && length > 2 && ((const char *)payload)[length - 1] == '}',
            "an acknowledgement that is none: %s %.*s", topic, (int)length, (const char *)payload);
    run->acks++;
    return 0;
}

/* Steps. Each returns 0, or an error with its text. */

/* engine_open says on standard error what failed: that text is the error's. */
static int read_what_was_said(off_t from, struct error *error)
{
    char said[512];
    fflush(stderr);
    ssize_t got = pread(STDERR_FILENO, said, sizeof said - 1, from);
    said[got > 0 ? got : 0] = '\0';
    error->code = ERROR_MEMORY;
    if (strcmp(said, "edutally: \n") != 0) {
        snprintf(error->text, sizeof error->text, "%.200s", said);
    }
    return ERROR_MEMORY;
}

static void close_run(struct run *run)
{
    if (run->is_open) {
        engine_close(&run->engine);
    }
    run->is_open = false;
    for (; run->reloads > 0; run->reloads--) {
        world_free(&run->fresh[run->reloads - 1]);
    }
}

static int step_close(struct run *run, struct error *error)
{
    (void)error;
    close_run(run);
    return 0;
}

static int step_open(struct run *run, struct error *error)
{
    fflush(stderr);
    off_t from = lseek(STDERR_FILENO, 0, SEEK_CUR);
    run->is_open = true;
    if (engine_open(&run->engine, run->place.config, publish, run) == EXIT_DONE) {
        return 0;
    }
    close_run(run);
    return read_what_was_said(from, error);
}

/* What the broker does: each message until the journal has it. */
static int send_until(struct run *run, size_t end, bool lazily, struct error *error)
{
    while (run->sent < end) {
        const struct message *message = &messages[run->sent];
        int64_t received_ms;
        PROMISE(civil_parse_time(message->received, strlen(message->received), &received_ms) == 0, "a bad time");
        int result = (lazily ? journal_append_lazily : journal_append)(run->engine.journal, received_ms, message->topic,
                                                                       strlen(message->topic), message->payload,
                                                                       strlen(message->payload), error);
        if (result != 0) {
            return result;
        }
        run->sent++;
    }
    return lazily ? journal_flush(run->engine.journal, error) : 0;
}

static int step_send_some(struct run *run, struct error *error)
{
    return send_until(run, BEFORE_RELOAD, false, error);
}

static int step_send_more(struct run *run, struct error *error)
{
    return send_until(run, MESSAGES, false, error);
}

static int step_turn(struct run *run, struct error *error)
{
    int64_t revision;
    return pipeline_turn(run->engine.pipeline, 0, &revision, error);
}

static int step_catch_up(struct run *run, struct error *error)
{
    return pipeline_catch_up(run->engine.pipeline, error);
}

static int step_leave_cursors(struct run *run, struct error *error)
{
    const struct output_sink *sink = pipeline_output_sink(run->engine.pipeline);
    sink->save_cursor(sink->context, "influx", "usage", 1);
    sink->refused(sink->context, "influx", "usage,centre=p-1 events=1i 1", "no reason");
    return step_turn(run, error);
}

static int step_finish(struct run *run, struct error *error)
{
    return pipeline_finish(run->engine.pipeline, error);
}

static int step_reload(struct run *run, struct error *error)
{
    place_write(&run->place, "centres.csv", place_more_centres);
    PROMISE(run->reloads < TRIES, "it reloads again and again");
    struct world *fresh = &run->fresh[run->reloads];
    fflush(stderr);
    off_t from = lseek(STDERR_FILENO, 0, SEEK_CUR);
    if (world_reload_or_explain(fresh, &run->engine.world) != EXIT_DONE) {
        world_free(fresh);
        return read_what_was_said(from, error);
    }
    run->reloads++;
    return pipeline_reload(run->engine.pipeline, fresh->registry, &fresh->indicators, error);
}

static int step_retry(struct run *run, struct error *error)
{
    int64_t released, kept;
    return pipeline_retry_quarantine(run->engine.pipeline, &released, &kept, error);
}

static int step_tidy(struct run *run, struct error *error)
{
    return pipeline_tidy(run->engine.pipeline, error);
}

static int (*const steps[])(struct run *run, struct error *error) = {
    step_open,   step_send_some, step_turn, step_catch_up, step_leave_cursors, step_finish,
    step_reload, step_send_more, step_turn, step_finish,   step_retry,         step_finish,
    step_tidy,   step_close,     step_open, step_finish,   step_close,
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* All steps; false at the first failure that is for good. */
static bool go_through(struct run *run, bool for_good)
{
    for (size_t i = 0; i < STEPS; i++) {
        struct error error = {0};
        int result = steps[i](run, &error);
        for (int again = 1; result < 0; again++) {
            PROMISE(failing_struck(), "step %zu failed with memory enough: %d %s", i, result, error.text);
            PROMISE(error.text[0] != '\0', "step %zu failed with %d and without a word", i, result);
            if (for_good) {
                return false;
            }
            PROMISE(again < TRIES, "step %zu does not heal: %s", i, error.text);
            error = (struct error){0};
            result = steps[i](run, &error);
        }
    }
    return true;
}

/* A new deployment, begun: an empty store and journal. */
static void begin_deployment(struct run *run)
{
    struct error error = {0};
    place_make(&run->place);
    failing_warm_up();
    PROMISE(step_open(run, &error) == 0, "a new deployment does not open: %s", error.text);
    close_run(run);
}

/* What the store holds, through the program's own commands. */
static void export_all(const struct run *run, char *out, size_t size)
{
    static const char *const lines[] = {
        "export facts --config CONFIG", "export usage --config CONFIG --from 2025-05-01 --to 2025-09-30",
        "export adoption --config CONFIG --from 2025-05-01 --to 2025-09-30", "export centres --config CONFIG"};
    size_t used = 0;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct capture capture;
        capture_command(&capture, command_export, lines[i], run->place.config);
        capture_read(&capture);
        PROMISE(capture.code == EXIT_DONE, "%s: %s", lines[i], capture.err);
        used += (size_t)snprintf(out + used, size - used, "%s\n", capture.out);
        PROMISE(used < size, "the export is too large for the test");
        capture_free(&capture);
    }
}

static long flow(long n, bool for_good)
{
    static char text[EXPECTED_SIZE];
    struct run run = {0};
    begin_deployment(&run);
    failing_arm(n, for_good);
    bool whole = go_through(&run, for_good);
    close_run(&run); /* while nothing can be allocated still */
    long count = failing_disarm();
    if (!whole) {
        failing_arm(0, false);
        go_through(&run, false);
        failing_disarm();
    }
    close_run(&run);
    export_all(&run, text, sizeof text);
    if (n == 0) {
        PROMISE(run.acks > 0, "nothing was acknowledged");
        memcpy(expected, text, sizeof text);
        printf("%s", text);
    }
    PROMISE(strcmp(text, expected) == 0, "the disturbed run gives\n%s\nnot\n%s", text, expected);
    place_remove(&run.place);
    return count;
}

/* The first start makes secret, journal and store, or leaves what the next start can go on from. */
static long first_start(long n, bool for_good)
{
    struct run run = {0};
    struct error error = {0};
    int result = ERROR_MEMORY;
    place_make(&run.place);
    failing_warm_up();
    failing_arm(n, for_good);
    for (int i = 0; i < TRIES && result != 0; i++) {
        result = step_open(&run, &error);
        PROMISE(result == 0 || (failing_struck() && error.text[0] != '\0'), "the first start gives %d: %s", result,
                error.text);
    }
    PROMISE(result == 0 || for_good, "the first start does not heal: %s", error.text);
    close_run(&run);
    long count = failing_disarm();
    for (size_t i = 0; i < STEPS && n % 16 == 0; i++) { /* all of it takes longer than it tells */
        PROMISE(steps[i](&run, &error) == 0, "step %zu fails after a disturbed start: %s", i, error.text);
    }
    PROMISE(step_open(&run, &error) == 0, "the second start fails: %s", error.text);
    close_run(&run);
    place_remove(&run.place);
    return count;
}

static void a_first_start_is_finished_by_the_next(void **state)
{
    (void)state;
    each_allocation("first start", first_start, 50);
}

static void what_memory_runs_out_of_is_counted_later_and_once(void **state)
{
    (void)state;
    each_allocation("flow", flow, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_start_is_finished_by_the_next),
        cmocka_unit_test(what_memory_runs_out_of_is_counted_later_and_once),
    };
    memset(large_garbage, 'x', LARGE);
    expected = mmap(NULL, EXPECTED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    each_allocation_begin();
    return expected == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
