#include "bench.h"

#include "broker.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { BOUND_MS = 20000, STEP_MS = 10 };

static FILE *captured;

/* Paho 1.3.12 forgets a message (about 150 bytes and its payload) whose write met a broken connection: at most one per
 * lost connection, and in its own memory. LeakSanitizer asks for this name. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpaho-mqtt3as\n";
}

void bench_capture_log(void)
{
    captured = tmpfile();
    assert_non_null(captured);
    assert_true(dup2(fileno(captured), 2) == 2);
}

int bench_run_end(int failed)
{
    char text[4096];
    ssize_t got = 0;
    fflush(stderr);
    for (off_t at = 0; failed != 0 && (got = pread(fileno(captured), text, sizeof text, at)) > 0; at += got) {
        fwrite(text, 1, (size_t)got, stdout);
    }
    return failed;
}

bool bench_log_has(const char *text)
{
    static char log[1 << 20];
    fflush(stderr);
    ssize_t got = pread(fileno(captured), log, sizeof log - 1, 0);
    log[got < 0 ? 0 : got] = '\0';
    return strstr(log, text) != NULL;
}

static int take(void *context, const char *topic, size_t topic_length, const void *payload, size_t payload_length)
{
    struct bench *bench = context;
    atomic_fetch_add(&bench->offers, 1);
    if (atomic_load(&bench->refuses)) {
        return -1;
    }
    pthread_mutex_lock(&bench->lock);
    if (bench->count < BENCH_MESSAGES) {
        snprintf(bench->topics[bench->count], BENCH_TEXT, "%.*s", (int)topic_length, topic);
        snprintf(bench->payloads[bench->count], BENCH_TEXT, "%.*s", (int)payload_length, (const char *)payload);
    }
    bench->count++;
    pthread_mutex_unlock(&bench->lock);
    return 0;
}

static bool has_room(void *context)
{
    struct bench *bench = context;
    return !atomic_load(&bench->refuses);
}

void bench_init(struct bench *bench, const char *scheme, int port)
{
    memset(bench, 0, sizeof *bench);
    snprintf(bench->directory, sizeof bench->directory, "/tmp/edutally-ingest-XXXXXX");
    assert_non_null(mkdtemp(bench->directory));
    snprintf(bench->server, sizeof bench->server, "%s://127.0.0.1:%d", scheme, port);
    bench->realms[0] = strdup("46");
    bench->settings = (struct settings){.realms = bench->realms,
                                        .realm_count = 1,
                                        .mqtt_server = bench->server,
                                        .mqtt_client_id = strdup("edutally-test"),
                                        .mqtt_keep_alive_s = 6,
                                        .mqtt_session_expiry_s = 3600,
                                        .limit_payload_bytes = 262144};
    bench->bounds = (struct ingest_bounds){.backoff_first_ms = 1000,
                                           .backoff_most_ms = 60000,
                                           .stable_ms = 30000,
                                           .silence_ms = 60000,
                                           .answer_ms = 30000};
    pthread_mutex_init(&bench->lock, NULL);
}

void bench_free(struct bench *bench)
{
    bench_stop(bench);
    const char *const arguments[] = {"rm", "-rf", bench->directory, NULL};
    run_program(arguments, NULL);
    free(bench->realms[0]);
    free(bench->realms[1]);
    free(bench->settings.mqtt_client_id);
    free(bench->settings.mqtt_username);
    free(bench->settings.mqtt_password_file);
    free(bench->settings.mqtt_ca_file);
    pthread_mutex_destroy(&bench->lock);
}

void bench_start(struct bench *bench)
{
    struct error error = {0};
    const struct ingest_sink sink = {.take = take, .has_room = bench->tells_room ? has_room : NULL, .context = bench};
    int result = ingest_start_bounded(&bench->ingest, &bench->settings, bench->directory, &bench->counters, &sink,
                                      &bench->bounds, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
}

void bench_start_and_wait(struct bench *bench)
{
    bench_start(bench);
    assert_true(bench_wait_counter(bench, COUNTER_mqtt_connected, 1));
}

void bench_stop(struct bench *bench)
{
    ingest_stop(&bench->ingest);
}

int64_t bench_counter(const struct bench *bench, enum counter counter)
{
    return counter_get(&bench->counters, counter);
}

int bench_times(struct bench *bench, const char *payload)
{
    int times = 0;
    pthread_mutex_lock(&bench->lock);
    for (int i = 0; i < bench->count && i < BENCH_MESSAGES; i++) {
        times += strcmp(bench->payloads[i], payload) == 0 ? 1 : 0;
    }
    pthread_mutex_unlock(&bench->lock);
    return times;
}

bool bench_wait_true(bool (*condition)(void *context), void *context)
{
    int64_t until_ms = clock_steady_ms() + BOUND_MS;
    while (!condition(context)) {
        if (clock_steady_ms() > until_ms) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
    }
    return true;
}

struct expectation {
    struct bench *bench;
    enum counter counter;
    int64_t at_least;
    const char *payload;
};

static bool counter_reached(void *context)
{
    struct expectation *wanted = context;
    return bench_counter(wanted->bench, wanted->counter) >= wanted->at_least;
}

static bool payload_came(void *context)
{
    struct expectation *wanted = context;
    return bench_times(wanted->bench, wanted->payload) > 0;
}

static bool offers_reached(void *context)
{
    struct expectation *wanted = context;
    return atomic_load(&wanted->bench->offers) >= wanted->at_least;
}

bool bench_wait_counter(struct bench *bench, enum counter counter, int64_t at_least)
{
    struct expectation wanted = {.bench = bench, .counter = counter, .at_least = at_least};
    return bench_wait_true(counter_reached, &wanted);
}

bool bench_wait_payload(struct bench *bench, const char *payload)
{
    struct expectation wanted = {.bench = bench, .payload = payload};
    return bench_wait_true(payload_came, &wanted);
}

bool bench_wait_offers(struct bench *bench, int at_least)
{
    struct expectation wanted = {.bench = bench, .at_least = at_least};
    return bench_wait_true(offers_reached, &wanted);
}
