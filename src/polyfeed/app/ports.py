"""Ports that nobody listens on, and what to do about one that somebody does."""

from __future__ import annotations

import atexit
import errno
import random
import socket
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FIRST, LAST = 10_000, 32_767
"""Below what kernels take for outgoing connections: none of these is in the way of who comes back to its port."""

HELD = 512
"""The last so many ports stay bound by this process, so that no other one that looks for free ports finds them."""

_held: deque[socket.socket] = deque()


@atexit.register
def _let_go() -> None:
    while _held:
        _held.popleft().close()


@contextmanager
def set_by(key: str) -> Iterator[None]:
    """The key of the port that is opened in here stands in the error when the port is taken."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(error.errno, f"{error.strerror}; --set {key}=N takes another port") from error


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many free TCP ports of an address of this machine, all different.

    Each is a port for a server that is started later and, once killed, on the same port again.
    """
    dice = random.SystemRandom()
    found: list[int] = []
    while len(found) < count:
        one, number = socket.socket(), dice.randint(FIRST, LAST)
        with suppress(OSError):
            one.bind((host, number))
            found.append(number)
        _hold(one)
    return found


def _hold(one: socket.socket) -> None:
    """Keeps a port bound. On Linux a server that sets SO_REUSEADDR, as all do, can listen beside a socket that set it
    too and does not listen; who does not set it, as the search above, cannot bind it. Elsewhere it would be in the way.
    """
    if sys.platform != "linux" or not one.getsockname()[1]:
        one.close()
        return
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(one)
    if len(_held) > HELD:
        _held.popleft().close()
