"""The operator's HTTP port: the console, health, metrics, and the native API."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from polyfeed.app.api import accounts, credentials, faults, flow, gateway, orders, venue
from polyfeed.app.api.endpoints import Call, Problem, Router, decode
from polyfeed.app.api.openapi import document
from polyfeed.app.console.pages import Pages
from polyfeed.app.console.stream import WIRE, follow
from polyfeed.app.line import Count, Counts
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.heads import header_map
from polyfeed.gateway.replays import Replays
from polyfeed.gateway.rest import Receive, Scope, Send, read_body, respond

if TYPE_CHECKING:
    from polyfeed.app.server import Server

log = logging.getLogger("polyfeed.operator")

METRICS = "/metrics"
ROUTER = Router(
    [
        *venue.ENDPOINTS,
        *gateway.ENDPOINTS,
        *flow.ENDPOINTS,
        *accounts.ENDPOINTS,
        *orders.ENDPOINTS,
        *faults.ENDPOINTS,
    ]
)
DOCUMENT = msgspec.json.encode(document(ROUTER.endpoints))


class Operator:
    """An ASGI application over a running server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._token = server.token
        self._pages = Pages()
        self._names = {server.config.http.host, *server.config.http.names.lower().split()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        body = await read_body(receive)
        try:
            if body is None:
                raise Problem(413, "the body is too large")
            if scope["path"] == WIRE and scope["method"] == "GET":
                headers = headers_of(scope)
                credentials.check_name(headers.get("host", ""), self._names)
                credentials.check_token(self._token, headers)
                await follow(self._server, scope, receive, send)
                return
            answer = await self._answer(scope, body)
        except Problem as problem:
            answer = RestResponse(
                problem.status, msgspec.json.encode({"error": problem.message}), headers=dict(problem.headers)
            )
        except Exception:
            log.exception("a call failed: %s %r", scope["method"], scope["path"])
            answer = RestResponse(500, b'{"error":"internal error; the server\'s log says more"}')
        await respond(send, answer)

    async def _answer(self, scope: Scope, body: bytes) -> RestResponse:
        method, path = scope["method"], scope["path"]
        headers = headers_of(scope)
        if path == METRICS:
            credentials.check_token(self._token, headers)
        page = self._page(path, headers) if method in {"GET", "HEAD"} else None
        if page is not None:
            return page
        endpoint, values = ROUTER.find(method, scope["raw_path"].decode("ascii"))
        if method != "GET" and credentials.is_foreign(headers):
            raise Problem(403, "a page of another site may not change the venue: only the console, or a program, may")
        if endpoint.access == "operator" or "origin" in headers:
            credentials.check_name(headers.get("host", ""), self._names)
        if endpoint.access == "operator":
            credentials.check_token(self._token, headers)
        caller = None
        if endpoint.access in {"read", "trade"}:
            caller = credentials.caller(self._server.accounts, self._server.vault, headers, endpoint.access)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        reply = await endpoint.handler(Call(self._server, values, query, decode(endpoint, body), caller))
        return RestResponse(endpoint.status, msgspec.json.encode(reply))

    def _page(self, path: str, headers: Mapping[str, str]) -> RestResponse | None:
        """What is no part of the API, None for everything else."""
        server = self._server
        match path:
            case "/" if "text/html" not in headers.get("accept", ""):
                return text(200, "polyfeed\n\n" + server.directory() + "\n")
            case "/healthz":
                return text(200, "ok\n")
            case "/readyz":
                return text(503, f"not ready: {server.trouble}\n") if server.trouble else text(200, "ready\n")
            case _ if path == METRICS:
                return RestResponse(200, metrics(server).encode(), "text/plain; version=0.0.4")
            case "/openapi.json":
                return RestResponse(200, DOCUMENT)
        if path not in self._pages:
            return None
        host = headers.get("host", "")
        credentials.check_name(host, self._names)
        ports = [number for name, number in server.ports.items() if name != "http"]
        return self._pages.reply(path, credentials.name_of(host) or server.config.http.host, ports)


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers, names in lower case."""
    return header_map((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])


def metrics(server: Server) -> str:
    """The metrics in Prometheus's text format."""
    lines = ["# TYPE polyfeed_batches_total counter", f"polyfeed_batches_total {server.sequencer.seq}"]
    lines += [
        "# TYPE polyfeed_entry_open gauge",
        f"polyfeed_entry_open {int(not server.sequencer.trouble)}",
        "# TYPE polyfeed_unrecorded_commands_total counter",
        f"polyfeed_unrecorded_commands_total {server.sequencer.refused}",
    ]
    lines += fan_metrics(counts_of(server), server.fans)
    lines += server.brokers.metrics()
    lines += server.past.metrics() if server.past is not None else []
    lines += server.link.metrics() if server.link is not None else []
    return "\n".join(lines) + "\n"


def fan_metrics(counts: Sequence[Counts], fans: Mapping[str, FanOut]) -> list[str]:
    """What gateways' dialects have counted, and what each says of its own."""
    lines: list[str] = []
    connections = {name: sum(one[name].connections for one in counts if name in one) for name in fans}
    frames = {name: sum(one[name].frames for one in counts if name in one) for name in fans}
    for metric, kind, values in (
        ("polyfeed_connections", "gauge", connections),
        ("polyfeed_frames_total", "counter", frames),
    ):
        lines.append(f"# TYPE {metric} {kind}")
        lines += [f'{metric}{{dialect="{name}"}} {value}' for name, value in values.items()]
    lines += replay_metrics({name: fan.replays for name, fan in fans.items() if fan.replays is not None})
    for fan in fans.values():
        lines += fan.dialect.metrics(connection.session for connection in fan.connections)
    return lines


def replay_metrics(replays: Mapping[str, Replays]) -> list[str]:
    """What is kept for clients that come back, and how often it was of use."""
    lines = ["# TYPE polyfeed_kept_feeds gauge"] if replays else []
    lines += [f'polyfeed_kept_feeds{{dialect="{name}"}} {len(one)}' for name, one in replays.items()]
    lines += ["# TYPE polyfeed_replays_total counter"] if replays else []
    for name, one in replays.items():
        for result, count in (("resumed", one.resumed), ("refused", one.refused)):
            lines.append(f'polyfeed_replays_total{{dialect="{name}",result="{result}"}} {count}')
    return lines


def counts_of(server: Server) -> list[Counts]:
    """What each gateway has counted: that of this process, or those beside it."""
    return server.workers.counts() if server.workers is not None else [counts_in(server.fans)]


def counts_in(fans: Mapping[str, FanOut]) -> Counts:
    """What a process's gateway has counted."""
    return {name: Count(len(fan.connections), fan.frames) for name, fan in fans.items()}


def text(status: int, body: str) -> RestResponse:
    """A plain text reply."""
    return RestResponse(status, body.encode(), "text/plain; charset=utf-8")
