#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t mono_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t real_ns(void) { return clock_ns(CLOCK_REALTIME); }

void need_files(size_t wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        die("%zu open files are needed and %llu are allowed (ulimit -Hn)", wanted, (unsigned long long)limit.rlim_cur);
}

static volatile sig_atomic_t signal_go, signal_stop;
static struct control control;
void (*control_other)(const char *line);
static char line[64];
static size_t line_length;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        signal_go = 1;
    else
        signal_stop = 1;
}

void control_start(int epoll)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a wait must come back */
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
}

void control_read(int epoll)
{
    char bytes[256];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        if (!control.go)
            control.stop = true;
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') {
            if (line_length < sizeof line - 1)
                line[line_length++] = bytes[i];
            continue;
        }
        line[line_length] = 0;
        line_length = 0;
        if (strcmp(line, "go") == 0)
            control.go = true;
        else if (strcmp(line, "stop") == 0)
            control.stop = true;
        else if (control_other)
            control_other(line);
    }
}

struct control control_now(void)
{
    control.go = control.go || signal_go;
    control.stop = control.stop || signal_stop;
    return control;
}

void die(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("{\"error\":");
    json_text(stdout, text);
    printf("}\n");
    fflush(stdout);
    exit(1);
}

void misuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

uint64_t arg_count(const char *name, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
        misuse("--%s: '%s' is not a whole number", name, text);
    return value;
}

double arg_number(const char *name, const char *text)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= 0 && value < 1e15))
        misuse("--%s: '%s' is not a number of at least 0", name, text);
    return value;
}

void *need(void *memory)
{
    if (memory == NULL)
        die("out of memory");
    return memory;
}

uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die("%s: %s", path, strerror(errno));
    size_t capacity = 65536, length = 0, got;
    uint8_t *bytes = need(malloc(capacity + 1));
    while ((got = fread(bytes + length, 1, capacity - length, file)) > 0) {
        length += got;
        if (length == capacity)
            bytes = need(realloc(bytes, (capacity *= 2) + 1));
    }
    if (ferror(file))
        die("%s: %s", path, strerror(errno));
    fclose(file);
    bytes[length] = 0;
    *size = length;
    return bytes;
}

void json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

struct cpu cpu_used(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct cpu){
        .user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        .sys = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
    };
}
