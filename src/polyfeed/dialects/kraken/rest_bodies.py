"""The results of the calls about pairs, in the shapes of the real REST API.

Prices have the decimals they have on the sockets, but for OHLC, which has those of the tick. Volumes have eight, but
for those of orders, which have three. Arrays hold numbers as well as text, so numbers with decimals are given as raw
JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.pairs import Pair
from polyfeed.dialects.kraken.rest_names import FIAT, alternate_name, asset_name
from polyfeed.dialects.kraken.wire import fixed, time_text
from polyfeed.market.book import Level
from polyfeed.model.candle import Candle
from polyfeed.model.enums import InstrumentStatus, OrderKind, Side
from polyfeed.model.history import TradeRow, TradesOf
from polyfeed.model.numbers import divide_half_up, format_scaled

Row = list[Any]

CANDLES = 720
"""Candles in one OHLC reply."""

_ORDER_DECIMALS = 3
_PPM_OF_PERCENT = 4
_NANO = 1000  # nanoseconds in a microsecond
_SMALLEST_ID = 10**12  # as seconds the year 33658, as nanoseconds a quarter of an hour after the epoch
_NO_LEVEL = Level(0, 0, 0)


def asset(code: str) -> dict[str, Any]:
    """An entry of Assets. Decimals as in Kraken's own examples: 4 and 2 for money, 10 and 5 for coins."""
    decimals, shown = (4, 2) if code in FIAT else (10, 5)
    return {
        "aclass": "currency",
        "altname": code,
        "decimals": decimals,
        "display_decimals": shown,
        "status": "enabled",
    }


def asset_pair(pair: Pair, quote_scale: int) -> dict[str, Any]:
    """An entry of AssetPairs. There are no margin terms; `halted`, which Kraken has no word for, is `cancel_only`."""
    instrument = pair.state.instrument
    base, _, quote = pair.name.partition("/")
    status = pair.state.status
    tick = divide_half_up(instrument.tick, 10 ** (instrument.price_scale - instrument.price_decimals))
    return {
        "altname": alternate_name(pair.name),
        "wsname": pair.name,
        "aclass_base": "currency",
        "base": asset_name(base),
        "aclass_quote": "currency",
        "quote": asset_name(quote),
        "lot": "unit",
        "cost_decimals": 5 if quote in FIAT else 10,
        "pair_decimals": instrument.price_decimals,
        "lot_decimals": instrument.size_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, _percent(instrument.taker_fee_ppm)]],
        "fees_maker": [[0, _percent(instrument.maker_fee_ppm)]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": _short(instrument.min_size, instrument.size_scale),
        "costmin": _short(instrument.min_cost, quote_scale),
        "tick_size": format_scaled(tick, instrument.price_decimals),
        "status": (InstrumentStatus.CANCEL_ONLY if status is InstrumentStatus.HALTED else status).value,
    }


def ticker(pair: Pair) -> dict[str, Any]:
    """An entry of Ticker: the socket's, but whole lots are text, orders have three decimals, `o` is today's alone."""
    stats, book, price = pair.state.stats, pair.state.book, pair.price
    today, rolling = stats.today, stats.rolling
    return {
        "a": _quote(pair, book.asks.best() or _NO_LEVEL),
        "b": _quote(pair, book.bids.best() or _NO_LEVEL),
        "c": [price(stats.last), pair.volume(stats.last_size)],
        "v": [pair.volume(today.volume), pair.volume(rolling.volume)],
        "p": [price(today.vwap()), price(rolling.vwap())],
        "t": [today.count, rolling.count],
        "l": [price(today.low), price(rolling.low)],
        "h": [price(today.high), price(rolling.high)],
        "o": price(today.open),
    }


def depth(pair: Pair, count: int) -> dict[str, list[Row]]:
    """The best levels: price, volume, and the second of the last change."""
    book = pair.state.book
    sides = {"asks": book.asks, "bids": book.bids}
    return {name: [_level(pair, entry) for entry in side.top(count)] for name, side in sides.items()}


def trades_after(pair: Pair, since: int, count: int) -> TradesOf:
    """What asks for trades after `since`: what an earlier reply gave, or a time in seconds, as clients send both.

    Without it these are the last `count` trades, otherwise the first `count` after it.
    """
    if since < _SMALLEST_ID:
        since *= _NANO * spec.SECOND
    ts, nth = divmod(since, _NANO)
    return TradesOf(instrument=pair.id, after=(ts, nth) if since else (-1, 0), last=not since, limit=count)


def trades(pair: Pair, since: int, found: Sequence[TradeRow]) -> tuple[list[Row], str]:
    """Trades, oldest first, and the `since` that goes on after them.

    That is the last one's time in nanoseconds. Venue time has microseconds, so the last three digits number those of
    one time: no two trades have the same, and a reply may end in the midst of a sweep.
    """
    rows = [
        [
            pair.price(entry.price),
            pair.volume(entry.size),
            Raw(time_text(entry.ts).encode()),
            "b" if entry.taker_side is Side.BUY else "s",
            "l" if entry.taker_kind is OrderKind.LIMIT else "m",
            "",
            entry.trade_id,
        ]
        for entry in (one.trade for one in found)
    ]
    if not found:
        return rows, str(since if since >= _SMALLEST_ID else since * _NANO * spec.SECOND)
    return rows, str(found[-1].trade.ts * _NANO + found[-1].nth)


def candles(pair: Pair, minutes: int, since: int) -> tuple[list[Row], int]:
    """Candles after `since` (seconds), the running one last, and the start of the last that is finished.

    Intervals without a trade repeat the closing price before them. Whatever `since` is, the running candle is there,
    and no candle that is older than the last CANDLES (docs.kraken.com, Get OHLC Data): memory has all of them.
    """
    length = minutes * 60
    now = pair.state.clock.now // spec.SECOND
    rows: list[Row] = []
    for candle in pair.state.candles.history(length, CANDLES):
        _fill(rows, length, candle.start // spec.SECOND)
        rows.append(_candle(pair, candle))
    _fill(rows, length, now - now % length + length)
    last = rows[-2][0] if len(rows) > 1 else 0
    return [row for row in rows[-CANDLES:-1] if row[0] > since] + rows[-1:], last


def spread(pair: Pair) -> tuple[list[Row], int]:
    """Best bid and ask as they are now: how they were is not kept."""
    book = pair.state.book
    second = pair.state.ts // spec.SECOND
    bid, ask = book.bids.best() or _NO_LEVEL, book.asks.best() or _NO_LEVEL
    return [[second, pair.price(bid.price), pair.price(ask.price)]], second


def _fill(rows: list[Row], length: int, until: int) -> None:
    """Adds the candles of intervals without a trade before `until`, at most as many as a reply holds."""
    if not rows:
        return
    start, _, _, _, close, *_ = rows[-1]
    first = max(start + length, until - CANDLES * length)
    nothing = "0" if "." not in close else f"0.{'0' * len(close.partition('.')[2])}"
    rows += [[at, close, close, close, close, nothing, "0.00000000", 0] for at in range(first, until, length)]


def _candle(pair: Pair, candle: Candle) -> Row:
    instrument = pair.state.instrument
    text, unit = fixed(instrument.price_decimals), 10 ** (instrument.price_scale - instrument.price_decimals)
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap())
    texts = [text(divide_half_up(price, unit)) for price in prices]
    return [candle.start // spec.SECOND, *texts, pair.volume(candle.volume), candle.count]


def _quote(pair: Pair, level: Level) -> Row:
    volume = _order_volume(pair, level.size)
    return [pair.price(level.price), volume[: -_ORDER_DECIMALS - 1], volume]


def _level(pair: Pair, level: Level) -> Row:
    return [pair.price(level.price), _order_volume(pair, level.size), level.ts // spec.SECOND]


def _order_volume(pair: Pair, size: int) -> str:
    return pair.volume(size)[: _ORDER_DECIMALS - spec.VOLUME_DECIMALS]


def _percent(ppm: int) -> Raw:
    return Raw(_short(ppm, _PPM_OF_PERCENT).encode())


def _short(value: int, scale: int) -> str:
    """Decimal text without needless zeros."""
    text = format_scaled(value, scale)
    return text.rstrip("0").rstrip(".") if "." in text else text
