/* Stands in for store/reader.h at link time: rows that the test lays in, in order of revision. Thread-safe. */
#ifndef TESTS_OUTPUT_FAKE_STORE_H
#define TESTS_OUTPUT_FAKE_STORE_H

#include "store/reader.h"

#include <stdbool.h>

/* Empty; not there at all if `absent`. */
void fake_store_reset(bool absent);
void fake_store_create(void);
/* One more usage row: its own centre "c{n}" at a revision. */
void fake_store_add(int number, int64_t revision);
/* Where outputs begin. */
void fake_store_set_cursor(int64_t revision);

#endif
