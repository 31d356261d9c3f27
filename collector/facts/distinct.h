/*
 * How many different keys came: exact up to DISTINCT_EXACT (a sorted list), past that HyperLogLog with 2^14 registers
 * (Flajolet et al. 2007; estimated after Ertl 2017, "New cardinality estimation algorithms for HyperLogLog sketches",
 * which needs no bias tables; standard error 0.8 %). Keys must be uniformly distributed 64-bit hashes. What a set says
 * depends on the keys alone, never on their order, so merging is a union.
 */
#ifndef EDUTALLY_FACTS_DISTINCT_H
#define EDUTALLY_FACTS_DISTINCT_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum { DISTINCT_EXACT = 4096, DISTINCT_REGISTERS = 16384 };

struct distinct {
    uint64_t *keys; /* sorted; NULL once counted by registers */
    uint32_t count;
    uint32_t size;
    unsigned char *registers; /* NULL while exact */
};

/* 1: the set changed; 0: the key was there (or changes no register); ERROR_MEMORY: the set is as it was. */
int distinct_add(struct distinct *set, uint64_t key);

/* Adds all of `other`. 0 or ERROR_MEMORY. */
int distinct_merge(struct distinct *set, const struct distinct *other);

int64_t distinct_count(const struct distinct *set);

/* As stored: appends to `out`; reads bytes that distinct_write wrote into an empty set. distinct_read: 0, ERROR_INPUT,
 * ERROR_MEMORY. */
void distinct_write(const struct distinct *set, struct buffer *out);
int distinct_read(struct distinct *set, const void *bytes, size_t count);

/* Gives up the keys for registers, for good: what is kept of a set that can no longer change. 0 or ERROR_MEMORY. */
int distinct_forget_keys(struct distinct *set);

/* Bytes of memory held beside the struct. */
size_t distinct_bytes(const struct distinct *set);

void distinct_free(struct distinct *set);

#endif
