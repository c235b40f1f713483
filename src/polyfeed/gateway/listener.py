"""Listening sockets, and the orderly end of what came through them."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from polyfeed.gateway.http import HttpProtocol
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.rest import App

BACKLOG = 2048


class Listener:
    """One address with HTTP and, given a Port, WebSocket connections on it."""

    def __init__(self, app: App, limits: PortLimits, port: Port | None = None) -> None:
        self._config = Config(
            cast("Any", app),  # uvicorn's own type for an application is narrower than what it takes
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=limits.head_bytes,
        )
        self._config.load()
        self._state = ServerState()
        self._limits = limits
        self._port = port
        self._server: asyncio.Server | None = None

    async def open(self, host: str, number: int, tls: ssl.SSLContext | None = None) -> int:
        """Starts listening and returns the port number (a free one for 0). Raises OSError that names the address."""
        sock = listening_socket(host, number, self._limits.send_buffer_bytes)
        loop = asyncio.get_running_loop()
        times = (self._limits.handshake_seconds, self._limits.close_seconds) if tls is not None else (None, None)
        self._server = await loop.create_server(
            self._protocol,
            sock=sock,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=times[0],
            ssl_shutdown_timeout=times[1],
        )
        return int(sock.getsockname()[1])

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(self._config, self._state, self._port, self._limits)

    def stop_accepting(self) -> None:
        """Takes no new connections; those there are stay."""
        if self._server is not None:
            self._server.close()

    async def drain(self, seconds: float) -> None:
        """Says goodbye on every connection and waits until they are gone, at most so long."""
        self.stop_accepting()
        calls = cast("set[HttpProtocol]", self._state.connections)
        for call in tuple(calls):
            call.shutdown()
        sockets = set() if self._port is None else self._port.sockets
        for protocol in tuple(sockets):
            protocol.shutdown()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (sockets or calls) and loop.time() < deadline:  # noqa: ASYNC110 - a stop is rare
            await asyncio.sleep(0.02)
        for protocol in tuple(sockets):
            protocol.abort()
        for call in tuple(calls):
            call.abort()


def listening_socket(host: str, number: int, send_buffer_bytes: int) -> socket.socket:
    """A bound TCP socket. Connections inherit its send buffer, which bounds what the kernel hides of a slow reader."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off for the connections that come of it.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        sock.bind((host, number))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        hint = " (is polyfeed already running?)" if error.errno == errno.EADDRINUSE else ""
        raise OSError(error.errno, f"cannot listen on {host}:{number}: {error.strerror}{hint}") from error
    return sock
