"""Text of numbers and of everything that is not a data message (spec/kraken.md 1.3, 2.1, 3.1, 3.5).

Messages are compact JSON with sorted keys. Text that came from a client is repeated with everything outside ASCII
escaped, so whatever was sent, what goes out is valid.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.spec import Profile

HEARTBEAT = '{"event":"heartbeat"}'

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
encode: Callable[[Any], str] = _encoder.encode
"""Any value that came from JSON, compact and with sorted keys."""

# --- numbers ----------------------------------------------------------------------------------------------------------


def fixed(scale: int) -> Callable[[int], str]:
    """What prints a non-negative integer with `scale` decimals: fixed(5)(5872940000) -> "58729.40000"."""
    if scale == 0:
        return str
    width, cut = scale + 1, -scale

    def text(value: int) -> str:
        digits = str(value).zfill(width)
        return f"{digits[:cut]}.{digits[cut:]}"

    return text


time_text = fixed(6)
"""Microseconds since the epoch as seconds with six decimals."""


def level_text(price_scale: int, pad: int) -> Callable[[int, int, int], str]:
    """What prints price, size and time as the inside of a level's array:
    `"58729.40000","0.45000000","1617666423.123456"`.

    The same as three calls of `fixed` in a third of the time, because most of what this wire says is levels.
    `price_scale` is at least 1; `pad` brings a size to eight decimals.
    """
    width, cut = price_scale + 1, -price_scale

    def text(price: int, size: int, ts: int) -> str:
        left, middle, right = str(price).zfill(width), str(size * pad).zfill(9), str(ts).zfill(7)
        return f'"{left[:cut]}.{left[cut:]}","{middle[:-8]}.{middle[-8:]}","{right[:-6]}.{right[-6:]}"'

    return text


# --- messages ---------------------------------------------------------------------------------------------------------


def system_status(status: str, version: str, connection_id: int | None = None) -> str:
    """systemStatus; only the one at the start of a connection names it (sheet 1.2)."""
    message: dict[str, object] = {"event": "systemStatus", "status": status, "version": version}
    if connection_id is not None:
        message["connectionID"] = connection_id
    return encode(message)


def pong(reqid: int | None) -> str:
    """The answer to an application-level ping (sheet 1.5)."""
    return '{"event":"pong"}' if reqid is None else f'{{"event":"pong","reqid":{reqid}}}'


def channel_name(channel: str, parameter: int) -> str:
    """`book-10`, `ohlc-5`; the other channels have no suffix (sheet 3.4)."""
    return f"{channel}-{parameter}" if parameter else channel


def subscription_text(channel: str, parameter: int) -> str:
    """The `subscription` object of a channel, defaults filled in (sheet 3.1)."""
    field = spec.PARAMETER_FIELD.get(channel)
    return f'{{"name":"{channel}"}}' if field is None else f'{{"{field}":{parameter},"name":"{channel}"}}'


def subscription_status(
    channel_id: int, channel: str, parameter: int, pair: str, reqid: int | None, status: str, *, named: bool = True
) -> str:
    """subscriptionStatus of a subscription that began or ended; `named` says whether it has its channelName."""
    name = f'"channelName":"{channel_name(channel, parameter)}",' if named else ""
    request = "" if reqid is None else f'"reqid":{reqid},'
    return (
        f'{{"channelID":{channel_id},{name}"event":"subscriptionStatus","pair":{encode(pair)},{request}'
        f'"status":"{status}","subscription":{subscription_text(channel, parameter)}}}'
    )


def error_status(
    text: str,
    *,
    event: str = "subscriptionStatus",
    pair: str | None = None,
    reqid: str | None = None,
    of: str | None = None,
) -> str:
    """An error of a request. `reqid` and `of`, the client's `subscription`, are JSON already (sheet 2.1)."""
    return (
        f'{{"errorMessage":{encode(text)},"event":"{event}"'
        + (f',"pair":{encode(pair)}' if pair is not None else "")
        + (f',"reqid":{reqid}' if reqid is not None else "")
        + ',"status":"error"'
        + (f',"subscription":{of}' if of is not None else "")
        + "}"
    )


def malformed(profile: Profile) -> str:
    """The answer to what is no JSON object (sheet 0 and 2.1)."""
    if profile.error_event:
        return f'{{"errorMessage":"{spec.MALFORMED}","event":"error"}}'
    return error_status(spec.MALFORMED)


def rate_exceeded(profile: Profile, reqid: int | None) -> str:
    """The answer to a message over the rate, which is not carried out (sheet 0 and 1.6)."""
    if not profile.error_event:
        return f'{{"Error":"{spec.RATE_EXCEEDED}"}}'
    request = "" if reqid is None else f',"reqid":{reqid}'
    return f'{{"errorMessage":"{spec.RATE_EXCEEDED}","event":"error"{request}}}'
