#include "echo.h"

void echo_hear(struct echo *echo, int64_t now_ms, bool own)
{
    atomic_store(&echo->heard_ms, now_ms);
    if (own) {
        atomic_store(&echo->proven, true);
    }
}

void echo_begin(struct echo *echo, int64_t now_ms)
{
    echo->unanswered = 0;
    echo->asked_ms = now_ms;
}

void echo_asked(struct echo *echo, int64_t now_ms)
{
    echo->asked_ms = now_ms;
}

/* One new connection for each time that it was seen to work: where it cannot, reconnecting for ever would not help. */
static enum echo_step miss(struct echo *echo)
{
    echo->asked_ms = 0;
    echo->unanswered++;
    if (echo->unanswered == 1) {
        return ECHO_SUBSCRIBE;
    }
    if (atomic_exchange(&echo->proven, false)) {
        return ECHO_RECONNECT;
    }
    if (echo->deaf) {
        return ECHO_WAIT;
    }
    echo->deaf = true;
    return ECHO_DEAF;
}

enum echo_step echo_next(struct echo *echo, int64_t now_ms)
{
    int64_t heard_ms = atomic_load(&echo->heard_ms);
    if (echo->asked_ms != 0 && heard_ms >= echo->asked_ms) {
        bool was_deaf = echo->deaf;
        echo->asked_ms = 0;
        echo->unanswered = 0;
        echo->deaf = false;
        return was_deaf ? ECHO_HEARD : ECHO_WAIT;
    }
    if (now_ms < echo_due_ms(echo)) {
        return ECHO_WAIT;
    }
    return echo->asked_ms != 0 ? miss(echo) : ECHO_ASK;
}

int64_t echo_due_ms(const struct echo *echo)
{
    return echo->asked_ms != 0 ? echo->asked_ms + echo->answer_ms : atomic_load(&echo->heard_ms) + echo->silence_ms;
}
