"""Reads what a Bitstamp server sends (spec/bitstamp.md 3 and 4): books and trades; order events as they are.

`book` is the channel `order_book`, whose every message is the whole of what it shows. Prices and sizes stay text.
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
from polyfeed.dialects.bitstamp import spec
from polyfeed.dialects.bitstamp.channels import parse_channel
from polyfeed.model.enums import Side

_CHANNELS = {"book": spec.ORDER_BOOK, "trades": spec.LIVE_TRADES}
_BOOKS = (spec.ORDER_BOOK, spec.DIFF_ORDER_BOOK)
_ERROR = "bts:error"


class BitstampInbound(Inbound):
    """Messages say everything themselves, so nothing is kept between them."""

    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text that Bitstamp never sends."""
        try:
            return _read(text, msgspec.json.decode(text))
        except (msgspec.MsgspecError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no message of Bitstamp's: {text[:100]}") from error

    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """One request for each market. Raises ValueError for a channel that is not there; any depth will do."""
        if channel not in _CHANNELS:
            raise ValueError(f"channel {channel!r} is not one of {', '.join(_CHANNELS)}")
        return [
            f'{{"event":"{spec.SUBSCRIBE}","data":{{"channel":"{_CHANNELS[channel]}_{symbol}"}}}}' for symbol in symbols
        ]


def _read(text: str, message: Any) -> InboundMessage:
    event, channel = str(message["event"]), str(message["channel"])
    if event.startswith("bts:"):
        return OtherMessage(text, str(message["data"]["message"]) if event == _ERROR else "")
    wanted = parse_channel(channel)
    if wanted is None:
        raise ValueError(f"unknown channel {channel!r}")
    data = message["data"]
    if wanted.name in _BOOKS:
        return _book(wanted.market, wanted.name == spec.ORDER_BOOK, data)
    if wanted.name == spec.LIVE_TRADES:
        return TradeMessage(wanted.market, [_trade(data)])
    return OtherMessage(text)


def _book(symbol: str, whole: bool, data: dict[str, Any]) -> BookMessage:
    """`order_book` replaces the book by its first levels, `diff_order_book` changes some at any depth."""
    ts = int(data["microtimestamp"])
    levels = [*_levels(Side.BUY, data["bids"], ts), *_levels(Side.SELL, data["asks"], ts)]
    return BookMessage(symbol, spec.BOOK_DEPTH if whole else 0, whole, levels)


def _levels(side: Side, rows: Iterable[list[str]], ts: int) -> list[InboundLevel]:
    return [InboundLevel(side, row[0], row[1], ts) for row in rows]


def _trade(data: dict[str, Any]) -> InboundTrade:
    """Prices and sizes come as numbers, too; before 2018 as numbers only, which is not read."""
    ts, side = int(data["microtimestamp"]), Side(data["type"])
    return InboundTrade(data["price_str"], data["amount_str"], ts, side, trade_id=int(data["id"]))
