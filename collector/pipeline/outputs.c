/*
 * The mailbox between the outputs' threads and the pipeline: one writer writes the store, so outputs leave here what
 * must be kept, and the next commit takes it along. Bounded: a cursor per output and series, and REFUSED_MOST refused
 * points.
 */
#include "internal.h"

#include "base/file.h"
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURSORS_MOST = 128, REFUSED_MOST = 1000 };

struct cursor {
    char output[65];
    char series[32];
    int64_t revision;
};

struct refused {
    char output[65];
    char *line;
    char *reason;
    int64_t at_ms;
};

struct left_by_outputs {
    pthread_mutex_t lock;
    struct cursor cursors[CURSORS_MOST];
    size_t cursor_count;
    struct refused refused[REFUSED_MOST];
    size_t refused_count;
    size_t cursors_taken, refused_taken; /* by the commit under way */
};

struct left_by_outputs *outputs_new(void)
{
    struct left_by_outputs *left = calloc(1, sizeof *left);
    if (left != NULL) {
        pthread_mutex_init(&left->lock, NULL);
    }
    return left;
}

static void drop_refused(struct left_by_outputs *left, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(left->refused[i].line);
        free(left->refused[i].reason);
    }
    memmove(left->refused, left->refused + count, (left->refused_count - count) * sizeof left->refused[0]);
    left->refused_count -= count;
}

void outputs_free(struct left_by_outputs **left)
{
    if (*left != NULL) {
        drop_refused(*left, (*left)->refused_count);
        pthread_mutex_destroy(&(*left)->lock);
        free(*left);
        *left = NULL;
    }
}

void outputs_save_cursor(void *context, const char *output, const char *series, int64_t revision)
{
    struct left_by_outputs *left = context;
    pthread_mutex_lock(&left->lock);
    struct cursor *cursor = NULL;
    /* One that a commit is just taking is left alone: a second entry is saved after it. */
    for (size_t i = left->cursors_taken; i < left->cursor_count && cursor == NULL; i++) {
        if (strcmp(left->cursors[i].output, output) == 0 && strcmp(left->cursors[i].series, series) == 0) {
            cursor = &left->cursors[i];
        }
    }
    if (cursor == NULL && left->cursor_count < CURSORS_MOST) {
        cursor = &left->cursors[left->cursor_count++];
        snprintf(cursor->output, sizeof cursor->output, "%s", output);
        snprintf(cursor->series, sizeof cursor->series, "%s", series);
    }
    if (cursor != NULL) { /* without room it is saved another time: a cursor that lags repeats points, no more */
        cursor->revision = revision;
    }
    pthread_mutex_unlock(&left->lock);
}

void outputs_refused(void *context, const char *output, const char *line, const char *reason)
{
    struct left_by_outputs *left = context;
    pthread_mutex_lock(&left->lock);
    if (left->refused_count == REFUSED_MOST) {
        log_warning("refused_points_dropped", "output=%s note=\"more refused points than can be kept at once\"",
                    output);
    } else {
        struct refused *refused = &left->refused[left->refused_count++];
        *refused = (struct refused){.line = strdup(line), .reason = strdup(reason), .at_ms = clock_wall_ms()};
        if (refused->line == NULL || refused->reason == NULL) {
            log_warning("refused_points_dropped", "output=%s note=\"out of memory\"", output);
        }
        snprintf(refused->output, sizeof refused->output, "%s", output);
    }
    pthread_mutex_unlock(&left->lock);
}

bool outputs_left_something(struct left_by_outputs *left)
{
    pthread_mutex_lock(&left->lock);
    bool something = left->cursor_count > 0 || left->refused_count > 0;
    pthread_mutex_unlock(&left->lock);
    return something;
}

int outputs_save(struct left_by_outputs *left, struct store *store, struct error *error)
{
    int result = 0;
    pthread_mutex_lock(&left->lock);
    left->cursors_taken = left->cursor_count;
    left->refused_taken = left->refused_count;
    for (size_t i = 0; i < left->cursors_taken && result == 0; i++) {
        const struct cursor *cursor = &left->cursors[i];
        result = store_cursor_save(store, cursor->output, cursor->series, cursor->revision, error);
    }
    for (size_t i = 0; i < left->refused_taken && result == 0; i++) {
        const struct refused *refused = &left->refused[i];
        if (refused->line != NULL && refused->reason != NULL) {
            result = store_refused_add(store, refused->output, refused->line, refused->reason, refused->at_ms, error);
        }
    }
    if (result != 0) {
        left->cursors_taken = left->refused_taken = 0;
    }
    pthread_mutex_unlock(&left->lock);
    return result;
}

void outputs_saved(struct left_by_outputs *left)
{
    pthread_mutex_lock(&left->lock);
    memmove(left->cursors, left->cursors + left->cursors_taken,
            (left->cursor_count - left->cursors_taken) * sizeof left->cursors[0]);
    left->cursor_count -= left->cursors_taken;
    drop_refused(left, left->refused_taken);
    left->cursors_taken = left->refused_taken = 0;
    pthread_mutex_unlock(&left->lock);
}
