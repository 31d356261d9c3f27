/*
 * `edutally ingest` of a file of JSON lines, against cJSON alone parsing the same bytes (each line, and the payload
 * inside of it) and doing nothing with them; in turns, in one run. The ratio is the time of parsing by the time of all
 * that ingest does: journal, decoding, counting once, distinct users, the store. Two files: a year of a part of the
 * simulated province, and a month of 700 centres in larger messages.
 */
#include "support.h"

#include <cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { CENTRES = 700, DEVICES = 5, MOST_ROUNDS = 50 };

static const char usage[] = "bench_ingest [--centres N] [--messages N] [--batch EVENTS] [--rounds N]";

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char *read_whole(const char *path, size_t *count)
{
    struct stat status;
    FILE *file = fopen(path, "r");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        die("cannot read %s", path);
    }
    char *bytes = malloc((size_t)status.st_size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
        die("cannot read %s", path);
    }
    bytes[status.st_size] = '\0';
    fclose(file);
    *count = (size_t)status.st_size;
    return bytes;
}

/* Parses every line and its payload (a few are cut off, as they are in life) with cJSON; CPU and wall time. */
static struct usage parse_alone(const char *path)
{
    size_t count;
    double wall = now_s(), cpu = cpu_s();
    char *bytes = read_whole(path, &count);
    for (char *line = bytes, *end; (end = memchr(line, '\n', count - (size_t)(line - bytes))) != NULL; line = end + 1) {
        cJSON *outer = cJSON_ParseWithLength(line, (size_t)(end - line));
        const cJSON *payload = cJSON_GetObjectItemCaseSensitive(outer, "payload");
        cJSON *inner = payload != NULL ? cJSON_Parse(payload->valuestring) : NULL;
        if (payload == NULL) {
            die("a line is no JSON");
        }
        cJSON_Delete(inner);
        cJSON_Delete(outer);
    }
    free(bytes);
    return (struct usage){.wall_s = now_s() - wall, .cpu_s = cpu_s() - cpu};
}

struct data {
    const char *name;
    char path[BENCH_PATH];
    void (*deploy)(const char *directory);
};

static void deploy_plain(const char *directory)
{
    write_deployment(directory, CENTRES, 0, 0);
}

/* In a directory of its own, so that nothing was counted before. */
static struct usage ingest(const char *directory, const struct data *data, int64_t round)
{
    char place[BENCH_PATH], name[64];
    snprintf(name, sizeof name, "%s-%" PRId64, data->name, round);
    if (mkdir(path_in(directory, name, place), 0700) != 0) {
        die("cannot make %s", place);
    }
    data->deploy(place);
    return run_ingest(place, data->path);
}

static int compare(const void *left, const void *right)
{
    double a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

static void measure(const char *directory, const struct data *data, int64_t rounds)
{
    double wall[MOST_ROUNDS], cpu[MOST_ROUNDS];
    struct stat status;
    double mib = stat(data->path, &status) == 0 ? (double)status.st_size / 1048576 : 0;
    for (int64_t round = 0; round < rounds; round++) {
        struct usage alone = parse_alone(data->path), all = ingest(directory, data, round);
        wall[round] = alone.wall_s / all.wall_s;
        cpu[round] = alone.cpu_s / all.cpu_s;
        printf("%-9s round %" PRId64 ": %.0f MiB; cJSON alone %.2f s; ingest %.2f s, CPU %.2f s, peak %ld MiB; "
               "ratio of wall time %.2f, of CPU time %.2f\n",
               data->name, round + 1, mib, alone.wall_s, all.wall_s, all.cpu_s, all.peak_kib / 1024, wall[round],
               cpu[round]);
        fflush(stdout);
    }
    qsort(wall, (size_t)rounds, sizeof *wall, compare);
    qsort(cpu, (size_t)rounds, sizeof *cpu, compare);
    printf("%-9s median ratio of wall time %.2f, of CPU time %.2f (aim 0.30)\n", data->name, wall[rounds / 2],
           cpu[rounds / 2]);
}

/* What the devices of a part of the province send in a year: many small messages, offline stretches, repeats. */
static void simulate(const char *directory, int64_t centres, struct data *data)
{
    static const char scenario[] = PROJECT_DIR "/config/scenarios/province-year.jsonc";
    char program[BENCH_PATH], log[BENCH_PATH], count[32];
    snprintf(count, sizeof count, "%" PRId64, centres);
    path_in(directory, "province.jsonl", data->path);
    const char *const arguments[] = {program_path("edutally-sim", program),
                                     "events",
                                     "--scenario",
                                     scenario,
                                     "--centres",
                                     count,
                                     "--out",
                                     data->path,
                                     NULL};
    path_in(directory, "simulate.log", log);
    wait_process(start_process(log, NULL, arguments), now_s(), log);
}

int main(int argc, char **argv)
{
    int64_t values[] = {100, 100000, 10, 3};
    const char *const names[] = {"--centres", "--messages", "--batch", "--rounds", NULL};
    char directory[BENCH_PATH];
    struct data province = {.name = "province", .deploy = write_province_deployment};
    struct data plain = {.name = "synthetic", .deploy = deploy_plain};
    read_options(argc, argv, names, values, usage);
    int64_t rounds = values[3] < MOST_ROUNDS ? values[3] : MOST_ROUNDS;
    int64_t devices = (int64_t)CENTRES * DEVICES;
    make_directory(directory);
    simulate(directory, values[0], &province);
    write_lines(directory, CENTRES, devices, (values[1] + devices - 1) / devices, values[2]);
    path_in(directory, "events.jsonl", plain.path);
    measure(directory, &province, rounds);
    measure(directory, &plain, rounds);
    remove_directory(directory);
    return 0;
}
