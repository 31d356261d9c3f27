/*
 * From an answer to what goes over the wire. Every answer carries the headers that keep a browser from doing with it
 * what it should not: nothing from elsewhere is loaded, nothing inline runs, nobody frames the page.
 */
#include "transport.h"

#include <stdlib.h>

static const char *const policy = "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
                                  "base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
    return add_header(response, "Content-Security-Policy", policy) &&
           add_header(response, "X-Content-Type-Options", "nosniff") &&
           add_header(response, "Referrer-Policy", "no-referrer") &&
           add_header(response, "Content-Type", answer->status != 304 ? answer->content_type : NULL) &&
           add_header(response, "Cache-Control", answer->cache_control) &&
           add_header(response, "Content-Encoding", answer->content_encoding) &&
           add_header(response, "ETag", answer->etag) &&
           add_header(response, "Vary", answer->varies ? "Accept-Encoding" : NULL) &&
           add_header(response, "Allow", answer->status == 405 ? "GET, HEAD" : NULL);
}

enum MHD_Result transport_respond(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response;
    if (answer->fixed != NULL) {
        /* The library's parameter is not const, but it only reads what is persistent. */
        response = MHD_create_response_from_buffer(answer->fixed_bytes, (void *)(uintptr_t)answer->fixed,
                                                   MHD_RESPMEM_PERSISTENT);
    } else {
        /* The response owns the body from here on. */
        response = MHD_create_response_from_buffer(answer->body.used, answer->body.bytes, MHD_RESPMEM_MUST_FREE);
        if (response != NULL) {
            answer->body = (struct buffer){0};
        }
    }
    enum MHD_Result result = MHD_NO;
    if (response != NULL) {
        result = add_headers(response, answer) ? MHD_queue_response(connection, answer->status, response) : MHD_NO;
        MHD_destroy_response(response);
    }
    buffer_free(&answer->body);
    return result;
}
