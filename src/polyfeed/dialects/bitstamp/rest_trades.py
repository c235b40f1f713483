"""Public trades and candles (shapes: OpenAPI file)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.bitstamp import ids, spec, wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.rest_form import CallRefused
from polyfeed.market.candle import Candle
from polyfeed.model.numbers import format_scaled

PERIODS = {"minute": 60, "hour": 3600, "day": 86_400}
"""`time` of transactions, in seconds."""

CANDLES = 1000


def transactions(request: RestRequest, listed: Listed) -> list[dict[str, Any]]:
    """Trades of the last minute, hour or day, newest first, as far back as the tape goes."""
    period = PERIODS.get(request.first("time", "hour"))
    if period is None:
        raise CallRefused("400.007", "Invalid GET parameter.")
    since = listed.state.clock.now - period * spec.SECOND
    tape = listed.state.tape
    return [
        {
            "date": str(wire.whole_seconds(entry.ts)),
            "tid": str(ids.trade_id(entry.trade_id, entry.ts)),
            "amount": listed.amount(entry.size),
            "price": listed.price(entry.price),
            "type": str(int(entry.taker_side)),
        }
        for entry in reversed(tape.recent(len(tape)))
        if entry.ts >= since
    ]


def ohlc(request: RestRequest, listed: Listed) -> dict[str, Any]:
    """Candles, oldest first; those without a trade repeat the last close."""
    step, limit = _number(request, "step"), _number(request, "limit")
    if step is None or limit is None:
        raise CallRefused("400.007", {"step" if step is None else "limit": ["Missing data for required field."]})
    if step not in spec.OHLC_STEPS:
        raise CallRefused("400.007", {"step": ["Not a valid choice."]})
    if not 1 <= limit <= CANDLES:
        raise CallRefused("400.007", {"limit": ["Must be between 1 and 1000."]})
    start, end = _number(request, "start"), _number(request, "end")
    rows = list(_filled(listed, step))
    if request.first("exclude_current_candle").lower() == "true":
        rows = rows[:-1]
    if end is not None:
        rows = [row for row in rows if row.start <= end * spec.SECOND][-limit:]
    elif start is not None:
        rows = [row for row in rows if row.start >= start * spec.SECOND][:limit]
    shown = [_candle(listed, row) for row in rows[-limit:]]
    return {"data": {"pair": listed.name, "market": listed.name, "ohlc": shown}}


def _number(request: RestRequest, name: str) -> int | None:
    text = request.first(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise CallRefused("400.007", {name: ["Not a valid integer."]})
    return int(text)


def _filled(listed: Listed, step: int) -> Iterable[Candle]:
    """The candles up to now; each interval without a trade has one of nothing."""
    width, now = step * spec.SECOND, listed.state.clock.now
    last: Candle | None = None
    for candle in listed.state.candles.history(step, CANDLES):
        if last is not None:
            yield from _quiet(last, candle.start, width)
        yield candle
        last = candle
    if last is not None:
        yield from _quiet(last, now - now % width + width, width)


def _quiet(last: Candle, until: int, width: int) -> Iterable[Candle]:
    first, close = max(last.start + width, until - CANDLES * width), last.close
    for start in range(first, until, width):
        yield Candle(start, close, close, close, close, 0, 0, 0, start)


def _candle(listed: Listed, candle: Candle) -> dict[str, str]:
    return {
        "timestamp": str(wire.whole_seconds(candle.start)),
        "open": listed.price(candle.open),
        "high": listed.price(candle.high),
        "low": listed.price(candle.low),
        "close": listed.price(candle.close),
        "volume": format_scaled(candle.volume, listed.instrument.size_scale),
    }
