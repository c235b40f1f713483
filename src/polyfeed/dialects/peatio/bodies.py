"""The bodies of public streams as the eras print them (sheet 3); key order is that of the wire.

Profile 2.2 shows what the seed page lists as well as what its servers sent: a trade has both `date` and `created_at`, a
ticker both `last` and `close`.
"""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.markets import PeatioMarket
from polyfeed.dialects.peatio.sequences import Increment, Levels
from polyfeed.dialects.peatio.wire import raw_string
from polyfeed.market.window import Window
from polyfeed.model.candle import Candle
from polyfeed.model.enums import Side
from polyfeed.model.events import Trade
from polyfeed.model.numbers import divide_half_up

_PERCENT = 10_000  # hundredths of a percent


def side_word(side: Side) -> str:
    """`buy` or `sell`."""
    return "sell" if side else "buy"


def levels_text(market: PeatioMarket, levels: Iterable[tuple[int, int]]) -> str:
    """`["1020.0","0.005"],["1026.0","0.03"]`."""
    price, size = market.price, market.size
    return ",".join([f'["{price(at)}","{size(total)}"]' for at, total in levels])


def update(market: PeatioMarket) -> str:
    """The whole book, 300 levels a side."""
    book = market.state.book
    asks, bids = (
        levels_text(market, ((level.price, level.size) for level in side.top(spec.UPDATE_LEVELS)))
        for side in (book.asks, book.bids)
    )
    return f'{{"asks":[{asks}],"bids":[{bids}]}}'


def book_snapshot(market: PeatioMarket, bids: Levels, asks: Levels, sequence: int) -> str:
    """An `.ob-snap`."""
    return f'{{"asks":[{levels_text(market, asks)}],"bids":[{levels_text(market, bids)}],"sequence":{sequence}}}'


def book_increment(market: PeatioMarket, one: Increment, sequence: int) -> str:
    """An `.ob-inc`: a flat pair, one level of one side; a level that goes has an empty volume."""
    volume = market.size(one.size) if one.size else ""
    side = "asks" if one.side else "bids"
    return f'{{"{side}":["{market.price(one.price)}","{volume}"],"sequence":{sequence}}}'


def trade(bodies: str, market: PeatioMarket, event: Trade, ts: int) -> str:
    """A `.trades` body of one trade; `ts` is when it happened."""
    seconds = ts // spec.SECOND
    taker = "type" if bodies == "legacy" else "taker_type"
    created = f',"created_at":{seconds}' if bodies == "2.2" else ""
    return (
        f'{{"trades":[{{"tid":{event.trade_id},"{taker}":"{side_word(event.taker_side)}","date":{seconds}{created},'
        f'"price":"{market.price(event.price)}","amount":"{market.size(event.size)}"}}]}}'
    )


def kline(bodies: str, market: PeatioMarket, candle: Candle) -> str:
    """A `.kline-PERIOD` body: numbers. Peatio 1.9 encoded the array twice."""
    prices = ",".join(map(market.price, (candle.open, candle.high, candle.low, candle.close)))
    body = f"[{candle.start // spec.SECOND},{prices},{market.size(candle.volume)}]"
    return raw_string(body) if bodies == "legacy" else body


def ticker(bodies: str, market: PeatioMarket, ts: int) -> str:
    """One market of `global.tickers` at `ts`."""
    stats, price = market.state.stats, market.price
    rolling = stats.rolling
    seconds, change = ts // spec.SECOND, percent(rolling.open, stats.last)
    if bodies == "3.x":
        return (
            f'{{"at":"{seconds}","avg_price":"{price(rolling.vwap())}","high":"{price(rolling.high)}",'
            f'"last":"{price(stats.last)}","low":"{price(rolling.low)}","open":"{price(rolling.open)}",'
            f'"price_change_percent":"{change}","volume":"{market.value(rolling.value)}",'
            f'"amount":"{market.size(rolling.volume)}"}}'
        )
    return _old_ticker(bodies, market, rolling, f'"price_change_percent":"{change}","at":{seconds}')


def _old_ticker(bodies: str, market: PeatioMarket, rolling: Window, end: str) -> str:
    """A ticker up to 2.3: names of the currencies, best prices, the volume of the base alone."""
    state, price = market.state, market.price
    base, quote = state.instrument.base, state.instrument.quote
    last, sell, buy = state.stats.last, state.book.asks.best(), state.book.bids.best()
    close = f'"close":"{price(last)}",' if bodies == "2.2" else ""
    return (
        f'{{"name":{raw_string(f"{base}/{quote}")},"base_unit":{raw_string(base.lower())},'
        f'"quote_unit":{raw_string(quote.lower())},"low":"{price(rolling.low)}","high":"{price(rolling.high)}",'
        f'"open":"{price(rolling.open)}","last":"{price(last)}",{close}"volume":"{market.size(rolling.volume)}",'
        f'"sell":"{price(sell.price if sell else 0)}","buy":"{price(buy.price if buy else 0)}",'
        f'"avg_price":"{price(rolling.vwap())}",{end}}}'
    )


def percent(before: int, now: int) -> str:
    """The change in percent, signed, with two digits: (12, 8) -> "-33.33%"."""
    if not before:
        return "+0.00%"
    hundredths = divide_half_up(abs(now - before) * _PERCENT, before)
    sign = "-" if now < before and hundredths else "+"
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d}%"
