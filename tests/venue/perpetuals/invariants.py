"""What must be true of perpetuals after every command, and after every decision."""

from __future__ import annotations

from collections import Counter

from polyfeed.model.batches import Batch
from polyfeed.model.enums import BalanceCause, MarginMode
from polyfeed.model.events import BalanceSet
from polyfeed.model.margin import exact_profit
from polyfeed.venue import Venue
from polyfeed.venue.perpetuals.margin import equity_of, maintenance_of, needed

FROM_OUTSIDE = (BalanceCause.DEPOSIT, BalanceCause.WITHDRAWAL)
REALISED = (BalanceCause.SETTLEMENT, BalanceCause.LIQUIDATION, BalanceCause.DELEVERAGING)
BETWEEN_ACCOUNTS = (
    (BalanceCause.FUNDING,),
    (BalanceCause.INSURANCE,),
    (BalanceCause.SOCIALISED_LOSS,),
    (BalanceCause.FILL, BalanceCause.FEE),
)
"""Causes for which one account gets just what others pay: a spot fill contains its fee, which the venue gets."""


class Books:
    """Counts what a venue tells of money, and checks the venue against it.

    `told` are the balances of USD as last told, `basis` the sum of what all positions were entered for.
    """

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.deposits = 0
        self.told: dict[int, int] = {}
        self.basis = 0
        self.causes: Counter[BalanceCause] = Counter()

    def hear(self, batch: Batch) -> None:
        """Counts what the balances of a batch changed by, and checks that all of it has a cause and a counterpart."""
        moved: Counter[BalanceCause] = Counter()
        for account, events in batch.private.items():
            for event in events:
                if isinstance(event, BalanceSet):
                    self.hear_balance(account, event, moved)
        self.causes.update(moved.keys())
        self.deposits += sum(moved[cause] for cause in FROM_OUTSIDE)
        for causes in BETWEEN_ACCOUNTS:
            assert sum(moved[cause] for cause in causes) == 0, causes
        basis = sum(one.basis for account in self.venue._state.accounts.values() for one in account.positions.values())
        assert sum(moved[cause] for cause in REALISED) == basis - self.basis
        self.basis = basis

    def hear_balance(self, account: int, event: BalanceSet, moved: Counter[BalanceCause]) -> None:
        """Adds one change to those of its causes."""
        if event.parts:
            assert len(event.parts) > 1
            assert event.cause in dict(event.parts)
            assert sum(amount for _, amount in event.parts) == event.change
        if event.currency != "USD":
            assert not event.parts
            return
        assert event.total == self.told.get(account, 0) + event.change
        self.told[account] = event.total
        for cause, amount in event.parts or ((event.cause, event.change),):
            moved[cause] += amount

    def check_money(self) -> None:
        """Balances, position values, the fund and the fees together are what was deposited: to the last unit, whatever
        is going on, in 1 / divisor units where positions are valued at their mark prices.
        """
        state = self.venue._state
        cash = sum(self.told.values())
        for number, account in state.accounts.items():
            assert account.balance("USD").total == self.told.get(number, 0), "a change that its owner was not told of"
        held = [one for account in state.accounts.values() for one in account.positions.values()]
        assert cash - sum(one.basis for one in held) == self.deposits
        for market in state.markets:
            assert sum(one.size for one in held if one.market is market) == 0
        exact = 0
        for one in held:
            exact += (
                exact_profit(one.size, one.basis, one.contract.mark, one.market.divisor) * 100 // one.market.divisor
            )
        exact += cash * 100
        assert exact == self.deposits * 100

    def check_rest(self) -> None:
        """Between decisions: everybody solvent, every position secured, what is held is what is needed."""
        state = self.venue._state
        assert not state.work
        for account in state.accounts.values():
            for one in account.positions.values():
                assert not one.liquidating
                assert one.told
                assert (account.id in one.contract.positions) == (one.size != 0)
                assert one.size or not one.basis
                assert one.size or not one.margin
                assert one.mode is MarginMode.ISOLATED or not one.margin
                resting = {i for i, order in account.orders.items() if order.market is one.market}
                assert account.house or set(one.orders) == resting
                if one.size and not account.house:
                    assert equity_of(one) >= maintenance_of(one), (account.id, one.market.name)
            if account.house:
                continue
            for currency, balance in account.balances.items():
                need = max(0, needed(account, currency))
                assert balance.margin == need
                assert balance.told_margins == (balance.margin, balance.order_margin)
                assert balance.held >= need
                if not any(one.size for one in account.positions.values()):
                    assert balance.total >= 0, account.id
        for market in state.markets:
            if market.contract is not None:
                longs = sum(max(0, one.size) for one in market.contract.positions.values())
                assert market.contract.open_interest == longs
