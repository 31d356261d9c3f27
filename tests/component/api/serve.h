/* The server on the small world, and one reply at a time. */
#ifndef EDUTALLY_TESTS_SERVE_H
#define EDUTALLY_TESTS_SERVE_H

#include "client.h"
#include "internal.h"
#include "small_world.h"

#include <cJSON.h>

struct served_world {
    struct small_world files;
    struct settings settings;
    struct registry *registry;
    struct indicators indicators;
    struct zone *zone;
    struct counters counters;
    struct api *api;
};

extern struct served_world world;
extern struct reply reply; /* of the last get */

/* `more` as in small_world_make. */
void serve_start(const char *more);
/* The same in two steps: in between world.settings can be changed. */
void serve_prepare(const char *more);
void serve_open(void);
void serve_stop(void);

/* For cmocka: set-up and tear-down of a test. */
int serve_begin(void **state);
int serve_end(void **state);

void get(const char *target);
void get_with(const char *target, const char *headers);

/* The last reply: its body has the text; it is an RFC 9457 problem with the word in its detail; it is JSON (caller
 * deletes). */
void assert_has(const char *text);
void assert_problem(int status, const char *word);
cJSON *parse_reply(void);

#endif
