"""HTTP calls as values, so that a dialect's REST answers are functions like everything else in it."""

from __future__ import annotations

from msgspec import Struct


class RestRequest(Struct, frozen=True):
    """A request. `query` and form values are decoded; `headers` have lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]] = {}
    headers: dict[str, str] = {}
    body: bytes = b""

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
