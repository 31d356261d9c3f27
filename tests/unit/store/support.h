/* What the store's tests share: a directory of their own with an open store, and short ways to write and to look. */
#ifndef EDUTALLY_TESTS_STORE_SUPPORT_H
#define EDUTALLY_TESTS_STORE_SUPPORT_H

#include "store/reader.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

struct place {
    char directory[64];
    char database[96];
    char secret_file[96];
    struct secret *secret;
    struct store *store;
    struct store_reader *reader; /* NULL until place_reader */
    struct error error;
};

int place_setup(void **state);
int place_teardown(void **state);

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

/* The call must succeed; else the test fails with the error's text. */
#define MUST(place, call)                                                                                              \
    do {                                                                                                               \
        if ((call) < 0) {                                                                                              \
            fail_msg("%s: %s", #call, (place)->error.text);                                                            \
        }                                                                                                              \
    } while (0)

void place_reopen(struct place *place);
struct store_reader *place_reader(struct place *place);
void place_begin(struct place *place);
void place_commit(struct place *place);

/* Runs SQL on a connection of the test's own. */
void place_execute(const struct place *place, const char *sql);
/* The first column of the first row; fails if there is none. */
int64_t place_number(const struct place *place, const char *sql);

/* Saves the fact of a day within the open transaction, without sets. */
void place_save_day(struct place *place, const char *centre, int32_t day, const char *activity, int64_t events);

/* Size of a file in bytes, -1 if it is absent. */
int64_t file_size(const char *path);

#endif
