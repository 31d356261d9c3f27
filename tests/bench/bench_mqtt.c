/*
 * QoS 1 messages a second through mosquitto: a bare Paho subscriber that throws them away, against the collector from
 * the first message published to the last one committed. The same broker, the same publisher, in turns (A B A B …) in
 * one run, because a machine's speed changes by the hour and only the ratio says something.
 *
 * Two ways: "live", where a publisher keeps up to 200 messages in flight while the subscriber receives, and "backlog",
 * where the messages wait in the broker for a subscriber that was away: there the receiver alone sets the pace.
 */
#include "support.h"

#include <MQTTAsync.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT = 200, PATIENCE_S = 300, CENTRES = 50, ALL_DEVICES = 500, MESSAGE_BYTES = 65536 };

static const char usage[] = "bench_mqtt [--messages N] [--rounds N] [--batch EVENTS]";

struct client {
    MQTTAsync handle;
    _Atomic int64_t received;
    _Atomic int64_t acknowledged;
    _Atomic int done; /* 1: the last connect, subscribe or disconnect succeeded; -1: it failed */
};

static void pause_shortly(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    atomic_store(&((struct client *)context)->done, 1);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    atomic_store(&((struct client *)context)->done, -1);
}

static void on_acknowledged(void *context, MQTTAsync_successData *data)
{
    (void)data;
    atomic_fetch_add(&((struct client *)context)->acknowledged, 1);
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    (void)topic_length;
    atomic_fetch_add(&((struct client *)context)->received, 1);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void await(struct client *client, const char *what)
{
    double until_s = now_s() + PATIENCE_S;
    while (atomic_load(&client->done) == 0 && now_s() < until_s) {
        pause_shortly();
    }
    if (atomic_load(&client->done) != 1) {
        die("%s failed", what);
    }
    atomic_store(&client->done, 0);
}

static void connect_client(struct client *client, const char *id, int port, bool clean)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    if (MQTTAsync_create(&client->handle, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL) != MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(client->handle, client, NULL, on_message, NULL) != MQTTASYNC_SUCCESS) {
        die("cannot make an MQTT client");
    }
    options.cleansession = clean;
    options.maxInflight = IN_FLIGHT + 10;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    options.context = client;
    if (MQTTAsync_connect(client->handle, &options) != MQTTASYNC_SUCCESS) {
        die("cannot connect to the broker");
    }
    await(client, "connecting to the broker");
}

static void subscribe(struct client *client)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    options.context = client;
    if (MQTTAsync_subscribe(client->handle, "edu/v1/46/+/+/event", 1, &options) != MQTTASYNC_SUCCESS) {
        die("cannot subscribe");
    }
    await(client, "subscribing");
}

static void disconnect(struct client *client)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    options.context = client;
    options.timeout = 10000;
    if (MQTTAsync_disconnect(client->handle, &options) != MQTTASYNC_SUCCESS) {
        die("cannot disconnect");
    }
    await(client, "disconnecting");
    MQTTAsync_destroy(&client->handle);
}

struct run {
    int broker_port, http_port;
    int64_t messages, batch;
    int64_t sequence; /* of the next round: each device's numbers go on without a gap, none is a repeat */
    char directory[BENCH_PATH];
    pid_t collector;
};

/* The publisher: one connection, at most IN_FLIGHT messages unacknowledged. Its own process, because Paho has one
 * thread for all clients of a process, and the bare subscriber shall have it for itself. */
static void publish_messages(int port, int64_t messages, int64_t batch, int64_t sequence)
{
    static char payload[MESSAGE_BYTES];
    struct client client = {0};
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess = on_acknowledged;
    options.context = &client;
    connect_client(&client, "bench-publisher", port, true);
    for (int64_t sent = 0; sent < messages; sent++) {
        char topic[64];
        int64_t device = sent % ALL_DEVICES, turn = sent / ALL_DEVICES;
        int length = write_message(payload, sizeof payload, sequence + device * 31 + turn * batch, (int)batch,
                                   (double)sent / (double)messages);
        snprintf(topic, sizeof topic, "edu/v1/46/c%" PRId64 "/d%" PRId64 "/event", device % CENTRES, device / CENTRES);
        while (sent - atomic_load(&client.acknowledged) >= IN_FLIGHT) {
            pause_shortly();
        }
        if (MQTTAsync_send(client.handle, topic, length, payload, 1, 0, &options) != MQTTASYNC_SUCCESS) {
            die("cannot publish");
        }
    }
    while (atomic_load(&client.acknowledged) < messages) {
        pause_shortly();
    }
    disconnect(&client);
}

/* Publishes one round's messages; returns when the broker has them. */
static void publish(struct run *run)
{
    char self[BENCH_PATH], log[BENCH_PATH], numbers[4][32];
    const int64_t values[4] = {run->broker_port, run->messages, run->batch, run->sequence};
    for (int i = 0; i < 4; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%" PRId64, values[i]);
    }
    const char *const arguments[] = {own_path(self), "publish", numbers[0], numbers[1], numbers[2], numbers[3], NULL};
    double started_s = now_s();
    path_in(run->directory, "publisher.log", log);
    wait_process(start_process(log, NULL, arguments), started_s, log);
    run->sequence += (run->messages + ALL_DEVICES - 1) / ALL_DEVICES * run->batch;
}

/* Waits until so many events are counted and committed; the time when they were. */
static double await_committed(struct run *run, double events)
{
    double until_s = now_s() + PATIENCE_S;
    for (;;) {
        double seen_s = now_s();
        if (read_metric(run->http_port, "edutally_events_counted_total") >= events &&
            read_metric(run->http_port, "edutally_journal_committed") >=
                read_metric(run->http_port, "edutally_journal_position")) {
            return seen_s;
        }
        if (now_s() > until_s) {
            die("the collector did not count %.0f events", events);
        }
        pause_shortly();
    }
}

/* Messages a second of each way. */
static double bare_live(struct run *run)
{
    struct client client = {0};
    connect_client(&client, "bench-bare", run->broker_port, true);
    subscribe(&client);
    double start_s = now_s();
    publish(run);
    while (atomic_load(&client.received) < run->messages) {
        pause_shortly();
    }
    double rate = (double)run->messages / (now_s() - start_s);
    disconnect(&client);
    return rate;
}

static double collector_live(struct run *run)
{
    run->collector = start_collector(run->directory, run->http_port);
    double before = read_metric(run->http_port, "edutally_events_counted_total"), start_s = now_s();
    publish(run);
    double end_s = await_committed(run, before + (double)(run->messages * run->batch));
    stop_process(run->collector);
    return (double)run->messages / (end_s - start_s);
}

static double bare_backlog(struct run *run)
{
    struct client client = {0};
    connect_client(&client, "bench-bare-backlog", run->broker_port, false);
    subscribe(&client);
    disconnect(&client);
    publish(run);
    struct client again = {0};
    double start_s = now_s();
    connect_client(&again, "bench-bare-backlog", run->broker_port, false);
    while (atomic_load(&again.received) < run->messages) {
        pause_shortly();
    }
    double rate = (double)run->messages / (now_s() - start_s);
    disconnect(&again);
    return rate;
}

static double collector_backlog(struct run *run)
{
    run->collector = start_collector(run->directory, run->http_port);
    stop_process(run->collector); /* from now on the broker keeps its messages */
    publish(run);
    double start_s = now_s();
    run->collector = start_collector(run->directory, run->http_port);
    double end_s = await_committed(run, (double)(run->messages * run->batch));
    stop_process(run->collector);
    return (double)run->messages / (end_s - start_s);
}

static int compare(const void *left, const void *right)
{
    double a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

static void measure(struct run *run, int64_t rounds, const char *name, double (*bare)(struct run *),
                    double (*collector)(struct run *))
{
    double *ratios = calloc((size_t)rounds, sizeof *ratios);
    if (ratios == NULL) {
        die("out of memory");
    }
    for (int64_t round = 0; round < rounds; round++) {
        double a = bare(run), b = collector(run);
        ratios[round] = b / a;
        printf("%-8s round %" PRId64 ": bare %7.0f msg/s, collector %7.0f msg/s (%.0f events/s), ratio %.2f\n", name,
               round + 1, a, b, b * (double)run->batch, ratios[round]);
        fflush(stdout);
    }
    qsort(ratios, (size_t)rounds, sizeof *ratios, compare);
    printf("%-8s median ratio %.2f (aim 0.80)\n", name, ratios[rounds / 2]);
    free(ratios);
}

int main(int argc, char **argv)
{
    int64_t values[] = {50000, 3, 1};
    const char *const names[] = {"--messages", "--rounds", "--batch", NULL};
    if (argc == 6 && strcmp(argv[1], "publish") == 0) {
        publish_messages((int)strtol(argv[2], NULL, 10), strtoll(argv[3], NULL, 10), strtoll(argv[4], NULL, 10),
                         strtoll(argv[5], NULL, 10));
        return 0;
    }
    read_options(argc, argv, names, values, usage);
    struct run run = {.messages = values[0], .batch = values[2], .sequence = 1};
    make_directory(run.directory);
    run.broker_port = free_port();
    run.http_port = free_port();
    write_deployment(run.directory, CENTRES, run.broker_port, run.http_port);
    pid_t broker = start_broker(run.directory, run.broker_port);
    printf("%" PRId64 " messages a round, %" PRId64 " events a message, QoS 1\n", run.messages, run.batch);
    measure(&run, values[1], "live", bare_live, collector_live);
    measure(&run, values[1], "backlog", bare_backlog, collector_backlog);
    stop_process(broker);
    remove_directory(run.directory);
    return 0;
}
