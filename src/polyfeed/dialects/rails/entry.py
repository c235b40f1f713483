"""Order requests of one connection: what they ask of the venue, and what its decision is answered with.

    request -> Submit -> the batch: acknowledgement (202) or error, here -> its events, from the feeds

so an acknowledgement has the order's id, and stands before the confirmation, the fills and the reject of its batch.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.effects import Effect, Send, Submit
from polyfeed.dialects.rails import requests, spec, wire
from polyfeed.dialects.rails.ids import order_id_of
from polyfeed.dialects.rails.leverage import read_update
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.notices import acknowledgement
from polyfeed.dialects.rails.placing import read_order
from polyfeed.dialects.rails.requests import Content, Refused
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, CancelOrder, ReplaceOrder
from polyfeed.model.enums import CloseReason, Refusal
from polyfeed.model.orders import OwnOrder


class Waiting(Struct, frozen=True):
    """A request that the venue has not decided. `market` is None for a leverage of all markets. `order_id` is the order
    that it is about, 0 for a new one or none; `open_then` says that this order was open when it was asked; `newest` is
    the last that was opened of those that were.
    """

    name: str
    market: Market | None
    client_id: str
    order_id: int = 0
    open_then: bool = False
    newest: int = 0


_TEXTS = {
    spec.CREATE: (spec.CREATING_TEXT, spec.PENDING),
    spec.CANCEL: (spec.CANCELLING_TEXT, spec.CANCELLING),
    spec.MODIFY: (spec.MODIFYING_TEXT, spec.MODIFYING),
}


class Entry:
    """The order requests of a connection of `account`.

    Where `cancels` is set, the orders that came by this connection are cancelled when it ends, also those that the
    venue had not yet decided on then, and, where they have a name, those whose outcome was missed. They are bound, so
    that the venue cancels them when the whole gateway ends.
    """

    def __init__(self, account: Account, listing: Listing, max_leverage: int, *, cancels: bool) -> None:
        self.account = account
        self._listing = listing
        self._max_leverage = max_leverage
        self._cancels = cancels
        self._number = 0
        self._waiting: dict[int, Waiting] = {}
        self._entered: dict[int, None] = {}
        self._left = False

    def begin(self, name: str, market: Market | None, client_id: str, content: Content) -> list[Effect]:
        """Hands a request to the venue. Raises Refused for one that is wrong in itself."""
        if name == spec.LEVERAGE:
            update = read_update(self.account, self._listing, market, self._max_leverage, content)
            return self._submit(name, market, client_id, 0, update)
        assert market is not None
        if name == spec.CREATE:
            order = read_order(self.account, market, client_id, content, bound=self._cancels)
            return self._submit(name, market, client_id, 0, order)
        if name == spec.CANCEL:
            requests.read_choice(content, "cancelBy", ("orderId",), spec.BAD_CANCEL_BY)
            order_id = self._order_id(market, content)
            return self._submit(name, market, client_id, order_id, CancelOrder(self.account.account_id, order_id))
        order_id = self._order_id(market, content)
        replacement = self._replacement(market, client_id, order_id, content)
        return self._submit(name, market, client_id, order_id, replacement)

    def _submit(
        self, name: str, market: Market | None, client_id: str, order_id: int, command: AnyCommand
    ) -> list[Effect]:
        self._number += 1
        orders = self.account.orders
        newest = next(reversed(orders), 0)
        self._waiting[self._number] = Waiting(name, market, client_id, order_id, order_id in orders, newest)
        return [Submit(command, self._number, client_id)]

    def answer(self, number: int, outcome: Outcome) -> list[Effect]:
        """The reply to a request that the venue has decided."""
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return []
        came = self._came(waiting, outcome) if self._cancels else []
        if self._left:
            return self._cancelled(came)
        self._remember(came)
        if outcome.refusal is not None:
            status, text = self._refusal(waiting, outcome.refusal)
            name = None if waiting.market is None else waiting.market.name
            return [Send(wire.reply(waiting.name, name, status, text, waiting.client_id))]
        return self._acknowledged(waiting, outcome)

    def leave(self) -> list[Effect]:
        """The connection ended."""
        self._left = True
        return self._cancelled(self._entered)

    # --- requests ---------------------------------------------------------------------------------------------------

    def _order_id(self, market: Market, content: Content) -> int:
        """The order that a request names. Raises Refused for one that cannot be the account's order of this market."""
        ulid = content.get("orderId")
        if not isinstance(ulid, str):
            raise Refused(spec.BAD, spec.BAD_ORDER_ID)
        order_id = order_id_of(ulid)
        order = None if order_id is None else self._find(order_id)
        if order_id is None or (order is not None and order.terms.instrument != market.id):
            raise Refused(spec.NOT_FOUND, spec.ORDER_NOT_FOUND)
        return order_id

    def _replacement(self, market: Market, client_id: str, order_id: int, content: Content) -> ReplaceOrder:
        price, size = (
            requests.read_number(content, field, scale) if content.get(field) is not None else 0
            for field, scale in (("price", market.price_scale), ("quantity", market.size_scale))
        )
        if not price and not size:
            raise Refused(spec.BAD, spec.NOTHING_TO_MODIFY)
        return ReplaceOrder(self.account.account_id, order_id, price, size, client_id, bound=self._cancels)

    # --- answers ----------------------------------------------------------------------------------------------------

    def _find(self, order_id: int) -> OwnOrder | None:
        return self.account.orders.get(order_id) or self.account.closed.get(order_id)

    def _acknowledged(self, waiting: Waiting, outcome: Outcome) -> list[Effect]:
        name, market, client_id = waiting.name, waiting.market, waiting.client_id
        if name == spec.LEVERAGE:
            where = None if market is None else market.name
            text = spec.LEVERAGE_PENDING_TEXT
            return [Send(wire.reply(name, where, spec.PENDING_STATUS, text, client_id, quota=1))]
        order = self._find(waiting.order_id or outcome.order_id)
        if order is None or market is None:
            return []
        text, state = _TEXTS[name]
        return [Send(acknowledgement(name, market, self.account, text, client_id, order, state))]

    def _refusal(self, waiting: Waiting, refusal: Refusal) -> tuple[int, str]:
        """Status and text. An order that was open when it was asked for, and filled since, is a conflict."""
        if waiting.name == spec.LEVERAGE:
            return spec.LEVERAGE_REFUSALS.get(refusal, spec.OTHER_LEVERAGE_REFUSAL)
        if refusal is Refusal.UNKNOWN_ORDER and waiting.open_then:
            order = self.account.closed.get(waiting.order_id)
            if order is not None and order.reason is CloseReason.FILLED:
                return spec.CONFLICT, spec.ORDER_BEING_FILLED
        return spec.REFUSALS.get(refusal, spec.OTHER_REFUSAL)

    # --- what is to end with the connection -------------------------------------------------------------------------

    def _came(self, waiting: Waiting, outcome: Outcome) -> list[int]:
        """The orders that came of a request. Where its outcome was missed, what the account shows is of after it."""
        if waiting.name not in (spec.CREATE, spec.MODIFY):
            return []
        if outcome.refusal is Refusal.OUTCOME_UNKNOWN:
            return [order.order_id for order in self.account.orders.values() if _is_of(order, waiting)]
        return [outcome.order_id] if outcome.accepted else []

    def _remember(self, came: Iterable[int]) -> None:
        """Keeps the orders to be cancelled at the end; those that ended meanwhile are forgotten now and then."""
        self._entered.update(dict.fromkeys(came))
        if len(self._entered) > 2 * len(self.account.orders) + 100:
            self._entered = {one: None for one in self._entered if one in self.account.orders}

    def _cancelled(self, orders: Iterable[int]) -> list[Effect]:
        return [Submit(CancelOrder(self.account.account_id, one)) for one in orders if one in self.account.orders]


def _is_of(order: OwnOrder, waiting: Waiting) -> bool:
    """Whether an order came of a request whose outcome was missed: it took the place of the one that was to be
    modified, or has the new one's name and market and was not there before. A new one without a name is like any other.
    """
    terms = order.terms
    if terms.client_id != waiting.client_id or terms.replaces != waiting.order_id:
        return False
    if waiting.name == spec.MODIFY:
        return True
    assert waiting.market is not None
    return bool(terms.client_id) and terms.instrument == waiting.market.id and order.order_id > waiting.newest
