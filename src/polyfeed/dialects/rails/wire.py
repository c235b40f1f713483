"""The text of numbers and messages: compact JSON, keys in a fixed order (spec/rails.md 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from polyfeed.dialects.rails import spec
from polyfeed.model.numbers import format_scaled

_encode = msgspec.json.Encoder().encode


def encode(value: object) -> str:
    """Compact JSON; objects keep the order of their keys."""
    return _encode(value).decode()


def decimal(value: int, scale: int) -> str:
    """A scaled integer without needless zeros: (4500, 2) -> "45"."""
    text = format_scaled(value, scale)
    return text.rstrip("0").rstrip(".") if scale else text


def milliseconds(ts: int) -> int:
    """Microseconds as the wire's milliseconds."""
    return ts // 1000


def envelope(result: str, market: str | None, data: object) -> str:
    """A message; `market` is None where it is about none."""
    if market is None:
        return encode({"resultType": result, "data": data})
    return encode({"resultType": result, "market": market, "data": data})


def reply(
    result: str,
    market: str | None,
    status: int,
    body: str,
    client_id: str = "",
    order: Mapping[str, object] | None = None,
    quota: int = 0,
) -> str:
    """A message with a status: an acknowledgement, a confirmation, an error (sheet 2 and 7)."""
    data: dict[str, object] = {"statusCode": status, "body": body}
    if order is not None:
        data["order"] = order
    if client_id:
        data["clientRequestId"] = client_id
    if quota:
        data["apiQuotaUsed"] = quota
    return envelope(result, market, data)


def pong(client_id: str) -> str:
    """The answer to `ping` (sheet 3)."""
    data: dict[str, object] = {"clientRequestId": client_id} if client_id else {}
    return envelope("pong", None, {**data, "statusCode": spec.OK})


def subscriptions(result: str, requested_key: str, active: Sequence[str], client_id: str, names: Sequence[str]) -> str:
    """`subscribed` and `unsubscribed`, which differ in their last key (sheet 3)."""
    data: dict[str, object] = {"activeSubscriptions": active}
    if client_id:
        data["clientRequestId"] = client_id
    return envelope(result, None, {**data, requested_key: names})


def rows(result: str, market: str, orders: Sequence[object], client_id: str = "", ts: int | None = None) -> str:
    """Books and public trades, whole or in part: `ts` in milliseconds for books (sheet 4 and 5)."""
    data: dict[str, object] = {"clientRequestId": client_id} if client_id else {}
    data |= {"orders": orders, "statusCode": spec.OK}
    if ts is not None:
        data["ts"] = ts
    return envelope(result, market, data)


def short(text: str) -> str:
    """A client's own text as an error repeats it."""
    return text if len(text) <= spec.ECHO else text[: spec.ECHO] + "..."
