"""A gateway in a process of its own: `python -m polyfeed.app.worker FD`, started by the venue's process.

It hears batches over its link and sends its clients' commands back, and what they ask of history. It ends when it is
told to, or when the venue's process is gone: with a goodbye to its clients in either case.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from functools import partial

from polyfeed.app import logs
from polyfeed.app.clock import SteadyClock
from polyfeed.app.enquiries import Asking
from polyfeed.app.gateway_role import GatewayRole
from polyfeed.app.historian import RemoteHistorian
from polyfeed.app.line import (
    Count,
    Counts,
    Entered,
    Kind,
    Start,
    encode,
    refusal_decoder,
    start_decoder,
)
from polyfeed.app.tls import server_context
from polyfeed.bus.link import Link
from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import decode_batch
from polyfeed.model.commands import AnyCommand, Origin

COUNT_SECONDS = 1.0


class Worker:
    """One gateway, from its first message to its last."""

    def __init__(self) -> None:
        self._bus = MemoryBus()
        self._link = Link(self._hear, self._on_lost)
        self._asking = Asking(partial(self._link.send, Kind.QUESTION))
        self._role: GatewayRole | None = None
        self._start: Start | None = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def run(self, descriptor: int) -> None:
        """Works until it is told to stop, or alone."""
        sock = socket.socket(fileno=descriptor)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._link, sock=sock)
        await self._stop.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._role is not None and self._start is not None:
            await self._role.close(self._start.config.server.drain_seconds)
        self._link.close()

    def _hear(self, kind: int, payload: bytes) -> None:
        match kind:
            case Kind.BATCH:
                self._bus.publish(decode_batch(payload))
            case Kind.REFUSAL:
                refusal = refusal_decoder.decode(payload)
                self._bus.refuse(refusal.origin, refusal.outcome)
            case Kind.ANSWER:
                self._asking.hear(payload)
            case Kind.WORD:
                self._bus.tell(payload, self._tell)
            case Kind.START:
                self._begin(start_decoder.decode(payload))
            case Kind.STOP:
                self._stop.set()

    def _begin(self, start: Start) -> None:
        """Takes the state over in the same turn, so that no batch is missed; ports open when that is done."""
        logs.configure(start.config.log, f"worker {start.number}")
        self._start = start
        self._bus.subscribe_words(self._tell)
        historian = None if start.epoch is None else RemoteHistorian(start.epoch, self._asking.request)
        entries = (start.memory(), start.vault(), self._enter, SteadyClock(), historian, start.history)
        self._role = GatewayRole(start.config, start.number, self._bus, *entries)
        self._task = asyncio.create_task(self._work(self._role, start))
        self._task.add_done_callback(self._on_done)

    async def _work(self, role: GatewayRole, start: Start) -> None:
        files = start.tls()
        await role.open(None if files is None else server_context(*files), shared=True)
        gc.collect()
        gc.freeze()
        self._link.send(Kind.READY, b"")
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            self._link.send(Kind.COUNTS, encode(self._counts(role)))

    def _counts(self, role: GatewayRole) -> Counts:
        return {name: Count(len(fan.connections), fan.frames) for name, fan in role.gateway.fans.items()}

    def _enter(self, command: AnyCommand, origin: Origin) -> None:
        self._link.send(Kind.COMMAND, encode(Entered(command, origin)))

    def _tell(self, word: bytes) -> None:
        self._link.send(Kind.WORD, word)

    def _on_lost(self) -> None:
        if not self._stop.is_set():
            logging.getLogger("polyfeed").error("the venue's process is gone: saying goodbye to every client")
        self._asking.end()
        self._stop.set()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            logging.getLogger("polyfeed").critical("the worker cannot go on", exc_info=task.exception())
            self._stop.set()


def main() -> None:
    """Runs a worker. A terminal's interrupt is the venue's process's to act on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

    async def work() -> None:
        await Worker().run(int(sys.argv[1]))

    asyncio.run(work())


if __name__ == "__main__":
    main()
