#include "backoff.h"

#include "base/file.h"

#include <sys/random.h>

/* Without entropy (very early boot) the clock's low bits spread the waits well enough. */
static uint64_t spread(void)
{
    uint64_t value = 0;
    if (getrandom(&value, sizeof value, GRND_NONBLOCK) != (ssize_t)sizeof value) {
        value = (uint64_t)clock_steady_ms() * 0x9e3779b97f4a7c15u;
        value ^= value >> 32;
    }
    return value;
}

int64_t backoff_next_ms(struct backoff *backoff)
{
    int64_t bound_ms = backoff->first_ms;
    for (unsigned i = 0; i < backoff->tries && bound_ms < backoff->most_ms; i++) {
        bound_ms *= 2;
    }
    if (bound_ms > backoff->most_ms) {
        bound_ms = backoff->most_ms;
    }
    backoff->tries++;
    return (int64_t)(spread() % (uint64_t)bound_ms);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->tries = 0;
}
