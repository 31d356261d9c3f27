/*
 * A worker reads the store at a desk: a read-only connection and a zone handle, neither of which two threads may use at
 * once. There are as many desks as workers, so nobody waits for long.
 */
#include "internal.h"

int desks_open(struct desks *desks, const struct zone *zone)
{
    *desks = (struct desks){0};
    if (pthread_mutex_init(&desks->lock, NULL) != 0) {
        return ERROR_MEMORY;
    }
    if (pthread_cond_init(&desks->freed, NULL) != 0) {
        pthread_mutex_destroy(&desks->lock);
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < API_WORKERS; i++) {
        desks->list[i].zone = zone_copy(zone);
        if (desks->list[i].zone == NULL) {
            desks_close(desks);
            return ERROR_MEMORY;
        }
    }
    return 0;
}

static struct desk *find_free(struct desks *desks)
{
    for (size_t i = 0; i < API_WORKERS; i++) {
        if (!desks->list[i].taken) {
            return &desks->list[i];
        }
    }
    return NULL;
}

struct desk *desks_take(struct desks *desks)
{
    struct desk *desk;
    pthread_mutex_lock(&desks->lock);
    while ((desk = find_free(desks)) == NULL) {
        pthread_cond_wait(&desks->freed, &desks->lock);
    }
    desk->taken = true;
    pthread_mutex_unlock(&desks->lock);
    return desk;
}

void desks_give_back(struct desks *desks, struct desk *desk)
{
    pthread_mutex_lock(&desks->lock);
    desk->taken = false;
    pthread_cond_signal(&desks->freed);
    pthread_mutex_unlock(&desks->lock);
}

void desks_close(struct desks *desks)
{
    for (size_t i = 0; i < API_WORKERS; i++) {
        store_reader_close(&desks->list[i].reader);
        zone_close(&desks->list[i].zone);
    }
    pthread_cond_destroy(&desks->freed);
    pthread_mutex_destroy(&desks->lock);
}
