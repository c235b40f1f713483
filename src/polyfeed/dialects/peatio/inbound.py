"""Reads what a Peatio server sends, of every era (sheet 0, 3): frames that are an object of one key, or a pair.

The same bodies come through an upstream's exchange: `read_body` takes a stream's name and a body.
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
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.folding import is_gone, pairs
from polyfeed.model.enums import Side

_SIDES = (("asks", Side.SELL), ("bids", Side.BUY))
_BOOKS = {f"{spec.BOOK}{spec.SNAP}": True, f"{spec.BOOK}{spec.INC}": False, spec.UPDATE: True}
_CHANNELS = {"book": f"{spec.BOOK}{spec.INC}", "trades": spec.TRADES}
_REPLIES = {"success", "error"}


class PeatioInbound(Inbound):
    """Messages say everything themselves, so nothing is kept between them."""

    def receive(self, text: str) -> InboundMessage:
        """What the message says. Raises ValueError, with the reason, on text that Peatio never sends."""
        if text == spec.PONG:
            return OtherMessage(text)
        try:
            message = msgspec.json.decode(text)
            if isinstance(message, dict) and len(message) == 1:
                (name, body), *_ = message.items()
            elif isinstance(message, list):
                name, body = message
            else:
                raise ValueError("neither an object of one key nor a pair")
            if name in _REPLIES:
                return OtherMessage(text, _error_of(body) if name == "error" else "")
            return read_body(str(name), body, text)
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"no message of Peatio's ({error}): {text[:100]}") from error

    def subscribe(self, channel: str, symbols: list[str], depth: int) -> list[str]:
        """One subscribe request; Peatio's books have one depth. Raises ValueError for a channel that it has not."""
        if channel not in _CHANNELS:
            raise ValueError(f"channel {channel!r} is not one of {', '.join(_CHANNELS)}")
        streams = [f"{symbol}.{_CHANNELS[channel]}" for symbol in symbols]
        return [msgspec.json.encode({"event": "subscribe", "streams": streams}).decode()]


def read_body(stream: str, body: Any, text: str = "") -> InboundMessage:
    """What a stream's body says; `text` is repeated in what is about no market. Raises what odd bodies raise:
    ValueError, TypeError, KeyError, ArithmeticError or AttributeError.
    """
    symbol, _, event = stream.partition(".")
    if event in _BOOKS:
        return BookMessage(symbol, 0, _BOOKS[event], list(_levels(body)))
    if event == spec.TRADES:
        return TradeMessage(symbol, [_trade(one) for one in body["trades"]])
    return OtherMessage(text)


def _levels(body: dict[str, Any]) -> Iterable[InboundLevel]:
    for name, side in _SIDES:
        for price, volume in pairs(body.get(name) or []):
            yield InboundLevel(side, str(price), "0" if is_gone(volume) else str(volume), 0)


def _trade(one: dict[str, Any]) -> InboundTrade:
    """`date` is whole seconds; the side is `taker_type`, up to 2.0 `type`."""
    side = Side.BUY if (one.get("taker_type") or one["type"]) == "buy" else Side.SELL
    seconds = one.get("date", one.get("created_at", 0))
    return InboundTrade(
        str(one["price"]), str(one["amount"]), int(seconds) * spec.SECOND, side, trade_id=int(one["tid"])
    )


def _error_of(body: Any) -> str:
    return str(body.get("message")) if isinstance(body, dict) else str(body)
