/*
 * Reproducible chance. Every draw of the simulator is a pure function of the scenario's seed and of what is drawn for
 * (a centre, a device, a day), never of the order of calls, so that any window can be made again.
 * splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* A key for a draw: what it is about (`key`) and which draw of it (`salt`). */
static inline uint64_t random_key(uint64_t key, uint64_t salt)
{
    return random_mix(key ^ random_mix(salt));
}

/* FNV-1a with a final mix; for names. */
static inline uint64_t random_hash_bytes(uint64_t key, const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ key;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return random_mix(hash);
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t value = random_mix(random->state);

    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return value;
}

/* 0 <= result < 1, from the upper 53 bits. */
static inline double random_share(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1.0p-53;
}

static inline double random_unit(struct random *random)
{
    return random_share(random_next(random));
}

/* 0 <= result < bound; bound > 0. Multiply-shift: the bias of at most bound / 2^32 does not matter here. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(((random_next(random) >> 32) * bound) >> 32);
}

/* Rounds up or down by chance so that the mean stays `value`; value >= 0. */
static inline uint32_t random_round(struct random *random, double value)
{
    uint32_t whole = (uint32_t)value;

    return whole + (random_unit(random) < value - (double)whole ? 1U : 0U);
}

#endif
