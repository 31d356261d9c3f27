/* How far a word is from the one that was meant, for "did you mean …?". */
#ifndef EDUTALLY_BASE_WORD_DISTANCE_H
#define EDUTALLY_BASE_WORD_DISTANCE_H

#include <stddef.h>

enum { WORD_DISTANCE_MOST = 64 };

/* Insertions, deletions, substitutions and swaps of neighbours from `a` to `b` (optimal string alignment), in bytes;
 * WORD_DISTANCE_MOST if one of them is longer than that. */
size_t word_distance(const char *a, const char *b);

#endif
