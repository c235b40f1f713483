"""Text of numbers and frames (spec/bitstamp.md 3 and 6).

Frames are compact; control frames have the keys event, channel, data, and data frames data, channel, event. Numbers are
made from scaled integers, so no float is ever rounded into one.
"""

from __future__ import annotations

import json
from typing import Any

from polyfeed.dialects.bitstamp import spec
from polyfeed.model.numbers import format_scaled

# --- numbers ----------------------------------------------------------------------------------------------------------

_SMALLEST_PLAIN = -5  # where the point stands in 0.000001 (1e-6), the smallest number without an exponent


def number(value: int, scale: int) -> str:
    """A JSON number as Go writes it: (51590918, 8) -> 0.51590918, (7831900, 2) -> 78319, (1, 8) -> 1e-8.

    The exact decimal number without needless digits; with an exponent below 1e-6.
    """
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    text = str(abs(value))
    digits = text.rstrip("0")
    scale -= len(text) - len(digits)
    point = len(digits) - scale
    if scale <= 0:
        return f"{sign}{digits}{'0' * -scale}"
    if point > 0:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if point >= _SMALLEST_PLAIN:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e-{1 - point}"


def short(value: int, scale: int) -> str:
    """Decimal text without needless zeros and without an exponent: (1300, 7) -> 0.00013."""
    text = format_scaled(value, scale)
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole_seconds(ts: int) -> int:
    """Seconds since the epoch, cut: books and trades (sheet 4.1, 4.2)."""
    return ts // spec.SECOND


def nearest_second(ts: int) -> int:
    """Seconds since the epoch, halves up: `datetime` of orders (sheet 4.5)."""
    return (ts + spec.SECOND // 2) // spec.SECOND


def to_millisecond(ts: int) -> int:
    """Microseconds cut to a whole millisecond: `microtimestamp` of orders and trades (sheet 4.1, 4.5)."""
    return ts - ts % 1000


# --- control frames ---------------------------------------------------------------------------------------------------

HEARTBEAT = '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}'
REQUEST_RECONNECT = '{"event":"bts:request_reconnect","channel":"","data":""}'
"""As on the seed page; newer pages show `null` (sheet 3)."""


def error(message: str, code: int | None = None) -> str:
    """An error, which never names a channel."""
    shown = "null" if code is None else code
    return f'{{"event":"bts:error","channel":"","data":{{"code":{shown},"message":"{message}"}}}}'


UNAUTHORIZED = error(spec.UNAUTHORIZED, spec.UNAUTHORIZED_CODE)


def subscribed(channel: str) -> str:
    """The acknowledgement of a subscription. Channel names that pass the grammar need no escapes."""
    return f'{{"event":"bts:subscription_succeeded","channel":"{channel}","data":{{}}}}'


def unsubscribed(channel: str) -> str:
    """The acknowledgement of its end."""
    return f'{{"event":"bts:unsubscription_succeeded","channel":"{channel}","data":{{}}}}'


# --- data frames ------------------------------------------------------------------------------------------------------


def data_frame(data: str, channel: str, event: str, more: str = "") -> str:
    """A data frame; `more` is what follows the event, with a comma before it."""
    return f'{{"data":{data},"channel":"{channel}","event":"{event}"{more}}}'


def book_data(ts: int, bids: str, asks: str) -> str:
    """The payload of the three book channels; levels are JSON already."""
    return f'{{"timestamp":"{whole_seconds(ts)}","microtimestamp":"{ts}","bids":[{bids}],"asks":[{asks}]}}'


# --- REST -------------------------------------------------------------------------------------------------------------


class Plain(str):
    """Text that is JSON already: a number of any length."""

    __slots__ = ()


def rest_json(value: Any) -> str:
    """JSON as the REST API writes it, with blanks after commas and colons (sheet 6)."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)}: {rest_json(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(rest_json, value))}]"
    return json.dumps(value, ensure_ascii=False)
