#define _GNU_SOURCE
#include "ws.h"

#include <string.h>
#include <strings.h>

bool ws_parse(const uint8_t *bytes, size_t size, struct ws_frame *frame)
{
    if (size < 2)
        return false;
    frame->fin = bytes[0] & 0x80;
    frame->rsv1 = bytes[0] & 0x40;
    frame->rsv23 = bytes[0] & 0x30;
    frame->opcode = bytes[0] & 0x0f;
    frame->masked = bytes[1] & 0x80;
    uint64_t length = bytes[1] & 0x7f;
    size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    frame->head = 2 + more + (frame->masked ? 4 : 0);
    if (size < frame->head)
        return false;
    if (more)
        length = 0;
    for (size_t i = 0; i < more; i++)
        length = length << 8 | bytes[2 + i];
    frame->payload = length;
    return true;
}

size_t ws_head(uint8_t out[WS_HEAD_MAX], uint8_t opcode, uint64_t payload, bool masked)
{
    uint8_t bit = masked ? 0x80 : 0;
    size_t more = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    out[0] = 0x80 | opcode;
    out[1] = bit | (more == 0 ? (uint8_t)payload : more == 2 ? 126 : 127);
    for (size_t i = 0; i < more; i++)
        out[2 + i] = (uint8_t)(payload >> (8 * (more - 1 - i)));
    return 2 + more;
}

size_t ws_masked(uint8_t *out, uint8_t opcode, const uint8_t *payload, size_t size, uint32_t mask)
{
    size_t head = ws_head(out, opcode, size, true);
    uint8_t key[4];
    memcpy(key, &mask, 4);
    memcpy(out + head, key, 4);
    for (size_t i = 0; i < size; i++)
        out[head + 4 + i] = payload[i] ^ key[i & 3];
    return head + 4 + size;
}

static void base64(const uint8_t *bytes, size_t size, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < size ? bytes[i + 2] : 0;
        *out++ = letters[three >> 18];
        *out++ = letters[three >> 12 & 63];
        *out++ = i + 1 < size ? letters[three >> 6 & 63] : '=';
        *out++ = i + 2 < size ? letters[three & 63] : '=';
    }
    *out = 0;
}

static uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

/* SHA-1 (FIPS 180-4) of at most 119 bytes: a key and the protocol's GUID are 60. */
static void sha1(const uint8_t *bytes, size_t size, uint8_t out[20])
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t message[128] = {0};
    size_t blocks = (size + 9 + 63) / 64;
    memcpy(message, bytes, size);
    message[size] = 0x80;
    for (size_t i = 0; i < 8; i++)
        message[blocks * 64 - 1 - i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    for (size_t block = 0; block < blocks; block++) {
        const uint8_t *at = message + block * 64;
        uint32_t w[80] = {0};
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 4; j++)
                w[i] = w[i] << 8 | at[4 * i + j];
        for (int i = 16; i < 80; i++)
            w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f, k;
            if (i < 20)
                f = (b & c) | (~b & d), k = 0x5a827999;
            else if (i < 40)
                f = b ^ c ^ d, k = 0x6ed9eba1;
            else if (i < 60)
                f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
            else
                f = b ^ c ^ d, k = 0xca62c1d6;
            uint32_t next = rotate(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    }
    for (int i = 0; i < 20; i++)
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void ws_key(const uint8_t nonce[16], char out[WS_KEY_SIZE]) { base64(nonce, 16, out); }

void ws_accept(const char *key, char out[WS_ACCEPT_SIZE])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[24 + sizeof guid - 1], digest[20];
    memcpy(text, key, 24);
    memcpy(text + 24, guid, sizeof guid - 1);
    sha1(text, sizeof text, digest);
    base64(digest, sizeof digest, out);
}

int http_header(const char *head, const char *name, const char **value)
{
    size_t length = strlen(name);
    for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at, "\r\n")) {
        at += 2;
        if (strncasecmp(at, name, length) != 0 || at[length] != ':')
            continue;
        at += length + 1;
        at += strspn(at, " \t");
        size_t size = strcspn(at, "\r\n");
        while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
            size--;
        *value = at;
        return (int)size;
    }
    return -1;
}
