"""Reads what an Ekiden server sends (spec/ekiden.md 3, 5), as its documents and its SDK have it."""

from __future__ import annotations

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
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.wire import encode
from polyfeed.model.enums import Side

_TAKERS = {"Buy": Side.BUY, "Sell": Side.SELL}
_REPLIES = frozenset(("subscribed", "unsubscribed", "pong", "auth"))
_CHANNELS = frozenset((*spec.RANKS,))
_SIDES = (("a", Side.SELL), ("b", Side.BUY))


class EkidenInbound(Inbound):
    """Messages say everything themselves, so nothing is kept between them."""

    path = spec.PUBLIC_PATH

    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text that Ekiden never sends."""
        try:
            message = msgspec.json.decode(text)
            op = message["op"]
            if op == "event":
                return _event(text, message)
            if op == "error":
                return OtherMessage(text, str(message["message"]))
            if op in _REPLIES:
                failed = op == spec.AUTH and not message["success"]
                return OtherMessage(text, str(message.get("message", "auth failed")) if failed else "")
        except (msgspec.MsgspecError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no message of Ekiden's: {text[:100]}") from error
        raise ValueError(f"unknown op {op!r}")

    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """Subscribe requests of at most 100 topics. Raises ValueError for a channel or depth that Ekiden has not."""
        if channel == "book":
            if not 0 < depth <= spec.MAX_DEPTH:
                raise ValueError(f"depth {depth} is not between 1 and {spec.MAX_DEPTH}")
            topics = [f"{spec.ORDERBOOK}.{depth}.{symbol}" for symbol in symbols]
        elif channel == "trades":
            topics = [f"{spec.TRADE}.{symbol}" for symbol in symbols]
        else:
            raise ValueError(f"channel {channel!r} is not one of book, trades")
        parts = [topics[at : at + spec.MAX_ARGS] for at in range(0, len(topics), spec.MAX_ARGS)]
        return [encode({"op": spec.SUBSCRIBE, "args": part, "req_id": str(at)}) for at, part in enumerate(parts, 1)]


def _event(text: str, message: dict[str, Any]) -> InboundMessage:
    channel, *middle = message["topic"].split(".")
    if channel not in _CHANNELS:
        raise ValueError(f"unknown topic {message['topic']!r}")
    if channel == spec.ORDERBOOK:
        return _book(int(middle[0]), message["type"], message["data"])
    if channel == spec.TRADE:
        return TradeMessage(middle[0], [_trade(trade) for trade in message["data"]])
    return OtherMessage(text)


def _book(depth: int, kind: str, data: dict[str, Any]) -> BookMessage:
    """A snapshot or a delta. Levels have no time of their own: theirs is the matching engine's."""
    if kind not in ("snapshot", "delta"):
        raise ValueError(f"unknown type {kind!r}")
    ts = int(data["mts"]) * 1000
    levels = [InboundLevel(side, row[0], row[1], ts) for name, side in _SIDES for row in data[name]]
    return BookMessage(data["s"], depth, kind == "snapshot", levels)


def _trade(trade: dict[str, Any]) -> InboundTrade:
    number = str(trade["i"])
    trade_id = int(number) if number.isascii() and number.isdigit() else int(trade["seq"])
    return InboundTrade(trade["p"], trade["v"], int(trade["T"]) * 1000, _TAKERS[trade["S"]], trade_id=trade_id)
