"""What a gateway on the bus starts from: the reading half's state as of one batch, kept in an object store."""

from __future__ import annotations

import asyncio
import logging
import zlib

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.object_store import ObjectStore

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.gateway_role import Memory
from polyfeed.bus.nats.connection import jetstream
from polyfeed.market.market import Market

log = logging.getLogger("polyfeed.nats")

FORM = 3
"""Counts up whenever the form changes."""

COMPRESSION_LEVEL = 1
"""zlib's fastest: a gateway waits."""

USE_SECONDS = 15.0
"""The most that the use of an image may take: the library waits for ever for what was lost on its way."""

KEPT_SECONDS = 3600.0
"""As long as the batches behind an image are kept, it can be started from."""


class BusImage(Struct, frozen=True, array_like=True):
    """The state after the batches `seen` (the last number of each epoch) of one `history`, as the venue of a `term` had
    it; `epoch` is the venue's own.

    `place` is a place in the stream of batches that is not behind it. `numbers` has the last command of each gateway
    that is in it, 0 for one that lives and has none there. `demo` says whose master key opens the credentials: the one
    that everybody knows, or the venue's own; `past`, whether anybody keeps history.
    """

    form: int
    history: str
    term: int
    place: int
    epoch: int
    seen: dict[int, int]
    numbers: dict[int, int]
    demo: bool
    past: bool
    market: bytes
    accounts: bytes
    projections: dict[str, bytes]

    def memory(self, last: int) -> Memory:
        """What a gateway reads whose last command in it has a number. Raises ValueError when it cannot be restored."""
        return Memory(Market.restore(self.market), Accounts.restore(self.accounts), self.projections, last)


def encode_image(image: BusImage) -> bytes:
    """An image as it is kept: NATS acknowledges an object part by part, and a state says much more than once."""
    return zlib.compress(msgspec.msgpack.encode(image), COMPRESSION_LEVEL)


def decode_image(data: bytes) -> BusImage:
    """Reads an image. Raises ValueError (msgspec's are) on anything else, and on that of another version."""
    try:
        image = msgspec.msgpack.decode(zlib.decompress(data), type=BusImage)
    except zlib.error as error:
        raise ValueError(f"this is no image of this version: {error}; run one version everywhere") from error
    if image.form != FORM:
        raise ValueError(f"the image has form {image.form}, this version reads {FORM}: run one version everywhere")
    return image


class ImageStore:
    """The images of one venue. While the bus is not whole all raise the connection's FAILURES, in bounded time."""

    def __init__(self, client: Client, bucket: str, replicas: int) -> None:
        self._js = jetstream(client)
        self._bucket = bucket
        self._replicas = replicas

    async def put(self, name: str, image: BusImage) -> None:
        """Keeps an image, for an hour at most."""
        async with asyncio.timeout(USE_SECONDS):
            data = await asyncio.to_thread(encode_image, image)
            await (await self._open()).put(name, data)

    async def get(self, name: str) -> BusImage:
        """An image. Raises ValueError when it is not what was put."""
        async with asyncio.timeout(USE_SECONDS):
            found = await (await self._js.object_store(self._bucket)).get(name)
        return await asyncio.to_thread(decode_image, found.data or b"")

    async def names(self) -> list[str]:
        """The images there are, the newest first."""
        try:
            async with asyncio.timeout(USE_SECONDS):
                entries = await (await self._js.object_store(self._bucket)).list()
        except NotFoundError:
            return []
        entries.sort(key=lambda one: one.mtime or "", reverse=True)
        return [one.name for one in entries]

    async def drop(self, name: str) -> None:
        """Lets an image go."""
        async with asyncio.timeout(USE_SECONDS):
            await (await self._open()).delete(name)

    async def _open(self) -> ObjectStore:
        try:
            return await self._js.object_store(self._bucket)
        except (BucketNotFoundError, NotFoundError):
            config = ObjectStoreConfig(ttl=KEPT_SECONDS, replicas=self._replicas, storage=StorageType.FILE)
            return await self._js.create_object_store(self._bucket, config)
