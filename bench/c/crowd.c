/* Thousands of Kraken clients that come back: each subscribes to a book and keeps it, with the checksum of every update.
 * One that is cut off, or refused, tries again as a client should that was written well: at random within some seconds,
 * twice as many after each attempt that failed, and no sooner than the server's Retry-After says.
 *
 * Commands come as lines on stdin; each is answered with one JSON object on stdout, on a line:
 *   open N   opens N clients; answered when each of them has its book
 *   back     answered when every client has been cut off and has its book again; timed from the first that was cut off
 *   check    a ping to every client; answered when all have the answer, and so all that was said before it
 *   close    closes all without another word
 * The end of stdin ends the program. */
#define _GNU_SOURCE
#include "book.h"
#include "client.h"
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#define EVENTS 512
#define LONGEST_S 15.0 /* between two attempts, unless the server asks for more */
#define LOOK_MS 5      /* between two looks at who may try again */

static const char usage[] =
    "crowd --port PORT --connections N [option]...\n"
    "  --connections N  the most that are open at once\n"
    "  --pair NAME      whose book (XBT/USD)\n"
    "  --sources K      connect from 127.0.0.1 ... 127.0.0.K in turn (1)\n"
    "  --in-flight K    handshakes at a time (200)\n"
    "  --spread S       clients come back at random within S seconds (2)\n";

struct member {
    struct book book;
    int64_t due; /* when it tries again */
    uint32_t failed; /* attempts, since it was last open */
    bool wanted, has_pong;
};

static struct run run;
static struct {
    uint32_t connections, in_flight;
    double spread;
    const char *pair;
    uint16_t port;
} options = {.in_flight = 200, .spread = 2, .pair = "XBT/USD"};
static struct client *clients;
static struct member *members;
static uint32_t count, absent, pongs, attempts, cut_off, without_hint;
static uint32_t refused[600]; /* by HTTP status; 0 for a connection that was not taken or ended before its answer */
static int64_t began, first_cut;
static bool (*done)(void); /* says whether the command under way is; null: none is under way */

static void read_options(int argc, char **argv)
{
    enum { PORT = 256, CONNECTIONS, PAIR, SOURCES, IN_FLIGHT, SPREAD, HELP };
    static const struct option names[] = {
        {"port", 1, 0, PORT}, {"connections", 1, 0, CONNECTIONS}, {"pair", 1, 0, PAIR}, {"sources", 1, 0, SOURCES},
        {"in-flight", 1, 0, IN_FLIGHT}, {"spread", 1, 0, SPREAD}, {"help", 0, 0, HELP}, {0}};
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
        const char *name = names[index].name;
        switch (option) {
        case PORT: options.port = (uint16_t)arg_count(name, optarg); break;
        case CONNECTIONS: options.connections = (uint32_t)arg_count(name, optarg); break;
        case PAIR: options.pair = optarg; break;
        case SOURCES: run.plan.sources = (uint32_t)arg_count(name, optarg); break;
        case IN_FLIGHT: options.in_flight = (uint32_t)arg_count(name, optarg); break;
        case SPREAD: options.spread = arg_number(name, optarg); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: misuse("%s", usage);
        }
    }
    if (optind < argc || options.port == 0 || options.connections == 0 || options.in_flight == 0)
        misuse("%s", usage);
}

static void make_plan(void)
{
    char *subscribe, *host;
    if (asprintf(&subscribe, "{\"event\":\"subscribe\",\"pair\":[\"%s\"],\"subscription\":{\"name\":\"book\",\"depth\":%d}}",
                 options.pair, BOOK_DEPTH) < 0 ||
        asprintf(&host, "127.0.0.1:%u", options.port) < 0)
        die("out of memory");
    add_message(&run.plan.messages, &run.plan.message_count, subscribe, strlen(subscribe));
    run.plan.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(options.port)};
    run.plan.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    run.plan.host_text = host;
}

static double dice(void) { return (double)random() / ((double)RAND_MAX + 1); }

static void again_later(struct member *member, int retry_after)
{
    double within = options.spread * (double)(1u << (member->failed < 10 ? member->failed : 10));
    within = within < LONGEST_S ? within : LONGEST_S;
    double seconds = (retry_after > 0 ? retry_after : 0) + dice() * within;
    member->due = mono_ns() + (int64_t)(seconds * NS_PER_S);
    absent++;
}

/* A client is gone, or was refused with an HTTP status. */
static void lost(struct client *client, int status, int retry_after)
{
    struct member *member = &members[client->number];
    if (client->ready) {
        client->ready = false;
        run.tally.ready--;
        cut_off++;
        member->failed = 0;
        if (first_cut == 0)
            first_cut = mono_ns();
    } else {
        member->failed++;
        refused[status < 600 ? status : 0]++;
        without_hint += (status == 429 || status == 503) && retry_after < 0;
    }
    if (member->wanted)
        again_later(member, retry_after);
}

static void heard(struct client *client, const uint8_t *text, size_t size, int64_t now)
{
    (void)now;
    struct member *member = &members[client->number];
    if (size > 0 && *text == '[')
        book_apply(&member->book, (const char *)text, size);
    else if (!member->has_pong && memmem(text, size, "\"reqid\":4711", 12)) {
        member->has_pong = true;
        pongs++;
    }
}

static void enter(uint32_t number)
{
    struct client *client = &clients[number];
    members[number].book.asks.count = members[number].book.bids.count = 0;
    client->ready_frames = 0;
    absent--;
    attempts++;
    client_open(&run, client);
}

/* Has those try (again) whose time has come. */
static void look(int64_t now)
{
    static int64_t last;
    static uint32_t next;
    if (absent == 0 || now - last < LOOK_MS * 1000000LL)
        return;
    last = now;
    for (uint32_t seen = 0; seen < count && run.tally.shaking < options.in_flight; seen++) {
        next = (next + 1) % count;
        bool away = clients[next].state == NEW || clients[next].state == GONE;
        if (away && members[next].due <= now)
            enter(next);
    }
}

static bool all_ready(void) { return run.tally.ready == count; }
static bool all_back(void) { return cut_off >= count && all_ready(); }
static bool all_answered(void) { return pongs == count; }
static bool nothing(void) { return true; }

static void open_more(uint32_t more)
{
    if (count + more > options.connections)
        die("%u are open, %u more are too many", count, more);
    for (uint32_t i = count; i < count + more; i++) {
        members[i] = (struct member){.wanted = true};
        clients[i] = (struct client){.number = i};
    }
    absent += more;
    count += more;
}

static void ping_all(void)
{
    static const char ping[] = "{\"event\":\"ping\",\"reqid\":4711}";
    pongs = 0;
    for (uint32_t i = 0; i < count; i++) {
        members[i].has_pong = false;
        client_say(&run, &clients[i], ping, sizeof ping - 1);
    }
}

static void close_all(void)
{
    for (uint32_t i = 0; i < count; i++) {
        members[i].wanted = false;
        client_end(&run, &clients[i]);
    }
    count = absent = cut_off = 0;
    first_cut = 0;
    run.tally.ready = 0;
}

static void command(const char *line)
{
    if (done)
        die("'%s' came while another command was under way", line);
    began = mono_ns();
    if (strncmp(line, "open ", 5) == 0) {
        open_more((uint32_t)arg_count("open", line + 5));
        done = all_ready;
    } else if (strcmp(line, "back") == 0) {
        done = all_back;
    } else if (strcmp(line, "check") == 0) {
        ping_all();
        done = all_answered;
    } else if (strcmp(line, "close") == 0) {
        close_all();
        done = nothing;
    } else {
        die("no such command: %s", line);
    }
}

static void answer(int64_t now)
{
    uint32_t least = UINT32_MAX, wrong = 0, others = 0;
    for (uint32_t i = 0; i < count; i++) {
        least = members[i].book.checked < least ? members[i].book.checked : least;
        wrong += members[i].book.wrong;
        others += !book_same(&members[i].book, &members[0].book);
    }
    int64_t since = done == all_back ? first_cut : began;
    printf("{\"seconds\":%.3f,\"connections\":%u,\"others\":%u,\"checksum\":\"%u\",\"checked\":%u,\"wrong\":%u,",
           (double)(now - since) / (double)NS_PER_S, count, others, count ? book_checksum(&members[0].book) : 0,
           count ? least : 0, wrong);
    printf("\"cut_off\":%u,\"attempts\":%u,\"refused\":%u,\"crowded\":%u,\"full\":%u,\"without_hint\":%u}\n", cut_off,
           attempts, refused[0], refused[429], refused[503], without_hint);
    fflush(stdout);
    if (done == all_back) {
        cut_off = 0;
        first_cut = 0;
    }
    done = NULL;
}

int main(int argc, char **argv)
{
    run.plan = (struct plan){.path = "/", .headers = "", .sources = 1, .ready_text = "\"as\"", .ready_count = 1};
    read_options(argc, argv);
    make_plan();
    need_files(options.connections + 16);
    if (getrandom(&run.random, sizeof run.random, 0) != sizeof run.random || run.random == 0)
        run.random = 88172645463325252ULL;
    srandom((unsigned)run.random);
    run.heard = heard;
    run.lost = lost;
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    control_other = command;
    control_start(run.epoll);
    clients = need(calloc(options.connections, sizeof *clients));
    members = need(calloc(options.connections, sizeof *members));
    static struct epoll_event events[EVENTS];
    while (!control_now().stop) {
        look(mono_ns());
        if (done && done())
            answer(mono_ns());
        int got = epoll_wait(run.epoll, events, EVENTS, absent ? LOOK_MS : -1);
        for (int i = 0; i < got; i++) {
            if (events[i].data.ptr == NULL)
                control_read(run.epoll);
            else
                client_event(&run, events[i].data.ptr, events[i].events);
        }
    }
    return 0;
}
