"""The objects of the public channels and of `market/*`, from the market as it is (spec/ekiden.md 5).

Values are decimal text unless said otherwise; times are milliseconds.
"""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.book import Level
from polyfeed.model.enums import Side
from polyfeed.model.events import PositionLiquidated, Trade
from polyfeed.model.trades import TapeEntry

Object = dict[str, Any]

RATE_DECIMALS = 6
"""Rates are counted in parts per million."""

SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}

_NO_LEVEL = Level(0, 0, 0)
_HOUR, _DAY = 3600, 86_400


def trade(listing: Listing, one: Trade | TapeEntry, number: int, ts: int) -> Object:
    """An entry of `trade`. `S` is the taker's side; `i` and `seq` are the venue's number of the trade."""
    return {
        "i": str(number),
        "s": listing.symbol,
        "S": SIDES[one.taker_side],
        "p": listing.price(one.price),
        "v": listing.size(one.size),
        "seq": number,
        "T": milliseconds(ts),
    }


def ticker(listing: Listing) -> Object:
    """The whole ticker; zeros where there is no order or was never a trade."""
    state, price, size = listing.state, listing.price, listing.size
    stats, perpetual = state.stats, state.perpetual
    rolling = stats.rolling
    bid, ask = state.book.bids.best() or _NO_LEVEL, state.book.asks.best() or _NO_LEVEL
    return {
        "symbol": listing.symbol,
        "addr": listing.address,
        "last_price": price(stats.last),
        "index_price": price(listing.index),
        "mark_price": price(listing.mark),
        "prev_price_24h": price(stats.price_ago(_DAY)),
        "high_price_24h": price(rolling.high),
        "low_price_24h": price(rolling.low),
        "prev_price_1h": price(stats.price_ago(_HOUR)),
        "volume_24h": size(rolling.volume),
        "turnover_24h": listing.value(rolling.value),
        "open_interest": size(perpetual.open_interest),
        "open_interest_value": listing.value(perpetual.open_interest * listing.mark),
        "funding_rate": decimal(perpetual.funding_rate_ppm, RATE_DECIMALS),
        "next_funding_time": milliseconds(perpetual.next_funding_ts),
        "best_ask_size": size(ask.size),
        "best_ask_price": price(ask.price),
        "best_bid_size": size(bid.size),
        "best_bid_price": price(bid.price),
    }


def book(listing: Listing, depth: int, seq: int, ts: int) -> Object:
    """The top of the book as `market/orderbook` gives it; `seq` is that of the topic of this depth."""
    state = listing.state

    def rows(levels: list[Level]) -> list[list[str]]:
        return [[listing.price(level.price), listing.size(level.size)] for level in levels]

    return {
        "s": listing.symbol,
        "ts": milliseconds(ts),
        "mts": milliseconds(state.ts or ts),
        "u": seq,
        "seq": seq,
        "a": rows(state.book.asks.top(depth)),
        "b": rows(state.book.bids.top(depth)),
    }


def liquidation(listing: Listing, one: PositionLiquidated, ts: int) -> Object:
    """An entry of `all_liquidations`; its time is a number."""
    entry: Object = {
        "symbol": listing.symbol,
        "side": SIDES[one.side],
        "exec_size": listing.size(one.size),
        "bust_price": listing.price(one.bust_price),
        "timestamp": ts // 1000,
    }
    return entry | ({"reason": one.reason} if one.reason else {})
