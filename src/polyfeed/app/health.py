"""A gateway's own HTTP port: whether it lives, whether clients should be sent to it, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.app.api import credentials
from polyfeed.app.api.endpoints import Problem
from polyfeed.app.operator import METRICS, headers_of, text
from polyfeed.app.operator_token import operator_token
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.rest import Receive, Scope, Send, read_body, respond

if TYPE_CHECKING:
    from polyfeed.app.gateway_process import GatewayProcess


class Health:
    """An ASGI application over a gateway. Everything else that operators ask is the venue's to answer."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._token = operator_token(gateway.config.http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await read_body(receive)
        try:
            answer = self._answer(scope)
        except Problem as problem:
            answer = text(problem.status, problem.message + "\n")
        await respond(send, answer)

    def _answer(self, scope: Scope) -> RestResponse:
        gateway = self._gateway
        if scope["method"] not in {"GET", "HEAD"}:
            raise Problem(405, "a gateway is only looked at; the venue's own port takes orders of operators")
        match scope["path"]:
            case "/":
                return text(200, "polyfeed gateway\n\n" + gateway.directory() + "\n")
            case "/healthz":
                return text(200, "ok\n")
            case "/readyz":
                return text(503, f"not ready: {gateway.trouble}\n") if gateway.trouble else text(200, "ready\n")
            case path if path == METRICS:
                credentials.check_token(self._token, headers_of(scope))
                return RestResponse(200, gateway.metrics().encode(), "text/plain; version=0.0.4")
        raise Problem(404, "a gateway has /healthz, /readyz and /metrics; the rest is on the venue's own port")
