"""What the Python servers share: commands come as lines on stdin, answers go out as lines on stdout.

flood SECONDS TOPICS JOIN    one message after the other, each on the next topic, JOIN of them in one go
pace RATE SECONDS            messages on topic 0 at times fixed beforehand, stamped with them
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable

PAYLOAD = 200
MOST_WAITING = 65_536
"""Bytes that may wait for a socket before the next message is made."""

Publish = Callable[[str, bytes, int], Awaitable[None] | None]
"""Sends a text, so many times in one go, to a topic."""


def message(ns: int) -> bytes:
    """A stamped text of PAYLOAD bytes."""
    head = f'{{"ns":{ns:019d},"pad":"'
    return (head + "x" * (PAYLOAD - len(head) - 2) + '"}').encode()


def say(answer: dict[str, int]) -> None:
    """One line to whoever measures."""
    print(json.dumps(answer), flush=True)


async def serve(port: int, publish: Publish, behind: Callable[[], bool]) -> None:
    """Answers commands until stdin ends. `behind()` says that too much waits."""
    say({"port": port})
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        gc.collect()
        gc.freeze()
        what, values = line[0], [float(value) for value in line[1:]]
        say({"sent": await (flood(publish, behind, *values) if what == "flood" else pace(publish, *values))})


async def flood(publish: Publish, behind: Callable[[], bool], seconds: float, topics: float, join: float) -> int:
    """As many messages as get through."""
    text, sent, names = message(10**18), 0, [str(number) for number in range(int(topics))]
    each = max(1, min(len(names), 50))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        waiting = publish(names[sent % len(names)], text, int(join))
        if waiting is not None:
            await waiting
        sent += 1
        if sent % each == 0:
            await asyncio.sleep(0)
            while behind():  # noqa: ASYNC110 - the turns of the loop are what sends
                await asyncio.sleep(0)
    return sent


async def pace(publish: Publish, rate: float, seconds: float) -> int:
    """Messages at a steady rate."""
    start = time.time_ns() + 100_000_000
    for number in range(int(rate * seconds)):
        meant = start + int(number * 1e9 / rate)
        while (left := meant - time.time_ns()) > 0:  # noqa: ASYNC110 - waits for a time
            await asyncio.sleep(left / 1e9 - 0.0015 if left > 2_000_000 else 0)
        waiting = publish("0", message(meant), 1)
        if waiting is not None:
            await waiting
    return int(rate * seconds)
