"""One WebSocket, on the sans-I/O protocol of the `websockets` library.

The library reads the handshake and the frames and answers pings and closes; this shell moves bytes between it and the
transport, puts fragments together, and writes the fan-out's frames, which never pass through the library.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, Event, State
from websockets.server import ServerProtocol

from polyfeed.dialects._base.dialect import BEHIND_RETRY_SECONDS, Peer
from polyfeed.dialects._base.limiter import Limiter
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.closes import BY_CODE, GOING_AWAY, NOT_UTF8, TOO_BIG, TOO_MANY_MESSAGES
from polyfeed.gateway.deflate import OFFERED, window_of
from polyfeed.gateway.door import busy
from polyfeed.gateway.heads import header_map, joined
from polyfeed.gateway.returning import wish_in

if TYPE_CHECKING:
    from polyfeed.dialects._base.closes import CloseCause
    from polyfeed.gateway.connection import Connection
    from polyfeed.gateway.door import Place
    from polyfeed.gateway.port import Port

log = logging.getLogger("polyfeed.gateway")
library_log = logging.getLogger("polyfeed.websockets")
library_log.setLevel(logging.WARNING)


SLICE = 4096
"""Bytes that are read at once: so many small frames at most are taken apart before the first of them is judged."""


class Library(ServerProtocol):
    """The library's protocol, which ends connections with our reasons (closes.py)."""

    def recv_frame(self, frame: Frame) -> None:
        """Takes a close amid the fragments of a message for a goodbye (RFC 6455 5.4, 5.5); the library does not."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def fail(self, code: int, reason: str = "") -> None:
        """Closes with a code, and what closes.py says of it."""
        cause = BY_CODE.get(code)
        super().fail(code, reason if cause is None else cause.reason)


class WebSocketProtocol(asyncio.Protocol):
    """The socket side of one connection. `paused` is True while the socket does not take more.

    `place` is what the TCP connection has in the hall, and keeps until it is counted as a WebSocket, or is gone.
    """

    __slots__ = (
        "_address",
        "_connection",
        "_deaf",
        "_early",
        "_events",
        "_fd",
        "_fragments",
        "_limiter",
        "_linger",
        "_mute",
        "_place",
        "_port",
        "_stall",
        "_text",
        "_transport",
        "_ws",
        "paused",
    )

    def __init__(self, port: Port, place: Place) -> None:
        limits = port.limits
        self._port = port
        self._place = place
        self._address: str | None = None
        self._limiter = Limiter(limits.message_rate, limits.message_burst)
        self._ws = Library(
            extensions=OFFERED if limits.compression else None,
            max_size=port.fan.dialect.limits.max_message_bytes,
            logger=library_log,
        )
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._fd = -1
        self._connection: Connection | None = None
        self._events: list[Event] = []
        self._fragments: list[bytes] = []
        self._early = b""
        self._text = True
        self._linger: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._mute = False
        self._deaf = False
        self.paused = False

    # --- the transport calls ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The HTTP listener hands its transport over, perhaps with a response in it that is still to be read."""
        self._transport = cast("asyncio.Transport", transport)
        if transport.get_extra_info("sslcontext") is None:
            self._transport.set_write_buffer_limits(high=0)
            self._fd = transport.get_extra_info("socket").fileno()
        else:
            # asyncio's TLS transport pauses at its limit, not above it: with 0 it would pause with nothing to send.
            self._transport.set_write_buffer_limits(high=1)
        if self._transport.get_write_buffer_size() and not self.paused:
            self.pause_writing()
        self._port.sockets.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone. Its number may belong to another one from now on."""
        self._fd = -1
        self.paused = True
        for timer in (self._linger, self._stall):
            if timer is not None:
                timer.cancel()
        self._port.sockets.discard(self)
        self._place.leave()
        if self._address is not None:
            self._port.door.release(self._address)
        if self._connection is not None:
            self._port.fan.exit(self._connection)
            self._connection = None

    def data_received(self, data: bytes) -> None:
        """Bytes from the client. Those that come before its handshake is answered wait: they may be no frames, and when
        the library has said so, it can say nothing to the handshake any more.
        """
        if self._asks():
            self._early += data
            return
        for start in range(0, len(data), SLICE):
            self._ws.receive_data(data[start : start + SLICE])
            self._after_receiving()

    def eof_received(self) -> bool:
        """The client will send no more."""
        if self._asks():
            self._events.clear()
            return False
        self._ws.receive_eof()
        self._after_receiving()
        return False

    def pause_writing(self) -> None:
        """The socket is full: from now on nothing is written, and nothing is read that would have to be answered."""
        self.paused = True
        if self._connection is not None:
            self._connection.block()
        self._transport.pause_reading()
        if self._stall is None:
            loop = asyncio.get_running_loop()
            self._stall = loop.call_later(self._port.limits.stall_seconds, self.abort)

    def resume_writing(self) -> None:
        """The socket has taken all it was given."""
        if self._fd < 0 and self._transport.is_closing():
            return
        self.paused = False
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        if not self._deaf:
            self._transport.resume_reading()
        if self._connection is not None:
            self._connection.take(self._fd)
            self._port.fan.resume(self._connection)
        self._work_off()

    # --- the connection calls (see connection.Outlet) ---------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Sends bytes straight to the socket where that is possible; what it does not take waits in the transport."""
        if self._fd >= 0 and not self.paused:
            try:
                sent = os.write(self._fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self._fd = -1
                self.paused = True
                self._soon(self._transport.abort)
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._transport.write(data)

    def keep(self, rest: bytes) -> None:
        """Leaves bytes to the transport, which sends them when the socket takes them."""
        self._transport.write(rest)

    def close_frame(self, code: int, reason: str) -> bytes:
        """Begins the closing handshake; the frame has to follow what is queued. Empty where the client has begun it."""
        if self._ws.state is not State.OPEN:
            return b""
        self._ws.send_close(code, reason)
        self._expect_end()
        return b"".join(self._ws.data_to_send())

    def hush(self, *, deaf: bool) -> None:
        """Keeps pongs and answers to closes back; where `deaf`, nothing is read any more."""
        self._mute = True
        if deaf:
            self._deaf = True
            self._transport.pause_reading()

    def speak(self) -> None:
        """Ends `hush`; the pongs that were not sent are not sent any more."""
        self._mute = self._deaf = False
        if not self.paused:
            self._transport.resume_reading()

    # --- what the library says --------------------------------------------------------------------------------------

    def _asks(self) -> bool:
        """Whether it waits for the answer to its handshake."""
        return bool(self._events) and isinstance(self._events[0], Request)

    def _after_receiving(self) -> None:
        self._events += self._ws.events_received()
        self._work_off()

    def _work_off(self) -> None:
        """Does what came, as far as its answers can be sent: a client that does not read them is not heard on."""
        if self._ws.state is State.OPEN:
            # Pongs go out before the answers to what stood around their pings (RFC 6455 5.5.3: as soon as practical).
            self._send_control()
        done = 0
        while done < len(self._events) and not self.paused:
            event = self._events[done]
            done += 1
            if isinstance(event, Request):
                self._handshake(event)
            elif isinstance(event, Frame):
                self._admit(event)
        del self._events[:done]
        if self._connection is not None and self._ws.state is not State.OPEN:
            self._port.fan.retire(self._connection)
        self._send_control()
        if self._early and not self._asks():
            early, self._early = self._early, b""
            self.data_received(early)

    def _send_control(self) -> None:
        """Writes what the library has to send: the handshake's answer, pongs, closes."""
        for data in self._ws.data_to_send():
            if data is not SEND_EOF:
                if not self._mute:
                    self.write(data)
            elif self._transport.can_write_eof() and not self._transport.is_closing():
                self._transport.write_eof()
            else:
                self._soon(self._transport.close)
        if self._ws.close_expected():
            self._expect_end()

    def _handshake(self, request: Request) -> None:
        refused = self._refusal(request)
        if refused is not None:
            self._refuse(refused)
            return
        response = self._ws.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._ws.send_response(response)
            return
        dialect = self._port.fan.dialect
        if self._port.fan.stale and not dialect.tells_stale:
            self._refuse(busy(503, "the feed is behind, try again later", BEHIND_RETRY_SECONDS))
            return
        request.path, wish = wish_in(request.path)
        peer = peer_of(request, self._port.random_id())
        try:
            answer = dialect.connect(self._port.now(), peer)
        except Exception:
            log.exception("a handshake failed")
            answer = RestResponse(500, b"internal error\n", "text/plain")
        if isinstance(answer, RestResponse):
            self._refuse(answer)
            return
        if answer.subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = answer.subprotocol
        self._ws.send_response(response)
        self._send_control()
        # The library's parser holds on to the request for as long as the connection lives.
        request.headers.clear()
        self._connection = self._port.fan.enter(answer, self, window_of(self._ws.extensions), peer.connection_id)
        if not self.paused:
            self._connection.take(self._fd)
        if wish is not None:
            self._port.fan.follow(self._connection, wish)
        self._port.fan.ask(self._connection, lambda session, now: session.open(now))

    def _refusal(self, request: Request) -> RestResponse | None:
        """Why the door stays shut; where it opens, the connection counts as one of its address from now on."""
        door, headers = self._port.door, request.headers
        address = door.origin_of(self._place.address, headers.get_all("X-Forwarded-For"))
        refused = door.refusal(self._port.now(), address, joined(headers.get_all("Origin")))
        if refused is None:
            self._address = address
            self._place.leave()
        return refused

    def _admit(self, frame: Frame) -> None:
        """Hears a frame, unless there have been too many."""
        if not self._limiter.admits(self._port.now()):
            self._fail(TOO_MANY_MESSAGES)
        elif len(self._fragments) >= self._port.limits.max_fragments and frame.opcode is Opcode.CONT:
            self._fail(TOO_BIG)
        else:
            self._frame(frame)

    def _fail(self, cause: CloseCause) -> None:
        """Ends a connection whose client does what none should: at once, and what else it has sent is not looked at."""
        self._events.clear()
        self._ws.fail(cause.code, cause.reason)

    def _refuse(self, answer: RestResponse) -> None:
        self._port.fan.meter.refused[answer.status] += 1
        self._ws.send_response(refusal(answer))

    def _frame(self, frame: Frame) -> None:
        if self._connection is not None:
            self._connection.session.last_heard = self._port.now()
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._text = frame.opcode is Opcode.TEXT
            if frame.fin:
                self._message(bytes(frame.data))
            else:
                self._fragments = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            if frame.data:
                self._fragments.append(bytes(frame.data))
            if frame.fin:
                message, self._fragments = b"".join(self._fragments), []
                self._message(message)

    def _message(self, data: bytes) -> None:
        connection = self._connection
        if connection is None or connection.closing:
            return
        try:
            message = data.decode() if self._text else data
        except UnicodeDecodeError:
            self._port.fan.close(connection, NOT_UTF8.code, NOT_UTF8.reason)
            return
        self._port.fan.ask(connection, lambda session, now: session.receive(now, message))

    # --- the end ----------------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Closes the connection because the server stops."""
        if self._deaf:
            self.abort()
        elif self._connection is not None:
            self._port.fan.close(self._connection, GOING_AWAY.code, GOING_AWAY.reason)
        else:
            self._transport.close()

    def _expect_end(self) -> None:
        """Both sides have said goodbye, or ours has: the client gets a few seconds to end the TCP connection."""
        if self._linger is None:
            loop = asyncio.get_running_loop()
            self._linger = loop.call_later(self._port.limits.close_seconds, self.abort)

    def _soon(self, end: Callable[[], None]) -> None:
        """Ends the transport once it has done what it is doing: one that is ended while it says `resume_writing` goes
        on to end itself a second time (asyncio's `_SelectorSocketTransport._write_ready`).
        """
        asyncio.get_running_loop().call_soon(end)

    def abort(self) -> None:
        """Ends the TCP connection without another word."""
        self._transport.abort()


def peer_of(request: Request, connection_id: int) -> Peer:
    """What a dialect may know of a handshake. Its path is taken as it stands, whatever a URL would make of it."""
    path, _, query = request.path.partition("?")
    headers = header_map(request.headers.raw_items())
    return Peer(connection_id, path, parse_qs(query, keep_blank_values=True), headers, query)


def refusal(answer: RestResponse) -> Response:
    """A dialect's refusal as the HTTP response to a handshake."""
    fields: Mapping[str, Any] = {
        **answer.headers,
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Connection": "close",
    }
    return Response(answer.status, HTTPStatus(answer.status).phrase, Headers(fields), answer.body)
