/* How long to wait before the next try: full jitter, so that many clients of one broker do not return in step
 * (M. Brooker, "Exponential Backoff And Jitter", 2015). */
#ifndef EDUTALLY_INGEST_BACKOFF_H
#define EDUTALLY_INGEST_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms; /* bound of the first wait */
    int64_t most_ms;  /* no bound is above */
    unsigned tries;   /* since the last reset */
};

/* A random wait below the bound, which doubles from try to try. */
int64_t backoff_next_ms(struct backoff *backoff);
void backoff_reset(struct backoff *backoff);

#endif
