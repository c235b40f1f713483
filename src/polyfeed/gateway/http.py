"""One HTTP connection on a port: calls, and the way to a WebSocket.

uvicorn parses HTTP; the class here adds what the open internet needs: a deadline for each request to become whole, and
one for its response to be read.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from polyfeed.gateway.door import Place
from polyfeed.gateway.heads import Malformed, RequestReader
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.protocol import WebSocketProtocol

log = logging.getLogger("polyfeed.gateway")


class HttpProtocol(H11Protocol):
    """One HTTP connection, which becomes a WebSocket where the client asks for it and the port has one to give. `place`
    is what it has in the hall; `begun` says that there was a connection.
    """

    def __init__(self, config: Config, state: ServerState, port: Port | None, limits: PortLimits, place: Place) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self.conn = RequestReader(limits.head_bytes)
        self._port = port
        self._limits = limits
        self._incomplete: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._place = place
        self.begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock: a client that says nothing is not kept."""
        super().connection_made(transport)
        self.begun = True
        # asyncio's TLS transport pauses at its limit, not above it.
        transport.set_write_buffer_limits(high=0 if transport.get_extra_info("sslcontext") is None else 1)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clocks."""
        self._stop_timers()
        self._place.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes. The clock runs until a request is whole, its body included."""
        super().data_received(data)
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._stop_incomplete()
        elif self.transport.get_protocol() is self:
            self._expect_request()

    def handle_events(self) -> None:
        """Takes requests out of what has come."""
        try:
            super().handle_events()
        except Malformed as error:
            self._refuse(error)

    def _refuse(self, error: Malformed) -> None:
        """Ends a connection by which something else came than requests. Strangers send such things as they like, so it
        is counted, and no line of the log for each.
        """
        if self.transport.is_closing():
            return
        log.debug("%d %s", error.status, error)
        if self._port is not None:
            self._port.fan.meter.refused[error.status] += 1
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            text = f"{error}\n".encode()
            fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), ("Connection", "close")]
            head = h11.Response(status_code=error.status, headers=fields, reason=error.status.phrase.encode())
            with suppress(h11.LocalProtocolError):  # the answer to a HEAD has no body
                for event in (head, h11.Data(data=text), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def on_response_complete(self) -> None:
        """Between requests uvicorn's own clock runs, unless a part of the next one has come already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._expect_request()

    def pause_writing(self) -> None:
        """A response is not read: the client has some time to go on."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self._limits.stall_seconds, self.abort)

    def resume_writing(self) -> None:
        """It was read."""
        super().resume_writing()
        self._stop_stall()

    def shutdown(self) -> None:
        """Ends the connection, after the response that is being made."""
        if not self.transport.is_closing():
            super().shutdown()

    def abort(self) -> None:
        """Ends the connection without another word."""
        self.transport.abort()

    def _expect_request(self) -> None:
        if self._incomplete is None:
            self._incomplete = self.loop.call_later(self._limits.handshake_seconds, self.abort)

    def _stop_incomplete(self) -> None:
        if self._incomplete is not None:
            self._incomplete.cancel()
            self._incomplete = None

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _stop_timers(self) -> None:
        self._stop_incomplete()
        self._stop_stall()

    def _should_upgrade_to_ws(self) -> bool:
        """Only a GET without a body can become a WebSocket; everything else is an ordinary call."""
        names = {name for name, _ in self.headers}
        return (
            self._port is not None
            and self.scope["method"] == "GET"
            and names.isdisjoint({b"content-length", b"transfer-encoding"})
        )

    def _unsupported_upgrade_warning(self) -> None:
        """What clients ask for is nothing to be warned of."""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hands the transport to the WebSocket protocol, with the request as it came and whatever followed it."""
        self._stop_timers()
        self.connections.discard(self)
        head = [event.method, b" ", event.target, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            head += [name, b": ", value, b"\r\n"]
        head.append(b"\r\n")
        protocol = WebSocketProtocol(cast("Port", self._port), self._place)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join(head))
        if followed := self.conn.trailing_data[0]:
            protocol.data_received(followed)
