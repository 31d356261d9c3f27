/*
 * Peak resident memory for a province: 700 centres, 20,000 devices that each report over a month; of `ingest`, and of
 * `run` with the same devices behind mosquitto, played by `edutally-sim flood`.
 */
#include "support.h"

#include <inttypes.h>
#include <sys/stat.h>

enum { CENTRES = 700, AIM_MIB = 64 };

static const char usage[] = "bench_memory [--devices N] [--messages PER_DEVICE] [--batch EVENTS]";

static void report(const char *what, long peak_kib)
{
    printf("%-8s peak resident memory %.1f MiB (aim: below %d)\n", what, (double)peak_kib / 1024, AIM_MIB);
    fflush(stdout);
}

static void measure_ingest(const char *directory, const int64_t *values)
{
    char path[BENCH_PATH];
    write_lines(directory, CENTRES, values[0], values[1], values[2]);
    write_deployment(directory, CENTRES, 0, 0);
    struct usage spent = run_ingest(directory, path_in(directory, "events.jsonl", path));
    printf("ingest   %" PRId64 " events in %.1f s\n", values[0] * values[1] * values[2], spent.wall_s);
    report("ingest", spent.peak_kib);
}

static void flood(const char *directory, const int64_t *values, int broker_port)
{
    char program[BENCH_PATH], registry[BENCH_PATH], log[BENCH_PATH], server[64];
    char devices[32], messages[32], batch[32];
    snprintf(server, sizeof server, "mqtt://127.0.0.1:%d", broker_port);
    snprintf(devices, sizeof devices, "%" PRId64, values[0]);
    snprintf(messages, sizeof messages, "%" PRId64, values[0] * values[1]);
    snprintf(batch, sizeof batch, "%" PRId64, values[2]);
    const char *const arguments[] = {program_path("edutally-sim", program),
                                     "flood",
                                     "--registry",
                                     path_in(directory, "centres.csv", registry),
                                     "--devices",
                                     devices,
                                     "--messages",
                                     messages,
                                     "--batch",
                                     batch,
                                     "--server",
                                     server,
                                     NULL};
    double started_s = now_s();
    path_in(directory, "flood.log", log);
    struct usage spent = wait_process(start_process(log, NULL, arguments), started_s, log);
    printf("run      flood of %s messages by %s devices took %.1f s\n", messages, devices, spent.wall_s);
}

static void measure_run(const char *directory, const int64_t *values)
{
    int broker_port = free_port(), http_port = free_port();
    write_deployment(directory, CENTRES, broker_port, http_port);
    pid_t broker = start_broker(directory, broker_port);
    pid_t collector = start_collector(directory, http_port);
    report("start", peak_kib_of(collector));
    flood(directory, values, broker_port);
    report("run", peak_kib_of(collector));
    stop_process(collector);
    stop_process(broker);
}

int main(int argc, char **argv)
{
    int64_t values[] = {20000, 10, 5};
    const char *const names[] = {"--devices", "--messages", "--batch", NULL};
    char directory[BENCH_PATH], first[BENCH_PATH], second[BENCH_PATH];
    read_options(argc, argv, names, values, usage);
    make_directory(directory);
    if (mkdir(path_in(directory, "ingest", first), 0700) != 0 || mkdir(path_in(directory, "run", second), 0700) != 0) {
        die("cannot make directories in %s", directory);
    }
    printf("%d centres, %" PRId64 " devices, %" PRId64 " messages each, %" PRId64 " events a message\n", CENTRES,
           values[0], values[1], values[2]);
    measure_ingest(first, values);
    measure_run(second, values);
    remove_directory(directory);
    return 0;
}
