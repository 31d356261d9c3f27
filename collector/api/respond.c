/*
 * From an answer to what goes over the wire. Every answer carries the headers that keep a browser from doing with it
 * what it should not: nothing from elsewhere is loaded, nothing inline runs, nobody frames the page.
 */
#include "transport.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* The page takes scripts, styles, pictures and figures from here alone, and turns no text into nodes. */
static const char page_policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                                  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                  "require-trusted-types-for 'script'; trusted-types 'none'";
/* All else is data, whatever a browser takes it for. */
static const char data_policy[] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_protection(struct MHD_Response *response, const struct api *api, const struct answer *answer)
{
    bool is_page = strncmp(answer->content_type, "text/html", 9) == 0;
    /* A loopback address is never asked for over a network that could take the encryption off. */
    bool https_alone = api->tls != NULL && !api->loopback;
    return add_header(response, "Content-Security-Policy", is_page ? page_policy : data_policy) &&
           add_header(response, "X-Content-Type-Options", "nosniff") &&
           add_header(response, "X-Frame-Options", "DENY") && add_header(response, "Referrer-Policy", "no-referrer") &&
           add_header(response, "Cross-Origin-Opener-Policy", "same-origin") &&
           add_header(response, "Cross-Origin-Resource-Policy", "same-origin") &&
           add_header(response, "Strict-Transport-Security", https_alone ? "max-age=31536000" : NULL);
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
    return add_header(response, "Content-Type", answer->status != 304 ? answer->content_type : NULL) &&
           add_header(response, "Cache-Control", answer->cache_control) &&
           add_header(response, "Content-Encoding", answer->content_encoding) &&
           add_header(response, "ETag", answer->etag) &&
           add_header(response, "Vary", answer->varies ? "Accept-Encoding" : NULL) &&
           add_header(response, "Allow", answer->status == 405 ? "GET, HEAD" : NULL) &&
           add_header(response, "WWW-Authenticate", answer->authenticate) &&
           add_header(response, "Retry-After", answer->retry_after) &&
           add_header(response, "Connection", answer->closes ? "close" : NULL);
}

/* Answers wait in memory until they are taken: past a bound the next one is told to come again. */
static void make_room(struct MHD_Connection *connection, struct answer *answer)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct visitor *visitor = info != NULL ? info->socket_context : NULL;
    size_t bytes = answer->fixed != NULL ? 0 : answer->body.used;
    if (visitor == NULL || visitor_is_answered(visitor, bytes, clock_steady_ms())) {
        return;
    }
    buffer_free(&answer->body);
    *answer = (struct answer){.status = 503,
                              .content_type = "application/problem+json",
                              .cache_control = "no-store",
                              .retry_after = "10",
                              .closes = true};
    buffer_add_text(&answer->body, "{\"title\":\"Too much at once\",\"status\":503,\"detail\":\"so many large answers "
                                   "are on their way that there is no memory for another: ask again later\"}\n");
    visitor_is_answered(visitor, 0, clock_steady_ms());
}

enum MHD_Result transport_respond(struct api *api, struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response;
    make_room(connection, answer);
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
        bool complete = add_protection(response, api, answer) && add_headers(response, answer);
        result = complete ? MHD_queue_response(connection, answer->status, response) : MHD_NO;
        MHD_destroy_response(response);
    }
    buffer_free(&answer->body);
    return result;
}
