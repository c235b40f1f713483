"""Order entry: `order/{place,amend,cancel}`, each also as `-batch`, and `order/cancel-all` (spec/ekiden.md 7).

A call becomes commands, a batch one after the other; each answer comes from the venue's outcome. What the venue refuses
is error 2000 with its reason; an order that it takes and then ends (a post-only that would trade) is a success, and the
private channels say how it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.rest import RestAnswer, RestSubmit
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import order_number, order_uuid
from polyfeed.dialects.ekiden.order_terms import leveraging, placing
from polyfeed.dialects.ekiden.rest_batch import SUCCESS, Fields, Reader, Series, Step
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, account_of, body_of, decimal_of, listing_of, reply
from polyfeed.dialects.ekiden.wire import milliseconds
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AmendOrder, CancelAll, CancelOrder
from polyfeed.model.enums import CloseReason
from polyfeed.model.orders import OwnOrder

Handler = Callable[[Call], RestAnswer]


class Orders:
    """Turns calls into commands. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts = desk.context.accounts

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        readers: dict[str, Reader] = {"place": self._place, "amend": self._amend, "cancel": self._cancel}
        single = {f"/order/{name}": self._single(read) for name, read in readers.items()}
        several = {f"/order/{name}-batch": self._batch(read) for name, read in readers.items()}
        return single | several | {"/order/cancel-all": self._cancel_all}

    # --- one, several, all ------------------------------------------------------------------------------------------

    def _single(self, read: Reader) -> Handler:
        def handler(call: Call) -> RestAnswer:
            step = read(call, body_of(call.request))
            return step.submit(partial(_single_reply, step))

        return handler

    def _batch(self, read: Reader) -> Handler:
        def handler(call: Call) -> RestAnswer:
            wishes = body_of(call.request).get("request")
            if not isinstance(wishes, list) or not 0 < len(wishes) <= spec.MAX_BATCH:
                raise CallRefused(f"request must be an array of 1 to {spec.MAX_BATCH} objects")
            return Series(call, read, wishes).go_on()

        return handler

    def _cancel_all(self, call: Call) -> RestAnswer:
        fields = body_of(call.request)
        number = account_of(call, fields.get("sub_account_address"))
        instrument = -1
        if fields.get("symbol"):
            instrument = listing_of(self._desk.symbols, fields["symbol"]).id
        account = self._account(number)
        before = set(account.closed)

        def told(outcome: Outcome) -> RestAnswer:
            if not outcome.accepted:
                return CallRefused.of(outcome).response()
            result = [
                {"order_id": order_uuid(one.order_id), "order_link_id": one.terms.client_id or None}
                for one in account.closed.values()
                if one.order_id not in before and one.reason is CloseReason.USER
                if instrument in (-1, one.terms.instrument)
            ]
            return reply({"result": result, "exit_info": SUCCESS, "time": milliseconds(call.now)})

        return RestSubmit(CancelAll(number, instrument), told)

    # --- reading ----------------------------------------------------------------------------------------------------

    def _place(self, call: Call, fields: Fields) -> Step:
        listing = listing_of(self._desk.symbols, fields.get("symbol"))
        number = account_of(call, fields.get("sub_account_address"))
        command = placing(listing, number, fields, self._desk.projection.of(listing.id).now)
        leverage = leveraging(listing, self._account(number), fields)
        return Step([*leverage, command], 0, command.client_id)

    def _amend(self, call: Call, fields: Fields) -> Step:
        number, order = self._order(call, fields)
        listing = listing_of(self._desk.symbols, fields.get("symbol") or self._symbol(order))
        if fields.get("trigger") is not None or fields.get("tpsl") is not None:
            raise CallRefused("an amendment changes price and qty; cancel a conditional order and send another")
        instrument = listing.state.instrument
        price = decimal_of(fields, "price", instrument.price_scale)
        size = decimal_of(fields, "qty" if fields.get("qty") is not None else "size", instrument.size_scale)
        if not price and not size:
            raise CallRefused("an amendment needs a new price or qty")
        return Step([AmendOrder(number, order.order_id, price, size)], order.order_id, order.terms.client_id)

    def _cancel(self, call: Call, fields: Fields) -> Step:
        number, order = self._order(call, fields)
        return Step([CancelOrder(number, order.order_id)], order.order_id, order.terms.client_id)

    def _order(self, call: Call, fields: Fields) -> tuple[int, OwnOrder]:
        """The open order that a request names by `order_id` or `order_link_id`, and its account."""
        order_id, link = fields.get("order_id"), fields.get("order_link_id")
        address = fields.get("sub_account_address")
        numbers = [account_of(call, address)] if address else call.accounts
        wanted = order_number(order_id) if isinstance(order_id, str) else None
        for number in numbers:
            for order in self._account(number).orders.values():
                if order.order_id == wanted or (order_id is None and link and order.terms.client_id == link):
                    if fields.get("symbol") and fields["symbol"] != self._symbol(order):
                        break
                    return number, order
        raise CallRefused("no such open order", 404, spec.ERROR_NOT_FOUND)

    def _account(self, number: int) -> Account:
        account = self._accounts.get(number)
        if account is None:
            raise CallRefused("no such account", 404, spec.ERROR_NOT_FOUND)
        return account

    def _symbol(self, order: OwnOrder) -> str:
        listing = self._desk.symbols.by_id(order.terms.instrument)
        return listing.symbol if listing else ""


def _single_reply(step: Step, outcome: Outcome) -> RestAnswer:
    """What comes after the venue is not in the hands of rest.py any more, errors included."""
    try:
        return reply(step.result(outcome))
    except CallRefused as refused:
        return refused.response()
