/* The limit to compare a server with: WebSocket frames that are already made, one send() per connection and round, in a
 * plain loop over all sockets. It answers handshakes, ignores what else clients say, and sends on "go".
 *
 * As fast as possible: for --seconds, or --rounds; in one round each connection gets one send() of --join frames.
 * Paced (--rate R): R frames a second to each connection, each stamped with the time at which it was *meant* to go, so
 * that a loop that falls behind shows it as latency (no coordinated omission). */
#define _GNU_SOURCE
#include "common.h"
#include "stamp.h"
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define HEAD_LIMIT 8192
#define STALL_LIMIT_MS 5000 /* a client that takes nothing for so long is dropped */

static const char usage[] =
    "sendloop --connections N (--size BYTES | --frame-file FILE) [option]...\n"
    "  --host ADDRESS   to listen on (127.0.0.1)\n"
    "  --port PORT      (0: one that is free; {\"listening\":PORT} on stderr tells)\n"
    "  --size BYTES     payload: {\"ns\":<19 digits>,\"pad\":\"xxx...\"}, at least 36 bytes\n"
    "  --frame-file F   payload: the whole file; paced, it needs \"ns\":<19 digits>, or \"<10 digits>.<6 digits>\"\n"
    "  --join K         frames in one send (1)\n"
    "  --seconds S      how long to send (5)\n"
    "  --rounds R       sends to each connection, instead of --seconds\n"
    "  --rate R         frames a second to each connection (0: as fast as possible)\n"
    "  --sndbuf BYTES   SO_SNDBUF of each connection (the kernel's)\n"
    "  --timeout S      for all N to connect (60)\n"
    "  --linger S       then wait for the clients to close (2)\n"
    "Starts when N clients are connected and the line 'go' came on stdin, or SIGUSR1. 'stop' or SIGTERM ends it.\n";

struct peer {
    int fd; /* -1: gone */
    bool open;
    size_t head_size;
    char *head; /* of its request, until it is whole */
};

static struct {
    uint32_t connections;
    const char *host;
    uint16_t port;
    double seconds, rate, timeout, linger;
    uint64_t rounds, join;
    int sndbuf;
} options = {.host = "127.0.0.1", .seconds = 5, .join = 1, .timeout = 60, .linger = 2};

static struct peer *peers, listener;
static uint32_t accepted, open_count, alive;
static int epoll;
static uint8_t *payload, *block; /* block: `join` whole frames */
static size_t payload_size, frame_size, block_size, stamp_offset;
static enum stamp stamp;
static uint64_t sends, stalls, late_max;

static void make_payload(size_t size)
{
    static const char head[] = "{\"ns\":1000000000000000000,\"pad\":\"";
    size_t used = sizeof head - 1;
    if (size < used + 2)
        misuse("--size: at least %zu", used + 2);
    payload = need(malloc(size));
    memset(payload, 'x', size);
    memcpy(payload, head, used);
    memcpy(payload + size - 2, "\"}", 2);
    payload_size = size;
}

static void make_block(void)
{
    uint8_t head[WS_HEAD_MAX];
    size_t head_size = ws_head(head, WS_TEXT, payload_size, false);
    frame_size = head_size + payload_size;
    block_size = frame_size * options.join;
    block = need(malloc(block_size));
    for (uint64_t i = 0; i < options.join; i++) {
        memcpy(block + i * frame_size, head, head_size);
        memcpy(block + i * frame_size + head_size, payload, payload_size);
    }
    stamp = stamp_place(payload, payload_size, &stamp_offset);
    stamp_offset += head_size;
    if (options.rate > 0 && stamp == STAMP_NONE)
        misuse("--rate: the payload has no place for a timestamp");
}

static void read_options(int argc, char **argv)
{
    enum { HOST = 256, PORT, CONNECTIONS, SIZE, FRAME_FILE, JOIN, SECONDS, ROUNDS, RATE, SNDBUF, TIMEOUT, LINGER,
           HELP };
    static const struct option names[] = {
        {"host", 1, 0, HOST}, {"port", 1, 0, PORT}, {"connections", 1, 0, CONNECTIONS}, {"size", 1, 0, SIZE},
        {"frame-file", 1, 0, FRAME_FILE}, {"join", 1, 0, JOIN}, {"seconds", 1, 0, SECONDS}, {"rounds", 1, 0, ROUNDS},
        {"rate", 1, 0, RATE}, {"sndbuf", 1, 0, SNDBUF}, {"timeout", 1, 0, TIMEOUT}, {"linger", 1, 0, LINGER},
        {"help", 0, 0, HELP}, {0}};
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
        const char *name = names[index].name;
        switch (option) {
        case HOST: options.host = optarg; break;
        case PORT: options.port = (uint16_t)arg_count(name, optarg); break;
        case CONNECTIONS: options.connections = (uint32_t)arg_count(name, optarg); break;
        case SIZE: make_payload(arg_count(name, optarg)); break;
        case FRAME_FILE: payload = read_file(optarg, &payload_size); break;
        case JOIN: options.join = arg_count(name, optarg); break;
        case SECONDS: options.seconds = arg_number(name, optarg); break;
        case ROUNDS: options.rounds = arg_count(name, optarg); break;
        case RATE: options.rate = arg_number(name, optarg); break;
        case SNDBUF: options.sndbuf = (int)arg_count(name, optarg); break;
        case TIMEOUT: options.timeout = arg_number(name, optarg); break;
        case LINGER: options.linger = arg_number(name, optarg); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: misuse("%s", usage);
        }
    }
    if (optind < argc || options.connections == 0 || options.join == 0 || payload == NULL)
        misuse("%s", usage);
}

static void listen_here(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    socklen_t size = sizeof here;
    int yes = 1;
    if (inet_pton(AF_INET, options.host, &here.sin_addr) != 1)
        misuse("--host: '%s' is not an IPv4 address", options.host);
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (options.sndbuf) /* accepted sockets inherit it */
        setsockopt(listener.fd, SOL_SOCKET, SO_SNDBUF, &options.sndbuf, sizeof options.sndbuf);
    if (bind(listener.fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener.fd, 4096) < 0)
        die("%s:%u: %s", options.host, options.port, strerror(errno));
    getsockname(listener.fd, (struct sockaddr *)&here, &size);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event);
    fprintf(stderr, "{\"listening\":%u}\n", ntohs(here.sin_port));
}

static void drop(struct peer *peer)
{
    close(peer->fd);
    free(peer->head);
    peer->head = NULL;
    peer->fd = -1;
    alive--;
    open_count -= peer->open;
    peer->open = false;
}

static void accept_more(void)
{
    int yes = 1;
    while (accepted < options.connections) {
        int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
                return;
            die("accept: %s", strerror(errno));
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct peer *peer = &peers[accepted++];
        peer->fd = fd;
        peer->head = need(malloc(HEAD_LIMIT + 1));
        alive++;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
    close(listener.fd); /* all are there */
    listener.fd = -1;
}

/* Sends all of it, waiting where the socket is full. False when the peer is gone or takes nothing for too long. */
static bool send_all(struct peer *peer, const uint8_t *bytes, size_t size)
{
    ssize_t sent = send(peer->fd, bytes, size, MSG_NOSIGNAL);
    if (sent == (ssize_t)size)
        return true;
    size_t done = sent > 0 ? (size_t)sent : 0;
    while (done < size) {
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = peer->fd, .events = POLLOUT};
            stalls++;
            if (poll(&wait, 1, STALL_LIMIT_MS) == 0 || control_now().stop)
                return false;
        } else if (sent < 0 && errno != EINTR) {
            return false;
        }
        sent = send(peer->fd, bytes + done, size - done, MSG_NOSIGNAL);
        done += sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static void take_request(struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->head + peer->head_size, HEAD_LIMIT - peer->head_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        peer->head_size += (size_t)got;
    peer->head[peer->head_size] = 0;
    const char *value;
    char *end = strstr(peer->head, "\r\n\r\n");
    if (got <= 0 || (end == NULL && peer->head_size == HEAD_LIMIT))
        die("a client went away during the handshake, or its request has no end");
    if (end == NULL)
        return;
    end[2] = 0;
    if (http_header(peer->head, "Sec-WebSocket-Key", &value) != WS_KEY_SIZE - 1)
        die("a client asked for something other than a WebSocket");
    char accept[WS_ACCEPT_SIZE], answer[256];
    ws_accept(value, accept);
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (!send_all(peer, (const uint8_t *)answer, (size_t)size))
        die("a client did not take the answer to its handshake");
    free(peer->head);
    peer->head = NULL;
    peer->open = true;
    open_count++;
}

static void turn(int timeout)
{
    static struct epoll_event events[EVENTS];
    static char ignored[65536];
    int count = epoll_wait(epoll, events, EVENTS, timeout);
    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;
        if (peer == NULL)
            control_read(epoll);
        else if (peer == &listener)
            accept_more();
        else if (!peer->open)
            take_request(peer);
        else {
            ssize_t got = recv(peer->fd, ignored, sizeof ignored, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
                drop(peer);
        }
    }
}

static void wait_for_clients(void)
{
    int64_t deadline = mono_ns() + (int64_t)(options.timeout * (double)NS_PER_S);
    while (open_count < options.connections) {
        turn(1000);
        if (control_now().stop)
            die("stopped with %u of %u clients connected", open_count, options.connections);
        if (mono_ns() > deadline || accepted != alive)
            die("%u of %u clients connected, %u of them left", accepted, options.connections, accepted - alive);
    }
    fputs("ready\n", stderr);
    while (!control_now().go) {
        if (control_now().stop || alive == 0)
            die("stopped before it began");
        turn(1000);
    }
}

static void one_round(void)
{
    for (uint32_t i = 0; i < options.connections; i++) {
        if (peers[i].fd < 0)
            continue;
        if (send_all(&peers[i], block, block_size))
            sends++;
        else
            drop(&peers[i]);
    }
}

/* Waits for the time of the round's last frame, and writes into each frame the time that was meant for it. */
static void pace(uint64_t round, int64_t start_mono, int64_t start_real)
{
    double interval = (double)NS_PER_S / options.rate;
    int64_t due = 0;
    for (uint64_t i = 0; i < options.join; i++) {
        due = (int64_t)(interval * (double)(round * options.join + i));
        stamp_write(stamp, block + i * frame_size + stamp_offset, start_real + due);
    }
    int64_t at = start_mono + due, now;
    struct timespec until = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
    while ((now = mono_ns()) < at && !control_now().stop)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    if (now > at && (uint64_t)(now - at) > late_max)
        late_max = (uint64_t)(now - at);
}

static void run(void)
{
    struct cpu before = cpu_used();
    int64_t start = mono_ns(), start_real = real_ns(), end = start + (int64_t)(options.seconds * (double)NS_PER_S);
    uint64_t round = 0, most = options.rounds ? options.rounds : UINT64_MAX;
    if (options.rate > 0 && options.rounds == 0) /* no frame is meant for a time after the end */
        most = (uint64_t)(options.rate * options.seconds / (double)options.join);
    while (alive > 0 && !control_now().stop && round < most && (options.rounds || mono_ns() < end)) {
        if (options.rate > 0)
            pace(round, start, start_real);
        one_round();
        round++;
    }
    double seconds = (double)(mono_ns() - start) / (double)NS_PER_S;
    struct cpu after = cpu_used();
    double user = after.user - before.user, sys = after.sys - before.sys;
    uint64_t frames = sends * options.join;
    printf("{\"program\":\"sendloop\",\"connections\":%u,\"dropped\":%u,\"payload_bytes\":%zu,\"frame_bytes\":%zu,"
           "\"join\":%llu,\"rounds\":%llu,\"sends\":%llu,\"stalls\":%llu,\"frames\":%llu,\"bytes\":%llu,",
           options.connections, options.connections - alive, payload_size, frame_size, (unsigned long long)options.join,
           (unsigned long long)round, (unsigned long long)sends, (unsigned long long)stalls, (unsigned long long)frames,
           (unsigned long long)(frames * frame_size));
    printf("\"seconds\":%.6f,\"frames_per_second\":%.3f,\"cpu_user\":%.6f,\"cpu_sys\":%.6f,\"cpu_us_per_frame\":%.6f,"
           "\"late_max_us\":%.3f}\n",
           seconds, seconds > 0 ? (double)frames / seconds : 0, user, sys,
           frames > 0 ? (user + sys) * 1e6 / (double)frames : 0, (double)late_max / 1000);
    fflush(stdout);
}

/* A close frame to each, then reading until they are gone: a socket closed with something unread would reset the
 * connection, and frames that are still on their way would be lost. */
static void say_goodbye(void)
{
    uint8_t bye[WS_HEAD_MAX + 2];
    size_t head = ws_head(bye, WS_CLOSE, 2, false);
    bye[head] = 1000 >> 8;
    bye[head + 1] = 1000 & 255;
    for (uint32_t i = 0; i < options.connections; i++) {
        if (peers[i].fd < 0)
            continue;
        if (send_all(&peers[i], bye, head + 2))
            shutdown(peers[i].fd, SHUT_WR);
        else
            drop(&peers[i]);
    }
    int64_t deadline = mono_ns() + (int64_t)(options.linger * (double)NS_PER_S);
    while (alive > 0 && !control_now().stop && mono_ns() < deadline)
        turn(50);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    make_block();
    need_files(options.connections + 16);
    prctl(PR_SET_TIMERSLACK, 1); /* paced: the default lets each wake-up be 50 us late */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    control_start(epoll);
    peers = need(calloc(options.connections, sizeof *peers));
    listen_here();
    wait_for_clients();
    run();
    say_goodbye();
    return 0;
}
