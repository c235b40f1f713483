#define _GNU_SOURCE
#include "client.h"

#include "common.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define HEAD_LIMIT (16 * 1024)
#define FRAME_LIMIT (64 * 1024 * 1024)
#define KEEP_LIMIT 4096 /* a larger buffer for parts goes back: thousands of clients had a snapshot in theirs once */

void add_message(struct message **list, size_t *count, const void *text, size_t size)
{
    *list = need(realloc(*list, (*count + 1) * sizeof **list));
    (*list)[(*count)++] = (struct message){.text = text, .size = size};
}

void read_lines(const char *path, struct message **list, size_t *count)
{
    size_t size;
    uint8_t *text = read_file(path, &size), *end = text + size;
    while (text < end) {
        uint8_t *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        if (stop > text)
            add_message(list, count, text, (size_t)(stop - text));
        text = stop + 1;
    }
    if (*count == 0)
        die("%s has no lines", path);
}

void add_tail(struct message *list, size_t count, const char *tail)
{
    size_t more = strlen(tail);
    for (size_t i = 0; more > 0 && i < count; i++) {
        uint8_t *text = need(malloc(list[i].size + more));
        memcpy(text, list[i].text, list[i].size);
        memcpy(text + list[i].size, tail, more);
        list[i] = (struct message){.text = text, .size = list[i].size + more};
    }
}

static uint64_t next_random(struct run *run) /* xorshift64: keys and masks need to differ, not to be secret */
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random;
}

/* Closes the socket and lets go of what was kept for it; the client may be opened again. */
static void release(struct client *client)
{
    close(client->fd);
    free(client->part);
    free(client->out);
    client->part = client->out = NULL;
    client->part_size = client->part_room = client->out_size = client->out_room = 0;
    client->state = GONE;
}

static void gone(struct run *run, struct client *client, uint16_t code, const char *reason)
{
    if (run->strict)
        die("connection %u: %s (close code %u) before all were ready", client->number, reason, code);
    release(client);
    run->tally.open--;
    run->closed[code]++;
    if (run->lost)
        run->lost(client, 0, -1);
}

/* The server does not want it: `status` is the answer's, 0 where there was none. */
static void refused(struct run *run, struct client *client, int status, int retry_after, const char *reason)
{
    if (run->lost == NULL)
        die("connection %u: %s", client->number, reason);
    release(client);
    run->tally.shaking--;
    run->lost(client, status, retry_after);
}

static void watch(struct run *run, struct client *client, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = client};
    if (epoll_ctl(run->epoll, operation, client->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    client->blocked = write;
}

static void append(uint8_t **bytes, size_t *size, size_t *room, const void *more, size_t count)
{
    if (*size + count > *room) {
        *room = (*size + count) * 2;
        *bytes = need(realloc(*bytes, *room));
    }
    memcpy(*bytes + *size, more, count);
    *size += count;
}

/* False when the connection is gone. */
static bool flush(struct run *run, struct client *client)
{
    size_t done = 0;
    while (done < client->out_size) {
        ssize_t sent = send(client->fd, client->out + done, client->out_size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            gone(run, client, 1006, strerror(errno));
            return false;
        }
        if (sent < 0 && errno == EAGAIN)
            break;
        done += sent > 0 ? (size_t)sent : 0;
    }
    if (done < client->out_size) {
        memmove(client->out, client->out + done, client->out_size - done);
        client->out_size -= done;
    } else {
        free(client->out);
        client->out = NULL;
        client->out_size = client->out_room = 0;
    }
    if (client->blocked != (client->out_size > 0))
        watch(run, client, EPOLL_CTL_MOD, client->out_size > 0);
    return true;
}

static void queue(struct run *run, struct client *client, uint8_t opcode, const uint8_t *payload, size_t size)
{
    uint8_t *frame = need(malloc(size + WS_HEAD_MAX));
    size_t length = ws_masked(frame, opcode, payload, size, (uint32_t)next_random(run));
    append(&client->out, &client->out_size, &client->out_room, frame, length);
    free(frame);
}

void client_open(struct run *run, struct client *client)
{
    const struct plan *plan = &run->plan;
    int yes = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (plan->sources > 1) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client->number % plan->sources);
        /* The port is then picked at connect(), by the whole 4-tuple: each address has all the ports. */
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        if (bind(client->fd, (struct sockaddr *)&from, sizeof from) < 0)
            die("connection %u: bind: %s", client->number, strerror(errno));
    }
    if (connect(client->fd, (const struct sockaddr *)&plan->server, sizeof plan->server) < 0 && errno != EINPROGRESS)
        die("connection %u: connect: %s", client->number, strerror(errno));
    client->state = CONNECTING;
    run->tally.shaking++;
    watch(run, client, EPOLL_CTL_ADD, true);
}

static void send_request(struct run *run, struct client *client)
{
    const struct plan *plan = &run->plan;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        refused(run, client, 0, -1, strerror(error));
        return;
    }
    uint64_t nonce[2] = {next_random(run), next_random(run)};
    ws_key((const uint8_t *)nonce, client->key);
    struct message own = {.text = (const uint8_t *)""};
    if (plan->own_header_count)
        own = plan->own_headers[client->number % plan->own_header_count];
    char *request;
    int length = asprintf(&request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%.*s%s\r\n",
                          plan->path, plan->host_text, client->key, plan->headers, (int)own.size,
                          (const char *)own.text, own.size ? "\r\n" : "");
    if (length < 0)
        die("out of memory");
    append(&client->out, &client->out_size, &client->out_room, request, (size_t)length);
    free(request);
    client->state = SHAKING;
    client->blocked = true; /* as it was watched while connecting; flush() puts it right */
    flush(run, client);
}

static void now_ready(struct run *run, struct client *client)
{
    client->ready = true;
    run->tally.ready++;
}

/* Takes the answer to the handshake at the start of `bytes`. Returns its size, 0 when its end is still to come. */
static size_t take_answer(struct run *run, struct client *client, uint8_t *bytes, size_t size)
{
    const struct plan *plan = &run->plan;
    uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL) {
        if (size > HEAD_LIMIT)
            die("connection %u: the answer to the handshake has no end", client->number);
        return 0;
    }
    const char *head = (const char *)bytes, *value;
    size_t length = (size_t)(end - bytes) + 4;
    end[2] = 0; /* keeps the last line's own \r\n */
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
        int retry_after = http_header(head, "Retry-After", &value) > 0 ? atoi(value) : -1;
        char reason[124];
        snprintf(reason, sizeof reason, "the handshake was refused: %.*s", (int)strcspn(head, "\r\n"), head);
        refused(run, client, strncmp(head, "HTTP/1.1 ", 9) == 0 ? atoi(head + 9) : 0, retry_after, reason);
        return 0;
    }
    char accept[WS_ACCEPT_SIZE];
    ws_accept(client->key, accept);
    if (http_header(head, "Sec-WebSocket-Accept", &value) != WS_ACCEPT_SIZE - 1 || strncmp(value, accept, 28) != 0)
        die("connection %u: wrong Sec-WebSocket-Accept", client->number);
    int extension = http_header(head, "Sec-WebSocket-Extensions", &value);
    client->deflate = extension > 0 && memmem(value, (size_t)extension, "permessage-deflate", 18) != NULL;
    client->state = OPEN;
    run->tally.shaking--;
    run->tally.open++;
    for (size_t i = 0; i < plan->message_count; i++)
        queue(run, client, WS_TEXT, plan->messages[i].text, plan->messages[i].size);
    if (plan->line_count) {
        const struct message *own = &plan->lines[client->number % plan->line_count];
        queue(run, client, WS_TEXT, own->text, own->size);
    }
    if (plan->ready_text == NULL)
        now_ready(run, client);
    flush(run, client);
    return length;
}

static void measure(struct run *run, const uint8_t *payload, size_t size, int64_t now)
{
    struct tally *tally = &run->tally;
    int64_t then;
    if (!stamp_read(run->plan.stamp, payload, size, &then)) {
        tally->untimed++;
        return;
    }
    if (now < then)
        tally->early++;
    histogram_add(&tally->latency, now < then ? 0 : (uint64_t)(now - then));
}

static void count_data(struct run *run, struct client *client, const struct ws_frame *frame, const uint8_t *payload,
                       int64_t now)
{
    const struct plan *plan = &run->plan;
    struct tally *tally = &run->tally;
    size_t size = (size_t)frame->payload;
    if (plan->ignore && memmem(payload, size, plan->ignore, strlen(plan->ignore))) {
        tally->ignored++;
        return;
    }
    if (!client->ready && memmem(payload, size, plan->ready_text, strlen(plan->ready_text)) &&
        ++client->ready_frames == plan->ready_count)
        now_ready(run, client);
    tally->frames++;
    client->frames++;
    tally->bytes += frame->head + size;
    tally->payload_bytes += size;
    tally->fragments += !frame->fin || frame->opcode == WS_CONTINUATION;
    tally->compressed += frame->rsv1;
    if (run->counted && plan->stamp != STAMP_NONE)
        measure(run, payload, size, now);
    if (run->heard)
        run->heard(client, payload, size, mono_ns());
}

/* False when the connection is gone. */
static bool take_frame(struct run *run, struct client *client, const struct ws_frame *frame, const uint8_t *payload,
                       int64_t now)
{
    size_t size = (size_t)frame->payload;
    switch (frame->opcode) {
    case WS_CONTINUATION:
    case WS_TEXT:
    case WS_BINARY:
        count_data(run, client, frame, payload, now);
        return true;
    case WS_PING:
        run->tally.pings++;
        if (client->state == CLOSING)
            return true; /* nothing may follow a close frame */
        queue(run, client, WS_PONG, payload, size);
        return client->blocked || flush(run, client);
    case WS_PONG:
        run->tally.pongs++;
        return true;
    default: { /* a close: its echo goes out before the socket does */
        uint16_t code = size >= 2 ? (uint16_t)(payload[0] << 8 | payload[1]) : 1005;
        char reason[124];
        snprintf(reason, sizeof reason, "%.*s", size > 2 ? (int)size - 2 : 0, (const char *)payload + 2);
        if (client->state == OPEN)
            queue(run, client, WS_CLOSE, payload, size >= 2 ? 2 : 0);
        if (flush(run, client))
            gone(run, client, code, reason);
        return false;
    }
    }
}

static bool allowed(const struct client *client, const struct ws_frame *frame)
{
    bool control = frame->opcode >= WS_CLOSE;
    if (frame->masked || frame->rsv23 || (frame->rsv1 && (control || !client->deflate)))
        return false;
    if (control)
        return frame->opcode <= WS_PONG && frame->fin && frame->payload <= 125;
    return frame->opcode <= WS_BINARY && frame->payload <= FRAME_LIMIT;
}

static void receive(struct run *run, struct client *client)
{
    size_t had = client->part_size;
    if (had + READ_SIZE > run->room) {
        run->room = (had + READ_SIZE) * 2;
        run->buffer = need(realloc(run->buffer, run->room));
    }
    if (had > 0)
        memcpy(run->buffer, client->part, had);
    ssize_t got = recv(client->fd, run->buffer + had, READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        if (client->state == SHAKING) {
            refused(run, client, 0, -1, got < 0 ? strerror(errno) : "closed during the handshake");
            return;
        }
        gone(run, client, 1006, got < 0 ? strerror(errno) : "end without a close frame");
        return;
    }
    int64_t now = run->plan.stamp != STAMP_NONE ? real_ns() : 0;
    uint64_t before = run->tally.frames;
    uint8_t *at = run->buffer, *end = run->buffer + had + got;
    if (client->state == SHAKING)
        at += take_answer(run, client, at, (size_t)(end - at));
    if (client->state == GONE)
        return;
    struct ws_frame frame;
    while (client->state >= OPEN && ws_parse(at, (size_t)(end - at), &frame)) {
        if (!allowed(client, &frame)) {
            run->tally.protocol_errors++;
            gone(run, client, 1002, "the server broke the protocol");
            break;
        }
        if ((size_t)(end - at) < frame.head + frame.payload)
            break;
        if (!take_frame(run, client, &frame, at + frame.head, now))
            break;
        at += frame.head + frame.payload;
    }
    if (run->tally.frames != before) {
        run->tally.last_ns = mono_ns();
        if (before == 0)
            run->tally.first_ns = run->tally.last_ns;
    }
    if (client->state == GONE)
        return;
    if (client->part_room > KEEP_LIMIT) {
        free(client->part);
        client->part = NULL;
        client->part_room = 0;
    }
    client->part_size = 0;
    if (at < end)
        append(&client->part, &client->part_size, &client->part_room, at, (size_t)(end - at));
}

void client_event(struct run *run, struct client *client, uint32_t events)
{
    if (client->state == GONE)
        return;
    if (client->state == CONNECTING) {
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            send_request(run, client);
        return;
    }
    if ((events & EPOLLOUT) && !flush(run, client))
        return;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(run, client);
}

void client_say(struct run *run, struct client *client, const char *text, size_t size)
{
    if (client->state != OPEN)
        return;
    queue(run, client, WS_TEXT, (const uint8_t *)text, size);
    if (!client->blocked)
        flush(run, client);
}

void client_end(struct run *run, struct client *client)
{
    if (client->state == CONNECTING || client->state == SHAKING)
        refused(run, client, 0, -1, "");
    else if (client->state == OPEN || client->state == CLOSING)
        gone(run, client, 1006, "");
}

void client_goodbye(struct run *run, struct client *client)
{
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 255};
    if (client->state != OPEN)
        return;
    client->state = CLOSING;
    queue(run, client, WS_CLOSE, normal, sizeof normal);
    flush(run, client);
}
