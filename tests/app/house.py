"""A whole server in the test's process: the demo without flow, on free ports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.flow import demo_flow
from polyfeed.app.server import Server
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market


def config(*settings: str) -> Config:
    ports = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    flow = ["flow.demo=true", "flow.capture=off", "flow.agents=0", "server.drain_seconds=0.5"]
    return load(None, {}, [*ports, *flow, *settings])


@asynccontextmanager
async def running(*settings: str) -> AsyncIterator[Server]:
    market = Market()
    chosen = config(*settings)
    server = Server(chosen, SteadyClock(), market, demo_flow(chosen.flow, market))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def get(server: Server, path: str, *headers: str, method: str = "GET", body: Any = None) -> tuple[int, str, Any]:
    """Status, head and body of a call."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["http"])
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    lines.append(f"Content-Length: {len(data)}")
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ")[1]), head.decode(), rest
