"""A connection to NATS that is kept for as long as the process lives, and made anew soon after it was lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import ParseResult, SplitResult, urlsplit

from nats.aio.client import Client, Server
from nats.errors import Error
from nats.js import JetStreamContext

log = logging.getLogger("polyfeed.nats")

CONNECT_SECONDS = 1
"""The most that each step of an attempt may take: a server whose packets are lost holds up the way to the next one."""

FIRST_SECONDS = 5.0
"""What the first connection is waited for, through all servers."""

CLOSE_SECONDS = 2.0
"""The most that a goodbye may take."""

RETRY_SECONDS, RETRY_LATER_SECONDS = 0.05, 0.5
"""The most that is waited before the first attempt to connect again, and before a later one; each wait is twice the one
before, and shortened by up to a half, by chance: a server that dies has a thousand clients.
"""

PING_SECONDS, PINGS = 0.5, 3
"""A server that does not answer so many pings is left for another one: a cable that was cut says nothing. Sooner than a
gateway is stale (`bus.stale_seconds`), and than a lease ends.
"""

API_SECONDS = 2.0
"""What an answer of JetStream's is waited for."""

FAILURES = (Error, OSError, TimeoutError)
"""What any use of the connection may raise while the bus is not whole."""


class _Choice:
    """Which server is tried next, and after how long (`reconnect_to_server_handler` of the library)."""

    def __init__(self) -> None:
        self._attempts = 0

    def __call__(self, servers: Sequence[Server], _: dict[str, Any]) -> tuple[Server, float]:
        """The server that has failed least often, any of several, and the seconds to wait."""
        most = min(RETRY_LATER_SECONDS, RETRY_SECONDS * 2.0**self._attempts)
        self._attempts = min(self._attempts + 1, 16)
        fewest = min(one.reconnects for one in servers)
        return random.choice([one for one in servers if one.reconnects == fewest]), most * random.uniform(0.5, 1.0)

    def connected(self) -> None:
        """Begins anew."""
        self._attempts = 0


class _Connection(Client):
    """The library's, which leaves a lost connection at once."""

    async def _attempt_reconnect(self) -> None:
        # What was not sent is not sent later: an order must not come late, and subscriptions are made again anyway.
        self._pending, self._pending_data_size = [], 0
        self._leave()
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Any) -> None:
        self._leave()  # what an attempt that came half-way has left
        await super()._connect_to_server(s)

    def _leave(self) -> None:
        """Ends the socket. The library waits until it has taken what was written: that of a server which is stopped, or
        behind a cable that was cut, never does.
        """
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()


async def connect(urls: str, label: str, credentials: str = "") -> Client:
    """Connects to one of the servers (`nats://a,nats://b` or `nats://a,b`), and stays connected by itself.

    `label` is shown in the servers' monitoring; `credentials` is the path of a credentials file, empty for none. Raises
    OSError, naming the servers, when none can be reached at first.
    """
    choice = _Choice()

    async def lost() -> None:
        if not client.is_closed:
            log.warning("the connection to NATS was lost; trying again")

    async def back() -> None:
        choice.connected()
        log.warning("connected to NATS again, at %s", place_of(client.connected_url) if client.connected_url else "?")

    async def say(error: Exception) -> None:
        # The library hands over its own troubles, and whatever a subscriber of ours raises.
        if isinstance(error, FAILURES):
            log.debug("NATS: %r", error)
        else:
            log.error("a message of NATS could not be taken in", exc_info=error)

    client = _Connection()
    places = ", ".join(place_of(urlsplit(url)) for url in servers_of(urls))
    try:
        # The library would try for ever, and say nothing.
        async with asyncio.timeout(FIRST_SECONDS):
            await client.connect(
                servers_of(urls),
                name=label,
                error_cb=say,
                disconnected_cb=lost,
                reconnected_cb=back,
                reconnect_to_server_handler=choice,
                connect_timeout=CONNECT_SECONDS,
                reconnect_time_wait=RETRY_LATER_SECONDS,  # type: ignore[arg-type]  # parts of seconds are taken too
                max_reconnect_attempts=-1,
                ping_interval=PING_SECONDS,  # type: ignore[arg-type]
                max_outstanding_pings=PINGS,
                pending_size=0,  # what cannot be sent now is ours to send again, or not: an order must not come late
                user_credentials=credentials or None,
            )
    except TimeoutError as error:
        raise OSError(f"no NATS server of {places} answered within {FIRST_SECONDS:g} s") from error
    except (Error, OSError) as error:
        raise OSError(f"no NATS server of {places} can be reached: {error}") from error
    return client


async def close(client: Client) -> None:
    """Ends a connection, in bounded time."""
    with suppress(*FAILURES):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()


def jetstream(client: Client) -> JetStreamContext:
    """JetStream over a connection, with answers waited for as long as everywhere."""
    return client.jetstream(timeout=API_SECONDS)


def place_of(url: SplitResult | ParseResult) -> str:
    """Where a server is, for people: its URL without the user, the password or the token."""
    return url.netloc.rpartition("@")[2]


def servers_of(urls: str) -> list[str]:
    """The servers of `bus.url`: the scheme needs to be written once."""
    scheme = urls.partition("://")[0] if "://" in urls else "nats"
    return [one if "://" in one else f"{scheme}://{one}" for one in (part.strip() for part in urls.split(",")) if one]
