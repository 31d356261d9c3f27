/*
 * Log lines for machines and people alike: `event=… key=value …` on standard error, one line each, with the level in
 * front ("<6>" style prefixes under systemd, words elsewhere). Each event name is limited to a burst of lines per
 * interval; what was left out is counted in the next line of that event. Safe from any thread.
 */
#ifndef EDUTALLY_BASE_LOG_H
#define EDUTALLY_BASE_LOG_H

enum log_level { LOG_ERROR_LEVEL, LOG_WARNING_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

/* Lines above `level` are dropped from now on. */
void log_set_level(enum log_level level);

/* `event` is a word of the program's own; `format` gives "key=value key=value". Values from outside go through %s in
 * double quotes only after log_safe. */
void log_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies at most size - 1 bytes with control characters, quotes and backslashes replaced by '?'; returns `out`. */
const char *log_safe(const char *text, char *out, unsigned size);

#endif
