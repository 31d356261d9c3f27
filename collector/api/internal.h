/*
 * Inside the room: a request becomes a call, a handler fills its answer, and only api.c and respond.c know that
 * libmicrohttpd carries both. So every route can be tested without a socket.
 */
#ifndef EDUTALLY_API_INTERNAL_H
#define EDUTALLY_API_INTERNAL_H

#include "api/adoption.h"
#include "api/api.h"
#include "api/tokens.h"
#include "base/buffer.h"
#include "base/zone.h"
#include "peer.h"
#include "store/reader.h"
#include "visitors.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    API_WORKERS = 4,       /* threads, and so readers of the store */
    API_IDLE_SECONDS = 60, /* then the library closes a silent connection, should the visitors' watch not have */
    API_HEADER_BYTES = 16384,
    API_TARGET_BYTES = 8192, /* path and query as they come */
    API_PATH_BYTES = 512,
    API_VALUE_BYTES = 256, /* of one parameter */
    API_MAX_PARAMETERS = 12,
    API_MAX_ROWS = 100000, /* of one answer */
    API_MAX_CENTRES = 1000 /* of one page, rejected rows too */
};

struct request_parameter {
    const char *name, *value;
};

/* Path and parameters lie in `memory`; headers belong to the connection, live until the answer is queued, and are NULL
 * if absent. */
struct request {
    const char *path;
    const char *host;
    const char *accept;
    const char *accept_encoding;
    const char *authorization;
    const char *if_none_match;
    struct request_parameter parameters[API_MAX_PARAMETERS];
    size_t parameter_count;
    const char *fault; /* what is wrong with the request as such, or NULL */
    unsigned fault_status;
    struct peer peer;
    bool begun; /* the library has shown it once */
    const char
        *target; /* as it came, and so long; the library has taken it apart since: where it lies is known, no more */
    size_t target_length;
    char memory[API_TARGET_BYTES + 2 * API_MAX_PARAMETERS + 2];
};

/* target.c. Reads "/path?name=value&…" into path and parameters; false: `fault` says why not. */
bool target_parse(const char *raw, struct request *request);
/* Whether a Host header is an address in digits or localhost. */
bool host_is_local_name(const char *host);

struct answer {
    unsigned status;
    const char *content_type;
    const char *cache_control;
    const char *content_encoding; /* or NULL */
    const char *etag;             /* with its quotes, or NULL */
    const char *authenticate;     /* WWW-Authenticate, or NULL */
    const char *retry_after;      /* seconds, or NULL */
    bool varies;                  /* by Accept-Encoding */
    bool closes;                  /* the connection, afterwards */
    struct buffer body;
    const void *fixed; /* instead of `body`: bytes of the program itself */
    size_t fixed_bytes;
};

/* What one worker reads with. Taken for the length of a call. */
struct desk {
    bool taken;
    struct store_reader *reader; /* NULL until the first question, and after a failure */
    struct zone *zone;
};

struct desks {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct desk list[API_WORKERS];
};

int desks_open(struct desks *desks, const struct zone *zone);
struct desk *desks_take(struct desks *desks); /* waits while all are taken */
void desks_give_back(struct desks *desks, struct desk *desk);
void desks_close(struct desks *desks);

/*
 * Whether commits keep up with the journal, as far as those who ask can see: at each question the counters are looked
 * at. A record seen waiting is remembered until it is committed. Any thread.
 */
struct watch {
    pthread_mutex_t lock;
    bool waiting;
    int64_t awaited_position; /* the journal's end when it was last seen ahead */
    int64_t awaited_since_ms; /* steady clock */
    int64_t last_committed;
    int64_t last_moved_ms; /* steady clock: when last_committed was seen to change, or nothing was waiting */
};

struct progress {
    bool started;       /* anything was ever journaled */
    int64_t lag_ms;     /* how long a record that was seen is waiting; 0: none waits */
    int64_t stalled_ms; /* how long no commit came although records wait */
};

int watch_open(struct watch *watch);
void watch_close(struct watch *watch);
struct progress watch_look(struct watch *watch, const struct counters *counters, int64_t now_steady_ms);

enum { THROTTLE_PEERS = 256, THROTTLE_BURST = 10, THROTTLE_INTERVAL_MS = 6000 };

struct throttled_peer {
    struct peer peer;
    int64_t until_ms; /* steady clock: until then its failures are remembered */
};

/* Wrong tokens by address: a burst, then one in an interval. Any thread. */
struct throttle {
    pthread_mutex_t lock;
    struct throttled_peer peers[THROTTLE_PEERS];
};

int throttle_open(struct throttle *throttle);
void throttle_close(struct throttle *throttle);
/* Another wrong token: whether that is one too many. */
bool throttle_failed(struct throttle *throttle, const struct peer *peer, int64_t now_ms);

enum access_result { ACCESS_GRANTED, ACCESS_ANONYMOUS, ACCESS_WRONG, ACCESS_TOO_LITTLE };

struct access_verdict {
    enum access_result result;
    const struct token *token; /* NULL unless it was found */
};

/* The token of an Authorization header, `*length` bytes of it, or NULL. Pure, as is the next. */
const char *access_bearer(const char *authorization, size_t *length);
struct access_verdict access_judge(const struct tokens *tokens, const char *authorization, enum token_scope needed);

struct MHD_Daemon;

struct api {
    struct MHD_Daemon *daemon;
    int listen_fd; /* ours; each daemon has a duplicate. -1 before it is there */
    char url[104];
    char version[48];
    bool loopback;
    const struct settings *settings;
    struct counters *counters;
    pthread_rwlock_t world_lock; /* read while a call is answered: world and tokens */
    struct api_world world;
    struct tokens tokens;
    struct tls_files *tls; /* NULL: plain HTTP */
    struct desks desks;
    struct watch watch;
    struct throttle throttle;
    struct visitors visitors;
};

struct call {
    struct api *api;
    const struct request *request;
    const char *tail; /* what follows a route that ends in '/' */
    struct answer *answer;
    struct desk *desk;
    const struct api_world *world;
    const struct tokens *tokens; /* NULL: nobody needs one */
    bool trusted;                /* has a token, or needs none */
    int64_t now_ms;
    int32_t today;
    bool reading; /* a snapshot of the store is held */
};

/* access.c. Whether the request may have what asks for `needed`; false: the answer says why not. */
bool access_check(struct call *call, enum token_scope needed, int64_t now_steady_ms);

/* Answers one GET; everything but the transport. */
void route_request(struct api *api, const struct request *request, struct answer *answer);

/* Handlers. */
void answer_health(struct call *call);
void answer_ready(struct call *call);
void answer_metrics(struct call *call);
void answer_metrics_centres(struct call *call);
void answer_status(struct call *call);
void answer_indicators(struct call *call);
void answer_adoption(struct call *call);
void answer_centres(struct call *call);
void answer_centre(struct call *call);
void answer_rejected(struct call *call);
void answer_asset(struct call *call); /* 404 if there is no such file */

/* What handlers share (call.c). */

/* The value of a parameter; NULL if it is absent or empty. */
const char *call_parameter(const struct call *call, const char *name);

/* True if the client wants CSV; false with call_is_bad set for a format that does not exist. */
enum rows_format call_format(struct call *call);

/* Opens the store and holds a snapshot until the call ends. False: the answer says why not. */
bool call_read_store(struct call *call);

/* Makes the answer an RFC 9457 problem document. */
void call_problem(struct call *call, unsigned status, const char *title, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
/* A read failed: 500, and the reader is opened anew next time. */
void call_store_failed(struct call *call, const struct error *error);
bool call_has_failed(const struct call *call);

/* Reads ?limit=, 1 to API_MAX_CENTRES, `usual` if absent; false: the answer says why. */
bool call_limit(struct call *call, size_t usual, size_t *limit);
/* Reads ?period= into days; false: the answer says why. */
bool call_period(struct call *call, const char *name, enum period_kind *kind, int32_t *period);
/* The area code of a parameter, checked against the registry; `fallback` if absent. NULL: the answer says why. */
const char *call_area(struct call *call, const char *name, const char *fallback);
/* The indicator of ?indicator=; NULL if absent or, with the answer saying so, unknown. */
const struct indicator *call_indicator(struct call *call);
struct adoption_question call_question(const struct call *call);

/* Local RFC 3339 or null. */
void call_add_time(const struct call *call, struct buffer *out, int64_t t_ms);

/* `what` is "text/csv" or an encoding; its quality in an Accept or Accept-Encoding header, 0 if it is not accepted. */
double accept_quality(const char *header, const char *what);

/* Whether an If-None-Match header has the tag. */
bool etag_matches(const char *header, const char *etag);

/* The page's files, made by embed_assets at build time, sorted by path. */
struct asset {
    const char *path; /* "/index.html" */
    const char *content_type;
    const char *etag;
    const char *etag_gzip;
    const unsigned char *bytes;
    size_t count;
    const unsigned char *gzip; /* NULL if it would not be smaller */
    size_t gzip_count;
    bool immutable; /* its name holds a hash of its content */
};
extern const struct asset assets[];
extern const size_t asset_count;

#endif
