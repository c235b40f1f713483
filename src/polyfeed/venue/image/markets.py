"""Markets as values, and back: books in their priority, and the orders that wait or are under way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from msgspec import Struct

from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.instruments import Instrument
from polyfeed.venue.image.orders import OrderImage, order_image, restore_order
from polyfeed.venue.image.perpetuals import ContractImage, contract_image, restore_contract
from polyfeed.venue.limits import MAX_NUMBER
from polyfeed.venue.markets import Market, open_market
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State


class MarketImage(Struct, frozen=True, array_like=True):
    """A market. Resting orders are best price first, oldest first at a price; the others are by number.

    `waiting` ones wait for their triggers, `loose` ones are being matched or are next: only the queue of work has them.
    """

    instrument: Instrument
    status: InstrumentStatus
    last_price: int
    bids: list[OrderImage]
    asks: list[OrderImage]
    waiting: list[OrderImage]
    loose: list[OrderImage]
    contract: ContractImage | None


def market_image(market: Market, loose: Mapping[int, list[Order]]) -> MarketImage:
    """A market as a value; `loose` has the orders under way by market."""
    return MarketImage(
        market.instrument,
        market.status,
        market.last_price,
        [order_image(order) for order in market.bids.queue(0)],
        [order_image(order) for order in market.asks.queue(MAX_NUMBER)],
        [order_image(order) for _, order in sorted(market.watch.orders.items())],
        [order_image(order) for order in loose.get(market.id, ())],
        None if market.contract is None else contract_image(market.contract),
    )


def restore_market(image: MarketImage, state: State, orders: dict[int, Order]) -> Market:
    """The market that `image` shows; its orders are added to `orders`."""
    instrument = image.instrument
    market = open_market(instrument, state.currencies[instrument.base], state.currencies[instrument.quote])
    market.status = image.status
    market.last_price = image.last_price
    if market.contract is not None and image.contract is not None:
        restore_contract(image.contract, market.contract)

    for shown in chain(image.bids, image.asks, image.waiting, image.loose):
        orders[shown.id] = restore_order(shown, state.accounts[shown.account], market)
    for side, images in ((market.bids, image.bids), (market.asks, image.asks)):
        for shown in images:
            side.add(orders[shown.id])
    for shown in image.waiting:
        market.watch.add(orders[shown.id])
    return market
