#include "base/log.h"

#include "base/civil.h"
#include "base/file.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BURST = 20, INTERVAL_MS = 10000, EVENTS = 64 };

struct limit {
    const char *event;
    int64_t since_ms;
    unsigned lines;
    unsigned left_out;
};

/* The log is the one thing shared by all rooms without a parameter: a lock and a table of limits per event name. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct limit limits[EVENTS];
static _Atomic int threshold = LOG_INFO_LEVEL;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

const char *log_safe(const char *text, char *out, unsigned size)
{
    unsigned i = 0;
    for (; text[i] != '\0' && i + 1 < size; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c < 0x20 || c == 0x7f || c == '"' || c == '\\' ? '?' : text[i];
    }
    out[i] = '\0';
    return out;
}

/* The limit of this event; the slot of another event is taken over when the table is full. */
static struct limit *limit_of(const char *event)
{
    struct limit *free_slot = &limits[EVENTS - 1];
    for (size_t i = 0; i < EVENTS; i++) {
        if (limits[i].event == NULL) {
            free_slot = &limits[i];
            break;
        }
        if (strcmp(limits[i].event, event) == 0) {
            return &limits[i];
        }
    }
    *free_slot = (struct limit){.event = event};
    return free_slot;
}

static bool may_write(const char *event, unsigned *left_out)
{
    struct limit *limit = limit_of(event);
    int64_t now_ms = clock_steady_ms();
    if (limit->since_ms == 0 || now_ms - limit->since_ms >= INTERVAL_MS) {
        limit->since_ms = now_ms;
        limit->lines = 0;
    }
    if (limit->lines >= BURST) {
        limit->left_out++;
        return false;
    }
    limit->lines++;
    *left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}

/* Reasons quote paths and peers: whatever they hold, a line stays one line and gives a terminal no orders. */
static void keep_on_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

static void write_line(enum log_level level, const char *event, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void write_line(enum log_level level, const char *event, const char *format, va_list arguments)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};
    char text[1024], stamp[CIVIL_TIME_SIZE], more[48] = "";
    unsigned left_out = 0;
    if ((int)level > atomic_load(&threshold)) {
        return;
    }
    vsnprintf(text, sizeof text, format, arguments);
    keep_on_one_line(text);
    pthread_mutex_lock(&lock);
    if (may_write(event, &left_out)) {
        if (left_out > 0) {
            snprintf(more, sizeof more, " left_out=%u", left_out);
        }
        if (getenv("JOURNAL_STREAM") != NULL) {
            fprintf(stderr, "%sevent=%s %s%s\n", priorities[level], event, text, more);
        } else {
            fprintf(stderr, "%s %s event=%s %s%s\n", civil_format_time(clock_wall_ms(), stamp), words[level], event,
                    text, more);
        }
    }
    pthread_mutex_unlock(&lock);
}

void log_error(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_ERROR_LEVEL, event, format, arguments);
    va_end(arguments);
}

void log_warning(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_WARNING_LEVEL, event, format, arguments);
    va_end(arguments);
}

void log_info(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_INFO_LEVEL, event, format, arguments);
    va_end(arguments);
}

void log_debug(const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(LOG_DEBUG_LEVEL, event, format, arguments);
    va_end(arguments);
}
