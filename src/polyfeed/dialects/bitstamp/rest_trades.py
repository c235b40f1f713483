"""Public trades and candles (shapes: OpenAPI file)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from polyfeed.dialects._base.rest import RestAsk, RestRequest, RestResponse
from polyfeed.dialects.bitstamp import ids, spec, wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.rest_form import CallRefused, response
from polyfeed.model.candle import Candle
from polyfeed.model.history import FOREVER, CandlesOf, TradeRow, TradesOf
from polyfeed.model.numbers import format_scaled
from polyfeed.model.trades import TapeEntry

PERIODS = {"minute": 60, "hour": 3600, "day": 86_400}
"""`time` of transactions, in seconds."""

CANDLES = 1000

TRADES = 10_000
"""The most that `transactions` gives."""


def transactions(request: RestRequest, listed: Listed) -> RestAsk:
    """Trades of the last minute, hour or day, newest first."""
    period = PERIODS.get(request.first("time", "hour"))
    if period is None:
        raise CallRefused("400.007", "Invalid GET parameter.")
    since = listed.state.clock.now - period * spec.SECOND
    query = TradesOf(instrument=listed.id, after=(since - 1, FOREVER), last=True, limit=TRADES)

    def shown(rows: Sequence[TradeRow]) -> RestResponse:
        return response([_trade(listed, one.trade) for one in reversed(rows)])

    return RestAsk(query, shown)


def _trade(listed: Listed, entry: TapeEntry) -> dict[str, str]:
    return {
        "date": str(wire.whole_seconds(entry.ts)),
        "tid": str(ids.trade_id(entry.trade_id, entry.ts)),
        "amount": listed.amount(entry.size),
        "price": listed.price(entry.price),
        "type": str(int(entry.taker_side)),
    }


def ohlc(request: RestRequest, listed: Listed) -> RestAsk:
    """Candles, oldest first; those without a trade repeat the last close."""
    step, limit = _number(request, "step"), _number(request, "limit")
    if step is None or limit is None:
        raise CallRefused("400.007", {"step" if step is None else "limit": ["Missing data for required field."]})
    if step not in spec.OHLC_STEPS:
        raise CallRefused("400.007", {"step": ["Not a valid choice."]})
    if not 1 <= limit <= CANDLES:
        raise CallRefused("400.007", {"limit": ["Must be between 1 and 1000."]})
    window = _window(request, listed, step * spec.SECOND, limit)
    before = CandlesOf(instrument=listed.id, interval=step, until=window.first - 1, limit=1)
    within = CandlesOf(
        instrument=listed.id, interval=step, since=window.first, until=window.last, last=not window.forward, limit=limit
    )

    def shown(known: Sequence[Candle]) -> RestResponse:
        rows = [_candle(listed, row) for row in _filled(known, window, limit)]
        return response({"data": {"pair": listed.name, "market": listed.name, "ohlc": rows}})

    return RestAsk(before, lambda earlier: RestAsk(within, lambda found: shown([*earlier, *found])))


class Window(NamedTuple):
    """Candles that are asked for: those that start from `first` to `last`, of which the first ones if `forward`."""

    first: int
    last: int
    width: int
    forward: bool


def _window(request: RestRequest, listed: Listed, width: int, limit: int) -> Window:
    start, end = _number(request, "start"), _number(request, "end")
    now = listed.state.clock.now
    last = now - now % width
    if request.first("exclude_current_candle").lower() == "true":
        last -= width
    if end is None and start is not None:
        return Window(-(-start * spec.SECOND // width) * width, last, width, forward=True)
    if end is not None:
        end *= spec.SECOND
        last = min(last, end - end % width)
    return Window(max(0, last - (limit - 1) * width), last, width, forward=False)


def _number(request: RestRequest, name: str) -> int | None:
    text = request.first(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise CallRefused("400.007", {name: ["Not a valid integer."]})
    return int(text)


def _filled(known: Sequence[Candle], window: Window, limit: int) -> Iterator[Candle]:
    """The candles of a window, from the first ever on; each interval without a trade has one of nothing."""
    if not known:
        return
    found = {candle.start: candle for candle in known}
    start, last = max(window.first, known[0].start), known[0]
    while start <= window.last and limit:
        last = found.get(start) or _quiet(start, last.close)
        yield last
        start += window.width
        limit -= 1


def _quiet(start: int, close: int) -> Candle:
    return Candle(start, close, close, close, close, 0, 0, 0, start)


def _candle(listed: Listed, candle: Candle) -> dict[str, str]:
    return {
        "timestamp": str(wire.whole_seconds(candle.start)),
        "open": listed.price(candle.open),
        "high": listed.price(candle.high),
        "low": listed.price(candle.low),
        "close": listed.price(candle.close),
        "volume": format_scaled(candle.volume, listed.instrument.size_scale),
    }
