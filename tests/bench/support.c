#define _DEFAULT_SOURCE /* wait4 */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 60, POLL_NS = 5 * 1000 * 1000, MESSAGE_BYTES = 65536 };

static const int64_t first_ms = INT64_C(1759251600000); /* 2025-10-01 00:00 in Vietnam */
static const int64_t day_ms = INT64_C(86400000);

void die(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", text);
    exit(1);
}

double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_shortly(void)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    nanosleep(&pause, NULL);
}

void make_directory(char out[BENCH_PATH])
{
    const char *root = getenv("TMPDIR");
    snprintf(out, BENCH_PATH, "%s/edutally-bench-XXXXXX", root != NULL ? root : "/tmp");
    if (mkdtemp(out) == NULL) {
        die("cannot make a directory %s: %s", out, strerror(errno));
    }
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void remove_directory(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *path_in(const char *directory, const char *name, char out[BENCH_PATH])
{
    if (snprintf(out, BENCH_PATH, "%s/%s", directory, name) >= BENCH_PATH) {
        die("path too long: %s/%s", directory, name);
    }
    return out;
}

FILE *open_to_write(const char *directory, const char *name)
{
    char path[BENCH_PATH];
    FILE *file = fopen(path_in(directory, name, path), "w");
    if (file == NULL) {
        die("cannot write %s: %s", path, strerror(errno));
    }
    return file;
}

const char *own_path(char out[BENCH_PATH])
{
    ssize_t length = readlink("/proc/self/exe", out, BENCH_PATH - 1);
    if (length <= 0) {
        die("cannot find this program: %s", strerror(errno));
    }
    out[length] = '\0';
    return out;
}

const char *program_path(const char *name, char out[BENCH_PATH])
{
    static const char *const places[] = {"",    "collector/", "firmware-sim/",    "bin/",
                                         "../", "../../",     "../../collector/", "../../firmware-sim/"};
    char here[BENCH_PATH];
    const char *root = getenv("EDUTALLY_BIN");
    if (root != NULL) {
        snprintf(here, sizeof here, "%s", root);
    } else {
        *strrchr(own_path(here), '/') = '\0';
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (snprintf(out, BENCH_PATH, "%.300s/%s%s", here, places[i], name) < BENCH_PATH && access(out, X_OK) == 0) {
            return out;
        }
    }
    die("cannot find %s near %s: set EDUTALLY_BIN to the build directory", name, here);
}

int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        die("no free port: %s", strerror(errno));
    }
    close(fd);
    return ntohs(address.sin_port);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void wait_for_port(int port)
{
    double until_s = now_s() + PATIENCE_S;
    for (;;) {
        int fd = connect_to(port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        if (now_s() > until_s) {
            die("nobody listens on port %d", port);
        }
        pause_shortly();
    }
}

pid_t start_process(const char *log, const char *input, const char *const arguments[])
{
    pid_t process = fork();
    if (process < 0) {
        die("cannot fork: %s", strerror(errno));
    }
    if (process > 0) {
        return process;
    }
    char path[4096];
    const char *paths = getenv("PATH");
    snprintf(path, sizeof path, "%s:/usr/sbin", paths != NULL ? paths : "/usr/bin");
    setenv("PATH", path, 1);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open(input != NULL ? input : "/dev/null", O_RDONLY);
    if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(126);
    }
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static void show_log(const char *log)
{
    char line[1024];
    FILE *file = fopen(log, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        fputs(line, stderr);
    }
    if (file != NULL) {
        fclose(file);
    }
}

struct usage wait_process(pid_t process, double started_s, const char *log)
{
    struct rusage spent;
    int status;
    if (wait4(process, &status, 0, &spent) != process || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        show_log(log);
        die("a process failed; its log is above");
    }
    return (struct usage){.wall_s = now_s() - started_s,
                          .cpu_s = (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) +
                                   (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6,
                          .peak_kib = spent.ru_maxrss};
}

void stop_process(pid_t process)
{
    int status;
    kill(process, SIGTERM);
    waitpid(process, &status, 0);
}

long peak_kib_of(pid_t process)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)process);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

double read_metric(int http_port, const char *name)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    static char answer[262144];
    char wanted[128];
    size_t used = 0;
    ssize_t got;
    int fd = connect_to(http_port);
    if (fd < 0) {
        return -1;
    }
    if (write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1) {
        while (used + 1 < sizeof answer && (got = read(fd, answer + used, sizeof answer - 1 - used)) > 0) {
            used += (size_t)got;
        }
    }
    close(fd);
    answer[used] = '\0';
    snprintf(wanted, sizeof wanted, "\n%s ", name);
    const char *found = strstr(answer, wanted);
    return found != NULL ? strtod(found + strlen(wanted), NULL) : -1;
}

/* `files` is put in front of the names of registry, taxonomy and indicators. */
static void write_config(const char *directory, const char *files, int mqtt_port, int http_port)
{
    const char *registry = files[0] != '\0' ? "registry/" : "";
    FILE *file = open_to_write(directory, "collector.jsonc");
    fprintf(file,
            "{\"realms\": [\"46\"], \"time_zone\": \"Asia/Ho_Chi_Minh\", \"data_dir\": \"data\", \"late_days\": 3650,\n"
            " \"registry\": {\"centres\": \"%s%scentres.csv\", \"areas\": \"%s%sareas.csv\"},\n"
            " \"taxonomy\": \"%staxonomy.jsonc\", \"indicators\": \"%sindicators.jsonc\"",
            files, registry, files, registry, files, files);
    if (mqtt_port != 0) {
        fprintf(file, ",\n \"mqtt\": {\"server\": \"mqtt://127.0.0.1:%d\", \"client_id\": \"collector\"}", mqtt_port);
    }
    if (http_port != 0) {
        fprintf(file, ",\n \"http\": {\"listen\": \"127.0.0.1:%d\"}", http_port);
    }
    fputs("}\n", file);
    fclose(file);
}

void write_deployment(const char *directory, int centres, int mqtt_port, int http_port)
{
    FILE *file = open_to_write(directory, "centres.csv");
    fputs("id,name,type,area,head_count,opened,closed\n", file);
    for (int i = 0; i < centres; i++) {
        fprintf(file, "c%d,Centre %d,primary,46,300,2000-09-01,\n", i, i);
    }
    fclose(file);
    file = open_to_write(directory, "areas.csv");
    fputs("code,name,level,parent,valid_from,valid_to,successor\n46,Province,province,,,,\n", file);
    fclose(file);
    file = open_to_write(directory, "taxonomy.jsonc");
    fputs("{\"types\": {\"lesson.*\": \"teaching\", \"quiz.*\": \"learning\"}}\n", file);
    fclose(file);
    file = open_to_write(directory, "indicators.jsonc");
    fputs(
        "{\"indicators\": [{\"id\": \"digital\", \"name\": {\"vi\": \"d\", \"en\": \"d\"}, \"source\": \"a "
        "benchmark\",\n"
        "  \"centre_types\": [\"primary\"], \"period\": \"month\", \"targets\": [{\"from\": \"2024-05-02\", \"value\": "
        "0.6}],\n"
        "  \"rule\": {\"activity\": \"learning\", \"active_days\": {\"min\": 8}, \"users_share\": {\"min\": 0.3}}}]}\n",
        file);
    fclose(file);
    write_config(directory, "", mqtt_port, http_port);
}

void write_province_deployment(const char *directory)
{
    write_config(directory, PROJECT_DIR "/config/", 0, 0);
}

void write_broker_config(const char *directory, int port)
{
    FILE *file = open_to_write(directory, "mosquitto.conf");
    fprintf(file,
            "listener %d 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\n"
            "max_inflight_messages 1000\nset_tcp_nodelay true\nlog_type error\n",
            port);
    fclose(file);
}

pid_t start_broker(const char *directory, int port)
{
    char config[BENCH_PATH], log[BENCH_PATH];
    write_broker_config(directory, port);
    const char *const arguments[] = {"mosquitto", "-c", path_in(directory, "mosquitto.conf", config), NULL};
    pid_t broker = start_process(path_in(directory, "mosquitto.log", log), NULL, arguments);
    wait_for_port(port);
    return broker;
}

pid_t start_collector(const char *directory, int http_port)
{
    char program[BENCH_PATH], config[BENCH_PATH], log[BENCH_PATH];
    const char *const arguments[] = {program_path("edutally", program), "run", "--config",
                                     path_in(directory, "collector.jsonc", config), NULL};
    pid_t collector = start_process(path_in(directory, "collector.log", log), NULL, arguments);
    double until_s = now_s() + PATIENCE_S;
    while (read_metric(http_port, "edutally_mqtt_connected") < 1) {
        if (now_s() > until_s) {
            show_log(log);
            die("the collector did not connect; its log is above");
        }
        pause_shortly();
    }
    return collector;
}

struct usage run_ingest(const char *directory, const char *events)
{
    char program[BENCH_PATH], config[BENCH_PATH], log[BENCH_PATH];
    const char *const arguments[] = {program_path("edutally", program),
                                     "ingest",
                                     "--config",
                                     path_in(directory, "collector.jsonc", config),
                                     events,
                                     NULL};
    double started_s = now_s();
    path_in(directory, "ingest.log", log);
    return wait_process(start_process(log, NULL, arguments), started_s, log);
}

void write_lines(const char *directory, int centres, int64_t devices, int64_t messages, int64_t batch)
{
    static char payload[MESSAGE_BYTES];
    FILE *file = open_to_write(directory, "events.jsonl");
    for (int64_t i = 0; i < messages * devices; i++) {
        int64_t device = i % devices;
        int64_t turn = i / devices;
        double when = (double)turn / (double)messages;
        int length = write_message(payload, sizeof payload, 1 + turn * batch + device * 31, (int)batch, when);
        fprintf(file, "{\"topic\":\"edu/v1/46/c%" PRId64 "/d%" PRId64 "/event\",\"payload\":\"", device % centres,
                device);
        for (int at = 0; at < length; at++) {
            if (payload[at] == '"') {
                fputc('\\', file);
            }
            fputc(payload[at], file);
        }
        fputs("\",\"received\":\"2025-11-15T12:00:00+07:00\"}\n", file);
    }
    if (fclose(file) != 0) {
        die("cannot write the events: %s", strerror(errno));
    }
}

int write_message(char *out, size_t size, int64_t seq, int count, double when)
{
    int64_t from_ms = first_ms + (int64_t)(when * 30) * day_ms;
    int used = snprintf(out, size, "{\"v\":1,\"epoch\":\"bench\",\"events\":[");
    for (int i = 0; i < count; i++) {
        int64_t number = seq + i;
        used += snprintf(out + used, size - (size_t)used,
                         "%s{\"seq\":%" PRId64 ",\"t\":%" PRId64 ",\"type\":\"%s\",\"role\":\"learner\","
                         "\"user\":\"%016" PRIx64 "\",\"dur\":%d,\"app\":\"bench\"}",
                         i > 0 ? "," : "", number, from_ms + number * 7919000 % day_ms,
                         number % 3 == 0 ? "lesson.delivered" : "quiz.submitted", (uint64_t)(number * 2654435761 % 200),
                         (int)(number % 3600));
        if ((size_t)used >= size) {
            die("a message of %d events does not fit", count);
        }
    }
    return used + snprintf(out + used, size - (size_t)used, "]}");
}

void read_options(int argc, char **argv, const char *const names[], int64_t *values, const char *usage)
{
    for (int i = 1; i < argc; i += 2) {
        size_t known = 0;
        while (names[known] != NULL && strcmp(names[known], argv[i]) != 0) {
            known++;
        }
        char *end = NULL;
        if (names[known] != NULL && i + 1 < argc) {
            values[known] = strtoll(argv[i + 1], &end, 10);
        }
        if (end == NULL || *end != '\0' || values[known] <= 0) {
            die("usage: %s", usage);
        }
    }
}
