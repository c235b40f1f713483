/* Order to acknowledgement over Rails' WebSocket: many connections, one thread, orders at a steady rate.
 *
 * Every turn has its time, fixed beforehand. In one of two, a connection enters an order; in the other one, the
 * connection half a round away cancels what it has open, so that no book grows. Each request has a number, which is the
 * end of its clientRequestId, and is timed from when it was meant to be sent, late or not, until its 202 and its 200
 * came to the connection that sent it. The phases are those of `load`: CONNECT, then "ready" on stderr, WARM UP,
 * MEASURE, and LINGER until all is answered. The result is one JSON object on stdout. */
#define _GNU_SOURCE
#include "client.h"
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>

#define EVENTS 512
#define ID_SIZE 26   /* a ULID */
#define OPEN_MAX 256 /* orders of one connection that are known to be open; more are forgotten */
#define UUID "00000000-0000-4000-8000-"

static const char usage[] =
    "orders --port PORT --connections N --headers FILE [option]...\n"
    "  --path PATH          (/)\n"
    "  --headers FILE       connection i sends line i mod lines with its handshake\n"
    "  --order JSON         what a createOrder says beside its clientRequestId: \"orderType\":\"buy\",...\n"
    "  --rate R             orders a second over all connections, and as many cancellations (1000)\n"
    "  --warmup-seconds S   not counted (1)\n"
    "  --seconds S          counted (5)\n"
    "  --linger S           at most so long for the last answers (5)\n"
    "  --timeout S          for all to become ready (60)\n";

enum { CREATE, CANCEL, KINDS };

struct request {
    int64_t meant; /* monotonic */
    uint32_t client;
    uint8_t kind;
    bool counted, pending, confirmed; /* pending: its 202 came */
};

struct own { /* what a connection has open */
    char ids[OPEN_MAX][ID_SIZE];
    uint32_t count;
};

static struct options {
    uint32_t connections;
    uint16_t port;
    double rate, warmup, seconds, linger, timeout;
    const char *order;
} options = {.rate = 1000, .warmup = 1, .seconds = 5, .linger = 5, .timeout = 60, .order = ""};

static struct run run;
static struct client *clients;
static struct own *owns;
static struct request *requests;
static uint64_t request_count, request_room, outstanding, unanswered; /* outstanding: of those that are counted */
static uint64_t refused, forgotten, sent[KINDS];
static struct histogram pending[KINDS], confirmed[KINDS], lateness;
static char first_refusal[400];

static void read_options(int argc, char **argv)
{
    enum { PORT = 256, CONNECTIONS, PATH, HEADERS, ORDER, RATE, WARMUP, SECONDS, LINGER, TIMEOUT, HELP };
    static const struct option names[] = {
        {"port", 1, 0, PORT}, {"connections", 1, 0, CONNECTIONS}, {"path", 1, 0, PATH}, {"headers", 1, 0, HEADERS},
        {"order", 1, 0, ORDER}, {"rate", 1, 0, RATE}, {"warmup-seconds", 1, 0, WARMUP}, {"seconds", 1, 0, SECONDS},
        {"linger", 1, 0, LINGER}, {"timeout", 1, 0, TIMEOUT}, {"help", 0, 0, HELP}, {0}};
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
        const char *name = names[index].name;
        switch (option) {
        case PORT: options.port = (uint16_t)arg_count(name, optarg); break;
        case CONNECTIONS: options.connections = (uint32_t)arg_count(name, optarg); break;
        case PATH: run.plan.path = optarg; break;
        case HEADERS: read_lines(optarg, &run.plan.own_headers, &run.plan.own_header_count); break;
        case ORDER: options.order = optarg; break;
        case RATE: options.rate = arg_number(name, optarg); break;
        case WARMUP: options.warmup = arg_number(name, optarg); break;
        case SECONDS: options.seconds = arg_number(name, optarg); break;
        case LINGER: options.linger = arg_number(name, optarg); break;
        case TIMEOUT: options.timeout = arg_number(name, optarg); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: misuse("%s", usage);
        }
    }
    if (optind < argc || options.port == 0 || options.connections == 0 || options.rate <= 0 ||
        run.plan.own_header_count == 0)
        misuse("%s", usage);
}

/* ------------------------------------------------------------------------------------------------------ requests -- */

static void ask(struct client *client, uint8_t kind, int64_t meant, bool counted, const char *id)
{
    char text[1024];
    int size;
    if (kind == CREATE)
        size = snprintf(text, sizeof text,
                        "{\"message\":\"createOrder\",\"content\":{\"clientRequestId\":\"" UUID "%012" PRIx64 "\",%s}}",
                        request_count, options.order);
    else
        size = snprintf(text, sizeof text,
                        "{\"message\":\"cancelOrder\",\"content\":{\"clientRequestId\":\"" UUID "%012" PRIx64
                        "\",\"cancelBy\":\"orderId\",\"orderId\":\"%.*s\"}}",
                        request_count, ID_SIZE, id);
    if (size >= (int)sizeof text)
        die("--order is too long");
    if (request_count == request_room) {
        request_room = request_room ? request_room * 2 : 4096;
        requests = need(realloc(requests, request_room * sizeof *requests));
    }
    requests[request_count++] =
        (struct request){.meant = meant, .client = client->number, .kind = kind, .counted = counted};
    unanswered++;
    if (counted) {
        outstanding++;
        sent[kind]++;
    }
    client_say(&run, client, text, (size_t)size);
}

static void take_turn(uint64_t turn, int64_t meant, bool counted)
{
    uint64_t round = turn / 2 + (turn % 2 ? options.connections / 2 : 0);
    uint32_t number = (uint32_t)(round % options.connections);
    if (turn % 2 == 0) {
        ask(&clients[number], CREATE, meant, counted, NULL);
        return;
    }
    struct own *own = &owns[number];
    for (uint32_t i = 0; i < own->count; i++)
        ask(&clients[number], CANCEL, meant, counted, own->ids[i]);
    own->count = 0;
}

/* ------------------------------------------------------------------------------------------------------- answers -- */

/* The request that a message answers: by the last clientRequestId in it, since an order has one of its own before. */
static struct request *request_of(const uint8_t *text, size_t size)
{
    static const char name[] = "\"clientRequestId\":\"" UUID;
    const uint8_t *at = NULL, *next = text, *end = text + size;
    while ((next = memmem(next, (size_t)(end - next), name, sizeof name - 1)) != NULL)
        at = next += sizeof name - 1;
    if (at == NULL || end - at < 12)
        return NULL;
    char digits[13] = {0};
    memcpy(digits, at, 12);
    uint64_t number = strtoull(digits, NULL, 16);
    return number < request_count ? &requests[number] : NULL;
}

static int status_of(const uint8_t *text, size_t size)
{
    static const char name[] = "\"statusCode\":";
    const uint8_t *at = memmem(text, size, name, sizeof name - 1);
    return at != NULL && (size_t)(text + size - at) >= sizeof name + 2 ? atoi((const char *)at + sizeof name - 1) : 0;
}

static void remember(struct own *own, const uint8_t *text, size_t size)
{
    static const char name[] = "\"orderId\":\"";
    const uint8_t *at = memmem(text, size, name, sizeof name - 1);
    if (at == NULL || (size_t)(text + size - at) < sizeof name - 1 + ID_SIZE)
        return;
    if (own->count == OPEN_MAX)
        forgotten++;
    else
        memcpy(own->ids[own->count++], at + sizeof name - 1, ID_SIZE);
}

static void settle(struct request *request)
{
    unanswered--;
    outstanding -= request->counted;
    request->pending = request->confirmed = true;
}

static void heard(struct client *client, const uint8_t *text, size_t size, int64_t now)
{
    struct request *request = request_of(text, size);
    if (request == NULL || request->client != client->number || request->confirmed)
        return; /* what happened to another connection's order of the same account */
    int status = status_of(text, size);
    uint64_t taken = now > request->meant ? (uint64_t)(now - request->meant) : 0;
    if (status == 202 && !request->pending) {
        request->pending = true;
        if (request->counted)
            histogram_add(&pending[request->kind], taken);
    } else if (status == 200) {
        if (request->counted)
            histogram_add(&confirmed[request->kind], taken);
        if (request->kind == CREATE)
            remember(&owns[client->number], text, size);
        settle(request);
    } else if (status != 202) {
        if (refused++ == 0)
            snprintf(first_refusal, sizeof first_refusal, "%.*s", (int)size, (const char *)text);
        settle(request);
    }
}

/* ------------------------------------------------------------------------------------------------------- running -- */

/* Waits for events until a time; finer than the milliseconds of epoll_wait. */
static void turn_until(int64_t deadline)
{
    static struct epoll_event events[EVENTS];
    int64_t left = deadline - mono_ns();
    if (left > 0) {
        struct pollfd waiting = {.fd = run.epoll, .events = POLLIN};
        struct timespec time = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
        ppoll(&waiting, 1, &time, NULL);
    }
    int count = epoll_wait(run.epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            control_read(run.epoll);
        else
            client_event(&run, events[i].data.ptr, events[i].events);
    }
    if (control_now().stop)
        die("stopped before the end");
}

static int64_t after(int64_t then, double seconds) { return then + (int64_t)(seconds * (double)NS_PER_S); }

static void connect_all(void)
{
    int64_t deadline = after(mono_ns(), options.timeout);
    uint32_t next = 0;
    while (run.tally.ready < options.connections) {
        if (mono_ns() > deadline)
            die("%u of %u connections were ready after %g s", run.tally.ready, options.connections, options.timeout);
        while (next < options.connections && run.tally.shaking < 64)
            client_open(&run, &clients[next++]);
        turn_until(mono_ns() + NS_PER_S / 100);
    }
    run.strict = false;
    fputs("ready\n", stderr);
}

/* Sends at the times that were fixed; returns when the window began. */
static struct cpu trade(int64_t start)
{
    struct cpu before = cpu_used();
    uint64_t warm = (uint64_t)(options.warmup * options.rate) * 2;
    uint64_t turns = warm + (uint64_t)(options.seconds * options.rate) * 2;
    for (uint64_t turn = 0; turn < turns; turn++) {
        int64_t meant = after(start, (double)turn / (2 * options.rate));
        int64_t now;
        while ((now = mono_ns()) < meant)
            turn_until(meant);
        if (turn == warm)
            before = cpu_used();
        if (turn >= warm)
            histogram_add(&lateness, (uint64_t)(now - meant));
        take_turn(turn, meant, turn >= warm);
        if (run.tally.open < options.connections)
            die("%u connections were closed while orders were sent", options.connections - run.tally.open);
        if (turn % 64 == 63)
            turn_until(0); /* answers are read even when every turn is late */
    }
    return before;
}

static void print_result(struct cpu used)
{
    static const char *const names[KINDS][2] = {{"created", "accepted"}, {"cancelling", "cancelled"}};
    printf("{\"program\":\"orders\",\"connections\":%u,\"orders\":%" PRIu64 ",\"cancels\":%" PRIu64
           ",\"unanswered\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"forgotten\":%" PRIu64 ",\"seconds\":%.6f,"
           "\"cpu_user\":%.6f,\"cpu_sys\":%.6f,\"first_refusal\":",
           options.connections, sent[CREATE], sent[CANCEL], outstanding, refused, forgotten, options.seconds, used.user,
           used.sys);
    json_text(stdout, first_refusal);
    for (int kind = 0; kind < KINDS; kind++) {
        printf(",\"%s\":{", names[kind][0]);
        histogram_json(stdout, &pending[kind]);
        printf("},\"%s\":{", names[kind][1]);
        histogram_json(stdout, &confirmed[kind]);
        printf("}");
    }
    printf(",\"late\":{");
    histogram_json(stdout, &lateness);
    printf("}}\n");
    fflush(stdout);
}

static void say_goodbye(void)
{
    int64_t deadline = mono_ns() + NS_PER_S / 2;
    for (uint32_t i = 0; i < options.connections; i++)
        client_goodbye(&run, &clients[i]);
    while (run.tally.open > 0 && mono_ns() < deadline)
        turn_until(mono_ns() + NS_PER_S / 100);
}

int main(int argc, char **argv)
{
    run.plan = (struct plan){.path = "/", .headers = "", .ready_count = 1, .sources = 1};
    run.strict = true;
    run.heard = heard;
    read_options(argc, argv);
    need_files(options.connections + 16);
    run.plan.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(options.port)};
    run.plan.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char host[32];
    snprintf(host, sizeof host, "127.0.0.1:%u", options.port);
    run.plan.host_text = host;
    if (getrandom(&run.random, sizeof run.random, 0) != sizeof run.random || run.random == 0)
        run.random = 88172645463325252ULL;
    prctl(PR_SET_TIMERSLACK, 1UL);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    control_start(run.epoll);
    clients = need(calloc(options.connections, sizeof *clients));
    owns = need(calloc(options.connections, sizeof *owns));
    for (uint32_t i = 0; i < options.connections; i++)
        clients[i].number = i;
    connect_all();
    struct cpu before = trade(mono_ns() + NS_PER_S / 10), used = cpu_used();
    used.user -= before.user;
    used.sys -= before.sys;
    for (int64_t deadline = after(mono_ns(), options.linger); unanswered > 0 && mono_ns() < deadline;)
        turn_until(mono_ns() + NS_PER_S / 100);
    print_result(used);
    say_goodbye();
    return 0;
}
