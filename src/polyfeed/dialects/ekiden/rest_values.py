"""What the REST calls are given and give: a call, its values, replies, errors, pages of lists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.ids import account_number
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.symbols import Listing, Symbols
from polyfeed.dialects.ekiden.wire import encode
from polyfeed.model.batches import Outcome
from polyfeed.model.numbers import parse_scaled

PAGE_DEFAULT, PAGE_LIMIT = 50, 1000

EMPTY_PAGE: Object = {"list": [], "next_page_cursor": ""}

_LAST_MS = 1 << 51
"""Milliseconds later than every time."""

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""Pages of any origin may read the replies: a login is a header, which no browser sends by itself."""


class CallRefused(Exception):
    """The call is answered with this error."""

    def __init__(self, message: str, status: int = 400, number: int = spec.ERROR_INVALID) -> None:
        super().__init__(message)
        self.status = status
        self.number = number

    @classmethod
    def of(cls, outcome: Outcome) -> CallRefused:
        """What the venue refused. That it cannot take any command now is no fault of the request."""
        if outcome.refusal is not None and outcome.refusal.temporary:
            return cls(str(outcome.refusal), 503, spec.ERROR_UNAVAILABLE)
        return cls(f"{outcome.refusal}: {outcome.detail}" if outcome.detail else str(outcome.refusal))

    def response(self) -> RestResponse:
        """The error as the client gets it."""
        return error(self.status, self.number, str(self))


class Call:
    """A call: gateway time, the request, its path below the prefix, and who asks with which accounts (0 and none for
    nobody)."""

    __slots__ = ("account", "accounts", "now", "path", "request")

    def __init__(self, now: int, request: RestRequest, path: str) -> None:
        self.now = now
        self.request = request
        self.path = path
        self.account = 0
        self.accounts: list[int] = []

    def text(self, name: str) -> str:
        """A query parameter, empty without one."""
        return self.request.first(name)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query; what is beyond the bounds is brought to them. Raises CallRefused."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 19):
            raise CallRefused(f"{name} must be a whole number, not {text!r}")
        return min(max(int(text), least), most)

    def flag(self, name: str, default: bool) -> bool:
        """`true` or `false` of the query."""
        text = self.text(name).lower()
        return text in ("true", "1") if text else default


def reply(value: object) -> RestResponse:
    """A call that worked."""
    return RestResponse(200, msgspec.json.encode(value), headers=ANY_ORIGIN)


def preflight() -> RestResponse:
    """What a browser asks before it calls from a page."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "authorization, content-type, x-api-key, x-signature, x-timestamp-ms, x-nonce",
        "Access-Control-Max-Age": "600",
    }
    return RestResponse(204, b"", headers=ANY_ORIGIN | allowed)


def error(status: int, number: int, message: str, headers: Mapping[str, str] | None = None) -> RestResponse:
    """A call that did not."""
    body = {"error_code": number, "error_message": message, "error": message, "message": message}
    # What a client sent may be repeated here, lone surrogates included.
    return RestResponse(status, encode(body).encode("ascii"), headers=ANY_ORIGIN | dict(headers or {}))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def body_of(request: RestRequest) -> dict[str, Any]:
    """The JSON object of a request; numbers with decimals stay the text they are. Raises CallRefused."""
    try:
        value = json.loads(request.body, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise CallRefused("the body is not JSON") from None
    if not isinstance(value, dict):
        raise CallRefused("the body must be an object")
    return value


def decimal_of(fields: Mapping[str, Any], name: str, scale: int) -> int:
    """A decimal number, as text or as a JSON number, scaled; 0 where there is none. Raises CallRefused."""
    value = fields.get(name)
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CallRefused(f"{name} must be a decimal number")
    try:
        number = parse_scaled(str(value), scale)
    except ValueError as refused:
        raise CallRefused(f"{name}: {refused}") from refused
    if not 0 <= number < 1 << 62:
        raise CallRefused(f"{name} must be between 0 and what an order can have, not {str(value)[:40]}")
    return number


def word_of(fields: Mapping[str, Any], name: str, words: Mapping[str, Any], default: str | None = None) -> Any:
    """What one of a few words stands for. Raises CallRefused."""
    value = fields.get(name)
    value = default if value is None else value
    if not isinstance(value, str) or value not in words:
        raise CallRefused(f"{name} must be one of {', '.join(words)}")
    return words[value]


def flag_of(fields: Mapping[str, Any], name: str) -> bool:
    """A boolean, false where there is none. Raises CallRefused."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise CallRefused(f"{name} must be true or false")
    return bool(value)


def listing_of(symbols: Symbols, symbol: object) -> Listing:
    """The instrument of a symbol. Raises CallRefused."""
    if not isinstance(symbol, str) or not symbol:
        raise CallRefused("symbol must be a string")
    listing = symbols.find(symbol)
    if listing is None:
        raise CallRefused(f"unknown symbol {symbol!r}", 404, spec.ERROR_NOT_FOUND)
    return listing


def account_of(call: Call, address: object) -> int:
    """One of the caller's accounts; the main one where none is named. Raises CallRefused."""
    if address is None or address == "":
        return call.account
    number = account_number(address) if isinstance(address, str) else None
    if number not in call.accounts:
        raise CallRefused(f"{address!r} is none of your accounts", 404, spec.ERROR_NOT_FOUND)
    return number


def period_of(call: Call) -> tuple[int, int]:
    """The first and the last microsecond of the milliseconds that a call asks for. Raises CallRefused."""
    first, last = call.number("start_time", 0, 0, _LAST_MS), call.number("end_time", _LAST_MS, 0, _LAST_MS)
    return first * 1000, last * 1000 + 999


def page_limit(call: Call) -> int:
    """How many rows a page has at most. Raises CallRefused."""
    return call.number("limit", PAGE_DEFAULT, 1, PAGE_LIMIT)


def page(call: Call, rows: Sequence[tuple[str, Object]]) -> Object:
    """A page of a list, whose rows come with their ids: `limit` rows after the one that `cursor` names."""
    limit, cursor = page_limit(call), call.text("cursor")
    start = 0
    if cursor:
        start = next((place + 1 for place, (name, _) in enumerate(rows) if name == cursor), len(rows))
    part = rows[start : start + limit]
    more = start + limit < len(rows)
    return {"list": [row for _, row in part], "next_page_cursor": part[-1][0] if more else ""}
