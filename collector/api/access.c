/*
 * Who may ask: the bearer token of a request against the tokens in force and the scope that the route asks for.
 *
 * Wrong tokens are counted per address (of IPv6 per /64, which is what one customer gets): past a burst they are
 * answered with 429. A right token is let in even then. 256 random bits are not guessed at any rate, so the limit is
 * there for the log and the processor; if it shut the address out, anybody behind the same NAT or proxy could lock all
 * others out by asking with nonsense.
 */
#include "internal.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

const char *access_bearer(const char *authorization, size_t *length)
{
    static const char scheme[] = "Bearer";
    size_t word = sizeof scheme - 1;
    if (authorization == NULL || strncasecmp(authorization, scheme, word) != 0 ||
        (authorization[word] != ' ' && authorization[word] != '\t')) {
        return NULL;
    }
    const char *token = authorization + word + strspn(authorization + word, " \t");
    *length = strcspn(token, " \t");
    bool alone = token[*length + strspn(token + *length, " \t")] == '\0';
    return *length > 0 && alone ? token : NULL;
}

struct access_verdict access_judge(const struct tokens *tokens, const char *authorization, enum token_scope needed)
{
    size_t length = 0;
    const char *text = access_bearer(authorization, &length);
    if (text == NULL) {
        return (struct access_verdict){authorization == NULL ? ACCESS_ANONYMOUS : ACCESS_WRONG, NULL};
    }
    const struct token *token = tokens_find(tokens, text, length);
    if (token == NULL) {
        return (struct access_verdict){ACCESS_WRONG, NULL};
    }
    return (struct access_verdict){token->scope >= needed ? ACCESS_GRANTED : ACCESS_TOO_LITTLE, token};
}

void peer_of(const struct sockaddr *address, struct peer *peer)
{
    *peer = (struct peer){.bytes = {0}};
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)address;
        memset(peer->bytes + 10, 0xff, 2); /* ::ffff:a.b.c.d */
        memcpy(peer->bytes + 12, &four->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
        memcpy(peer->bytes, &six->sin6_addr, mapped ? 16 : 8);
    }
}

int throttle_open(struct throttle *throttle)
{
    *throttle = (struct throttle){.peers = {{.until_ms = 0}}};
    return pthread_mutex_init(&throttle->lock, NULL) == 0 ? 0 : ERROR_MEMORY;
}

void throttle_close(struct throttle *throttle)
{
    pthread_mutex_destroy(&throttle->lock);
}

/* The generic cell rate algorithm (ITU-T I.371): one number per address, the time at which all its failures are paid
 * for. A full table forgets the address that is nearest to that, so what an attacker with many addresses gains is
 * that some of his own are forgotten. */
bool throttle_failed(struct throttle *throttle, const struct peer *peer, int64_t now_ms)
{
    struct throttled_peer *slot = &throttle->peers[0];
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < THROTTLE_PEERS; i++) {
        struct throttled_peer *one = &throttle->peers[i];
        if (memcmp(&one->peer, peer, sizeof *peer) == 0) {
            slot = one;
            break;
        }
        slot = one->until_ms < slot->until_ms ? one : slot;
    }
    if (memcmp(&slot->peer, peer, sizeof *peer) != 0 || slot->until_ms < now_ms) {
        *slot = (struct throttled_peer){.peer = *peer, .until_ms = now_ms};
    }
    bool over = slot->until_ms > now_ms + (int64_t)(THROTTLE_BURST - 1) * THROTTLE_INTERVAL_MS;
    slot->until_ms += over ? 0 : THROTTLE_INTERVAL_MS;
    pthread_mutex_unlock(&throttle->lock);
    return over;
}

static void log_failure(const struct peer *peer)
{
    char address[INET6_ADDRSTRLEN];
    bool four = memcmp(peer->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    inet_ntop(four ? AF_INET : AF_INET6, peer->bytes + (four ? 12 : 0), address, sizeof address);
    log_warning("http_token_refused", "address=%s%s", address, four ? "" : "/64");
}

static void refuse(struct call *call, enum access_result result, bool throttled)
{
    struct answer *answer = call->answer;
    if (throttled) {
        answer->retry_after = "60";
        answer->closes = true;
        call_problem(call, 429, "Too many wrong tokens", "too many from this address: ask again in a minute");
    } else if (result == ACCESS_TOO_LITTLE) {
        answer->authenticate = "Bearer realm=\"edutally\", error=\"insufficient_scope\", scope=\"admin\"";
        call_problem(call, 403, "Not for this token",
                     "the token's scope is read, this takes admin: `edutally token new --scope admin` makes one");
    } else if (result == ACCESS_WRONG) {
        answer->authenticate = "Bearer realm=\"edutally\", error=\"invalid_token\"";
        call_problem(call, 401, "Unknown token", "nobody has this token, or no longer: ask the operator for another");
    } else {
        answer->authenticate = "Bearer realm=\"edutally\"";
        call_problem(
            call, 401, "A token is needed",
            "send the header \"Authorization: Bearer TOKEN\"; the operator makes one with `edutally token new`");
    }
}

bool access_check(struct call *call, enum token_scope needed, int64_t now_steady_ms)
{
    const struct tokens *tokens = call->tokens;
    if (tokens == NULL) {
        call->trusted = true;
        return true;
    }
    struct access_verdict verdict = access_judge(tokens, call->request->authorization, needed);
    call->trusted = verdict.result == ACCESS_GRANTED;
    if (call->trusted || needed == TOKEN_NOBODY) {
        return true;
    }
    bool throttled =
        verdict.result == ACCESS_WRONG && throttle_failed(&call->api->throttle, &call->request->peer, now_steady_ms);
    if (verdict.result == ACCESS_WRONG) {
        log_failure(&call->request->peer);
    }
    counter_add(call->api->counters, COUNTER_http_unauthorised, 1);
    counter_add(call->api->counters, COUNTER_http_throttled, throttled ? 1 : 0);
    refuse(call, verdict.result, throttled);
    return false;
}
