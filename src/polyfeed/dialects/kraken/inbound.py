"""Reads what a Kraken server sends (spec/kraken.md 3.4 to 3.10), of 0.2.0 and every 1.x.

A data message is an array that ends with channelName and pair; what stands between the channelID and those two are
one or two payloads. Messages of 0.1, which name neither, are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from polyfeed.dialects._base.inbound import (
    BookMessage,
    Inbound,
    InboundLevel,
    InboundMessage,
    InboundTrade,
    OtherMessage,
    TradeMessage,
)
from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.wire import encode
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.numbers import parse_scaled

_SIDES = (("as", Side.SELL), ("a", Side.SELL), ("bs", Side.BUY), ("b", Side.BUY))
_CHANNELS = {"book": spec.BOOK, "trades": spec.TRADE}
_TAKERS = {"b": Side.BUY, "s": Side.SELL}
_KINDS = {"l": OrderKind.LIMIT, "m": OrderKind.MARKET}
_SHORTEST = 4


class KrakenInbound(Inbound):
    """Messages say everything themselves, so nothing is kept between them."""

    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text that Kraken never sends."""
        try:
            message = msgspec.json.decode(text)
            if isinstance(message, dict):
                return _other(text, message)
            if isinstance(message, list):
                return _data(text, message)
        except (msgspec.MsgspecError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no message of Kraken's: {text[:100]}") from error
        raise ValueError(f"neither an object nor an array: {text[:100]}")

    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """One subscribe request. Raises ValueError for a channel or depth that Kraken has not."""
        if channel not in _CHANNELS:
            raise ValueError(f"channel {channel!r} is not one of {', '.join(_CHANNELS)}")
        subscription: dict[str, str | int] = {"name": _CHANNELS[channel]}
        if channel == "book":
            if depth not in spec.DEPTHS:
                raise ValueError(f"depth {depth} is not one of {', '.join(map(str, spec.DEPTHS))}")
            subscription["depth"] = depth
        return [encode({"event": spec.SUBSCRIBE, "pair": symbols, "subscription": subscription})]


def _other(text: str, message: dict[str, Any]) -> OtherMessage:
    """Acknowledgements, heartbeats, statuses; errors in any of their envelopes (spec/kraken.md 1.6, 2.1)."""
    if "event" not in message and "Error" not in message:
        raise ValueError(f"an object that is no event: {text[:100]}")
    return OtherMessage(text, str(message.get("errorMessage") or message.get("Error") or ""))


def _data(text: str, message: list[Any]) -> InboundMessage:
    if len(message) < _SHORTEST:
        raise ValueError(f"a data message without channelName and pair: {text[:100]}")
    channel, _, parameter = message[-2].partition("-")
    symbol = str(message[-1])
    if channel == spec.BOOK:
        return _book(symbol, int(parameter), message[1:-2])
    if channel == spec.TRADE:
        return TradeMessage(symbol, [_trade(*trade) for trade in message[1]])
    if channel in spec.CHANNELS:
        return OtherMessage(text)
    raise ValueError(f"unknown channel {message[-2]!r}")


def _book(symbol: str, depth: int, payloads: list[dict[str, Any]]) -> BookMessage:
    """A snapshot (`as`, `bs`), or an update with one object or two (`a`, `b`), the checksum in the last."""
    levels: list[InboundLevel] = []
    reset = False
    for payload in payloads:
        reset = reset or "as" in payload or "bs" in payload
        for name, side in _SIDES:
            levels += _levels(side, payload.get(name, ()))
    checksum = payloads[-1].get("c")
    return BookMessage(symbol, depth, reset, levels, None if checksum is None else int(checksum))


def _levels(side: Side, rows: Iterable[list[str]]) -> list[InboundLevel]:
    return [InboundLevel(side, row[0], row[1], parse_scaled(row[2], 6), len(row) > 3 and row[3] == "r") for row in rows]


def _trade(price: str, size: str, time: str, side: str, kind: str, *_misc: str) -> InboundTrade:
    return InboundTrade(price, size, parse_scaled(time, 6), _TAKERS[side], _KINDS[kind])
