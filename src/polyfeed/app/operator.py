"""The operator's HTTP port: health, metrics, and the words an operator can say to all clients."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.http import Receive, Scope, Send, read_body, respond
from polyfeed.model.commands import AnyCommand, SetInstrumentStatus, SetSystemStatus
from polyfeed.model.enums import InstrumentStatus

if TYPE_CHECKING:
    from polyfeed.app.server import Server

MAX_STATUS_TEXT = 200


class Operator:
    """An ASGI application over a running server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await respond(send, await self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> RestResponse:
        method, path = scope["method"], scope["path"]
        if method in {"GET", "HEAD"}:
            return self._read(path)
        if any(name == b"origin" for name, _ in scope["headers"]):
            return problem(403, "a web page may not change the venue: send this request without an Origin header")
        if method != "PUT":
            return problem(405, f"{method} is not a method of this port; use GET or PUT")
        body = await read_body(receive)
        try:
            status = json.loads(body or b"")["status"]
        except (ValueError, KeyError, TypeError):
            status = None
        if not isinstance(status, str) or not 0 < len(status) <= MAX_STATUS_TEXT:
            return problem(400, f'the body must be {{"status": "…"}} with 1 to {MAX_STATUS_TEXT} characters')
        return await self._write(path, status)

    def _read(self, path: str) -> RestResponse:
        readers: dict[str, Callable[[], RestResponse]] = {
            "/": self._index,
            "/healthz": lambda: text(200, "ok\n"),
            "/readyz": lambda: text(200, "ready\n") if self._server.ready else text(503, "not ready\n"),
            "/metrics": self._metrics,
            "/api/system/status": lambda: reply({"status": self._server.market.system_status}),
            "/api/instruments": self._instruments,
        }
        reader = readers.get(path)
        return (
            reader() if reader is not None else problem(404, f"there is no {path} here; there are {', '.join(readers)}")
        )

    async def _write(self, path: str, status: str) -> RestResponse:
        if path == "/api/system/status":
            return await self._execute(SetSystemStatus(status), {"status": status})
        parts = path.split("/")
        if len(parts) != 5 or parts[1:3] != ["api", "instruments"] or parts[4] != "status":
            return problem(
                404, f"there is no {path} to PUT; there are /api/system/status, /api/instruments/NAME/status"
            )
        found = [one.instrument.id for one in self._server.market.instruments if one.instrument.name == parts[3]]
        if not found:
            return problem(404, f"there is no instrument {parts[3]!r}; GET /api/instruments lists them")
        if status not in {known.value for known in InstrumentStatus}:
            return problem(400, f"{status!r} is no status; there are {', '.join(InstrumentStatus)}")
        command = SetInstrumentStatus(found[0], InstrumentStatus(status))
        return await self._execute(command, {"name": parts[3], "status": status})

    async def _execute(self, command: AnyCommand, done: dict[str, str]) -> RestResponse:
        outcome = await self._server.execute(command)
        return reply(done) if outcome.accepted else problem(409, f"{outcome.refusal}: {outcome.detail}")

    def _index(self) -> RestResponse:
        return text(200, "polyfeed\n\n" + self._server.directory() + "\n")

    def _instruments(self) -> RestResponse:
        return reply(
            [
                {"name": one.instrument.name, "status": str(one.status), "symbols": one.instrument.symbols}
                for one in self._server.market.instruments
            ]
        )

    def _metrics(self) -> RestResponse:
        server = self._server
        lines = [
            "# TYPE polyfeed_batches_total counter",
            f"polyfeed_batches_total {server.sequencer.seq}",
            "# TYPE polyfeed_connections gauge",
            *(f'polyfeed_connections{{dialect="{name}"}} {len(fan.connections)}' for name, fan in server.fans.items()),
            "# TYPE polyfeed_frames_total counter",
            *(f'polyfeed_frames_total{{dialect="{name}"}} {fan.frames}' for name, fan in server.fans.items()),
        ]
        return RestResponse(200, ("\n".join(lines) + "\n").encode(), "text/plain; version=0.0.4")


Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def reply(value: Any, status: int = 200) -> RestResponse:
    """A JSON reply."""
    return RestResponse(status, msgspec.json.encode(value))


def problem(status: int, message: str) -> RestResponse:
    """An error for the person who reads it."""
    return reply({"error": message}, status)


def text(status: int, body: str) -> RestResponse:
    """A plain text reply."""
    return RestResponse(status, body.encode(), "text/plain; charset=utf-8")
