"""The place of a worker: a process that is there, and another one when it dies or hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from polyfeed.app.children import ended_how
from polyfeed.app.enquiries import Answering
from polyfeed.app.gateway_role import LAST_SECONDS
from polyfeed.app.historian import HistoryRole
from polyfeed.app.line import Counts, Kind, Start, counts_decoder, encode, entered_decoder
from polyfeed.bus.link import Link
from polyfeed.bus.tasks import cancelled
from polyfeed.model.commands import AnyCommand, Origin

log = logging.getLogger("polyfeed.workers")

MOST_WAITING = 64 << 20
"""Bytes that a worker may have before it: one that is further behind hangs, and is replaced."""

AGAIN_SECONDS = 0.5
"""Before a worker is replaced, so that one that cannot live does not take the machine."""


class Seat:
    """The place of one worker, whichever process has it.

    `start` gives what a process that starts now is told, `enter` takes the commands of its clients, `ended` returns
    when what was promised to them is done once it is gone, `pass_on` hands what it tells other gateways to these,
    `history` answers its questions (None where none is kept). A process that is to end is given `seconds`.
    """

    def __init__(
        self,
        number: int,
        start: Callable[[int], Start],
        enter: Callable[[AnyCommand, Origin], None],
        ended: Callable[[int], Awaitable[None]],
        pass_on: Callable[[int, bytes], None],
        history: HistoryRole | None,
        seconds: float,
    ) -> None:
        self.ready = asyncio.Event()
        self.counts: Counts = {}
        self._number = number
        self._start = start
        self._enter = enter
        self._ended = ended
        self._pass_on = pass_on
        self._history = history
        self._seconds = seconds
        self._link: Link | None = None
        self._answering: Answering | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._gone = False

    @property
    def pid(self) -> int | None:
        """The number of the process that is there."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def open(self) -> None:
        """Starts a process and waits until it listens; from then on there is always one."""
        self._task = asyncio.create_task(self._keep())
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        """Ends the process: by a word, and one that does not hear it by force."""
        self._ending = True
        self.send(Kind.STOP, b"")
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), self._seconds)
            except TimeoutError:
                log.warning("worker %d does not end: it is killed", self._number)
                self._kill()
        if self._task is None:
            return
        # Its orders may wait for a disk that takes nothing: then the next start cancels them.
        await asyncio.wait({self._task}, timeout=LAST_SECONDS)
        await cancelled([self._task])

    def send(self, kind: Kind, payload: bytes) -> None:
        """Sends a message to the process that is there, if any."""
        if self._link is None:
            return
        if self._link.waiting > MOST_WAITING:
            log.error(
                "worker %d has taken nothing of the last %d MiB: it is replaced", self._number, MOST_WAITING >> 20
            )
            self._kill()
            self._link.abort()
            self._link = None
            return
        self._link.send(kind, payload)

    def _kill(self) -> None:
        """Ends the process that is there; it may have ended by itself in this very moment."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _keep(self) -> None:
        while not self._ending:
            how = await self._run()
            self.ready.clear()
            self.counts = {}
            # Before another one has this number: its orders must not be taken for this one's, nor its commands.
            await self._ended(self._number)
            if not self._ending:
                self._gone = True
                log.error("worker %d is gone: %s; another one takes its place", self._number, how)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _run(self) -> str:
        """One process, from its start to its end; what is to be said of that."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "polyfeed.app.worker", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                env=dict(os.environ),
            )
        link = Link(self._hear, lambda: None)
        await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
        # In one turn: what has happened so far, and from then on every batch.
        link.send(Kind.START, encode(self._start(self._number)))
        self._link = link
        if self._history is not None:
            self._answering = Answering(self._history, partial(self.send, Kind.ANSWER))
        code = await self._process.wait()
        if self._answering is not None:
            self._answering.end()
        self._link = None
        link.abort()
        return f"process {self._process.pid} {ended_how(code)}"

    def _hear(self, kind: int, payload: bytes) -> None:
        match kind:
            case Kind.COMMAND:
                entered = entered_decoder.decode(payload)
                self._enter(entered.command, entered.origin)
            case Kind.QUESTION if self._answering is not None:
                self._answering.hear(payload)
            case Kind.WORD:
                self._pass_on(self._number, payload)
            case Kind.COUNTS:
                self.counts = counts_decoder.decode(payload)
            case Kind.READY:
                self.ready.set()
                if self._gone:
                    self._gone = False
                    log.warning("worker %d is there again: process %s", self._number, self.pid)
