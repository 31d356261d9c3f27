/* Blocking sockets with a time-out: a server that hangs fails the test and does not hang it. */
#include "client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static int connect_to(const char *url)
{
    const char *colon = strrchr(url, ':');
    struct timeval patience = {.tv_sec = 20};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void client_send(struct buffer *answer, const char *url, const char *bytes, size_t count)
{
    char piece[16384];
    ssize_t got;
    int fd = connect_to(url);
    for (size_t sent = 0; sent < count;) {
        ssize_t one = send(fd, bytes + sent, count - sent, MSG_NOSIGNAL);
        if (one <= 0) {
            break; /* refused early; the answer may be there all the same */
        }
        sent += (size_t)one;
    }
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
        buffer_add(answer, piece, (size_t)got);
    }
    close(fd);
}

void client_ask(struct reply *reply, const char *url, const char *method, const char *target, const char *headers)
{
    char request[4096];
    int length = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
                          method, target, headers);
    assert_true(length > 0 && (size_t)length < sizeof request);
    *reply = (struct reply){0};
    client_send(&reply->whole, url, request, (size_t)length);
    char *end = reply->whole.bytes != NULL ? strstr(reply->whole.bytes, "\r\n\r\n") : NULL;
    if (end == NULL || sscanf(reply->whole.bytes, "HTTP/1.1 %d", &reply->status) != 1) {
        fail_msg("no answer to %s %s", method, target);
        return;
    }
    *end = '\0';
    reply->head = reply->whole.bytes;
    reply->body = end + 4;
    reply->body_bytes = reply->whole.used - (size_t)(reply->body - reply->whole.bytes);
}

void reply_free(struct reply *reply)
{
    buffer_free(&reply->whole);
}

const char *reply_header(const struct reply *reply, const char *name)
{
    static char value[512];
    size_t length = strlen(name);
    for (const char *line = strstr(reply->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *text = line + length + 1 + strspn(line + length + 1, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(text, "\r"), text);
            return value;
        }
    }
    return NULL;
}
