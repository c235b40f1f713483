/* RFC 6455, the parts that a benchmark needs: the accept key (section 4.2.2) and the frame head (section 5.2). */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_HEAD_MAX 14
#define WS_KEY_SIZE 25    /* 16 bytes in base64, and a zero */
#define WS_ACCEPT_SIZE 29 /* 20 bytes in base64, and a zero */

struct ws_frame {
    bool fin;
    bool rsv1;   /* compressed, where permessage-deflate was agreed */
    bool rsv23;  /* never allowed */
    bool masked;
    uint8_t opcode;
    size_t head;      /* bytes before the payload */
    uint64_t payload; /* bytes of it */
};

bool ws_parse(const uint8_t *bytes, size_t size, struct ws_frame *frame); /* false: the head is not complete */
/* The head of a frame that is a whole message, without the mask's 4 bytes. Returns its size. */
size_t ws_head(uint8_t out[WS_HEAD_MAX], uint8_t opcode, uint64_t payload, bool masked);
/* A whole masked frame; `out` has room for size + WS_HEAD_MAX. Returns its size. */
size_t ws_masked(uint8_t *out, uint8_t opcode, const uint8_t *payload, size_t size, uint32_t mask);

void ws_key(const uint8_t nonce[16], char out[WS_KEY_SIZE]);
void ws_accept(const char *key, char out[WS_ACCEPT_SIZE]);

/* The value of one header of a zero-terminated HTTP head, compared without case; its length, or -1. */
int http_header(const char *head, const char *name, const char **value);

#endif
