#include "fake_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 4096 };

struct row {
    int number;
    int64_t revision;
};

static struct {
    pthread_mutex_t lock;
    bool absent;
    struct row rows[ROWS]; /* by revision */
    int count;
    int64_t cursor;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct store_reader {
    int nothing;
};

void fake_store_reset(bool absent)
{
    pthread_mutex_lock(&store.lock);
    store.absent = absent;
    store.count = 0;
    store.cursor = 0;
    pthread_mutex_unlock(&store.lock);
}

void fake_store_create(void)
{
    pthread_mutex_lock(&store.lock);
    store.absent = false;
    pthread_mutex_unlock(&store.lock);
}

void fake_store_set_cursor(int64_t revision)
{
    pthread_mutex_lock(&store.lock);
    store.cursor = revision;
    pthread_mutex_unlock(&store.lock);
}

void fake_store_add(int number, int64_t revision)
{
    pthread_mutex_lock(&store.lock);
    if (store.count < ROWS) {
        store.rows[store.count++] = (struct row){.number = number, .revision = revision};
    }
    pthread_mutex_unlock(&store.lock);
}

const char *store_series_name(enum store_series series)
{
    static const char *const names[] = {"usage", "usage_hour", "adoption", "centre_adoption"};
    return names[series];
}

int store_reader_open(struct store_reader **reader, const char *data_dir, struct error *error)
{
    (void)data_dir;
    pthread_mutex_lock(&store.lock);
    bool absent = store.absent;
    pthread_mutex_unlock(&store.lock);
    *reader = absent ? NULL : calloc(1, sizeof **reader);
    return *reader == NULL ? error_set(error, ERROR_MISSING, "no store yet") : 0;
}

void store_reader_close(struct store_reader **reader)
{
    free(*reader);
    *reader = NULL;
}

static int64_t latest(void)
{
    return store.count == 0 ? 0 : store.rows[store.count - 1].revision;
}

int store_reader_revision(struct store_reader *reader, int64_t *revision, struct error *error)
{
    (void)reader, (void)error;
    pthread_mutex_lock(&store.lock);
    *revision = latest();
    pthread_mutex_unlock(&store.lock);
    return 0;
}

int store_read_cursor(struct store_reader *reader, const char *output, enum store_series series, int64_t *revision,
                      struct error *error)
{
    (void)reader, (void)output, (void)series, (void)error;
    pthread_mutex_lock(&store.lock);
    *revision = store.cursor;
    pthread_mutex_unlock(&store.lock);
    return 0;
}

/* key[0] is the row's place in the list, plus one. */
int store_read_changes(struct store_reader *reader, enum store_series series, struct change_cursor *cursor, int limit,
                       change_each *each, void *context, struct error *error)
{
    int given = 0, result = 0;
    (void)reader, (void)error;
    pthread_mutex_lock(&store.lock);
    for (int i = 0; series == SERIES_USAGE && i < store.count && given < limit && result == 0; i++) {
        char centre[32];
        const struct row *row = &store.rows[i];
        bool before = row->revision < cursor->revision ||
                      (row->revision == cursor->revision && (cursor->complete || i < cursor->key[0]));
        if (before) {
            continue;
        }
        snprintf(centre, sizeof centre, "c%d.", row->number);
        struct change_row change = {.series = SERIES_USAGE,
                                    .revision = row->revision,
                                    .centre = centre,
                                    .activity = "teaching",
                                    .day = 20000,
                                    .events = row->revision};
        result = each(context, &change);
        *cursor = (struct change_cursor){.revision = row->revision, .key = {i + 1}};
        given++;
    }
    cursor->complete = given < limit;
    cursor->revision = cursor->complete ? latest() : cursor->revision;
    pthread_mutex_unlock(&store.lock);
    return result;
}
