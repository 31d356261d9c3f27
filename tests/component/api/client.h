/* A plain HTTP client: one request a connection, the answer as it came. */
#ifndef EDUTALLY_TESTS_CLIENT_H
#define EDUTALLY_TESTS_CLIENT_H

#include "base/buffer.h"

struct reply {
    int status;
    struct buffer whole; /* NUL ended */
    const char *head;    /* status line and headers, NUL ended */
    const char *body;
    size_t body_bytes;
};

/* Sends `method` `target` with `headers` (each ending with CRLF, "" for none) to the server at `url`; fails the test
 * when it gives no answer. Free with reply_free. */
void client_ask(struct reply *reply, const char *url, const char *method, const char *target, const char *headers);
void reply_free(struct reply *reply);

/* Sends bytes as they are; whatever comes back before the server closes. */
void client_send(struct buffer *answer, const char *url, const char *bytes, size_t count);

/* The value of a header, or NULL; valid until the next call. */
const char *reply_header(const struct reply *reply, const char *name);

#endif
