"""Bodies of the REST replies (spec/rails.md 10). Pages have at most `spec.PAGE` rows; `last` of one is `start` of the
next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.ids import MATCH, number_of, order_id_of, order_ulid
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.orders import SIDES, kind_text, order_object, trigger_fields
from polyfeed.dialects.rails.requests import Refused
from polyfeed.dialects.rails.rows import execution_text, fill_text, match_id
from polyfeed.dialects.rails.wire import decimal, milliseconds
from polyfeed.model.enums import InstrumentKind, InstrumentStatus
from polyfeed.model.history import FOREVER, FillRow, FillsOf, OrdersOf, place_before
from polyfeed.model.orders import Fill, OwnOrder

Body = dict[str, Any]


class Wanted(Struct, frozen=True):
    """Which order a call asks for: by its id, or by the client's own name."""

    market: Market
    order_id: str
    client_id: str


# --- markets ----------------------------------------------------------------------------------------------------------


def market(market: Market) -> Body:
    """A market (its shape is ours)."""
    instrument = market.state.instrument
    status = market.state.status
    return {
        "market": market.name,
        "status": "active" if status is InstrumentStatus.ONLINE else status.value,
        "tickSize": market.price(instrument.tick),
        "lotSize": market.size(instrument.lot),
    }


def market_data(market: Market) -> list[Body]:
    """One row for each number that there is (found: types and indexes), as of venue time."""
    state = market.state
    ask, bid = state.book.asks.best(), state.book.bids.best()
    rolling = state.stats.rolling
    rows = [
        ("INDEX", "CCIX", market.price(state.perpetual.index_price or state.stats.last)),
        ("ASK", "RAILS", market.price(ask.price) if ask else "0"),
        ("BID", "RAILS", market.price(bid.price) if bid else "0"),
    ]
    if state.instrument.kind is InstrumentKind.PERPETUAL:
        rows += [
            ("FUNDING", "RAILS", decimal(state.perpetual.paid_rate_ppm, 6)),
            ("NEXT_FUNDING", "RAILS", decimal(state.perpetual.funding_rate_ppm, 6)),
            ("OPEN_INTEREST", "RAILS", market.size(state.perpetual.open_interest)),
        ]
    rows += [("24H_VOLUME", "RAILS", market.size(rolling.volume)), ("24H_COUNT", "RAILS", str(rolling.count))]
    updated = milliseconds(state.clock.now)
    return [
        {"market": market.name, "type": kind, "index": index, "value": value, "updatedAt": updated}
        for kind, index, value in rows
    ]


# --- orders -----------------------------------------------------------------------------------------------------------


def open_orders(listing: Listing, account: Account, market: Market | None, start: str) -> Body:
    """The account's open orders by order of entry; `last` where there are more."""
    after = _start(start)
    shown: list[tuple[OwnOrder, Market]] = []
    for order in account.orders.values():
        listed = listing.by_id(order.terms.instrument)
        if order.order_id > after and listed is not None and market in (None, listed):
            shown.append((order, listed))
    page = shown[: spec.PAGE]
    body: Body = {"openOrders": [order_object(listed, account, order) for order, listed in page]}
    if len(shown) > len(page):
        body["last"] = order_ulid(page[-1][0].order_id)
    return body


def order_asked(wanted: Wanted, account: Account) -> OwnOrder | OrdersOf:
    """The open order that a call asks for, or what asks for it among those that ended.

    Of several with one name it is the last.
    """
    number = order_id_of(wanted.order_id) or 0
    if wanted.order_id:
        found = account.orders.get(number)
    else:
        named = (one for one in reversed(account.orders.values()) if one.terms.client_id == wanted.client_id)
        found = next(named, None)
    if found is not None:
        return found
    return OrdersOf(
        accounts=(account.account_id,),
        order_id=number if wanted.order_id else 0,
        client_id="" if wanted.order_id else wanted.client_id,
        limit=1 if number or not wanted.order_id else 0,
    )


def order_found(wanted: Wanted, account: Account, found: OwnOrder | None, oldest: int = 0) -> Body:
    """The order that a call asked for, if it did not end before `oldest`. Raises Refused (404)."""
    if found is None or found.terms.instrument != wanted.market.id or (found.ended and found.updated_ts <= oldest):
        raise Refused(spec.NOT_FOUND, spec.ORDER_NOT_FOUND)
    return order_object(wanted.market, account, found)


def _start(start: str) -> int:
    """The order id that a page begins after."""
    if not start:
        return 0
    order_id = order_id_of(start)
    if order_id is None:
        raise Refused(spec.BAD, "start is no order id")
    return order_id


# --- fills ------------------------------------------------------------------------------------------------------------


def completed_asked(listing: Listing, account: Account, since: int | None, until: int | None, start: str) -> FillsOf:
    """What asks for the account's fills between two times (microseconds), the newest first.

    `start` is the match id that the page before ended with: both sides of an own match are on one page, so it goes on
    before either. Raises Refused.
    """
    match = number_of(MATCH, start) if start else None
    if start and match is None:
        raise Refused(spec.BAD, "start is no match id of these")
    return FillsOf(
        accounts=(account.account_id,),
        instruments=tuple(market.id for market in listing),
        since=0 if since is None else since,
        until=FOREVER if until is None else until,
        before=FOREVER if match is None else place_before(match),
        limit=spec.PAGE + 1,
    )


def completed_orders(listing: Listing, rows: Sequence[FillRow]) -> Body:
    """A page of fills; `last`, on every page that has any, is the match id to go on from (found: not optional)."""
    page = rows[: spec.PAGE]
    if len(page) < len(rows) and page[-1].fill.fill.trade_id == rows[len(page)].fill.fill.trade_id:
        page = page[:-1]  # both sides of an own match stay together
    markets = {market.id: market for market in listing}
    body: Body = {"completedOrders": [_completed(markets[one.fill.fill.instrument], one.fill) for one in page]}
    if page:
        body["last"] = match_id(page[-1].fill.fill)
    return body


def _completed(market: Market, kept: Fill) -> Body:
    fill = kept.fill
    trigger = trigger_fields(market, kept.terms, 0)
    return {
        "market": market.name,
        "matchId": match_id(fill),
        "orderId": order_ulid(fill.order_id),
        "orderType": SIDES[fill.side],
        "executionType": execution_text(fill),
        "fillType": fill_text(fill),
        "price": market.price(fill.price),
        "quantity": market.size(fill.size),
        "tradeType": kind_text(kept.terms),
        "fees": market.amount(fill.fee),
        "triggerType": trigger["triggerType"],
        "triggerPrice": trigger["triggerPrice"],
        "transactionHash": "",
        "filledAt": milliseconds(kept.ts),
    }
