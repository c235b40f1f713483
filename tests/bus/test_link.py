"""Messages between processes: whole and in order, however the bytes are cut."""

from __future__ import annotations

import asyncio
import random
import socket

from polyfeed.bus.link import HEAD, Link


async def pair() -> tuple[Link, list[tuple[int, bytes]], asyncio.Event, socket.socket]:
    """A link, what it hears, its end, and the socket of the other side."""
    ours, theirs = socket.socketpair()
    heard: list[tuple[int, bytes]] = []
    lost = asyncio.Event()
    link = Link(lambda kind, payload: heard.append((kind, payload)), lost.set)
    await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
    theirs.setblocking(False)
    return link, heard, lost, theirs


async def test_messages_are_heard_whole_however_they_come() -> None:
    dice = random.Random(1)
    messages = [(dice.randrange(7), dice.randbytes(dice.choice((0, 1, 30, 70_000)))) for _ in range(200)]
    stream = b"".join(HEAD.pack(len(payload), kind) + payload for kind, payload in messages)
    link, heard, lost, theirs = await pair()
    loop = asyncio.get_running_loop()
    while stream:
        count = dice.choice((1, 4, 5, 6, 1000, 200_000))
        await loop.sock_sendall(theirs, stream[:count])
        stream = stream[count:]
    theirs.close()
    async with asyncio.timeout(10):
        await lost.wait()
    assert heard == messages
    link.send(1, b"nobody is there")
    assert link.waiting == 0


async def test_what_is_sent_in_one_turn_is_one_write_in_order() -> None:
    link, _, lost, theirs = await pair()
    for number in range(100):
        link.send(number % 7, bytes([number]) * number)
    link.close()
    async with asyncio.timeout(10):
        await lost.wait()
    data = await asyncio.get_running_loop().sock_recv(theirs, 1 << 20)
    theirs.close()
    assert data == b"".join(HEAD.pack(number, number % 7) + bytes([number]) * number for number in range(100))
