"""Reads what a Rails server sends (spec/rails.md 4 and 5): books whole and in part, public trades.

A message names its market only where the connection was to all of them, or always in later revisions; without one the
symbol is empty.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

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
from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.wire import encode
from polyfeed.model.enums import Side

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_CHANNELS = {
    "book": (spec.PUBLIC_BOOK, spec.EMIT_BOOK),
    "trades": (spec.PUBLIC_TRADES, spec.EMIT_TRADES),
}
_BOOKS = {spec.BOOK: True, spec.BOOK_DELTA: False}
_TRADES = (spec.PUBLIC_FILLS, spec.PUBLIC_FILLS_DELTA)
_FIRST_ERROR = 400


class RailsInbound(Inbound):
    """Messages say everything themselves, so nothing is kept between them."""

    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text that Rails never sends."""
        try:
            message = msgspec.json.decode(text)
            result, data = message["resultType"], message["data"]
            symbol = str(message.get("market", ""))
            failed = isinstance(data, dict) and int(data.get("statusCode", spec.OK)) >= _FIRST_ERROR
            if result in _BOOKS and not failed:
                levels = [_level(row, int(data.get("ts", 0)) * 1000) for row in data["orders"]]
                return BookMessage(symbol, 0, _BOOKS[result], levels)
            if result in _TRADES and not failed:
                return TradeMessage(symbol, [_trade(row) for row in data["orders"] if row["executionType"] == "taker"])
            return OtherMessage(text, str(data.get("body", "")) if failed else "")
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"no message of Rails': {text[:100]}") from error

    def query(self, symbols: list[str]) -> str:
        """One market, or all of them; the streams are subscribed to afterwards."""
        market = symbols[0] if len(symbols) == 1 else spec.ALL_MARKETS
        return f"market={quote(market)}&subscriptions="

    def subprotocol(self, token: str) -> str:
        """The token."""
        return f"{spec.SUBPROTOCOL_PREFIX}{token}" if token else ""

    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """What adds the stream, then what asks for a snapshot of each market. Raises ValueError for what Rails has not.

        `depth` is not known here, books are whole.
        """
        if channel not in _CHANNELS:
            raise ValueError(f"channel {channel!r} is not one of {', '.join(_CHANNELS)}")
        stream, snapshot = _CHANNELS[channel]
        begin = encode({"message": spec.SUBSCRIBE, "content": {"subscriptions": [stream]}})
        return [begin, *(encode({"message": snapshot, "content": {"market": symbol}}) for symbol in symbols)]


def _level(row: dict[str, Any], ts: int) -> InboundLevel:
    return InboundLevel(_SIDES[row["orderType"]], _text(row["price"]), _text(row["quantity"]), ts)


def _trade(row: dict[str, Any]) -> InboundTrade:
    return InboundTrade(
        _text(row["price"]), _text(row["quantity"]), int(row["updatedAt"]) * 1000, _SIDES[row["orderType"]]
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
