#include "broker.h"

#include "base/buffer.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

const char *broker_program(void)
{
    static const char *const places[] = {"/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    print_message("left out: mosquitto is not installed (apt install mosquitto mosquitto-clients)\n");
    return NULL;
}

int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static pid_t spawn(const char *const *arguments, const char *output)
{
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    const char *sink = output == NULL ? "/dev/null" : output;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, sink, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    /* posix_spawnp takes char *const[] for reasons of history and changes nothing. */
    char *copy[32] = {NULL};
    for (size_t i = 0; arguments[i] != NULL && i < 31; i++) {
        copy[i] = strdup(arguments[i]);
    }
    int failed = posix_spawnp(&pid, copy[0], &actions, NULL, copy, environ);
    for (size_t i = 0; copy[i] != NULL; i++) {
        free(copy[i]);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? pid : -1;
}

int run_program(const char *const *arguments, const char *output)
{
    int status = 0;
    pid_t pid = spawn(arguments, output);
    if (pid < 0) {
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

pid_t start_program(const char *const *arguments)
{
    pid_t pid = spawn(arguments, NULL);
    assert_true(pid > 0);
    return pid;
}

void end_program(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void write_file(const char *directory, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
}

static bool is_listening(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return up;
}

static void launch(struct broker *broker, const char *extra)
{
    char config[4096], path[128], log[128];
    const char *listener = strstr(extra, "listener ") != NULL ? "" : "listener PORT 127.0.0.1\n";
    char port[16];
    snprintf(port, sizeof port, "%d", broker->port);
    /* As root mosquitto would become another user, who may not read our directory. */
    snprintf(config, sizeof config, "user root\nlog_type all\n%s%s%s", listener, extra,
             strstr(extra, "allow_anonymous") != NULL ? "" : "allow_anonymous true\n");
    char *at = strstr(config, "PORT");
    char final[4096];
    snprintf(final, sizeof final, "%.*s%s%s", (int)(at - config), config, port, at + 4);
    write_file(broker->directory, "mosquitto.conf", final);
    snprintf(path, sizeof path, "%s/mosquitto.conf", broker->directory);
    snprintf(log, sizeof log, "%s/log", broker->directory);
    const char *const arguments[] = {broker_program(), "-v", "-c", path, NULL};
    broker->pid = spawn(arguments, log);
    assert_true(broker->pid > 0);
    for (int i = 0; i < 250 && !is_listening(broker->port); i++) {
        pause_ms(20);
    }
    assert_true(is_listening(broker->port));
}

void broker_start(struct broker *broker, const char *extra)
{
    *broker = (struct broker){.port = free_port()};
    snprintf(broker->directory, sizeof broker->directory, "/tmp/edutally-broker-XXXXXX");
    assert_non_null(mkdtemp(broker->directory));
    launch(broker, extra);
}

void broker_kill(struct broker *broker)
{
    if (broker->pid > 0) {
        kill(broker->pid, SIGKILL);
        waitpid(broker->pid, NULL, 0);
        broker->pid = 0;
    }
}

void broker_restart(struct broker *broker, const char *extra)
{
    broker_kill(broker);
    launch(broker, extra);
}

void broker_stop(struct broker *broker)
{
    broker_kill(broker);
    const char *const arguments[] = {"rm", "-rf", broker->directory, NULL};
    run_program(arguments, NULL);
}

int broker_log_count(const struct broker *broker, const char *text)
{
    char path[128];
    struct buffer log = {0};
    int count = 0;
    snprintf(path, sizeof path, "%s/log", broker->directory);
    assert_int_equal(file_read(path, 64 << 20, &log, NULL), 0);
    for (const char *at = log.bytes; at != NULL && (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    buffer_free(&log);
    return count;
}

void broker_publish(const struct broker *broker, const char *topic, const char *payload)
{
    char port[16];
    snprintf(port, sizeof port, "%d", broker->port);
    const char *const arguments[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t",
                                     topic,           "-m", payload,     NULL};
    assert_int_equal(run_program(arguments, NULL), 0);
}

bool broker_read_one(const struct broker *broker, const char *topic, char *out, size_t size)
{
    char port[16], path[128];
    struct buffer text = {0};
    snprintf(port, sizeof port, "%d", broker->port);
    snprintf(path, sizeof path, "%s/read", broker->directory);
    const char *const arguments[] = {"mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-C", "1", "-W", "5", "-t",
                                     topic,           NULL};
    unlink(path);
    bool got = run_program(arguments, path) == 0 && file_read(path, size - 1, &text, NULL) == 0;
    snprintf(out, size, "%s", got && text.bytes != NULL ? text.bytes : "");
    out[strcspn(out, "\n")] = '\0';
    buffer_free(&text);
    return got;
}
