"""The events of `live_orders` and what they show of an order (spec/bitstamp.md 4.5).

One row is one event; rows are made once and shown on the public channel, on their owner's, and over REST.
"""

from __future__ import annotations

from msgspec import Struct

from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.ids import NO_EVENT, EventId, market_number
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.model.enums import OrderKind, Side, TimeInForce, Trigger
from polyfeed.model.events import OrderOpened, OwnOrderOpened, Trade

_TIMED = {TimeInForce.GTC: 0, TimeInForce.DAY: 3, TimeInForce.IOC: 4, TimeInForce.FOK: 6, TimeInForce.GTD: 8}
_POST_ONLY = 5
_KINDS = {OrderKind.INSTANT: 1, OrderKind.MARKET: 2, OrderKind.CASH_SELL: 7}
_STOPS = {
    (Trigger.STOP_LOSS, False): 20,
    (Trigger.TAKE_PROFIT, False): 21,
    (Trigger.STOP_LOSS, True): 22,
    (Trigger.TAKE_PROFIT, True): 23,
    (Trigger.TRAILING_STOP_LOSS, False): 24,
    (Trigger.TRAILING_TAKE_PROFIT, False): 25,
    (Trigger.TRAILING_STOP_LOSS, True): 26,
    (Trigger.TRAILING_TAKE_PROFIT, True): 27,
}


class Row(Struct, array_like=True, frozen=True, gc=False):
    """An event of one order.

    `left` is what remains, `traded` what this event filled, `at_create` what the order began with; `price` is scaled,
    in the created event of a market order one of the two odd ones. `stop` says that the event is about a waiting stop
    order, whose events have a chain of their own. `before` is the id of the event before it in the chain. `reason` is
    why a deleted order ended.
    """

    event: str
    order_id: int
    side: int
    subtype: int
    ts: int
    left: int
    traded: int
    at_create: int
    price: int
    id: EventId
    before: EventId
    liquidation: bool = False
    stop: bool = False
    reason: int = 0


class OwnRow(Struct, array_like=True, frozen=True, gc=False):
    """An event of one account's order, with the order's terms."""

    instrument: int
    row: Row
    terms: OwnOrderOpened


def subtype(kind: OrderKind, tif: TimeInForce, post_only: bool, trigger: Trigger) -> int:
    """`order_subtype` of an order (seed, Live orders)."""
    if trigger is not Trigger.NONE:
        return _STOPS[Trigger(trigger), kind is OrderKind.LIMIT]
    if kind is not OrderKind.LIMIT:
        return _KINDS[kind]
    return _POST_ONLY if post_only else _TIMED[tif]


def first_price(terms: OrderOpened | OwnOrderOpened, price_scale: int) -> int:
    """The price of a `created` event: the limit, or the odd prices of market orders (sheet 4.5, rule 5)."""
    if terms.kind is OrderKind.LIMIT:
        return terms.price
    return spec.MARKET_BUY_PRICE * int(10**price_scale) if terms.side is Side.BUY else 0


def implied_terms(event: Trade, order_id: int, side: Side) -> OrderOpened:
    """Terms of an order whose announcement was not seen."""
    left = event.taker_left if order_id == event.taker_id else event.maker_left
    return OrderOpened(event.instrument, order_id, side, event.price, event.size + left)


def event_name(row: Row, replaces: int = 0) -> str:
    """The event as its owner sees it: an order that takes another's place is `replaced` (sheet 9)."""
    return spec.REPLACED if replaces and row.event == spec.CREATED else row.event


def order_data(listed: Listed, row: Row, more: str = "") -> str:
    """The payload, in the wire's order of keys; amounts of nothing are "0" (sheet 4.5)."""
    amount, price = listed.amount(row.left) if row.left else "0", listed.price(row.price) if row.price else "0"
    traded = listed.amount(row.traded) if row.traded else "0"
    at_create = listed.amount(row.at_create) if row.at_create else "0"
    return (
        f'{{"id":{row.order_id},"id_str":"{row.order_id}","order_type":{int(row.side)},"order_subtype":{row.subtype},'
        f'"datetime":"{wire.nearest_second(row.ts)}","microtimestamp":"{row.ts}",'
        f'"amount":{listed.amount_number(row.left)},"amount_str":"{amount}","amount_traded":"{traded}",'
        f'"amount_at_create":"{at_create}","price":{listed.price_number(row.price)},"price_str":"{price}",'
        f'"is_liquidation":{"true" if row.liquidation else "false"}{more}}}'
    )


def order_ids(listed: Listed, row: Row) -> str:
    """What follows the event of a frame: its id, the one before it, and what it is about."""
    market = market_number(listed.id)
    return (
        f',"event_id":"{row.id.text(market, row.stop)}","pre_event_id":"{row.before.text(market, row.stop)}"'
        f',"order_source":"{source(row)}"'
    )


def source(row: Row) -> str:
    """`order_source` of an event."""
    return spec.STOP_ORDER if row.stop else spec.ORDERBOOK


class Chain:
    """The ids of one market's events, one after the other."""

    __slots__ = ("last",)

    def __init__(self, last: EventId = NO_EVENT) -> None:
        self.last = last

    def step(self, ts: int) -> tuple[EventId, EventId]:
        """The id of an event at `ts`, and the one before it."""
        before, self.last = self.last, self.last.next(ts)
        return self.last, before
