"""Rows of the streams, their snapshots and the REST calls: levels, matches, own fills (spec/rails.md 4 to 6)."""

from __future__ import annotations

from collections.abc import Mapping

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails import spec, wire
from polyfeed.dialects.rails.ids import MAKER_MATCH, MATCH, order_ulid, uuid_of
from polyfeed.dialects.rails.markets import Market
from polyfeed.dialects.rails.orders import SIDES, kind_text, trigger_fields
from polyfeed.dialects.rails.wire import milliseconds
from polyfeed.model.enums import Side
from polyfeed.model.events import OwnFill, Trade
from polyfeed.model.orders import OwnOrder
from polyfeed.model.trades import TapeEntry

Row = dict[str, object]

_OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def _level(market: Market, side: Side, price: int, size: int) -> Row:
    return {"orderType": SIDES[side], "price": market.price(price), "quantity": market.size(size)}


def book(market: Market, client_id: str = "") -> str:
    """The whole book as of the last batch: asks ascending, then bids descending."""
    return wire.rows(spec.BOOK, market.name, book_rows(market), client_id, milliseconds(market.state.ts))


def book_rows(market: Market) -> list[Row]:
    """All levels."""
    sides = market.state.book
    return [
        _level(market, side, level.price, level.size)
        for side, levels in ((Side.SELL, sides.asks), (Side.BUY, sides.bids))
        for level in levels.top(len(levels))
    ]


def changed_levels(market: Market, touched: Mapping[tuple[Side, int], bool]) -> list[Row]:
    """The levels of (side, price) as they stand now, in the order of a snapshot; those left out that were not there
    before (False) and are not there now.
    """
    said: list[Row] = []
    for side, price in sorted(touched, key=lambda at: (-at[0], at[1] if at[0] is Side.SELL else -at[1])):
        level = market.state.book.side(side).get(price)
        if level is not None or touched[side, price]:
            said.append(_level(market, side, price, 0 if level is None else level.size))
    return said


def trades(market: Market, count: int, client_id: str, *, both_sides: bool) -> str:
    """The last matches, the newest last."""
    recent = market.state.tape.recent(count)
    said = [row for entry in recent for row in matches(market, entry, entry.ts, both_sides=both_sides)]
    return wire.rows(spec.PUBLIC_FILLS, market.name, said, client_id)


def matches(market: Market, trade: Trade | TapeEntry, ts: int, *, both_sides: bool) -> list[Row]:
    """A match as its taker's row, and its maker's where both are wanted. `ts` counts where the trade has none."""
    ts = trade.ts or ts
    # A recording may know no number of its trades; their times are as good as one.
    number = trade.trade_id or ts
    shared = {"price": market.price(trade.price), "quantity": market.size(trade.size), "updatedAt": milliseconds(ts)}
    said: list[Row] = [
        {"executionType": "taker", "matchId": uuid_of(MATCH, number), "orderType": SIDES[trade.taker_side], **shared}
    ]
    if both_sides:
        side = SIDES[_OTHER[trade.taker_side]]
        said.append({"executionType": "maker", "matchId": uuid_of(MAKER_MATCH, number), "orderType": side, **shared})
    return said


def own_fill(market: Market, account: Account, fill: OwnFill, order: OwnOrder | None, ts: int) -> Row:
    """A match of an own order; `order` is None for one that was opened before all that is known."""
    terms = None if order is None else order.terms
    opened_ts = 0 if order is None else order.opened_ts
    return {
        "market": market.name,
        "orderId": order_ulid(fill.order_id),
        "matchId": match_id(fill),
        "orderType": SIDES[fill.side],
        "tradeType": kind_text(terms),
        "executionType": execution_text(fill),
        "fillType": fill_text(fill),
        "price": market.price(fill.price),
        "quantity": market.size(fill.size),
        "leverage": market.leverage(account),
        "fees": market.amount(fill.fee),
        "orderCreatedAt": milliseconds(opened_ts),
        "orderFilledAt": milliseconds(ts),
        **trigger_fields(market, terms, opened_ts),
    }


def match_id(fill: OwnFill) -> str:
    """`matchId` of an own fill: that of the public row."""
    return uuid_of(MATCH, fill.trade_id)


def execution_text(fill: OwnFill) -> str:
    """`executionType`."""
    return "maker" if fill.maker else "taker"


def fill_text(fill: OwnFill) -> str:
    """`fillType`: whether the match filled the order."""
    return "partial" if fill.left else "complete"
