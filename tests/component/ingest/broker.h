/* A real mosquitto on a free loopback port, in a directory of its own, and its command line clients. */
#ifndef TESTS_INGEST_BROKER_H
#define TESTS_INGEST_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct broker {
    char directory[64];
    int port;
    pid_t pid;
};

/* Where mosquitto is, or NULL after it printed why the test is left out. */
const char *broker_program(void);

/* Runs it with `extra` lines of configuration (a listener is there already unless `extra` brings one). Fails the test
 * if it does not come up. */
void broker_start(struct broker *broker, const char *extra);
/* kill -9 and a new start on the same port: without persistence, so it knows no session any more. */
void broker_restart(struct broker *broker, const char *extra);
void broker_kill(struct broker *broker);
/* Stops it and removes the directory. */
void broker_stop(struct broker *broker);

/* How often the broker's log has `text`. */
int broker_log_count(const struct broker *broker, const char *text);

/* mosquitto_pub with QoS 1; waits until the broker has it. */
void broker_publish(const struct broker *broker, const char *topic, const char *payload);
/* mosquitto_sub: the first message of a topic, retained ones included; false if none comes within 5 s. */
bool broker_read_one(const struct broker *broker, const char *topic, char *out, size_t size);

/* Runs a program to its end; its exit code. Output goes to `output` (or nowhere if NULL). */
int run_program(const char *const *arguments, const char *output);
/* Runs one in the background, until end_program kills it. */
pid_t start_program(const char *const *arguments);
void end_program(pid_t pid);
void write_file(const char *directory, const char *name, const char *text);
int free_port(void);

#endif
