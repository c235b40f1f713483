/* Counts of values by size, in the manner of HdrHistogram: 256 steps to each power of two, so that any percentile is
 * within 0.4 % of the value, whatever its size, at a fixed 114 KiB. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_STEP_BITS 8
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

struct histogram {
    uint64_t count;
    uint64_t max;
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
uint64_t histogram_at(const struct histogram *h, double share); /* share 0.5 is the median; 0 when empty */
/* The fields count, mean_us ... max_us of a JSON object, without its braces; the values are nanoseconds. */
void histogram_json(FILE *out, const struct histogram *h);

#endif
