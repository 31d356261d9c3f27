#include "fake_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECT = 1, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 8, UNSUBSCRIBE = 10, PINGREQ = 12, DISCONNECT = 14 };
enum { PACKET_MOST = 4096, POLL_MS = 20 };

struct packet {
    int type;
    uint8_t body[PACKET_MOST];
    size_t length;
};

static void send_bytes(int fd, const uint8_t *bytes, size_t count)
{
    if (send(fd, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) {
        shutdown(fd, SHUT_RDWR); /* the next read ends the connection */
    }
}

/* False at the end of the connection or when stopping. */
static bool read_bytes(struct fake_broker *broker, int fd, uint8_t *bytes, size_t count)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (count > 0) {
        if (atomic_load(&broker->stopping)) {
            return false;
        }
        if (poll(&wait, 1, POLL_MS) <= 0) {
            continue;
        }
        ssize_t got = recv(fd, bytes, count, 0);
        if (got <= 0) {
            return false;
        }
        bytes += got;
        count -= (size_t)got;
    }
    return true;
}

static bool read_packet(struct fake_broker *broker, int fd, struct packet *packet)
{
    uint8_t byte = 0;
    unsigned shift = 0;
    if (!read_bytes(broker, fd, &byte, 1)) {
        return false;
    }
    packet->type = byte >> 4;
    packet->length = 0;
    do {
        if (!read_bytes(broker, fd, &byte, 1)) {
            return false;
        }
        packet->length |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0 && shift < 28);
    return packet->length <= PACKET_MOST && read_bytes(broker, fd, packet->body, packet->length);
}

/* The byte after the protocol's name, "MQTT" with its length. */
static bool greet(struct fake_broker *broker, int fd, const struct packet *packet)
{
    static const uint8_t accepted[] = {0x20, 2, 0, 0}, refused5[] = {0x20, 3, 0, 0x84, 0}, refused3[] = {0x20, 2, 0, 1},
                         accepted5[] = {0x20, 3, 0, 0, 0};
    broker->is_5 = packet->body[6] == 5;
    if (!broker->is_5) {
        atomic_fetch_add(&broker->greetings_4, 1);
        send_bytes(fd, accepted, sizeof accepted);
        return true;
    }
    atomic_fetch_add(&broker->greetings_5, 1);
    if (broker->refusal == FAKE_REFUSES_WITH_84) {
        send_bytes(fd, refused5, sizeof refused5);
    } else if (broker->refusal == FAKE_REFUSES_WITH_1) {
        send_bytes(fd, refused3, sizeof refused3);
    } else if (atomic_load(&broker->greetings_5) > 1 && atomic_load(&broker->hang_ups) > 0) {
        atomic_fetch_sub(&broker->hang_ups, 1);
        return false;
    } else if (broker->refusal == FAKE_SPEAKS_5) {
        send_bytes(fd, accepted5, sizeof accepted5);
    }
    return broker->refusal == FAKE_SPEAKS_5;
}

static void deliver_old(struct fake_broker *broker, int fd)
{
    static const uint8_t message[] = "\x32\x1c\0\x15"
                                     "edu/v1/46/c/d/event/x"
                                     "\0\x07"
                                     "old";
    static const uint8_t message5[] = "\x32\x1d\0\x15"
                                      "edu/v1/46/c/d/event/x"
                                      "\0\x07\0"
                                      "old";
    if (!atomic_load(&broker->mute)) {
        send_bytes(fd, broker->is_5 ? message5 : message, broker->is_5 ? sizeof message5 - 1 : sizeof message - 1);
    }
}

static void grant(struct fake_broker *broker, int fd, const struct packet *packet)
{
    bool refuse = atomic_load(&broker->subacks_refused) > 0;
    uint8_t suback[] = {0x90, 3, packet->body[0], packet->body[1], refuse ? 0x80 : 1};
    uint8_t suback5[] = {0x90, 4, packet->body[0], packet->body[1], 0, refuse ? 0x87 : 1};
    atomic_fetch_add(&broker->subscribes, 1);
    if (refuse) {
        atomic_fetch_sub(&broker->subacks_refused, 1);
    }
    if (broker->subscribe_unmutes) {
        atomic_store(&broker->mute, false);
    }
    send_bytes(fd, broker->is_5 ? suback5 : suback, broker->is_5 ? sizeof suback5 : sizeof suback);
    if (!refuse) {
        deliver_old(broker, fd);
    }
}

/* A PUBLISH of QoS 1: acknowledged, and sent back with the id that it came with. */
static void take_publish(struct fake_broker *broker, int fd, const struct packet *packet)
{
    uint8_t puback[] = {0x40, 2, 0, 0};
    uint8_t header[] = {0x32, (uint8_t)(packet->length & 0x7f), (uint8_t)(packet->length >> 7)};
    size_t topic = (size_t)packet->body[0] << 8 | packet->body[1];
    memcpy(puback + 2, packet->body + 2 + topic, 2);
    send_bytes(fd, puback, sizeof puback);
    atomic_fetch_add(&broker->published, 1);
    if (!atomic_load(&broker->mute)) {
        header[1] |= packet->length > 0x7f ? 0x80 : 0;
        send_bytes(fd, header, packet->length > 0x7f ? 3 : 2);
        send_bytes(fd, packet->body, packet->length);
    }
}

static bool is_taken_over(struct fake_broker *broker, int fd)
{
    static const uint8_t taken_over[] = {0xe0, 2, 0x8e, 0};
    if (atomic_load(&broker->takeovers) == 0) {
        return false;
    }
    atomic_fetch_sub(&broker->takeovers, 1);
    send_bytes(fd, taken_over, sizeof taken_over);
    return true;
}

static bool react(struct fake_broker *broker, int fd, const struct packet *packet)
{
    static const uint8_t pong[] = {0xd0, 0};
    switch (packet->type) {
    case CONNECT:
        return greet(broker, fd, packet);
    case SUBSCRIBE:
        grant(broker, fd, packet);
        return true;
    case PUBLISH: /* QoS 1 alone comes here */
        take_publish(broker, fd, packet);
        return !is_taken_over(broker, fd);
    case PUBACK:
        atomic_fetch_add(&broker->acknowledged, 1);
        return true;
    case PINGREQ:
        send_bytes(fd, pong, sizeof pong);
        return true;
    default:
        return packet->type != DISCONNECT;
    }
}

static void *serve(void *argument)
{
    struct fake_broker *broker = argument;
    struct pollfd wait = {.fd = broker->listener, .events = POLLIN};
    struct packet packet;
    while (!atomic_load(&broker->stopping)) {
        int fd = poll(&wait, 1, POLL_MS) > 0 ? accept(broker->listener, NULL, NULL) : -1;
        if (fd < 0) {
            continue;
        }
        while (read_packet(broker, fd, &packet) && react(broker, fd, &packet)) {
        }
        close(fd);
    }
    return NULL;
}

void fake_broker_start(struct fake_broker *broker)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    broker->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(broker->listener >= 0);
    assert_int_equal(bind(broker->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(broker->listener, 8), 0);
    assert_int_equal(getsockname(broker->listener, (struct sockaddr *)&address, &length), 0);
    broker->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&broker->thread, NULL, serve, broker), 0);
}

void fake_broker_stop(struct fake_broker *broker)
{
    atomic_store(&broker->stopping, true);
    pthread_join(broker->thread, NULL);
    close(broker->listener);
}
