/* Latencies in fixed memory: buckets of 1/16 of a power of two, so a percentile is exact to about 6 %. Pure. */
#ifndef SIM_HISTOGRAM_H
#define SIM_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 16 * 44 };

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count, most;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value below which the share (0.5, 0.99, ...) of all values lies; 0 if there is none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
