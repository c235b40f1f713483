"""Gateways in processes of their own, which share the ports and hear the same batches, so that all cores are used.

The kernel gives each new connection to one of them (SO_REUSEPORT). One that dies or hangs is replaced; its clients come
back to the others meanwhile, and find the same books and numbers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from polyfeed.accounts.vault import Vault
from polyfeed.app.config import Config
from polyfeed.app.gateway_role import LAST_SECONDS, key_of
from polyfeed.app.historian import HistoryRole
from polyfeed.app.line import Counts, Kind, Refusal, Start, encode
from polyfeed.app.ports import set_by
from polyfeed.app.seat import Seat
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.listener import bound_socket
from polyfeed.model.batches import Batch, Outcome, encode_batch
from polyfeed.model.commands import AnyCommand, Origin

START_SECONDS = 60.0


class Workers:
    """So many gateways beside the venue's own process.

    `images` gives the state as of the last batch on `bus`; `last_number` is the last command of a gateway that the
    venue has seen; `entry` takes their commands, `answering` answers their questions, None where none is kept. `ended`
    returns when the venue has cancelled what was promised to the clients of a gateway that is gone; `history` names the
    venue's. `ports` says where they listen, once `open` has returned.
    """

    def __init__(
        self,
        config: Config,
        first: int,
        bus: MemoryBus,
        images: Callable[[], tuple[bytes, bytes, dict[str, bytes]]],
        last_number: Callable[[int], int],
        entry: Callable[[AnyCommand, Origin], None],
        ended: Callable[[int], Awaitable[None]],
        vault: Vault,
        answering: HistoryRole | None,
        history: str,
    ) -> None:
        self.ports: dict[str, int] = {}
        self._config = config
        self._bus = bus
        self._images = images
        self._last_number = last_number
        self._vault = vault
        self._answering = answering
        self._history = history
        self._reserved: list[socket.socket] = []
        self._files: tuple[Path, Path] | None = None
        seconds = config.server.drain_seconds + 2 * LAST_SECONDS
        self._workers = {
            number: Seat(number, self._start_of, entry, ended, self._pass_on, answering, seconds)
            for number in range(first, first + config.server.workers)
        }
        self._unsubscribe: list[Callable[[], None]] = []

    async def open(self, files: tuple[Path, Path] | None) -> None:
        """Reserves the ports and starts everybody. `files` are a certificate and its key, for TLS as well.

        Raises OSError when an address is taken or a worker does not come up.
        """
        self._files = files
        self._config = self._with_ports(tls=files is not None)
        self._unsubscribe = [
            self._bus.subscribe(self._on_batch),
            self._bus.subscribe_refusals(self._on_refusal),
            self._bus.subscribe_words(self._on_word),
        ]
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

    def _start_of(self, number: int) -> Start:
        """What a worker that starts now is told."""
        certificate, key = map(str, self._files or ("", ""))
        return Start(
            number,
            self._config,
            self._vault.master,
            self._last_number(number),
            *self._images(),
            None if self._answering is None else self._answering.epoch,
            self._history,
            certificate,
            key,
        )

    def _pass_on(self, number: int, word: bytes) -> None:
        """Hands what a worker tells other gateways to all of them."""
        for other, worker in self._workers.items():
            if other != number:
                worker.send(Kind.WORD, word)
        self._bus.tell(word, self._on_word)

    def _on_word(self, word: bytes) -> None:
        for worker in self._workers.values():
            worker.send(Kind.WORD, word)

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
        with set_by(key_of(label)):
            sock = bound_socket(self._config.server.host, number, shared=True)
        self._reserved.append(sock)
        self.ports[label] = int(sock.getsockname()[1])
        return self.ports[label]
