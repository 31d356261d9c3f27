#include "bell.h"

#include "base/error.h"

#include <time.h>

int bell_init(struct bell *bell)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed != 0) {
        return ERROR_MEMORY;
    }
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
             pthread_cond_init(&bell->rung, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    if (failed) {
        return ERROR_MEMORY;
    }
    if (pthread_mutex_init(&bell->lock, NULL) != 0) {
        pthread_cond_destroy(&bell->rung);
        return ERROR_MEMORY;
    }
    return 0;
}

void bell_destroy(struct bell *bell)
{
    pthread_cond_destroy(&bell->rung);
    pthread_mutex_destroy(&bell->lock);
}

void bell_wait(struct bell *bell, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&bell->rung, &bell->lock, &until);
}
