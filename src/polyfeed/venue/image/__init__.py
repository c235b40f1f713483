"""The venue as bytes, and back: everything that the next command may depend on, and nothing else.

The form is canonical: equal venues give equal bytes, however they came to be. So it serves as snapshot and, hashed, as
the proof that two of them are equal. What is looked up and never walked through (currencies, accounts, balances, keys,
waiting orders) is in the order of its numbers or names. What has an order that decides something keeps it: the queue at
a price, an account's orders and positions, a contract's positions, the queue of work. What follows from the rest (the
totals of levels, the ranked lists of triggers and expiry times, what is bound to a gateway) is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from polyfeed.model.commands import AnyCommand
from polyfeed.model.instruments import Currency
from polyfeed.venue.image.accounts import AccountImage, account_image, restore_account, restore_orders
from polyfeed.venue.image.markets import MarketImage, market_image, restore_market
from polyfeed.venue.image.perpetuals import restore_lists
from polyfeed.venue.image.work import WorkImage, orders_of, restore_work, work_image
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State

if TYPE_CHECKING:
    from polyfeed.venue.venue import Venue

FORMAT = 2
"""Counts up whenever the form changes: a snapshot of another form is refused, not misread. What 1 can have, 2 can: it
is read as well."""

_READ = (1, FORMAT)


class VenueImage(Struct, frozen=True, array_like=True):
    """A venue as a value."""

    form: int
    epoch: int
    batch_limit: int
    seq: int
    ts: int
    funding_ts: int
    last_entry: int
    last_order_id: int
    last_trade_id: int
    currencies: list[Currency]
    markets: list[MarketImage]
    accounts: list[AccountImage]
    keys: list[tuple[str, int]]
    work: list[WorkImage]
    deferred: AnyCommand | None


class _Head(Struct, frozen=True, array_like=True):
    form: int


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(VenueImage)
_head = msgspec.msgpack.Decoder(_Head)


def encode(venue: Venue, state: State) -> bytes:
    """The venue as bytes, as it stands between two commands."""
    loose = loose_orders(state)
    return _encoder.encode(
        VenueImage(
            FORMAT,
            venue.epoch,
            venue.batch_limit,
            venue.seq,
            venue.ts,
            state.funding_ts,
            state.last_entry,
            state.last_order_id,
            state.last_trade_id,
            [currency for _, currency in sorted(state.currencies.items())],
            [market_image(market, loose) for market in state.markets],
            [account_image(account) for _, account in sorted(state.accounts.items())],
            sorted(state.keys.items()),
            [work_image(item) for item in state.work],
            state.deferred,
        )
    )


def decode(data: bytes) -> VenueImage:
    """Reads what `encode` wrote. Raises ValueError (msgspec's are) on anything else."""
    form = _head.decode(data).form
    if form not in _READ:
        raise ValueError(f"the snapshot has form {form}, this version reads {FORMAT}")
    return _decoder.decode(data)


def restore(image: VenueImage) -> State:
    """The state that `image` shows. Raises ValueError on one that names what it does not have."""
    try:
        return _restore(image)
    except (KeyError, IndexError) as error:
        raise ValueError(f"the snapshot names {error.args[0]!r}, which it does not have") from None


def _restore(image: VenueImage) -> State:
    state = State()
    state.funding_ts = image.funding_ts
    state.last_entry = image.last_entry
    state.last_order_id = image.last_order_id
    state.last_trade_id = image.last_trade_id
    state.currencies = {currency.code: currency for currency in image.currencies}
    state.keys = dict(image.keys)
    state.deferred = image.deferred
    orders: dict[int, Order] = {}
    state.accounts = {shown.id: restore_account(shown) for shown in image.accounts}
    for listed in image.markets:
        state.markets.append(restore_market(listed, state, orders))
    for shown in image.accounts:
        restore_orders(shown, state, orders)
    for listed in image.markets:
        if listed.contract is not None:
            restore_lists(listed.contract, state.markets[listed.instrument.id], state)
    state.work.extend(restore_work(item, state, orders) for item in image.work)
    return state


def loose_orders(state: State) -> dict[int, list[Order]]:
    """By market, the orders that only the queue of work has: being matched, or fired and next."""
    found: dict[int, dict[int, Order]] = {}
    for item in state.work:
        for order in orders_of(item):
            if order.level is None and order.id not in order.market.watch.orders:
                found.setdefault(order.market.id, {})[order.id] = order
    return {market: [order for _, order in sorted(orders.items())] for market, orders in found.items()}
