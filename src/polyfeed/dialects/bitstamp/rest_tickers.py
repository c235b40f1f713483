"""`ticker` and `ticker_hour` (shapes: OpenAPI file)."""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.bitstamp import wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.market.window import Window
from polyfeed.model.enums import Side
from polyfeed.model.numbers import divide_half_up

HOUR, MINUTES = 3600, 60
_PERCENT = 10_000  # percent with two decimals


def ticker(listed: Listed) -> dict[str, Any]:
    """The last 24 hours."""
    stats = listed.state.stats
    rolling, before = stats.rolling, stats.price_ago(86_400)
    return {
        **_window(listed, rolling),
        "open": listed.price(stats.today.open),
        "open_24": listed.price(before),
        "percent_change_24": _percent(before, stats.last),
        **_kind(listed),
    }


def ticker_hour(listed: Listed) -> dict[str, Any]:
    """The last hour: the running minute and the 60 before it."""
    stats, hour = listed.state.stats, Window()
    hour.clear(stats.price_ago(HOUR))
    edge = listed.state.clock.now - HOUR * 1_000_000
    for candle in listed.state.candles.history(MINUTES, MINUTES + 1):
        if candle.start + MINUTES * 1_000_000 > edge:
            hour.include(candle)
    return {**_window(listed, hour), "open": listed.price(hour.open), **_kind(listed)}


def _window(listed: Listed, window: Window) -> dict[str, Any]:
    bid, ask = listed.state.book.bids.best(), listed.state.book.asks.best()
    return {
        "timestamp": str(wire.whole_seconds(listed.state.clock.now)),
        "last": listed.price(listed.state.stats.last),
        "high": listed.price(window.high),
        "low": listed.price(window.low),
        "vwap": listed.price(window.vwap()),
        "volume": listed.amount(window.volume),
        "bid": listed.price(bid.price if bid is not None else 0),
        "ask": listed.price(ask.price if ask is not None else 0),
    }


def _kind(listed: Listed) -> dict[str, Any]:
    """Side of the last trade, kind of market, and what only perpetuals have."""
    last = listed.state.tape.recent(1)
    side = last[0].taker_side if last else Side.BUY
    row: dict[str, Any] = {"side": str(int(side)), "market_type": "PERPETUAL" if listed.perpetual else "SPOT"}
    if listed.perpetual:
        perpetual, instrument = listed.state.perpetual, listed.instrument
        value = perpetual.open_interest * perpetual.mark_price // 10**instrument.size_scale
        row |= {
            "mark_price": listed.price(perpetual.mark_price),
            "index_price": listed.price(perpetual.index_price),
            "open_interest": listed.amount(perpetual.open_interest),
            "open_interest_value": listed.price(value),
        }
    return row


def _percent(before: int, last: int) -> str:
    """The change in percent with two decimals."""
    if not before:
        return "0.00"
    change = divide_half_up(abs(last - before) * _PERCENT, before)
    return f"{'-' if last < before and change else ''}{change // 100}.{change % 100:02}"
