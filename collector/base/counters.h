/* The figures of the collector's own state, one table for all rooms (counters.def). Any thread may write and read. */
#ifndef EDUTALLY_BASE_COUNTERS_H
#define EDUTALLY_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum counter {
#define COUNTER(name, help) COUNTER_##name,
#define GAUGE(name, help)   COUNTER_##name,
#include "base/counters.def"
#undef COUNTER
#undef GAUGE
    COUNTERS
};

struct counters {
    _Atomic int64_t values[COUNTERS];
};

struct counter_info {
    const char *name;
    const char *help;
    bool is_gauge;
};

const struct counter_info *counter_info(enum counter counter);

static inline void counter_add(struct counters *counters, enum counter counter, int64_t count)
{
    atomic_fetch_add_explicit(&counters->values[counter], count, memory_order_relaxed);
}

static inline void counter_set(struct counters *counters, enum counter counter, int64_t value)
{
    atomic_store_explicit(&counters->values[counter], value, memory_order_relaxed);
}

static inline int64_t counter_get(const struct counters *counters, enum counter counter)
{
    return atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
}

#endif
