"""A listening socket, and what happens to a connection before it says anything: it is counted, or turned away.

asyncio's own servers show a TLS connection to nobody before its handshake is over, and by then each has cost a quarter
of a megabyte: whoever opened thousands and said nothing would be counted nowhere.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus

from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.door import Place
from polyfeed.gateway.http import HttpProtocol

log = logging.getLogger("polyfeed.gateway")

BACKLOG = 2048

REST_SECONDS = 1.0
"""How long nobody is let in when no descriptors are left: asked again at once, the kernel would say the same."""

SPENT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Entrance:
    """Lets connections in by `sock`, which listens.

    `admit` gives somebody's place by the address, or what he is turned away with, which can only be said where there is
    no `tls`; `serve` makes the protocol for one with a place. `times` are the seconds for a TLS handshake and for its
    end.
    """

    def __init__(
        self,
        sock: socket.socket,
        tls: ssl.SSLContext | None,
        times: tuple[float, float],
        admit: Callable[[str], Place | RestResponse],
        serve: Callable[[Place], HttpProtocol],
    ) -> None:
        self._sock = sock
        self._tls = tls
        self._times = times if tls is not None else (None, None)
        self._admit = admit
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._open()

    def close(self) -> None:
        """Lets nobody in any more."""
        if self._rest is not None:
            self._rest.cancel()
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    async def clear(self) -> None:
        """Ends those who are amid a TLS handshake."""
        await asyncio.sleep(0)  # a task that has not begun would never let its socket and its place go
        coming = tuple(self._coming)
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)

    def _open(self) -> None:
        self._rest = None
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                sock, peer = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in SPENT:
                    self._pause(error)
                    return
                log.debug("a connection was gone before it was accepted: %s", error)
                continue
            sock.setblocking(False)
            self._receive(sock, peer[0])

    def _pause(self, error: OSError) -> None:
        log.error(
            "no connection can be accepted: %s (docs/operations.md: `polyfeed doctor` says how many it takes)",
            error.strerror,
        )
        self._loop.remove_reader(self._sock)
        self._rest = self._loop.call_later(REST_SECONDS, self._open)

    def _receive(self, sock: socket.socket, address: str) -> None:
        place = self._admit(address)
        if isinstance(place, RestResponse):
            if self._tls is None:
                tell(sock, place)
            sock.close()
            return
        task = self._loop.create_task(self._bring(sock, place))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _bring(self, sock: socket.socket, place: Place) -> None:
        """Has a connection served once its TLS handshake, if there is one, is over."""
        protocol = self._serve(place)
        handshake, end = self._times
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol, sock, ssl=self._tls, ssl_handshake_timeout=handshake, ssl_shutdown_timeout=end
            )
        except OSError as error:  # ssl.SSLError is one; strangers cause it as they like
            log.debug("a TLS handshake came to nothing: %s", type(error).__name__)
        finally:
            if not protocol.begun:
                place.leave()


def tell(sock: socket.socket, refused: RestResponse) -> None:
    """Says why, to somebody who has asked for nothing yet, as far as the socket takes it."""
    fields = {**refused.headers, "Content-Type": refused.content_type, "Content-Length": len(refused.body)}
    head = f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    try:
        sock.send(f"{head}Connection: close\r\n\r\n".encode() + refused.body)
        sock.recv(65_536)  # what has come and is not read would have the kernel reset the connection, and the answer
    except OSError:
        pass
