/*
 * A centre-day has tens to hundreds of users: a sorted list with binary insertion is smaller and faster than any table
 * up to the bound, is already in the form in which it is stored, and merges linearly.
 */
#include "facts/distinct.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRECISION = 14,
    LONGEST_RUN = 64 - PRECISION,
    KIND_EXACT = 1,
    KIND_REGISTERS = 2,
    KIND_SPARSE = 3,
    SPARSE_ENTRY = 3
};

/* True if the register changed. */
static int registers_add(unsigned char *registers, uint64_t key)
{
    uint64_t place = key >> (64 - PRECISION);
    uint64_t rest = key << PRECISION;
    unsigned char rank = (unsigned char)(rest == 0 ? LONGEST_RUN + 1 : __builtin_clzll(rest) + 1);
    if (registers[place] >= rank) {
        return 0;
    }
    registers[place] = rank;
    return 1;
}

static int go_over_to_registers(struct distinct *set)
{
    unsigned char *registers = calloc(DISTINCT_REGISTERS, 1);
    if (registers == NULL) {
        return ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        registers_add(registers, set->keys[i]);
    }
    free(set->keys);
    *set = (struct distinct){.registers = registers};
    return 0;
}

static uint32_t place_of(const struct distinct *set, uint64_t key)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int distinct_add(struct distinct *set, uint64_t key)
{
    if (set->registers != NULL) {
        return registers_add(set->registers, key);
    }
    uint32_t place = place_of(set, key);
    if (place < set->count && set->keys[place] == key) {
        return 0;
    }
    if (set->count == DISTINCT_EXACT) {
        int result = go_over_to_registers(set);
        return result != 0 ? result : (registers_add(set->registers, key), 1);
    }
    if (set->count == set->size) {
        uint32_t size = set->size == 0 ? 4 : set->size * 2;
        uint64_t *grown = realloc(set->keys, size * sizeof *grown);
        if (grown == NULL) {
            return ERROR_MEMORY;
        }
        set->keys = grown;
        set->size = size;
    }
    memmove(&set->keys[place + 1], &set->keys[place], (set->count - place) * sizeof *set->keys);
    set->keys[place] = key;
    set->count++;
    return 1;
}

int distinct_merge(struct distinct *set, const struct distinct *other)
{
    if (other->registers != NULL) {
        if (set->registers == NULL && go_over_to_registers(set) != 0) {
            return ERROR_MEMORY;
        }
        for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
            if (set->registers[i] < other->registers[i]) {
                set->registers[i] = other->registers[i];
            }
        }
        return 0;
    }
    for (uint32_t i = 0; i < other->count; i++) {
        if (distinct_add(set, other->keys[i]) < 0) {
            return ERROR_MEMORY;
        }
    }
    return 0;
}

/* Ertl 2017, algorithm 6 and the functions sigma and tau of section 2.3. */
static double sigma(double x)
{
    if (x == 1.0) {
        return INFINITY;
    }
    double y = 1.0, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0.0 || x == 1.0) {
        return 0.0;
    }
    double y = 1.0, z = 1.0 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
    } while (z != before);
    return z / 3.0;
}

static int64_t registers_estimate(const unsigned char *registers)
{
    double histogram[LONGEST_RUN + 2] = {0};
    const double m = DISTINCT_REGISTERS;
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        histogram[registers[i]] += 1.0;
    }
    double z = m * tau(1.0 - histogram[LONGEST_RUN + 1] / m);
    for (int k = LONGEST_RUN; k >= 1; k--) {
        z = 0.5 * (z + histogram[k]);
    }
    z += m * sigma(histogram[0] / m);
    return llround(m * m / (2.0 * log(2.0) * z));
}

int64_t distinct_count(const struct distinct *set)
{
    return set->registers != NULL ? registers_estimate(set->registers) : set->count;
}

int distinct_forget_keys(struct distinct *set)
{
    return set->registers != NULL ? 0 : go_over_to_registers(set);
}

/* Three bytes for each register in use: smaller than all registers while a quarter of them or less is. */
static void write_sparse(const unsigned char *registers, struct buffer *out)
{
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        if (registers[i] != 0) {
            unsigned char entry[SPARSE_ENTRY] = {(unsigned char)(i & 0xff), (unsigned char)(i >> 8), registers[i]};
            buffer_add(out, entry, sizeof entry);
        }
    }
}

void distinct_write(const struct distinct *set, struct buffer *out)
{
    size_t used = 0;
    for (size_t i = 0; set->registers != NULL && i < DISTINCT_REGISTERS; i++) {
        used += set->registers[i] != 0;
    }
    unsigned char kind = KIND_EXACT;
    if (set->registers != NULL) {
        kind = used <= DISTINCT_REGISTERS / 4 ? KIND_SPARSE : KIND_REGISTERS;
    }
    buffer_add(out, &kind, 1);
    if (kind == KIND_REGISTERS) {
        buffer_add(out, set->registers, DISTINCT_REGISTERS);
    } else if (kind == KIND_SPARSE) {
        write_sparse(set->registers, out);
    } else {
        buffer_add(out, set->keys, set->count * sizeof *set->keys);
    }
}

static int read_exact(struct distinct *set, const unsigned char *bytes, size_t count)
{
    uint32_t keys = (uint32_t)(count / sizeof *set->keys);
    if (count % sizeof *set->keys != 0 || keys > DISTINCT_EXACT) {
        return ERROR_INPUT;
    }
    if (keys == 0) {
        return 0;
    }
    set->keys = malloc(count);
    if (set->keys == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(set->keys, bytes, count);
    set->count = set->size = keys;
    for (uint32_t i = 1; i < keys; i++) {
        if (set->keys[i] <= set->keys[i - 1]) {
            distinct_free(set);
            return ERROR_INPUT;
        }
    }
    return 0;
}

static int read_registers(struct distinct *set, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] > LONGEST_RUN + 1) {
            return ERROR_INPUT;
        }
    }
    memcpy(set->registers, bytes, count);
    return 0;
}

static int read_sparse(struct distinct *set, const unsigned char *bytes, size_t count)
{
    size_t least = 0; /* entries ascend, so each register stands there once */
    for (size_t i = 0; i + SPARSE_ENTRY <= count; i += SPARSE_ENTRY) {
        size_t place = bytes[i] | (size_t)bytes[i + 1] << 8;
        if (place < least || place >= DISTINCT_REGISTERS || bytes[i + 2] == 0 || bytes[i + 2] > LONGEST_RUN + 1) {
            return ERROR_INPUT;
        }
        set->registers[place] = bytes[i + 2];
        least = place + 1;
    }
    return count % SPARSE_ENTRY == 0 ? 0 : ERROR_INPUT;
}

int distinct_read(struct distinct *set, const void *bytes, size_t count)
{
    const unsigned char *content = bytes;
    if (count == 0) {
        return ERROR_INPUT;
    }
    if (content[0] == KIND_EXACT) {
        return read_exact(set, content + 1, count - 1);
    }
    if (content[0] != KIND_SPARSE && (content[0] != KIND_REGISTERS || count != 1 + DISTINCT_REGISTERS)) {
        return ERROR_INPUT;
    }
    set->registers = calloc(DISTINCT_REGISTERS, 1);
    if (set->registers == NULL) {
        return ERROR_MEMORY;
    }
    int result = content[0] == KIND_SPARSE ? read_sparse(set, content + 1, count - 1)
                                           : read_registers(set, content + 1, count - 1);
    if (result != 0) {
        distinct_free(set);
    }
    return result;
}

size_t distinct_bytes(const struct distinct *set)
{
    return set->registers != NULL ? DISTINCT_REGISTERS : set->size * sizeof *set->keys;
}

void distinct_free(struct distinct *set)
{
    free(set->keys);
    free(set->registers);
    *set = (struct distinct){0};
}
