"""`DELETE orders`: one cancellation after the other (spec/rails.md 7 and 10).

Each is a command of its own whose reference is the caller's `clientRequestId` with `#0`, `#1`, ... in the order in
which the orders were entered; the stream `orders` repeats it. The reply comes when all are decided and counts those
that were refused, because an order may be filled while others are cancelled.
"""

from __future__ import annotations

import msgspec

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.rest import RestAnswer, RestResponse, RestSubmit
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelOrder


class Bulk:
    """Cancels the open orders that an account has now in a market, or in all (None)."""

    def __init__(self, listing: Listing, account: Account, market: Market | None, client_id: str) -> None:
        self._account = account.account_id
        self._where = "all markets" if market is None else f"market {market.name}"
        self._client_id = client_id
        self._orders = [
            order.order_id
            for order in account.orders.values()
            if listing.by_id(order.terms.instrument) is not None
            and (market is None or order.terms.instrument == market.id)
        ]
        self._done = 0
        self._errors = 0

    def next(self) -> RestAnswer:
        """The next cancellation, or the reply."""
        if self._done == len(self._orders):
            return RestResponse(200, msgspec.json.encode({"message": self._summary()}))
        reference = f"{self._client_id}#{self._done}" if self._client_id else ""
        return RestSubmit(CancelOrder(self._account, self._orders[self._done]), self._decided, reference)

    def _decided(self, outcome: Outcome) -> RestAnswer:
        self._done += 1
        self._errors += not outcome.accepted
        return self.next()

    def _summary(self) -> str:
        count = len(self._orders)
        errors = f"with {self._errors} errors" if self._errors else "without any errors"
        return f"Cancelling {count} order{'' if count == 1 else 's'} for {self._where} {errors}"
