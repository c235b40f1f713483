"""Reading the parameters of REST calls, and what calls are refused with.

The codes and their texts are the OpenAPI file's list of response codes; what stands in `reason` is the wording of each
call's own table of errors where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse
from polyfeed.dialects.bitstamp import wire
from polyfeed.dialects.bitstamp.auth import JSON
from polyfeed.model.numbers import parse_scaled

JSON_TYPE = "application/json"

NAME_LIMIT = 180
"""Characters of a client's own order id (OpenAPI file, cancel_order)."""

AMOUNT_END = 1 << 62
"""Scaled numbers from here on are refused before they reach the venue."""

NOT_A_NUMBER = 'Enter a number. Use "." as a decimal point.'
DECIMALS = "Ensure that there are no more than {} decimal places."

T = TypeVar("T")

_ORDER_ID = re.compile(r"[0-9]{1,16}")
_TRUE = frozenset(("true", "1", "yes"))


class CallRefused(Exception):
    """The call is answered with an error. `reason` is text, or texts by parameter (`__all__` for none of them)."""

    def __init__(
        self, code: str, reason: str | dict[str, list[str]], status: int = 200, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(str(reason))
        self.body = {"status": "error", "reason": reason, "response_code": code}
        self.status = status
        self.headers = headers


NO_MARKET = CallRefused("404.007", "Market not found for corresponding request.", 404)
"""What an unknown market is answered with."""


class BareError(CallRefused):
    """The shape of the errors of cancel_order and replace_order: `{"error": …}`."""

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)
        self.body = {"error": reason}


def about(parameter: str, text: str, code: str) -> CallRefused:
    """A refusal for one parameter."""
    return CallRefused(code, {parameter: [text]})


def overall(text: str, code: str) -> CallRefused:
    """A refusal for the call as a whole."""
    return CallRefused(code, {"__all__": [text]})


def response(body: Any, status: int = 200, headers: Mapping[str, str] = {}) -> RestResponse:
    """A JSON response."""
    return RestResponse(status, wire.rest_json(body).encode(), JSON_TYPE, dict(headers))


def refused_response(refused: CallRefused) -> RestResponse:
    """The response to a refused call."""
    return response(refused.body, refused.status, refused.headers)


def answered(body: Any) -> RestAnswer:
    """What a call gave: the body of its JSON response, or the answer itself where it had to ask history."""
    return body if isinstance(body, RestAsk | RestResponse) else response(body)


def refusable(reply: Callable[[T], RestAnswer]) -> Callable[[T], RestAnswer]:
    """A reply that is made later, and whose refusal is its answer."""

    def answer(given: T) -> RestAnswer:
        try:
            return reply(given)
        except CallRefused as refused:
            return refused_response(refused)

    return answer


class Form:
    """The parameters of a POST, from a form or from JSON. Unknown ones are ignored, as clients send such."""

    def __init__(self, request: RestRequest) -> None:
        self._values: dict[str, str] = {}
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind == JSON:
            try:
                given = msgspec.json.decode(request.body, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise overall("POST parameter(s) is malformed.", "400.007") from error
            self._values = {name: _as_text(value) for name, value in given.items()}
        else:
            text = request.body.decode("utf-8", "replace")
            self._values = dict(parse_qsl(text, keep_blank_values=True))

    def text(self, name: str) -> str:
        """A parameter, empty where it is not given."""
        return self._values.get(name, "")

    def flag(self, name: str) -> bool:
        """Whether a parameter says yes."""
        return self.text(name).lower() in _TRUE

    def name(self, parameter: str, code: str = "400.008") -> str:
        """A client's own order id."""
        text = self.text(parameter)
        if len(text) > NAME_LIMIT:
            raise CallRefused(code, f"Invalid {parameter} POST param.")
        return text

    def decimal(self, name: str, scale: int, decimals: int, code: str) -> int:
        """A number with at most so many decimals, scaled; 0 where it is not given."""
        text = self.text(name)
        if not text:
            return 0
        try:
            value = parse_scaled(text.strip(), max(scale, len(text)))
        except ValueError as error:
            raise about(name, NOT_A_NUMBER, code) from error
        value, rest = divmod(value, 10 ** (max(scale, len(text)) - decimals))
        if rest:
            raise about(name, DECIMALS.format(decimals), code)
        scaled = int(value * 10 ** (scale - decimals))
        if not 0 <= scaled < AMOUNT_END:
            raise about(name, NOT_A_NUMBER if scaled < 0 else "Provided order amount is too large.", code)
        return scaled

    def whole(self, name: str, default: int, highest: int, text: str, code: str) -> int:
        """A whole number from 0 to `highest`; another one is refused with `text`."""
        given = self.text(name)
        if not given:
            return default
        if not (given.isascii() and given.isdigit() and len(given) < 20 and int(given) <= highest):
            raise CallRefused(code, text)
        return int(given)


def read_order_id(text: str) -> int | None:
    """An order's number, None for what is none."""
    return int(text) if _ORDER_ID.fullmatch(text) else None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
