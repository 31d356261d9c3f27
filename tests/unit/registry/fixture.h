/* Three files of a small registry in a directory of their own, each replaceable by a test. */
#ifndef EDUTALLY_TESTS_REGISTRY_FIXTURE_H
#define EDUTALLY_TESTS_REGISTRY_FIXTURE_H

#include "base/civil.h"
#include "registry/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AREA_COLUMNS   "code,name,level,parent,valid_from,valid_to,successor\n"
#define CENTRE_COLUMNS "id,name,type,area,head_count,opened,closed\n"

/* A province 1 with the district 10, which ended on 2025-07-01, and two communes that became one. */
extern const char sound_areas[], sound_centres[], sound_taxonomy[];

enum which { AREAS, CENTRES, TAXONOMY, FILES };

struct fixture {
    char directory[64];
    char paths[FILES][96];
    struct registry *registry;
    struct faults faults;
};

int set_up(void **state);
int tear_down(void **state);

/* Writes the three files (NULL: the sound one) and loads them in place of what was loaded before. */
int load(struct fixture *fixture, const char *areas, const char *centres, const char *taxonomy);

/* As load; the test fails if there is a fault. */
const struct registry *must_load(struct fixture *fixture, const char *areas, const char *centres, const char *taxonomy);

void write_file(const char *path, const char *bytes, size_t count);
int32_t day_of(const char *date);

#endif
