/* One WebSocket connection of the load client: opens, shakes hands, says its messages, reads frames and counts them. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "histogram.h"
#include "stamp.h"
#include "ws.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOSING: our close frame is out, and the answer to it is not in. */
enum state { NEW, CONNECTING, SHAKING, OPEN, CLOSING, GONE };

struct client {
    int fd;
    enum state state;
    bool ready;
    bool deflate; /* the server agreed to permessage-deflate (asked for with --header) */
    bool blocked; /* `out` waits for the socket to take more */
    uint32_t number;
    uint64_t ready_frames; /* frames with the ready text so far */
    uint64_t frames;       /* in the window */
    uint8_t *part;         /* the start of a frame whose end is still to come */
    size_t part_size, part_room;
    uint8_t *out; /* what the socket did not take yet */
    size_t out_size, out_room;
    char key[WS_KEY_SIZE];
};

struct message {
    const uint8_t *text;
    size_t size;
};

/* What all clients of one run have in common. */
struct plan {
    struct sockaddr_in server;
    uint32_t sources; /* connections come from 127.0.0.1 ... in turn; 1: from whatever the kernel picks */
    const char *path;
    const char *host_text;   /* for the Host header */
    const char *headers;     /* lines more, each with its end */
    struct message *own_headers; /* and one of these for each connection: line (number mod count) */
    size_t own_header_count;
    struct message *messages; /* each connection sends all of these, */
    size_t message_count;
    struct message *lines; /* then one of these: line (number mod count) */
    size_t line_count;
    const char *ready_text; /* a client is ready after `ready_count` frames with it; null: once its messages are out */
    uint64_t ready_count;
    const char *ignore; /* frames with this text are counted apart */
    enum stamp stamp;
};

/* What was counted. All but the first three start again with the window. */
struct tally {
    uint32_t shaking; /* connections begun and not yet open */
    uint32_t open;
    uint32_t ready;
    uint64_t frames, bytes, payload_bytes; /* data frames; bytes with their heads */
    uint64_t ignored, pings, pongs, fragments, compressed, untimed, early;
    uint32_t protocol_errors;
    int64_t first_ns, last_ns; /* when data frames were read, monotonic */
    struct histogram latency;
};

struct run {
    struct plan plan;
    struct tally tally;
    int epoll;
    bool strict;  /* a client that goes away ends the run with an error: until all are ready */
    bool counted; /* the window is open */
    /* Called with each data frame, beside the counting; null: nobody. `now` is monotonic. */
    void (*heard)(struct client *client, const uint8_t *text, size_t size, int64_t now);
    /* Called when a client is gone or was refused, with the HTTP status of that and the seconds of its Retry-After (0, -1:
     * there was none); it may be opened again. Null: who is refused ends the run with an error. */
    void (*lost)(struct client *client, int status, int retry_after);
    uint32_t closed[65536]; /* by close code; 1006 where there was none */
    uint8_t *buffer;
    size_t room;
    uint64_t random;
};

void add_message(struct message **list, size_t *count, const void *text, size_t size);
void read_lines(const char *path, struct message **list, size_t *count); /* those that are not empty, or die() */
void add_tail(struct message *list, size_t count, const char *tail); /* to each of them */

void client_open(struct run *run, struct client *client);
void client_event(struct run *run, struct client *client, uint32_t events);
void client_say(struct run *run, struct client *client, const char *text, size_t size);
void client_end(struct run *run, struct client *client); /* closes its socket without another word */
void client_goodbye(struct run *run, struct client *client); /* sends a close frame, if the socket takes it now */

#endif
