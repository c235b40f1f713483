"""`GET /api/wire?instrument=NAME`: the lines of `app.wire` as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from polyfeed.app.api.endpoints import Problem
from polyfeed.app.wire import Reader
from polyfeed.gateway.rest import Receive, Scope, Send

if TYPE_CHECKING:
    from polyfeed.app.server import Server

WIRE = "/api/wire"

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


async def follow(server: Server, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends an instrument's lines until the client goes, or has fallen behind. Raises Problem 404."""
    name = parse_qs(scope["query_string"].decode("latin-1")).get("instrument", [""])[0]
    found = [state.instrument for state in server.market.instruments if state.instrument.name == name]
    if not found:
        raise Problem(404, f"there is no instrument {name!r}; GET /api/instruments lists them")
    reader = server.wire.open(found[0])
    pump = asyncio.create_task(_pump(reader, send))
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.wire.close(reader)
        for task in (pump, gone):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _pump(reader: Reader, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b": batches\n\n", "more_body": True})
    async for lines in reader.lines():
        body = b"".join(b"data: " + line + b"\n\n" for line in lines)
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
