/* The time that a frame says it was made at: found when it is read, written when it is sent. Nanoseconds since 1970. */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stamp {
    STAMP_NONE,
    STAMP_NS,         /* a field "ns":1234567890123456789, the first of the frame */
    STAMP_KRAKEN,     /* the last "1617666423.690142" of the frame: 10 digits, a point, 6 digits, in quotes */
    STAMP_KRAKEN_MAX, /* the latest of them: a level that is published again ends the frame with a time long ago */
};

bool stamp_named(const char *name, enum stamp *kind);
bool stamp_read(enum stamp kind, const uint8_t *text, size_t size, int64_t *ns);

/* Where the digits to write over are: after "ns": 19 of them, else in the last Kraken time. STAMP_NONE: nowhere. */
enum stamp stamp_place(const uint8_t *text, size_t size, size_t *offset);
void stamp_write(enum stamp kind, uint8_t *digits, int64_t ns);

#endif
