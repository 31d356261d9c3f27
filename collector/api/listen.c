/* The listening socket, made here and not by libmicrohttpd, so that a port that is taken is an error with a name. */
#include "transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Splits "[::1]:8080" or "127.0.0.1:8080". */
static int split_address(const char *text, char host[64], char port[8], struct error *error)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (colon == NULL || length == 0 || length >= 64 || strlen(colon + 1) >= 8 || strlen(colon + 1) == 0) {
        return error_set(error, ERROR_CONFIG,
                         "'%s' is no address to listen on: write address:port, as 127.0.0.1:8080 or [::1]:8080", text);
    }
    memcpy(host, text, length);
    host[length] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return 0;
}

static int bind_and_listen(const struct addrinfo *to, const char *address, struct error *error)
{
    int on = 1;
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    if (fd < 0) {
        return error_errno(error, "cannot make a socket for %s", address);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, to->ai_addr, to->ai_addrlen) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        int failed =
            errno == EADDRINUSE
                ? error_set(error, ERROR_IO,
                            "cannot listen on %s: another program does; stop it, or choose another port in http.listen",
                            address)
                : error_errno(error, "cannot listen on %s", address);
        close(fd);
        return failed;
    }
    return fd;
}

static bool is_loopback(const struct sockaddr_storage *bound)
{
    const struct sockaddr_in *four = (const void *)bound;
    const struct sockaddr_in6 *six = (const void *)bound;
    return bound->ss_family == AF_INET ? (ntohl(four->sin_addr.s_addr) & 0xff000000u) == 0x7f000000u
                                       : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int name_socket(int fd, const char *scheme, char *url, size_t url_size, bool *loopback, struct error *error)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0 ||
        getnameinfo((struct sockaddr *)&bound, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return error_set(error, ERROR_IO, "cannot name the listening socket");
    }
    bool six = strchr(host, ':') != NULL;
    *loopback = is_loopback(&bound);
    snprintf(url, url_size, "%s://%s%s%s:%s", scheme, six ? "[" : "", host, six ? "]" : "", port);
    return 0;
}

int listen_on(const char *address, const char *scheme, char *url, size_t url_size, bool *loopback, struct error *error)
{
    char host[64], port[8];
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (split_address(address, host, port, error) != 0) {
        return ERROR_CONFIG;
    }
    int reason = getaddrinfo(host, port, &hints, &found);
    if (reason != 0) {
        return error_set(error, ERROR_CONFIG, "cannot listen on '%s': %s; http.listen is address:port", address,
                         gai_strerror(reason));
    }
    int fd = bind_and_listen(found, address, error);
    freeaddrinfo(found);
    if (fd >= 0 && name_socket(fd, scheme, url, url_size, loopback, error) != 0) {
        close(fd);
        fd = ERROR_IO;
    }
    return fd;
}
