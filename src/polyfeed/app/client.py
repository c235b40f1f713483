"""A client of a running server: what `tap` and `record` share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

MAX_MESSAGE = 16 * 1024 * 1024

START_ONE = " (is the server running? try `make run`)"

MAX_SAID = 200
"""Characters of what a server says to a refusal."""


async def messages(
    url: str,
    requests: Iterable[str],
    ca: Path | None = None,
    seconds: float | None = None,
    subprotocol: str = "",
) -> AsyncIterator[str]:
    """Connects, sends the requests and yields every text message, for `seconds` or until the server ends it.

    Raises OSError, with a sentence for the user, when there is no connection to be had.
    """
    context = ssl.create_default_context(cafile=ca) if url.startswith("wss://") else None
    try:
        offered = [Subprotocol(subprotocol)] if subprotocol else None
        socket = await connect(url, ssl=context, max_size=MAX_MESSAGE, compression=None, subprotocols=offered)
    except (OSError, WebSocketException) as error:
        raise OSError(f"no connection to {url}: {error}{_said(error)}{_hint(error)}") from error
    try:
        for request in requests:
            await socket.send(request)
        async with asyncio.timeout(seconds):
            while True:
                message = await socket.recv()
                yield message if isinstance(message, str) else message.decode()
    except TimeoutError:
        return
    except ConnectionClosed as closed:
        if closed.rcvd is not None and closed.rcvd.code != 1000:
            raise OSError(f"the server closed the connection: {closed.rcvd.code} {closed.rcvd.reason}") from closed
    finally:
        await socket.close()


def _said(error: Exception) -> str:
    """What the server says to a refusal, one line of it."""
    body = (error.response.body or b"") if isinstance(error, InvalidStatus) else b""
    said = " ".join(body.decode("utf-8", "replace").split())[:MAX_SAID]
    return f": {said}" if said else ""


def _hint(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return " (name the server's certificate with --ca)"
    if isinstance(error, InvalidStatus):
        if error.response.status_code not in (401, 403):
            return ""
        return " (a stream that needs a token takes it with --token; `polyfeed account token` prints one)"
    return START_ONE
