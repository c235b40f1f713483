/* The limit on the very sockets that the product serves: a plain send() loop over its file descriptors.
 *
 * Called through ctypes from the process that owns the connections, so both are measured on the same connections, to the
 * same client, in the same run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            data += sent;
            size -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return -1;
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        if (poll(&one, 1, 5000) <= 0)
            return -1;
    }
    return 0;
}

/* Sends `size` bytes to each of `count` sockets, over and over for `seconds`. Returns the sends, or -1 when one fails. */
int64_t burst(const int *fds, int count, const char *data, size_t size, double seconds)
{
    double end = now() + seconds;
    int64_t sends = 0;
    while (now() < end) {
        for (int i = 0; i < count; i++) {
            if (send_all(fds[i], data, size) != 0)
                return -1;
            sends++;
        }
    }
    return sends;
}
