/* What both programs need and that is not WebSocket: clocks, limits, the control line, arguments, JSON. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NS_PER_S 1000000000LL

int64_t mono_ns(void); /* for durations */
int64_t real_ns(void); /* for timestamps that another process made: nanoseconds since 1970 */

/* Raises the soft limit of open files to the hard one, and ends the program when `wanted` is still too many. */
void need_files(size_t wanted);

/* What the outside asked for so far. Set by a line on stdin ("go", "stop"), by SIGUSR1 (go), SIGTERM and SIGINT (stop).
 * The end of stdin means stop, unless a go came before: who holds the pipe has gone away, and nobody would stop us.
 * A stdin that cannot be waited for (/dev/null, a file) is left alone. */
struct control {
    bool go;
    bool stop;
};

/* Registers stdin at `epoll` with a null data pointer; call control_read() when that event comes. */
extern void (*control_other)(const char *line); /* is given every other line; null: they are ignored */
void control_start(int epoll);
void control_read(int epoll);
struct control control_now(void);

/* die: {"error": ...} on stdout, exit 1. misuse: text on stderr, exit 2. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t arg_count(const char *name, const char *text); /* a whole number, or misuse() */
double arg_number(const char *name, const char *text);  /* a number >= 0, or misuse() */
void *need(void *memory);                               /* the result of an allocation, or die() */
uint8_t *read_file(const char *path, size_t *size);     /* the whole file with a zero after it, or die() */

void json_text(FILE *out, const char *text); /* with its quotes */

struct cpu {
    double user;
    double sys;
};
struct cpu cpu_used(void); /* seconds, this process so far */

#endif
