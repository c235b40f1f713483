#include "book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc32_of(const char *bytes, size_t size) /* the usual one, of zlib and Ethernet */
{
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++)
                c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
            table[i] = c;
        }
    }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ (uint8_t)bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint64_t digits(const char *text, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] != '.')
            value = value * 10 + (uint64_t)(text[i] - '0');
    return value;
}

/* Puts a level where it belongs; a volume of nothing takes it out. */
static void put(struct side *side, bool asks, uint64_t price, uint64_t volume)
{
    uint32_t at = 0;
    while (at < side->count && (asks ? side->levels[at].price < price : side->levels[at].price > price))
        at++;
    struct level *place = &side->levels[at];
    bool there = at < side->count && place->price == price;
    size_t behind = (side->count - at) * sizeof *place;
    if (there && volume == 0) {
        memmove(place, place + 1, behind - sizeof *place);
        side->count--;
    } else if (there) {
        place->volume = volume;
    } else if (volume != 0 && at < BOOK_ROOM) {
        if (side->count == BOOK_ROOM)
            behind -= sizeof *place;
        else
            side->count++;
        memmove(place + 1, place, behind);
        *place = (struct level){price, volume};
    }
}

static void cut(struct side *side)
{
    if (side->count > BOOK_DEPTH)
        side->count = BOOK_DEPTH;
}

/* [channel, {"as": [[price, volume, time], ...], "bs": ...}, name, pair], or with "a", "b" (perhaps in two objects) and
 * "c". No string of it has an escape. */
void book_apply(struct book *book, const char *text, size_t size)
{
    const char *end = text + size, *checksum = NULL;
    struct side *side = NULL;
    bool sum = false;
    int field = 0;
    uint64_t price = 0;
    for (const char *at = text; at < end; at++) {
        if (*at == '}')
            side = NULL;
        if (*at == '[')
            field = 0;
        if (*at != '"')
            continue;
        const char *start = ++at;
        while (at < end && *at != '"')
            at++;
        size_t length = (size_t)(at - start);
        if (at + 1 < end && at[1] == ':') {
            sum = *start == 'c';
            side = *start == 'a' ? &book->asks : *start == 'b' ? &book->bids : NULL;
            if (side && length == 2)
                side->count = 0;
        } else if (sum) {
            checksum = start;
            sum = false;
        } else if (side && field++ == 0) {
            price = digits(start, length);
        } else if (side && field == 2) {
            put(side, side == &book->asks, price, digits(start, length));
        }
    }
    cut(&book->asks);
    cut(&book->bids);
    if (checksum && strtoul(checksum, NULL, 10) == book_checksum(book))
        book->checked++;
    else if (checksum)
        book->wrong++;
}

uint32_t book_checksum(const struct book *book)
{
    char text[4 * BOOK_DEPTH * 20 + 1];
    size_t size = 0;
    const struct side *sides[] = {&book->asks, &book->bids};
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < sides[i]->count && j < BOOK_DEPTH; j++)
            size += (size_t)sprintf(text + size, "%llu%llu", (unsigned long long)sides[i]->levels[j].price,
                                    (unsigned long long)sides[i]->levels[j].volume);
    return crc32_of(text, size);
}

static bool same(const struct side *one, const struct side *other)
{
    return one->count == other->count && memcmp(one->levels, other->levels, one->count * sizeof *one->levels) == 0;
}

bool book_same(const struct book *one, const struct book *other)
{
    return same(&one->asks, &other->asks) && same(&one->bids, &other->bids);
}
