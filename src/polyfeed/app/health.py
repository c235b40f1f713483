"""The HTTP port of a process that operators only look at: whether it lives, whether it does what it is there for, and
its metrics. A gateway has it, and a venue that is not one yet.
"""

from __future__ import annotations

from typing import Protocol

from polyfeed.app.api import credentials
from polyfeed.app.api.endpoints import Problem
from polyfeed.app.config import HttpSection
from polyfeed.app.operator import METRICS, headers_of, text
from polyfeed.app.operator_token import operator_token
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.gateway.rest import Receive, Scope, Send, read_body, respond


class Looked(Protocol):
    """What is looked at."""

    @property
    def trouble(self) -> str:
        """Why it is not ready, empty when it is."""

    def metrics(self) -> str:
        """The metrics in Prometheus's text format."""

    def directory(self) -> str:
        """Where everything is, for people."""


class Health:
    """An ASGI application over a process, whose `name` is for people. Everything else that operators ask is the venue's
    to answer.
    """

    def __init__(self, looked: Looked, name: str, section: HttpSection) -> None:
        self._looked = looked
        self._name = name
        self._token = operator_token(section)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await read_body(receive)
        try:
            answer = self._answer(scope)
        except Problem as problem:
            answer = text(problem.status, problem.message + "\n")
        await respond(send, answer)

    def _answer(self, scope: Scope) -> RestResponse:
        looked = self._looked
        if scope["method"] not in {"GET", "HEAD"}:
            raise Problem(405, f"a {self._name} is only looked at; the venue's own port takes orders of operators")
        match scope["path"]:
            case "/":
                return text(200, f"polyfeed {self._name}\n\n{looked.directory()}\n")
            case "/healthz":
                return text(200, "ok\n")
            case "/readyz":
                return text(503, f"not ready: {looked.trouble}\n") if looked.trouble else text(200, "ready\n")
            case path if path == METRICS:
                credentials.check_token(self._token, headers_of(scope))
                return RestResponse(200, looked.metrics().encode(), "text/plain; version=0.0.4")
        raise Problem(404, f"a {self._name} has /healthz, /readyz and /metrics; the rest is on the venue's own port")
