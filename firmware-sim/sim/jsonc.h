/*
 * A configuration file: JSON with comments, read so that every fault is told with file, line, place and remedy, and
 * all of them in one run. Getters return a default when they fail, and
 * count the fault; the reader looks at jsonc_fault_count once at the end.
 */
#ifndef SIM_JSONC_H
#define SIM_JSONC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

struct jsonc_faults {
    int count;
    char text[8192]; /* one fault a line; later ones are counted only */
    size_t length;
};

/* A place in the file: a value, and the way to it. */
struct jsonc_node {
    struct jsonc *file;
    const struct cJSON *value; /* NULL: absent */
    char place[192];
};

/* Takes nothing; on 0 the caller frees with jsonc_close. Negative: `faults` says why. */
int jsonc_open(const char *path, struct jsonc_faults *faults, struct jsonc **file);
void jsonc_close(struct jsonc **file);
struct jsonc_node jsonc_root(struct jsonc *file);

/* Adds a fault at a node: what is wrong and what to do. */
void jsonc_fault(const struct jsonc_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a fault that belongs to no line, or to a line of a file that is not JSON (line > 0). */
void jsonc_fault_at(struct jsonc_faults *faults, const char *path, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The member `key`. If it must be there and is not, that is a fault. */
struct jsonc_node jsonc_member(const struct jsonc_node *node, const char *key, bool required);
/* Children of an object or an array, in the file's order: for (c = jsonc_first(n); c.value; c = jsonc_next(&c)). */
struct jsonc_node jsonc_first(const struct jsonc_node *node);
struct jsonc_node jsonc_next(const struct jsonc_node *child);
/* The first element of what must be a list; an absent node has none. */
struct jsonc_node jsonc_first_element(const struct jsonc_node *node);
/* The child's key, "" in an array. Borrowed from the file. */
const char *jsonc_key(const struct jsonc_node *child);
/* Every key of the object must be in the NULL-ended list ("$schema" always is). */
void jsonc_known_keys(const struct jsonc_node *node, const char *const *keys);

bool jsonc_is_object(const struct jsonc_node *node);
bool jsonc_is_array(const struct jsonc_node *node);
bool jsonc_is_string(const struct jsonc_node *node);

/* Value of the node itself; an absent node gives `fallback` without a fault. */
double jsonc_number(const struct jsonc_node *node, double minimum, double maximum, double fallback);
int64_t jsonc_integer(const struct jsonc_node *node, int64_t minimum, int64_t maximum, int64_t fallback);
/* Copies a string of 1 to size - 1 bytes; "" if it is absent or faulty. */
void jsonc_string(const struct jsonc_node *node, char *text, size_t size);
/* "2026-02-14" to a day. */
int32_t jsonc_date(const struct jsonc_node *node, int32_t fallback);

#endif
