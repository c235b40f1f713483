"""The measured process: `python -m bench.product`. One JSON command per line on stdin, one answer on stdout.

{"do": "connections"}                  how many there are
{"do": "flood", "seconds": 3}          one level change after the other, each sent to all before the next
{"do": "saturate", "seconds": 3}       batches as fast as they come, several to a write
{"do": "limit", "seconds": 3}          a C send() loop over the same sockets, frames of the same size
{"do": "pace", "rate": 1000, "seconds": 5}   orders at a steady rate, stamped with the time meant for each
{"do": "stop"}                         sends until somebody who does not read is full; he is waited for no more
{"do": "waiting"}                      the most bytes that wait for a connection
{"do": "traders", "count": 100}        users who may enter orders; a Rails token of each
{"do": "relay", "url": "amqp://…"}     passes on what is published there
{"do": "memory"}                       resident bytes
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from bench.native import build_library
from bench.scene import Scene

FRAME = b'[13,{"a":[["58729.40000","0.45000000","1617666423.606671"]],"c":"1611137690"},"book-10","XBT/USD"]'
"""A frame as the flood makes them, for the C loop."""

STOP_SECONDS = 30
"""Within which the socket of somebody who does not read must be full."""


def cpu() -> float:
    """Seconds of CPU this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def flood(scene: Scene, seconds: float) -> dict[str, float]:
    """As many batches as get through, each of them written to every connection before the next."""
    rest, scene.fan.turns.longest_rest = scene.fan.turns.longest_rest, 0
    used, start, frames = cpu(), time.perf_counter(), scene.fan.frames
    while time.perf_counter() - start < seconds:
        await scene.change_a_level()
        await scene.settle()
    scene.fan.turns.longest_rest = rest
    return report(time.perf_counter() - start, cpu() - used, (scene.fan.frames - frames) * len(scene.fan.connections))


async def saturate(scene: Scene, seconds: float) -> dict[str, float]:
    """As many batches as the venue gives, carried as the gateway does when it has more to do than it can."""
    used, start, frames = cpu(), time.perf_counter(), scene.fan.frames
    while time.perf_counter() - start < seconds:
        for _ in range(10):
            await scene.change_a_level()
        await asyncio.sleep(0)
    await scene.settle()
    return report(time.perf_counter() - start, cpu() - used, (scene.fan.frames - frames) * len(scene.fan.connections))


async def limit(scene: Scene, seconds: float) -> dict[str, float]:
    """The same sockets, in C."""
    library = ctypes.CDLL(str(build_library("burst")))
    library.burst.restype = ctypes.c_int64
    library.burst.argtypes = [
        ctypes.POINTER(ctypes.c_int),
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_double,
    ]
    numbers = [one.fd for one in scene.connections()]
    data = bytes([0x81, len(FRAME)]) + FRAME
    used, start = cpu(), time.perf_counter()
    sends = library.burst((ctypes.c_int * len(numbers))(*numbers), len(numbers), data, len(data), seconds)
    if sends < 0:
        raise OSError("a socket of the C loop failed")
    return report(time.perf_counter() - start, cpu() - used, sends)


def report(seconds: float, used: float, frames: int) -> dict[str, float]:
    """A measured phase."""
    return {
        "frames": frames,
        "frames_per_second": frames / seconds,
        "cpu_us_per_frame": used / frames * 1e6 if frames else 0.0,
        "busy": used / seconds,
    }


async def pace(scene: Scene, rate: float, seconds: float) -> dict[str, float]:
    """Orders at times fixed beforehand; one that is late still carries the time at which it should have come."""
    clock, used = scene.clock, cpu()
    start = clock.wall() + 100_000
    for number in range(int(rate * seconds)):
        meant = start + int(number * 1e6 / rate)
        while (left := meant - clock.wall()) > 0:  # noqa: ASYNC110 - waits for a time
            await asyncio.sleep(left / 1e6 if left > 2000 else 0)
        clock.intended = meant
        await scene.change_a_level()
        clock.intended = 0
    await scene.settle()
    return {"orders": int(rate * seconds), "busy": (cpu() - used) / seconds}


async def stop(scene: Scene) -> dict[str, float]:
    """Batches until somebody's socket is full and stays it."""
    async with asyncio.timeout(STOP_SECONDS):
        while not scene.stopped:
            while not scene.paused():
                for _ in range(10):
                    await scene.change_a_level()
                await asyncio.sleep(0)
            await asyncio.sleep(0.3)  # who only was slow has read by then
            scene.stopped = scene.paused()
    return {"connections": len(scene.stopped)}


def resident() -> int:
    """Bytes of memory this process has."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


async def main() -> None:
    """Serves until stdin ends."""
    scene = Scene()
    say({"ports": await scene.open()})
    gc.collect()
    gc.freeze()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command: dict[str, Any] = json.loads(line)
        match command["do"]:
            case "flood":
                say(await flood(scene, command["seconds"]))
            case "saturate":
                say(await saturate(scene, command["seconds"]))
            case "limit":
                say(await limit(scene, command["seconds"]))
            case "pace":
                say(await pace(scene, command["rate"], command["seconds"]))
            case "stop":
                say(await stop(scene))
            case "waiting":
                say({"bytes": scene.waiting()})
            case "traders":
                say({"tokens": await scene.traders(int(command["count"]))})
            case "relay":
                await scene.relay(command["url"])
                say({})
            case "memory":
                say({"bytes": resident()})
            case "connections":
                say({"connections": len(scene.fan.connections)})
    await scene.close()


def say(answer: dict[str, Any]) -> None:
    """One line to whoever runs the benchmark."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
