"""Ports that nobody listens on."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress

FIRST, LAST = 10_000, 32_767
"""Below what kernels take for outgoing connections: none of these is in the way of who comes back to its port."""


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many free TCP ports of an address of this machine, all different because they are held together."""
    dice = random.SystemRandom()
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            one, number = stack.enter_context(socket.socket()), dice.randint(FIRST, LAST)
            with suppress(OSError):
                one.bind((host, number))
                found.append(number)
    return found
