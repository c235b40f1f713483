"""A dialect's REST calls as an ASGI application, and what every such application needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from msgspec.structs import replace

from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse
from polyfeed.gateway.heads import forwarded, header_map
from polyfeed.gateway.port import Port
from polyfeed.model.batches import Outcome
from polyfeed.model.history import HistoryUnavailable

log = logging.getLogger("polyfeed.gateway")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES = 65_536


def rest_app(port: Port) -> App:
    """The dialect's REST calls as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if body is None:
            await respond(send, RestResponse(413, b"request body too large\n", "text/plain"))
            return
        request = RestRequest(
            scope["method"],
            scope["path"],
            parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            header_map((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body,
            scope["query_string"].decode("latin-1"),
            port.door.origin_of((scope.get("client") or ("",))[0], forwarded(scope)),
        )
        try:
            dialect = port.fan.dialect
            call = dialect.rest_stale if port.fan.stale else dialect.rest
            answer = await settle(port, call(port.now(), request))
        except Exception:
            log.exception("a REST call failed: %s %r", request.method, request.path)
            answer = RestResponse(500, b"internal error\n", "text/plain")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            port.fan.meter.refused[answer.status] += 1
        await respond(send, answer)

    return app


async def settle(port: Port, answer: RestAnswer) -> RestResponse:
    """The response that an answer comes to, after the venue has decided what it submits, and history was asked."""
    while not isinstance(answer, RestResponse):
        if isinstance(answer, RestAsk):
            try:
                rows = await port.ask(answer.query)
            except HistoryUnavailable as error:
                refusal = port.fan.dialect.rest_unavailable(str(error))
                return replace(refusal, headers={**refusal.headers, "retry-after": "1"})
            answer = answer.reply(rows)
            continue
        future: asyncio.Future[RestAnswer] = asyncio.get_running_loop().create_future()
        port.requests.submit(answer.command, partial(decide, future, answer.reply), answer.reference)
        answer = await future
    return answer


def decide(future: asyncio.Future[RestAnswer], reply: Callable[[Outcome], RestAnswer], outcome: Outcome) -> None:
    """Makes the reply while the market and accounts show just what the command came to."""
    if future.done():
        return
    try:
        future.set_result(reply(outcome))
    except Exception as error:
        future.set_exception(error)


async def read_body(receive: Receive) -> bytes | None:
    """The request's body, None when it is larger than BODY_BYTES, or the client went before it was whole."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body", False):
            return body


async def respond(send: Send, answer: RestResponse) -> None:
    """Sends a whole response."""
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
