/* Values below 16 have a bucket each; above, a bucket is named by the highest bit and the four bits after it. */
#include "histogram.h"

static uint32_t bucket_of(uint64_t value)
{
    uint32_t shift = 0, bucket;

    while (value >> shift >= 32) {
        shift++;
    }
    bucket = value < 16 ? (uint32_t)value : (shift << 4) + (uint32_t)(value >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t upper_end(uint32_t bucket)
{
    uint32_t shift = bucket < 32 ? 0 : (bucket >> 4) - 1;

    return bucket < 32 ? bucket : (((uint64_t)(bucket & 15) + 17) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->most = value > histogram->most ? value : histogram->most;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram->count * share), seen = 0;

    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted || seen == histogram->count) {
            uint64_t end = upper_end(i);

            return end < histogram->most ? end : histogram->most;
        }
    }
    return 0;
}
