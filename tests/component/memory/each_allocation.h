/*
 * Runs a scenario again and again, each time in a process of its own in which another allocation fails: the first, the
 * second, and so on to the last, once alone and once with all after it. What a run leaves unfreed is a leak
 * (LeakSanitizer), what it does not survive is a crash, what does not end is a hang; each is shown with its number.
 *
 * EDUTALLY_TEST_LONG=1: every allocation. Otherwise every so many-th from a start by the clock, which is printed as
 * EDUTALLY_TEST_SEED=… and read back from there. EDUTALLY_TEST_EVERY=k: every k-th. EDUTALLY_TEST_ALLOCATION=n or n+
 * (for good): that run alone. EDUTALLY_TEST_SERIES=name: no other series.
 */
#ifndef EDUTALLY_TESTS_MEMORY_EACH_ALLOCATION_H
#define EDUTALLY_TESTS_MEMORY_EACH_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

/* One run. It arms (failing_arm with `n` and `for_good`) and disarms around what is under test, and aborts or exits
 * with 1, having said why, if a promise is broken. Returns how many allocations it counted. */
typedef long allocation_scenario(long n, bool for_good);

/* First thing in main: replaces the allocators, and notes who handles crashes before cmocka does. */
void each_allocation_begin(void);

/* At most about `most` runs in the short form. Fails the cmocka test at the first run that breaks a promise. */
void each_allocation(const char *name, allocation_scenario *scenario, size_t most);

/* For scenarios: says what is wrong and ends the run. */
#define PROMISE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            broken_promise(__FILE__, __LINE__, __VA_ARGS__);                                                           \
        }                                                                                                              \
    } while (0)
void broken_promise(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

#endif
