/* The same bytes to many sockets: abreast.py says when, and has the same in Python. */
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS; Python has SIGPIPE ignored */
#endif

/* `taken` gets how much each socket took, 0 where it failed. Returns how many did not take all. */
int write_abreast(const int *sockets, int count, const void *data, size_t size, int *taken)
{
    int fewer = 0;
    for (int i = 0; i < count; i++) {
        ssize_t sent;
        do
            sent = send(sockets[i], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        taken[i] = sent < 0 ? 0 : (int)sent;
        fewer += sent != (ssize_t)size;
    }
    return fewer;
}
