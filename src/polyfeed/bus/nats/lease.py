"""Who is the venue: a key with a time to live. It decides who tries; the streams' terms see that only one can write."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from uuid import uuid4

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from polyfeed.bus.again import until_done
from polyfeed.bus.nats.connection import FAILURES, jetstream
from polyfeed.bus.tasks import cancelled

log = logging.getLogger("polyfeed.nats")

LEASE_SECONDS = 3.0
RENEW_SECONDS = 0.75
"""Between two renewals, and the most that one is waited for: a lease outlives two that are lost."""

RETRY_SECONDS = 0.2
"""Before a renewal that failed is tried again."""

GRACE_SECONDS = 2.0
"""Nobody else takes the lease so soon after the bus was not whole: who has it could not renew it either."""

SURE_SECONDS = LEASE_SECONDS - 0.5
"""After a renewal was asked for, nobody else has the lease for so long: a little less, for two clocks' rates differ."""

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


class _NotNow(Exception):
    """The lease cannot be had yet; the text says why."""


class Lease:
    """The lease of one bucket, which is made where there is none. One that was taken is renewed until `leave`.

    `seen` is who had it when it was last asked for.
    """

    def __init__(self, client: Client, bucket: str, replicas: int) -> None:
        self._js = jetstream(client)
        self._quick = client.jetstream(timeout=RENEW_SECONDS)
        self._bucket = bucket
        self._replicas = replicas
        self._revision = 0
        self._asked = -SURE_SECONDS  # by the monotonic clock, the last renewal that was made
        self._store: KeyValue | None = None
        self._graced = 0.0
        self.seen: Holder | None = None
        self._me = Holder(socket.gethostname(), os.getpid(), uuid4().hex)
        self._value = msgspec.json.encode(self._me)
        self._keeping: asyncio.Task[None] | None = None

    @property
    def until(self) -> float:
        """The time of the monotonic clock until which nobody else has had it, or can have it."""
        return self._asked + SURE_SECONDS

    async def until_taken(self, seconds: float, say: Callable[[str], None]) -> None:
        """Returns when it is ours; tries about every so many seconds. `say` is told each reason to wait once."""
        await until_done(self._taken, (_NotNow,), seconds, say)

    async def _taken(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            if clock() >= self._graced and await self.take():
                return
            self.seen = await self.holder()
        except FAILURES as error:
            self._store, self._graced = None, clock() + GRACE_SECONDS
            raise _NotNow(f"the bus cannot give the venue's lease: {error}") from error
        raise _NotNow(f"the venue is {self.seen}" if self.seen is not None else "nobody is the venue yet")

    async def take(self) -> bool:
        """Whether it is ours now. Raises one of FAILURES."""
        store = await self._open()
        asked = time.monotonic()
        try:
            self._revision = await store.create(KEY, self._value)
        except KeyWrongLastSequenceError:
            return False
        self._asked = asked
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
        await cancelled([self._keeping])
        self._asked = -SURE_SECONDS
        await (await self._open()).delete(KEY, last=self._revision)

    async def _keep(self) -> None:
        """Renews it until cancelled. One that ended while nobody could be asked is taken again, if it is there to be
        taken.
        """
        wait = RENEW_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = RENEW_SECONDS
            asked = time.monotonic()
            try:
                await self._renew()
                self._asked = asked
            except KeyWrongLastSequenceError:
                raise Lost("another process has taken the venue's lease") from None
            except FAILURES as error:
                log.debug("the lease was not renewed: %r", error)
                self._store, wait = None, RETRY_SECONDS

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
        if self._store is None:
            try:
                self._store = await self._quick.key_value(self._bucket)
            except (BucketNotFoundError, NotFoundError):
                config = KeyValueConfig(
                    bucket=self._bucket, ttl=LEASE_SECONDS, replicas=self._replicas, storage=StorageType.FILE
                )
                await self._js.create_key_value(config)
                self._store = await self._quick.key_value(self._bucket)
        return self._store


def _decode(value: bytes | None) -> Holder:
    return msgspec.json.decode(value or b"", type=Holder)
