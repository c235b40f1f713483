"""Who is the venue: a key with a time to live. It decides who tries; the streams' terms see that only one can write."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from uuid import uuid4

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from polyfeed.bus.nats.connection import FAILURES, jetstream

log = logging.getLogger("polyfeed.nats")

LEASE_SECONDS = 3.0
RENEW_SECONDS = 0.75
KEY = "venue"


class Holder(Struct, frozen=True):
    """Who holds the lease; `id` is another one for each process."""

    host: str
    pid: int
    id: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lost(Exception):
    """Another process holds the lease."""


class Lease:
    """The lease of one bucket, which is made where there is none. One that was taken is renewed until `leave`."""

    def __init__(self, client: Client, bucket: str, replicas: int) -> None:
        self._js = jetstream(client)
        self._bucket = bucket
        self._replicas = replicas
        self._revision = 0
        self._me = Holder(socket.gethostname(), os.getpid(), uuid4().hex)
        self._value = msgspec.json.encode(self._me)
        self._keeping: asyncio.Task[None] | None = None

    async def take(self) -> bool:
        """Whether it is ours now. Raises one of FAILURES."""
        store = await self._open()
        try:
            self._revision = await store.create(KEY, self._value)
        except KeyWrongLastSequenceError:
            return False
        self._keeping = asyncio.create_task(self._keep())
        return True

    async def holder(self) -> Holder | None:
        """Who has it. Raises one of FAILURES."""
        try:
            entry = await (await self._open()).get(KEY)
        except KeyNotFoundError:
            return None
        return _decode(entry.value)

    async def kept(self) -> None:
        """Waits for the worst, of a lease that was taken. Raises Lost when another process has it."""
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    async def leave(self) -> None:
        """Gives it back, so that another process need not wait. Raises one of FAILURES."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait({self._keeping})
        await (await self._open()).delete(KEY, last=self._revision)

    async def _keep(self) -> None:
        """Renews it until cancelled. One that ended while nobody could be asked is taken again, if it is there to be
        taken.
        """
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._renew()
            except KeyWrongLastSequenceError:
                raise Lost("another process has taken the venue's lease") from None
            except FAILURES as error:
                log.debug("the lease was not renewed: %r", error)

    async def _renew(self) -> None:
        store = await self._open()
        try:
            self._revision = await store.update(KEY, self._value, last=self._revision)
        except KeyWrongLastSequenceError:
            # It ended, or an answer was lost and the last renewal was one.
            try:
                entry = await store.get(KEY)
            except KeyNotFoundError:
                self._revision = await store.create(KEY, self._value)
                return
            if _decode(entry.value) != self._me:
                raise
            self._revision = await store.update(KEY, self._value, last=entry.revision)

    async def _open(self) -> KeyValue:
        try:
            return await self._js.key_value(self._bucket)
        except (BucketNotFoundError, NotFoundError):
            config = KeyValueConfig(
                bucket=self._bucket, ttl=LEASE_SECONDS, replicas=self._replicas, storage=StorageType.FILE
            )
            return await self._js.create_key_value(config)


def _decode(value: bytes | None) -> Holder:
    return msgspec.json.decode(value or b"", type=Holder)
