/* What the benchmarks share: a directory, a deployment, processes, and clocks. A failure ends the program with a
 * message: a benchmark has nobody to hand an error to. */
#ifndef EDUTALLY_TESTS_BENCH_SUPPORT_H
#define EDUTALLY_TESTS_BENCH_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { BENCH_PATH = 512 };

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds since some start. */
double now_s(void);

/* A fresh directory below $TMPDIR or /tmp; removed with all in it by remove_directory. */
void make_directory(char out[BENCH_PATH]);
void remove_directory(const char *path);

/* "directory/name" in `out`. */
const char *path_in(const char *directory, const char *name, char out[BENCH_PATH]);
FILE *open_to_write(const char *directory, const char *name);

/* The path of this program. */
const char *own_path(char out[BENCH_PATH]);

/* The path of edutally or edutally-sim below $EDUTALLY_BIN (default: where this program lies, and up from there). */
const char *program_path(const char *name, char out[BENCH_PATH]);

/* A port of 127.0.0.1 that is free now. */
int free_port(void);
void wait_for_port(int port);

/* Starts a program, found along PATH and in /usr/sbin, with its output in `log`; `input` is its standard input or NULL.
 */
pid_t start_process(const char *log, const char *input, const char *const arguments[]);

/* What a process took. */
struct usage {
    double wall_s, cpu_s;
    long peak_kib;
};
/* Waits for the end; a failure of the process is one of ours, and the end of `log` is shown. */
struct usage wait_process(pid_t process, double started_s, const char *log);
void stop_process(pid_t process);
long peak_kib_of(pid_t process);

/* A value of /metrics, by its full name; -1 while nobody answers. */
double read_metric(int http_port, const char *name);

/* Writes config, registry, taxonomy and indicators for `centres` centres "c0" …; mqtt_port and http_port 0: without. */
void write_deployment(const char *directory, int centres, int mqtt_port, int http_port);
/* The same with the project's own registry, taxonomy and indicators. */
void write_province_deployment(const char *directory);
void write_broker_config(const char *directory, int port);

/* Starts mosquitto, and `edutally run`, on a directory that holds their configuration; returns when the broker listens,
 * when the collector is connected. */
pid_t start_broker(const char *directory, int port);
pid_t start_collector(const char *directory, int http_port);

/* `edutally ingest` of a file with the configuration in `directory`. */
struct usage run_ingest(const char *directory, const char *events);

/* Writes directory/events.jsonl, in the order of time over a month: each of `devices` devices, spread over the centres,
 * sends `messages` messages. */
void write_lines(const char *directory, int centres, int64_t devices, int64_t messages, int64_t batch);

/* A native message of `count` events of one device that begin at `seq`, about `when` (0 to 1) through October 2025.
 * Returns its length. */
int write_message(char *out, size_t size, int64_t seq, int count, double when);

/* Reads "--name N" pairs into `values`, in the order of `names` (NULL ended); the rest is refused. */
void read_options(int argc, char **argv, const char *const names[], int64_t *values, const char *usage);

#endif
