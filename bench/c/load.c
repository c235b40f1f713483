/* A neutral WebSocket load client: many connections, one thread, one epoll; it counts frames and does little else, so
 * that the server is what is measured.
 *
 * A run goes through phases. CONNECT until every connection is ready; then "ready" is printed on stderr. WAIT for a go,
 * if asked to. WARM UP by frames or seconds. MEASURE: all counters start at zero, and end with the time, with a number
 * of frames, with the last connection, or with "stop". The result is one JSON object on stdout; every second of the way
 * is one on stderr. */
#define _GNU_SOURCE
#include "client.h"
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#define EVENTS 512
#define PORTS_PER_SOURCE 20000 /* of the 28,232 that Linux gives out by default */

static const char usage[] =
    "load --port PORT --connections N [option]...\n"
    "where to\n"
    "  --host NAME             an IPv4 address or name (127.0.0.1)\n"
    "  --path PATH             (/)\n"
    "  --header 'NAME: VALUE'  sent with each handshake; may be given again\n"
    "  --sources K             connect from 127.0.0.1 ... 127.0.0.K in turn (one for each 20,000 connections)\n"
    "  --ramp R                open R connections a second (0: as fast as they are accepted)\n"
    "  --in-flight K           handshakes at a time (64)\n"
    "  --timeout S             for all to become ready (60)\n"
    "what to say\n"
    "  --send TEXT             each connection sends it after its handshake; may be given again\n"
    "  --send-file FILE        then connection i sends line i mod lines\n"
    "  --line-tail TEXT        each line with this behind it\n"
    "when to count\n"
    "  --ready-text TEXT       a connection is ready once a frame with it came (once its messages are out)\n"
    "  --ready-count K         once K such frames came (1)\n"
    "  --go                    wait for the line 'go' on stdin, or SIGUSR1\n"
    "  --warmup-frames N       then let N frames pass\n"
    "  --warmup-seconds S      then let S seconds pass\n"
    "  --seconds S             then count for S seconds (5)\n"
    "  --until-frames N        or until N frames came\n"
    "  --idle S                only hold the connections for S seconds; no lines of progress\n"
    "what to count\n"
    "  --ignore TEXT           frames with it are counted apart\n"
    "  --latency KIND          now less the time in the frame. ns: \"ns\":1234567890123456789;\n"
    "                          kraken: the last quoted \"1617666423.690142\"; kraken-max: the latest of them\n";

enum phase { CONNECT, WAIT, WARM_UP, MEASURE, DONE };

struct options {
    uint32_t connections, in_flight;
    double ramp, timeout, warmup_seconds, seconds;
    uint64_t warmup_frames, until_frames;
    bool go, idle;
    const char *host;
    uint16_t port;
};

static struct run run;
static struct options options = {
    .in_flight = 64, .timeout = 60, .seconds = 5, .host = "127.0.0.1", .until_frames = UINT64_MAX};
static struct client *clients;
static enum phase phase = CONNECT;
static int64_t started, opened_all, ready_all, phase_start, window_start, window_end;
static struct cpu cpu_start, cpu_end;

static void add_header(const char *line)
{
    char *more;
    if (asprintf(&more, "%s%s\r\n", run.plan.headers, line) < 0)
        die("out of memory");
    run.plan.headers = more;
}

static void read_options(int argc, char **argv)
{
    enum { HOST = 256, PORT, PATH, HEADER, SOURCES, RAMP, IN_FLIGHT, TIMEOUT, SEND, SEND_FILE, LINE_TAIL, READY_TEXT,
           READY_COUNT,
           GO, WARMUP_FRAMES, WARMUP_SECONDS, SECONDS, UNTIL_FRAMES, IDLE, IGNORE, LATENCY,
           CONNECTIONS, HELP };
    static const struct option names[] = {
        {"host", 1, 0, HOST}, {"port", 1, 0, PORT}, {"path", 1, 0, PATH}, {"header", 1, 0, HEADER},
        {"sources", 1, 0, SOURCES}, {"ramp", 1, 0, RAMP}, {"in-flight", 1, 0, IN_FLIGHT}, {"timeout", 1, 0, TIMEOUT},
        {"send", 1, 0, SEND}, {"send-file", 1, 0, SEND_FILE}, {"line-tail", 1, 0, LINE_TAIL},
        {"ready-text", 1, 0, READY_TEXT},
        {"ready-count", 1, 0, READY_COUNT}, {"go", 0, 0, GO}, {"warmup-frames", 1, 0, WARMUP_FRAMES},
        {"warmup-seconds", 1, 0, WARMUP_SECONDS}, {"seconds", 1, 0, SECONDS}, {"until-frames", 1, 0, UNTIL_FRAMES},
        {"idle", 1, 0, IDLE}, {"ignore", 1, 0, IGNORE}, {"latency", 1, 0, LATENCY}, {"connections", 1, 0, CONNECTIONS},
        {"help", 0, 0, HELP}, {0}};
    struct plan *plan = &run.plan;
    const char *tail = "";
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
        const char *name = names[index].name;
        switch (option) {
        case HOST: options.host = optarg; break;
        case PORT: options.port = (uint16_t)arg_count(name, optarg); break;
        case PATH: plan->path = optarg; break;
        case HEADER: add_header(optarg); break;
        case SOURCES: plan->sources = (uint32_t)arg_count(name, optarg); break;
        case RAMP: options.ramp = arg_number(name, optarg); break;
        case IN_FLIGHT: options.in_flight = (uint32_t)arg_count(name, optarg); break;
        case TIMEOUT: options.timeout = arg_number(name, optarg); break;
        case SEND: add_message(&plan->messages, &plan->message_count, optarg, strlen(optarg)); break;
        case SEND_FILE: read_lines(optarg, &plan->lines, &plan->line_count); break;
        case LINE_TAIL: tail = optarg; break;
        case READY_TEXT: plan->ready_text = optarg; break;
        case READY_COUNT: plan->ready_count = arg_count(name, optarg); break;
        case GO: options.go = true; break;
        case WARMUP_FRAMES: options.warmup_frames = arg_count(name, optarg); break;
        case WARMUP_SECONDS: options.warmup_seconds = arg_number(name, optarg); break;
        case SECONDS: options.seconds = arg_number(name, optarg); break;
        case UNTIL_FRAMES: options.until_frames = arg_count(name, optarg); break;
        case IDLE: options.idle = true; options.seconds = arg_number(name, optarg); break;
        case IGNORE: plan->ignore = optarg; break;
        case LATENCY:
            if (!stamp_named(optarg, &plan->stamp))
                misuse("--latency: ns, kraken or kraken-max");
            break;
        case CONNECTIONS: options.connections = (uint32_t)arg_count(name, optarg); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: misuse("%s", usage);
        }
    }
    if (optind < argc || options.port == 0 || options.connections == 0 || options.in_flight == 0)
        misuse("%s", usage);
    add_tail(plan->lines, plan->line_count, tail);
}

static void resolve(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(options.host, NULL, &hints, &found);
    if (error)
        die("%s: %s", options.host, gai_strerror(error));
    memcpy(&run.plan.server, found->ai_addr, sizeof run.plan.server);
    freeaddrinfo(found);
    run.plan.server.sin_port = htons(options.port);
    char *text;
    if (asprintf(&text, "%s:%u", options.host, options.port) < 0)
        die("out of memory");
    run.plan.host_text = text;
    bool loopback = ntohl(run.plan.server.sin_addr.s_addr) >> 24 == 127;
    if (run.plan.sources == 0)
        run.plan.sources = loopback ? (options.connections + PORTS_PER_SOURCE - 1) / PORTS_PER_SOURCE : 1;
    if (run.plan.sources > 1 && !loopback)
        misuse("--sources is for a server on 127.x.x.x");
}

static double since(int64_t then, int64_t now) { return (double)(now - then) / (double)NS_PER_S; }

/* Opens what may be opened now. Returns the milliseconds after which to come again: -1, whenever something happens. */
static int open_more(int64_t now)
{
    static uint32_t next;
    while (next < options.connections && run.tally.shaking < options.in_flight) {
        if (options.ramp > 0 && (double)next >= since(started, now) * options.ramp)
            return 1;
        client_open(&run, &clients[next++]);
    }
    return -1;
}

static void start_window(int64_t now)
{
    struct tally *tally = &run.tally;
    uint32_t open = tally->open, ready = tally->ready;
    *tally = (struct tally){.open = open, .ready = ready};
    for (uint32_t i = 0; i < options.connections; i++)
        clients[i].frames = 0;
    run.counted = true;
    cpu_start = cpu_used();
    window_start = now;
}

static void enter(enum phase next, int64_t now)
{
    phase = next;
    phase_start = now;
    if (next == MEASURE)
        start_window(now);
    if (next == DONE) {
        window_end = now;
        cpu_end = cpu_used();
    }
}

/* Goes on to the next phase, or several, when it is time to. */
static void advance(int64_t now)
{
    const struct tally *tally = &run.tally;
    if (opened_all == 0 && tally->open == options.connections)
        opened_all = now;
    if (phase == CONNECT && tally->ready == options.connections) {
        ready_all = now;
        run.strict = false;
        fputs("ready\n", stderr);
        enter(WAIT, now);
    } else if (phase == CONNECT && since(started, now) > options.timeout) {
        die("%u of %u connections were open and %u ready after %g s", tally->open, options.connections, tally->ready,
            options.timeout);
    }
    if (phase == WAIT && (!options.go || control_now().go)) {
        enter(WARM_UP, now);
        run.tally.frames = 0;
    }
    if (phase == WARM_UP && tally->frames >= options.warmup_frames && since(phase_start, now) >= options.warmup_seconds)
        enter(MEASURE, now);
    if (phase == MEASURE && (tally->frames >= options.until_frames || since(phase_start, now) >= options.seconds))
        enter(DONE, now);
    if (phase != CONNECT && phase != DONE && tally->open == 0) {
        if (phase != MEASURE)
            die("all connections were closed before the window opened");
        enter(DONE, now);
    }
    if (control_now().stop && phase != DONE) {
        if (phase != MEASURE)
            die("stopped before the window opened: %u open, %u ready", tally->open, tally->ready);
        enter(DONE, now);
    }
}

static void progress(int64_t now)
{
    static const char *const names[] = {"connect", "wait", "warm-up", "measure", "done"};
    static int64_t last;
    static uint64_t last_frames, last_bytes;
    static enum phase last_phase;
    if (last_phase != phase || last == 0) { /* the counters may have started again */
        last = now;
        last_frames = run.tally.frames;
        last_bytes = run.tally.bytes;
        last_phase = phase;
    }
    if (options.idle || since(last, now) < 1)
        return;
    double seconds = since(last, now);
    fprintf(stderr,
            "{\"phase\":\"%s\",\"at\":%.3f,\"open\":%u,\"ready\":%u,\"frames\":%llu,\"frames_per_second\":%.0f,"
            "\"bytes_per_second\":%.0f}\n",
            names[phase], since(started, now), run.tally.open, run.tally.ready, (unsigned long long)run.tally.frames,
            (double)(run.tally.frames - last_frames) / seconds, (double)(run.tally.bytes - last_bytes) / seconds);
    last = now;
    last_frames = run.tally.frames;
    last_bytes = run.tally.bytes;
}

static void print_latency(const struct histogram *h)
{
    printf("{");
    histogram_json(stdout, h);
    printf(",\"early\":%llu,\"untimed\":%llu}", (unsigned long long)run.tally.early,
           (unsigned long long)run.tally.untimed);
}

static void print_result(void)
{
    const struct tally *t = &run.tally;
    double seconds = since(window_start, window_end), active = since(t->first_ns, t->last_ns);
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < options.connections; i++) {
        least = clients[i].frames < least ? clients[i].frames : least;
        most = clients[i].frames > most ? clients[i].frames : most;
    }
    printf("{\"program\":\"load\",\"connections\":%u,\"open\":%u,\"handshake_seconds\":%.6f,\"ready_seconds\":%.6f,",
           options.connections, t->open, since(started, opened_all), since(started, ready_all));
    printf("\"frames\":%llu,\"bytes\":%llu,\"payload_bytes\":%llu,\"seconds\":%.6f,\"active_seconds\":%.6f,",
           (unsigned long long)t->frames, (unsigned long long)t->bytes, (unsigned long long)t->payload_bytes, seconds,
           active);
    printf("\"frames_per_second\":%.3f,\"bytes_per_second\":%.3f,\"frames_min\":%llu,\"frames_max\":%llu,",
           seconds > 0 ? (double)t->frames / seconds : 0, seconds > 0 ? (double)t->bytes / seconds : 0,
           (unsigned long long)least, (unsigned long long)most);
    printf("\"ignored\":%llu,\"pings\":%llu,\"pongs\":%llu,\"fragments\":%llu,\"compressed\":%llu,"
           "\"protocol_errors\":%u,\"cpu_user\":%.6f,\"cpu_sys\":%.6f,\"closed\":{",
           (unsigned long long)t->ignored, (unsigned long long)t->pings, (unsigned long long)t->pongs,
           (unsigned long long)t->fragments, (unsigned long long)t->compressed, t->protocol_errors,
           cpu_end.user - cpu_start.user, cpu_end.sys - cpu_start.sys);
    const char *comma = "";
    for (uint32_t code = 0; code < 65536; code++) {
        if (run.closed[code] == 0)
            continue;
        printf("%s\"%u\":%u", comma, code, run.closed[code]);
        comma = ",";
    }
    printf("},\"latency\":");
    if (run.plan.stamp != STAMP_NONE)
        print_latency(&t->latency);
    else
        printf("null");
    printf("}\n");
    fflush(stdout);
}

static void turn(int timeout)
{
    static struct epoll_event events[EVENTS];
    int count = epoll_wait(run.epoll, events, EVENTS, timeout);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            control_read(run.epoll);
        else
            client_event(&run, events[i].data.ptr, events[i].events);
    }
}

/* Ends each connection as RFC 6455 wants it, so that a server under test has nothing to complain of. */
static void say_goodbye(void)
{
    int64_t deadline = mono_ns() + NS_PER_S / 2;
    for (uint32_t i = 0; i < options.connections; i++)
        client_goodbye(&run, &clients[i]);
    while (run.tally.open > 0 && mono_ns() < deadline)
        turn(50);
}

int main(int argc, char **argv)
{
    run.plan = (struct plan){.path = "/", .headers = "", .ready_count = 1};
    run.strict = true;
    read_options(argc, argv);
    need_files(options.connections + 16);
    resolve();
    if (getrandom(&run.random, sizeof run.random, 0) != sizeof run.random || run.random == 0)
        run.random = 88172645463325252ULL;
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    control_start(run.epoll);
    clients = need(calloc(options.connections, sizeof *clients));
    for (uint32_t i = 0; i < options.connections; i++)
        clients[i].number = i;
    started = mono_ns();
    while (phase != DONE) {
        int64_t now = mono_ns();
        int again = open_more(now);
        advance(now);
        progress(now);
        if (phase == DONE)
            break;
        double left = phase == MEASURE ? options.seconds - since(phase_start, now)
                      : phase == WARM_UP && options.warmup_seconds > since(phase_start, now)
                          ? options.warmup_seconds - since(phase_start, now)
                          : 1;
        int most = left < 1 ? (int)(left * 1000) + 1 : 1000;
        turn(again >= 0 && again < most ? again : most);
    }
    print_result();
    say_goodbye();
    return 0;
}
