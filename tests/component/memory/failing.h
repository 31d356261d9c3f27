/*
 * Allocations that fail on demand: one counter over all sources of memory that the program uses. Calls of our own code
 * and of what it links statically go through the linker's --wrap (see CMakeLists.txt), SQLite through its memory
 * methods, OpenSSL through its own; cJSON's hooks lead to our arena and malloc, so they are wrapped already; libcsv is
 * given its realloc when a parser is made. Under AddressSanitizer the real functions are the sanitizer's.
 */
#ifndef EDUTALLY_TESTS_MEMORY_FAILING_H
#define EDUTALLY_TESTS_MEMORY_FAILING_H

#include <stdbool.h>

/* Once, before SQLite and OpenSSL are used at all. */
void failing_install(void);

/* Lets OpenSSL initialise itself now. 3.0 does not survive a lack of memory in that: it stays unusable as long as the
 * process lives, or crashes (EVP_MD_fetch, without its context's lock). That is the start of a process, before anything
 * was received; what is tested begins after it. */
void failing_warm_up(void);

/* From now on allocations are counted, and the `n`-th fails, from 1; 0: none does. `for_good`: all after it too. */
void failing_arm(long n, bool for_good);

/* Nothing fails from now on. How many allocations were counted since failing_arm. */
long failing_disarm(void);

/* True if one failed since failing_arm. */
bool failing_struck(void);

#endif
