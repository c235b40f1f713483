"""HTTP calls as values, so that a dialect's REST answers are functions like everything else in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand
from polyfeed.model.history import Query


class RestRequest(Struct, frozen=True):
    """A request. `query` is decoded, `raw_query` as it came; `headers` have lower-case names.

    `address` is where it came from, as far as the gateway knows.
    """

    method: str
    path: str
    query: dict[str, list[str]] = {}
    headers: dict[str, str] = {}
    body: bytes = b""
    raw_query: str = ""
    address: str = ""

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


class RestResponse(Struct, frozen=True):
    """A reply."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}


class RestSubmit(Struct, frozen=True):
    """A reply that waits for the venue: `reply` makes it from the outcome, or asks for one more command.

    By then the market and the accounts show what was decided. `reference` is as in `effects.Submit`.
    """

    command: AnyCommand
    reply: Callable[[Outcome], RestAnswer]
    reference: str = ""


class RestAsk(Struct, frozen=True):
    """A reply that waits for history: `reply` makes it from the rows that answer `query`, or asks for something more.

    By then the market and the accounts may show what happened later.
    """

    query: Query
    reply: Callable[[Sequence[Any]], RestAnswer]


RestAnswer = RestResponse | RestSubmit | RestAsk
