"""Gateways in processes of their own, which share the ports and hear the same batches, so that all cores are used.

The kernel gives each new connection to one of them (SO_REUSEPORT). One that dies or hangs is replaced; its clients come
back to the others meanwhile, and find the same books and numbers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from polyfeed.accounts.vault import Vault
from polyfeed.app.config import Config
from polyfeed.app.gateway_role import LAST_SECONDS
from polyfeed.app.line import Counts, Entered, Kind, Refusal, Start, counts_decoder, encode, entered_decoder
from polyfeed.bus.link import Link
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.listener import bound_socket
from polyfeed.model.batches import Batch, Outcome, encode_batch
from polyfeed.model.commands import AnyCommand, Origin

log = logging.getLogger("polyfeed.workers")

MOST_WAITING = 64 << 20
"""Bytes that a worker may have before it: one that is further behind hangs, and is replaced."""

AGAIN_SECONDS = 0.5
"""Before a worker is replaced, so that one that cannot live does not take the machine."""

START_SECONDS = 60.0


class Workers:
    """So many gateways beside the venue's own process.

    `images` gives the state as of the last batch on `bus`; `last_number` is the last command of a gateway that the
    venue has seen; `entry` takes their commands. `ports` says where they listen, once `open` has returned.
    """

    def __init__(
        self,
        config: Config,
        first: int,
        bus: MemoryBus,
        images: Callable[[], tuple[bytes, bytes, dict[str, bytes]]],
        last_number: Callable[[int], int],
        entry: Callable[[AnyCommand, Origin], None],
        vault: Vault,
    ) -> None:
        self.ports: dict[str, int] = {}
        self._config = config
        self._bus = bus
        self._images = images
        self._last_number = last_number
        self._entry = entry
        self._vault = vault
        self._reserved: list[socket.socket] = []
        self._files: tuple[Path, Path] | None = None
        self._workers = {number: Seat(self, number) for number in range(first, first + config.server.workers)}
        self._unsubscribe: list[Callable[[], None]] = []

    async def open(self, files: tuple[Path, Path] | None) -> None:
        """Reserves the ports and starts everybody. `files` are a certificate and its key, for TLS as well.

        Raises OSError when an address is taken or a worker does not come up.
        """
        self._files = files
        self._config = self._with_ports(tls=files is not None)
        self._unsubscribe = [self._bus.subscribe(self._on_batch), self._bus.subscribe_refusals(self._on_refusal)]
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.gather(*(worker.open() for worker in self._workers.values()))
        except TimeoutError as error:
            raise OSError(f"a worker did not come up within {START_SECONDS:g} s; its log says why") from error

    async def close(self) -> None:
        """Has everybody say goodbye to their clients, who hear what happens until then, and ends."""
        await asyncio.gather(*(worker.close() for worker in self._workers.values()))
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for sock in self._reserved:
            sock.close()

    def counts(self) -> list[Counts]:
        """What each worker counted last."""
        return [worker.counts for worker in self._workers.values()]

    def alive(self) -> int:
        """How many are listening."""
        return sum(worker.ready.is_set() for worker in self._workers.values())

    def pids(self) -> list[int | None]:
        """Their processes; None for one that is being replaced."""
        return [worker.pid for worker in self._workers.values()]

    def start_of(self, number: int) -> Start:
        """What a worker that starts now is told."""
        certificate, key = map(str, self._files or ("", ""))
        return Start(
            number,
            self._config,
            self._vault.master,
            self._last_number(number),
            *self._images(),
            certificate,
            key,
        )

    def enter(self, entered: Entered) -> None:
        """Hands a worker's command on."""
        self._entry(entered.command, entered.origin)

    def _on_batch(self, batch: Batch) -> None:
        data = encode_batch(batch)
        for worker in self._workers.values():
            worker.send(Kind.BATCH, data)

    def _on_refusal(self, origin: Origin, outcome: Outcome) -> None:
        worker = self._workers.get(origin.gateway)
        if worker is not None:
            worker.send(Kind.REFUSAL, encode(Refusal(origin, outcome)))

    def _with_ports(self, *, tls: bool) -> Config:
        """The configuration with the ports' numbers, kept for the workers by sockets that never listen."""
        sections = {}
        for name in DIALECTS:
            section = getattr(self._config, name)
            if section.enabled:
                changed = {"port": self._reserve(name, section.port)}
                if tls:
                    changed["tls_port"] = self._reserve(f"{name} (tls)", section.tls_port)
                sections[name] = msgspec.structs.replace(section, **changed)
        return msgspec.structs.replace(self._config, **sections)

    def _reserve(self, label: str, number: int) -> int:
        sock = bound_socket(self._config.server.host, number, shared=True)
        self._reserved.append(sock)
        self.ports[label] = int(sock.getsockname()[1])
        return self.ports[label]


class Seat:
    """The place of one worker, whichever process has it."""

    def __init__(self, workers: Workers, number: int) -> None:
        self.ready = asyncio.Event()
        self.counts: Counts = {}
        self._workers = workers
        self._number = number
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = False

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
            seconds = self._workers._config.server.drain_seconds + 2 * LAST_SECONDS
            try:
                await asyncio.wait_for(self._process.wait(), seconds)
            except TimeoutError:
                log.warning("worker %d does not end: it is killed", self._number)
                self._process.kill()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def send(self, kind: Kind, payload: bytes) -> None:
        """Sends a message to the process that is there, if any."""
        if self._link is None:
            return
        if self._link.waiting > MOST_WAITING:
            log.error(
                "worker %d has taken nothing of the last %d MiB: it is replaced", self._number, MOST_WAITING >> 20
            )
            if self._process is not None:
                self._process.kill()
            self._link.abort()
            self._link = None
            return
        self._link.send(kind, payload)

    async def _keep(self) -> None:
        while not self._ending:
            await self._run()
            self.ready.clear()
            self.counts = {}
            if not self._ending:
                log.error("worker %d is gone: another one takes its place", self._number)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _run(self) -> None:
        """One process, from its start to its end."""
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
        link.send(Kind.START, encode(self._workers.start_of(self._number)))
        self._link = link
        await self._process.wait()
        self._link = None
        link.abort()

    def _hear(self, kind: int, payload: bytes) -> None:
        match kind:
            case Kind.COMMAND:
                self._workers.enter(entered_decoder.decode(payload))
            case Kind.COUNTS:
                self.counts = counts_decoder.decode(payload)
            case Kind.READY:
                self.ready.set()
