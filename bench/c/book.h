/* A book of Kraken's as its client keeps it: applied, cut to its depth, checked by the checksum of every update. */
#ifndef BENCH_BOOK_H
#define BENCH_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOK_DEPTH 10 /* levels of a side, and those that the checksum is made of */
#define BOOK_ROOM 40  /* one message may bring more before the book is cut */

/* Both as their digits: a pair's prices have one number of decimals, and so have its volumes. */
struct level {
    uint64_t price, volume;
};

struct side {
    struct level levels[BOOK_ROOM]; /* the best first */
    uint32_t count;
};

struct book {
    struct side asks, bids;
    uint32_t checked, wrong; /* updates whose checksum was that of the book, or was not */
};

void book_apply(struct book *book, const char *text, size_t size); /* a message of channel book-10 */
uint32_t book_checksum(const struct book *book);
bool book_same(const struct book *one, const struct book *other);

#endif
