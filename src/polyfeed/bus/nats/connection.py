"""A connection to NATS that is kept for as long as the process lives."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import ParseResult, SplitResult, urlsplit

from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext

log = logging.getLogger("polyfeed.nats")

CONNECT_SECONDS = 2
FIRST_SECONDS = 5.0
"""What the first connection is waited for, through all servers."""

RETRY_SECONDS = 0.25
PING_SECONDS, PINGS = 1, 3
"""A server that does not answer so many pings is left for another one: a cable that was cut says nothing."""

API_SECONDS = 2.0
"""What an answer of JetStream's is waited for."""

FAILURES = (Error, OSError, TimeoutError)
"""What any use of the connection may raise while the bus is not whole."""


async def connect(urls: str, label: str, credentials: str = "") -> Client:
    """Connects to one of the servers (`nats://a,nats://b` or `nats://a,b`), and stays connected by itself.

    `label` is shown in the servers' monitoring; `credentials` is the path of a credentials file, empty for none. Raises
    OSError, naming the servers, when none can be reached at first.
    """

    async def lost() -> None:
        if not client.is_closed:
            log.warning("the connection to NATS was lost; trying again")

    async def back() -> None:
        log.warning("connected to NATS again, at %s", place_of(client.connected_url) if client.connected_url else "?")

    async def say(error: Exception) -> None:
        log.debug("NATS: %r", error)

    client = Client()
    try:
        # The library would try for ever, and say nothing.
        async with asyncio.timeout(FIRST_SECONDS):
            await client.connect(
                servers_of(urls),
                name=label,
                error_cb=say,
                disconnected_cb=lost,
                reconnected_cb=back,
                connect_timeout=CONNECT_SECONDS,
                reconnect_time_wait=RETRY_SECONDS,  # type: ignore[arg-type]  # the library takes parts of seconds
                max_reconnect_attempts=-1,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=PINGS,
                pending_size=0,  # what cannot be sent now is ours to send again, or not: an order must not come late
                user_credentials=credentials or None,
            )
    except TimeoutError as error:
        raise OSError(f"no NATS server of {urls} answered within {FIRST_SECONDS:g} s") from error
    except (Error, OSError) as error:
        places = ", ".join(place_of(urlsplit(url)) for url in servers_of(urls))
        raise OSError(f"no NATS server of {places} can be reached: {error}") from error
    return client


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
