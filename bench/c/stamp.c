#define _GNU_SOURCE
#include "stamp.h"

#include <string.h>

static bool digit(uint8_t c) { return (unsigned)(c - '0') < 10; }

bool stamp_named(const char *name, enum stamp *kind)
{
    if (strcmp(name, "ns") == 0)
        *kind = STAMP_NS;
    else if (strcmp(name, "kraken") == 0)
        *kind = STAMP_KRAKEN;
    else if (strcmp(name, "kraken-max") == 0)
        *kind = STAMP_KRAKEN_MAX;
    else
        return false;
    return true;
}

static const uint8_t *ns_digits(const uint8_t *text, size_t size)
{
    const uint8_t *at = memmem(text, size, "\"ns\":", 5);
    if (at == NULL)
        return NULL;
    at += 5;
    while (at < text + size && *at == ' ')
        at++;
    return at;
}

/* The Kraken time whose closing quote is the last one before `size` that ends such a token, or null. */
static const uint8_t *kraken_digits(const uint8_t *text, size_t size)
{
    const uint8_t *quote;
    while (size >= 19 && (quote = memrchr(text, '"', size)) != NULL) {
        size = (size_t)(quote - text);
        if (size < 18 || quote[-18] != '"' || quote[-7] != '.')
            continue;
        const uint8_t *at = quote - 17;
        bool good = true;
        for (int i = 0; i < 17; i++)
            good = good && (i == 10 || digit(at[i]));
        if (good)
            return at;
    }
    return NULL;
}

static int64_t kraken_ns(const uint8_t *at)
{
    int64_t microseconds = 0;
    for (int i = 0; i < 17; i++)
        if (i != 10)
            microseconds = microseconds * 10 + (at[i] - '0');
    return microseconds * 1000;
}

bool stamp_read(enum stamp kind, const uint8_t *text, size_t size, int64_t *ns)
{
    if (kind == STAMP_NS) {
        const uint8_t *at = ns_digits(text, size), *end = text + size;
        if (at == NULL || at == end || !digit(*at))
            return false;
        uint64_t value = 0;
        for (int i = 0; i < 19 && at < end && digit(*at); i++)
            value = value * 10 + (uint64_t)(*at++ - '0');
        *ns = (int64_t)value;
        return true;
    }
    const uint8_t *at = kraken_digits(text, size);
    if (at == NULL)
        return false;
    *ns = kraken_ns(at);
    while (kind == STAMP_KRAKEN_MAX && (at = kraken_digits(text, (size_t)(at - text))) != NULL) {
        int64_t other = kraken_ns(at);
        if (other > *ns)
            *ns = other;
    }
    return true;
}

enum stamp stamp_place(const uint8_t *text, size_t size, size_t *offset)
{
    const uint8_t *at = ns_digits(text, size);
    enum stamp kind = STAMP_NS;
    size_t digits = 0;
    while (at != NULL && at + digits < text + size && digit(at[digits]))
        digits++;
    if (digits != 19) {
        kind = STAMP_KRAKEN;
        at = kraken_digits(text, size);
    }
    if (at == NULL)
        return STAMP_NONE;
    *offset = (size_t)(at - text);
    return kind;
}

void stamp_write(enum stamp kind, uint8_t *digits, int64_t ns)
{
    if (kind == STAMP_NS) {
        for (int i = 18; i >= 0; i--, ns /= 10)
            digits[i] = (uint8_t)('0' + ns % 10);
        return;
    }
    ns /= 1000;
    for (int i = 16; i >= 0; i--) {
        if (i == 10)
            continue;
        digits[i] = (uint8_t)('0' + ns % 10);
        ns /= 10;
    }
}
