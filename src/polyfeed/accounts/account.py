"""One account, and what each private event does to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from msgspec import Struct

from polyfeed.model.enums import MarginMode
from polyfeed.model.events import (
    AccountOpened,
    BalanceSet,
    DepositAddressCreated,
    FundingPaid,
    InsurancePremiumPaid,
    KeyRevoked,
    KeySet,
    LeverageSet,
    MarginAlert,
    OwnFill,
    OwnFrameRelayed,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnSelfTrade,
    OwnTriggered,
    PositionSet,
    PositionSettled,
    PrivateEvent,
)
from polyfeed.model.instruments import Instrument
from polyfeed.model.orders import Fill, OrderEvent, OwnOrder, moved, opened, settled

EVERY_PERPETUAL = -1
"""The instrument of a leverage that was chosen for all."""

FILLS_KEPT = 1000
"""Fills kept per account; older ones are the store's matter."""

PAYMENTS_KEPT = 1000
"""Funding payments kept per account."""

SETTLEMENTS_KEPT = 1000
"""Records of reduced positions kept per account."""

CLOSED_KEPT = 1000
"""Ended orders kept per account; older ones are the store's matter."""


class Balance(Struct, frozen=True, array_like=True, gc=False):
    """What is owned of a currency, and how much of that open orders and positions hold, in units of the currency.

    Of what is held, `margin` is for perpetuals, `order_margin` what their open orders need beyond the positions.
    """

    total: int
    held: int
    margin: int = 0
    order_margin: int = 0

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.total - self.held


class Payment(Struct, frozen=True, array_like=True, gc=False):
    """Funding that was paid or received: when, and what."""

    ts: int
    paid: FundingPaid


class Settlement(Struct, frozen=True, array_like=True, gc=False):
    """A position that became smaller, or what it was charged besides: when, and what."""

    ts: int
    settled: PositionSettled


class Account:
    """What is known of one account. `orders` are the open ones by order of entry, `fills` the last ones, oldest first.

    `closed` are the last orders that ended, by number, the one that ended first coming first. `payments` and
    `settlements` are the last of funding and of positions that became smaller, oldest first.

    `positions` and `leverages` are by instrument (EVERY_PERPETUAL: for all that have none of their own), `balances` and
    `addresses` by currency, `keys` by key id. `parent` is the account that this is a sub-account of, 0 for a main one;
    `tier` names its quotas.
    """

    __slots__ = (
        "account_id",
        "addresses",
        "balances",
        "closed",
        "fills",
        "house",
        "keys",
        "leverages",
        "name",
        "orders",
        "parent",
        "payments",
        "positions",
        "settlements",
        "tier",
    )

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.name = ""
        self.house = False
        self.parent = 0
        self.tier = ""
        self.balances: dict[str, Balance] = {}
        self.orders: dict[int, OwnOrder] = {}
        self.closed: dict[int, OwnOrder] = {}
        self.fills: deque[Fill] = deque(maxlen=FILLS_KEPT)
        self.keys: dict[str, KeySet] = {}
        self.positions: dict[int, PositionSet] = {}
        self.leverages: dict[int, LeverageSet] = {}
        self.addresses: dict[str, str] = {}
        self.payments: deque[Payment] = deque(maxlen=PAYMENTS_KEPT)
        self.settlements: deque[Settlement] = deque(maxlen=SETTLEMENTS_KEPT)

    def become(self, other: Account) -> None:
        """Takes over everything of another state, which must not be used any more."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))

    def fold(self, event: PrivateEvent, ts: int) -> OwnOrder | None:
        """Takes in an event of a batch of `ts`; gives the order that it was about, as it then stands."""
        return self._folds[type(event)](self, event, ts)

    def leverage_in(self, instrument: Instrument) -> LeverageSet:
        """Leverage and margin mode in an instrument: as chosen last, else as its terms begin. Spot has 1."""
        terms = instrument.perpetual
        if terms is None:
            return LeverageSet(instrument.id, 1, MarginMode.CROSS)
        chosen = self.leverages.get(instrument.id) or self.leverages.get(EVERY_PERPETUAL)
        return chosen or LeverageSet(instrument.id, terms.default_leverage, MarginMode.CROSS)

    def _stands(self, order: OwnOrder) -> OwnOrder:
        """Remembers where an order stands, or that it ended."""
        number, closed = order.terms.order_id, self.closed
        if order.ended:
            self.orders.pop(number, None)
            closed.pop(number, None)
            closed[number] = order
            if len(closed) > CLOSED_KEPT:
                del closed[next(iter(closed))]
        else:
            self.orders[number] = order
        return order

    def _opened(self, event: AccountOpened, ts: int) -> None:
        self.name, self.house, self.parent, self.tier = event.name, event.house, event.parent, event.tier

    def _key_set(self, event: KeySet, ts: int) -> None:
        self.keys[event.key_id] = event

    def _key_revoked(self, event: KeyRevoked, ts: int) -> None:
        self.keys.pop(event.key_id, None)

    def _balance(self, event: BalanceSet, ts: int) -> None:
        self.balances[event.currency] = Balance(event.total, event.held, event.margin, event.order_margin)

    def _order_opened(self, event: OwnOrderOpened, ts: int) -> OwnOrder:
        self.closed.pop(event.order_id, None)
        return self._stands(opened(event, ts))

    def _order_moved(self, event: OrderEvent, ts: int) -> OwnOrder | None:
        order = self.orders.get(event.order_id)
        return None if order is None else self._stands(moved(order, event, ts))

    def _fill(self, event: OwnFill, ts: int) -> OwnOrder | None:
        order = self.orders.get(event.order_id)
        self.fills.append(Fill(ts, event, None if order is None else order.terms))
        return self._order_moved(event, ts)

    def _position(self, event: PositionSet, ts: int) -> None:
        if event.size:
            self.positions[event.instrument] = event
        else:
            self.positions.pop(event.instrument, None)

    def _paid(self, event: FundingPaid, ts: int) -> None:
        self.payments.append(Payment(ts, event))

    def _settled(self, event: PositionSettled, ts: int) -> OwnOrder | None:
        self.settlements.append(Settlement(ts, event))
        order = self.orders.get(event.order_id) or self.closed.get(event.order_id)
        return self._stands(settled(order, event)) if order is not None and event.closed_size else None

    def _leverage(self, event: LeverageSet, ts: int) -> None:
        if event.instrument == EVERY_PERPETUAL:
            self.leverages.clear()
        self.leverages[event.instrument] = event

    def _address(self, event: DepositAddressCreated, ts: int) -> None:
        self.addresses[event.currency] = event.address

    def _nothing_to_keep(self, event: object, ts: int) -> None:
        """What these tell is in other events too (balances, positions), or is news only."""

    _folds: ClassVar[dict[type, Callable[[Account, Any, int], OwnOrder | None]]] = {
        AccountOpened: _opened,
        KeySet: _key_set,
        KeyRevoked: _key_revoked,
        BalanceSet: _balance,
        OwnOrderOpened: _order_opened,
        OwnOrderUpdated: _order_moved,
        OwnOrderAmended: _order_moved,
        OwnTriggered: _order_moved,
        OwnFill: _fill,
        PositionSet: _position,
        LeverageSet: _leverage,
        DepositAddressCreated: _address,
        OwnSelfTrade: _nothing_to_keep,
        FundingPaid: _paid,
        PositionSettled: _settled,
        MarginAlert: _nothing_to_keep,
        OwnFrameRelayed: _nothing_to_keep,
        InsurancePremiumPaid: _nothing_to_keep,
    }
