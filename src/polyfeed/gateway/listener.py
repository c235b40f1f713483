"""Listening sockets, and the orderly end of what came through them."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.door import Place
from polyfeed.gateway.entrance import BACKLOG, Entrance
from polyfeed.gateway.heads import ambiguous
from polyfeed.gateway.http import HttpProtocol
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.rest import App, Receive, Scope, Send, respond


class Listener:
    """One address with HTTP and, given a Port, WebSocket connections on it."""

    def __init__(self, app: App, limits: PortLimits, port: Port | None = None) -> None:
        self._config = Config(
            cast("Any", unambiguous(app)),  # uvicorn's own type for an application is narrower than what it takes
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()
        self._limits = limits
        self._port = port
        self._entrance: Entrance | None = None

    async def open(self, host: str, number: int, tls: ssl.SSLContext | None = None, *, shared: bool = False) -> int:
        """Starts listening, beside other processes where it is `shared`, and returns the port number (a free one for
        0). Raises OSError that names the address.
        """
        sock = listening_socket(host, number, self._limits, shared=shared)
        times = (self._limits.handshake_seconds, self._limits.close_seconds)
        self._entrance = Entrance(sock, tls, times, self._admit, self._serve)
        return int(sock.getsockname()[1])

    def _admit(self, address: str) -> Place | RestResponse:
        """A place for somebody of that address. An operator's port has no door: it is for those who have the token."""
        if self._port is None:
            return Place(None, address)
        found = self._port.door.enter_hall(address)
        if isinstance(found, RestResponse):
            self._port.fan.meter.refused[found.status] += 1
        return found

    def _serve(self, place: Place) -> HttpProtocol:
        return HttpProtocol(self._config, self._state, self._port, self._limits, place)

    def stop_accepting(self) -> None:
        """Takes no new connections; those there are stay."""
        if self._entrance is not None:
            self._entrance.close()

    async def drain(self, seconds: float) -> None:
        """Says goodbye on every connection and waits until they are gone, at most so long."""
        self.stop_accepting()
        if self._entrance is not None:
            await self._entrance.clear()
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


def unambiguous(app: App) -> App:
    """The application, which never sees a request that a proxy in front may have read otherwise."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if ambiguous(scope["headers"]):
            text = b"both Content-Length and Transfer-Encoding\n"
            await respond(send, RestResponse(400, text, "text/plain", {"Connection": "close"}))
        else:
            await app(scope, receive, send)

    return guarded


def keep_alive(seconds: int) -> dict[str, int]:
    """TCP options by which a peer is given up that has acknowledged nothing for so long."""
    probes = 3
    return {
        "TCP_KEEPIDLE": max(1, seconds // 2),
        "TCP_KEEPINTVL": max(1, seconds // (2 * probes)),
        "TCP_KEEPCNT": probes,
        "TCP_USER_TIMEOUT": seconds * 1000,
    }


def listening_socket(host: str, number: int, limits: PortLimits, *, shared: bool = False) -> socket.socket:
    """A listening TCP socket. Connections inherit what is set of it: the send buffer bounds what the kernel hides of a
    slow reader, keep-alive and time-out end those whose machine has gone without a word.
    """
    sock = bound_socket(host, number, shared=shared)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer_bytes)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in keep_alive(limits.dead_seconds).items():
        if hasattr(socket, name):  # Linux has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise cannot_listen(host, number, error) from error
    return sock


def bound_socket(host: str, number: int, *, shared: bool) -> socket.socket:
    """A TCP socket that has the address, which several processes may listen on if they are all `shared`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off for the connections that come of it.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, number))
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise cannot_listen(host, number, error) from error
    return sock


def cannot_listen(host: str, number: int, error: OSError) -> OSError:
    """The error for the person who started us."""
    hint = " (is polyfeed already running?)" if error.errno == errno.EADDRINUSE else ""
    return OSError(error.errno, f"cannot listen on {host}:{number}: {error.strerror}{hint}")
