"""`polyfeed gateway`: the dialects' ports of one machine, fed from the bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path

from nats.aio.client import Client

from polyfeed.app.bus_image import BusImage
from polyfeed.app.config import Config
from polyfeed.app.demo_keys import DEMO_VAULT
from polyfeed.app.gateway_bus import GatewayBus, TooFarBehind
from polyfeed.app.gateway_role import LAST_SECONDS, GatewayRole
from polyfeed.app.health import Health
from polyfeed.app.historian import REMOTE_SECONDS, RemoteHistorian
from polyfeed.app.master_key import vault_of
from polyfeed.app.operator import counts_in, fan_metrics
from polyfeed.app.operator_port import OperatorPort
from polyfeed.app.peatio_keys import with_peatio
from polyfeed.app.server import dialect_lines
from polyfeed.app.tls import server_context, tls_files
from polyfeed.bus.again import until_done
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.intake import Hole
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.reader import Gone
from polyfeed.bus.tasks import before_any_ends, cancelled
from polyfeed.model.errors import BatchOutOfOrder

log = logging.getLogger("polyfeed")

RETRY_SECONDS = 1.0

IMAGES_SECONDS = 1.0
"""Between two images that are gone on from at least: each is a snapshot or a close for every client."""

LOOK_SECONDS = 0.25
"""Between two looks at whether what is shown can be vouched for."""


class GatewayProcess:
    """One gateway, from its first image to its last batch."""

    def __init__(self, config: Config, client: Client, now: Callable[[], int]) -> None:
        self.config = with_peatio(config)
        self.now = now
        self.ready = False
        self._client = client
        self._names = Names(config.bus.name)
        self._bus = MemoryBus()
        self._link = GatewayBus(client, config.bus, self._bus, now, self._on_number)
        self._role: GatewayRole | None = None
        self._operator = OperatorPort(config)
        self._operator_port = 0
        self._state = Path(config.server.state_dir).expanduser()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str:
        """Why no client should be sent here, empty when they should."""
        if not self.ready or self._role is None:
            return "starting or stopping"
        return self._link.trouble or self._role.trouble

    @property
    def role(self) -> GatewayRole | None:
        """What serves clients, once there is an image to start from."""
        return self._role

    @property
    def ports(self) -> dict[str, int]:
        """Where each dialect listens, and the operator's port as `http`."""
        return {**(self._role.ports if self._role is not None else {}), "http": self._operator_port}

    def metrics(self) -> str:
        """The metrics in Prometheus's text format."""
        lines = self._link.metrics()
        if self._role is not None:
            lines += fan_metrics([counts_in(self._role.gateway.fans)], self._role.gateway.fans)
        return "\n".join(lines) + "\n"

    def directory(self) -> str:
        """Where everything is, for people."""
        lines = [f"  operator  http://{self.config.http.host}:{self._operator_port}/ (healthz, readyz, metrics)"]
        return "\n".join(lines + dialect_lines(self.config.server.host, self._role.ports if self._role else {}))

    async def start(self) -> None:
        """Begins from an image, however long that takes to be had, then listens. Raises OSError."""
        self._operator_port = await self._operator.serve(Health(self, "gateway", self.config.http))
        self._begin(self._link.call())
        image = await before_any_ends(self._tasks, self._image(self._link.start_image))
        memory = image.memory(self._link.decided(image))
        vault = DEMO_VAULT if image.demo else vault_of(self._state)
        historian = RemoteHistorian(image.epoch, self._ask) if image.past else None
        entries = (memory, vault, self._link.enter, self.now, historian, image.history)
        self._role = GatewayRole(self.config, self._link.number, self._bus, *entries)
        self._link.begin(image)
        self._begin(self._follow())
        await before_any_ends(self._tasks, self._link.caught_up())
        files = tls_files(self.config.server)
        await self._role.open(None if files is None else server_context(*files))
        self._begin(self._watch())
        self.ready = True

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        """Starts what goes on for as long as the gateway does."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_task_done)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Not ready, then goodbye to every client, then the end."""
        self.ready = False
        if self._role is not None:
            await self._role.close(self.config.server.drain_seconds)
            await self._link.leave(LAST_SECONDS)
        await cancelled(self._tasks)
        await self._operator.drain(1.0)

    async def failed(self) -> None:
        """Returns when one of the gateway's own tasks has ended, which none should; the log says why."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    # --- what is shown, and whether it is so ------------------------------------------------------------------------

    async def _image(self, source: Callable[[], Awaitable[BusImage]]) -> BusImage:
        say = partial(log.warning, "no image to start from: %s; trying again")
        return await until_done(source, (*FAILURES, ValueError), RETRY_SECONDS, say)

    async def _image_now(self) -> BusImage | None:
        """An image to go on from if there is one; without it, what is missing can be heard."""
        try:
            return await self._link.next_image()
        except (*FAILURES, ValueError) as error:
            log.warning("there is no image to go on from: %s; hearing what is missing", error)
            return None

    async def _follow(self) -> None:
        """Hears the stream; what it no longer has, or has too much of, is passed over with another image. While there
        is none, what is shown grows old, and `_watch` says so.
        """
        clock = asyncio.get_running_loop().time
        resynced = -IMAGES_SECONDS
        while True:
            far = False
            try:
                await self._link.read()
            except TooFarBehind as error:
                log.warning("%s: this gateway goes on from an image", error)
                far = True
            except (Gone, Hole, BatchOutOfOrder) as error:
                log.error("%s: this gateway begins anew", error)
            await asyncio.sleep(max(0.0, resynced + IMAGES_SECONDS - clock()))
            image = await (self._image_now() if far else self._image(self._link.next_image))
            if image is None:
                continue
            resynced = clock()
            if self._role is not None:
                self._role.resync(image.memory(self._link.decided(image)), image.history)
            self._link.begin(image)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._role is None:
                continue
            if self._link.trouble:
                self._role.stall(self._link.trouble)
            else:
                self._role.recover()

    def _on_number(self, number: int) -> None:
        if self._role is not None:
            self._role.gateway.requests.renumber(number)

    async def _ask(self, data: bytes) -> bytes:
        try:
            return (await self._client.request(self._names.history, data, timeout=REMOTE_SECONDS)).data
        except FAILURES as error:
            raise OSError(str(error)) from error

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.ready = False
            log.critical("the gateway cannot go on", exc_info=task.exception())
