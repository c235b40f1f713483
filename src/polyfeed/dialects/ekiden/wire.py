"""Text of numbers and messages (spec/ekiden.md 3, 5).

Messages are compact JSON, keys in the order of the seed's examples. Numbers are the shortest decimal text: 100200, 0.5.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
encode: Callable[[Any], str] = _encoder.encode
"""Any value as compact JSON in ASCII, lone surrogates included."""

ReqId = str | int | None
"""What the client called its request, in its own type (sheet 1)."""


def decimal(value: int, scale: int) -> str:
    """An integer with `scale` decimals as its shortest text: (50, 2) -> "0.5"."""
    if not scale:
        return str(value)
    whole, fraction = divmod(abs(value), 10**scale)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{fraction:0{scale}d}".rstrip("0") if fraction else f"{sign}{whole}"


def printer(scale: int) -> Callable[[int], str]:
    """What prints non-negative integers with `scale` decimals, like `decimal`."""
    if not scale:
        return str
    unit = 10**scale

    def text(value: int) -> str:
        whole, fraction = divmod(value, unit)
        return f"{whole}.{fraction:0{scale}d}".rstrip("0") if fraction else str(whole)

    return text


def milliseconds(ts: int) -> str:
    """Microseconds since the epoch as text in milliseconds, which most times here are."""
    return str(ts // 1000)


# --- replies (sheet 3) ------------------------------------------------------------------------------------------------


def acknowledged(op: str, topics: list[str], req_id: ReqId) -> str:
    """`subscribed` or `unsubscribed`."""
    return f'{{"op":"{op}","args":{encode(topics)}{_tail(req_id)}'


def error(message: str, req_id: ReqId) -> str:
    """An error; its code is the first word of the message."""
    return f'{{"op":"error","message":{encode(message)}{_tail(req_id)}'


def authenticated(user_id: str, req_id: ReqId) -> str:
    """A login that worked."""
    return f'{{"op":"auth","success":true,"user_id":"{user_id}"{_tail(req_id)}'


def not_authenticated(message: str, req_id: ReqId) -> str:
    """A login that did not."""
    return f'{{"op":"auth","success":false,"message":{encode(message)}{_tail(req_id)}'


def pong(now: int, client_ts: int | None, req_id: ReqId) -> str:
    """The answer to an application-level ping; `now` is microseconds, the wire's times nanoseconds."""
    client = "" if client_ts is None else f',"client_ts":{client_ts}'
    return f'{{"op":"pong","server_ts":{now * 1000}{client}{_tail(req_id)}'


def _tail(req_id: ReqId) -> str:
    return "}" if req_id is None else f',"req_id":{encode(req_id)}}}'


# --- events (seed, Unified Event Envelope) ----------------------------------------------------------------------------


def event_head(topic: str) -> str:
    """The beginning of every event of a topic, up to the time."""
    return f'{{"op":"event","topic":{encode(topic)},"server_ts_ms":'


def event(head: str, ts: int, data: str) -> str:
    """An event; `ts` is microseconds, `data` JSON text."""
    return f'{head}{ts // 1000},"data":{data}}}'
