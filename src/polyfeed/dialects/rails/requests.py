"""Reads what a client sent and finds what is wrong with it.

    JSON -> object -> `message` -> known -> content -> clientRequestId -> stream -> market -> quota -> the request's own

(the stream, the market and the quota are the session's to know). Each check returns what it read or raises `Refused`
with the status and the text of the reply.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.ids import is_uuid
from polyfeed.dialects.rails.wire import short
from polyfeed.model.numbers import parse_scaled

Content = dict[str, Any]

_MAX_DIGITS = 40
_MAX_NUMBER = 10**18
"""Above what the venue takes, and still an integer that a journal can hold."""


class Refused(Exception):
    """A request is refused with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Asked(Struct, frozen=True):
    """A request as it came. `name` is one of `spec.REQUESTS`, or another one for which there is only an error."""

    name: str
    content: object


class _Envelope(Struct, frozen=True):
    message: str
    content: Any = None


_decoder = msgspec.json.Decoder(_Envelope, float_hook=str)


def read(data: str) -> Asked | None:
    """The request in a text message; None when it is no JSON object with a `message`."""
    try:
        envelope = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return Asked(envelope.message, {} if envelope.content is None else envelope.content)


def client_id_of(content: object) -> str:
    """The request's `clientRequestId` where it has a good one."""
    value = content.get("clientRequestId") if isinstance(content, dict) else None
    return value if isinstance(value, str) and is_uuid(value) else ""


def read_content(asked: Asked) -> Content:
    """The content, its `clientRequestId` looked at."""
    content = asked.content
    if not isinstance(content, dict):
        raise Refused(spec.BAD, spec.CONTENT_NOT_OBJECT)
    if content.get("clientRequestId") is not None and not is_uuid(content["clientRequestId"]):
        raise Refused(spec.BAD, spec.BAD_REQUEST_ID)
    return content


def read_streams(names: object) -> list[str]:
    """Names of streams, each known."""
    if not isinstance(names, list):
        raise Refused(spec.BAD, spec.SUBSCRIPTIONS_NOT_ARRAY)
    for name in names:
        if name not in spec.STREAMS:
            shown = name if isinstance(name, str) else msgspec.json.encode(name).decode()
            raise Refused(spec.BAD, spec.SUBSCRIPTION_UNKNOWN.format(name=short(shown)))
    return names


def read_number(content: Content, field: str, scale: int) -> int:
    """A positive decimal, as text or as a JSON number."""
    value = content.get(field)
    number = _scaled(value, scale)
    if number is None or number <= 0:
        raise Refused(spec.BAD, spec.BAD_NUMBER.format(field=field, decimals=scale))
    return number


def read_slippage(content: Content) -> int:
    """`maxSlippage` in parts per million."""
    if content.get("maxSlippage") is None:
        return spec.DEFAULT_SLIPPAGE
    number = _scaled(content["maxSlippage"], spec.SLIPPAGE_SCALE)
    if number is None or not 0 <= number <= 10**spec.SLIPPAGE_SCALE:
        raise Refused(spec.BAD, spec.BAD_SLIPPAGE)
    return number


def read_choice(content: Content, field: str, choices: tuple[str, ...], text: str, default: str = "") -> str:
    """One of a few words."""
    value = content.get(field, default)
    if value not in choices:
        raise Refused(spec.BAD, text)
    return str(value)


def read_flag(content: Content, field: str) -> bool:
    """true or false, false without it."""
    value = content.get(field, False)
    if not isinstance(value, bool):
        raise Refused(spec.BAD, spec.BAD_FLAG)
    return value


def read_leverage(content: Content, most: int) -> int:
    """`leverage`: a whole number, as text or as a JSON number."""
    number = _scaled(content.get("leverage"), 0)
    if number is None or not 1 <= number <= most:
        raise Refused(spec.BAD, spec.BAD_LEVERAGE.format(most=most))
    return number


def is_whole(value: object, number: int) -> bool:
    """Whether a value that a client sent is this whole number, as text or as a JSON number."""
    return _scaled(value, 0) == number


def read_limit(content: Content) -> int:
    """How many rows a snapshot of trades is to have."""
    value = content.get("limit", spec.SNAPSHOT_DEFAULT)
    if type(value) is not int or not 1 <= value <= spec.SNAPSHOT_LIMIT:
        raise Refused(spec.BAD, spec.BAD_LIMIT)
    return value


def _scaled(value: object, scale: int) -> int | None:
    """The integer of a decimal number that came as text or as a JSON number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    if len(text) > _MAX_DIGITS:
        return None
    try:
        number = parse_scaled(text, scale)
    except ValueError:
        return None
    return number if abs(number) < _MAX_NUMBER else None
