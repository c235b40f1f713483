#include "histogram.h"

/* Values under 2 * 256 have a bucket each. A larger one loses low bits until 256 <= value < 512; how many were lost
 * picks the row of 256 buckets. */
static int lost_bits(uint64_t value)
{
    int top = 63 - __builtin_clzll(value | 1);
    return top > HISTOGRAM_STEP_BITS ? top - HISTOGRAM_STEP_BITS : 0;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    int lost = lost_bits(value);
    h->buckets[((uint64_t)lost << HISTOGRAM_STEP_BITS) + (value >> lost)]++;
    h->count++;
    h->sum += (double)value;
    if (value > h->max)
        h->max = value;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    double exact = share * (double)h->count;
    uint64_t rank = (uint64_t)exact, seen = 0;
    if ((double)rank < exact || rank == 0)
        rank++;
    for (uint64_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen < rank)
            continue;
        uint64_t row = i >> HISTOGRAM_STEP_BITS;
        uint64_t lost = row > 1 ? row - 1 : 0; /* rows 0 and 1 lose nothing */
        uint64_t highest = (((i - (lost << HISTOGRAM_STEP_BITS)) + 1) << lost) - 1;
        return highest < h->max ? highest : h->max;
    }
    return h->max;
}

void histogram_json(FILE *out, const struct histogram *h)
{
    const double us = 1000;
    fprintf(out,
            "\"count\":%llu,\"mean_us\":%.3f,\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,\"p99_9_us\":%.3f,"
            "\"max_us\":%.3f",
            (unsigned long long)h->count, h->count ? h->sum / (double)h->count / us : 0,
            (double)histogram_at(h, 0.5) / us, (double)histogram_at(h, 0.9) / us, (double)histogram_at(h, 0.99) / us,
            (double)histogram_at(h, 0.999) / us, (double)h->max / us);
}
