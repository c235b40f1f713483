"""What must be true of perpetuals after every command, and after every decision."""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.model.enums import BalanceCause, MarginMode
from polyfeed.model.events import BalanceSet, Event
from polyfeed.model.margin import exact_profit
from polyfeed.venue import Venue
from polyfeed.venue.perpetuals.margin import equity_of, maintenance_of, needed

FROM_OUTSIDE = (BalanceCause.DEPOSIT, BalanceCause.WITHDRAWAL)


class Books:
    """Counts deposits, and checks a venue against them."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.deposits = 0

    def hear(self, events: Sequence[Event]) -> None:
        """Counts the deposits and withdrawals that a batch tells."""
        for event in events:
            if isinstance(event, BalanceSet) and event.currency == "USD" and event.cause in FROM_OUTSIDE:
                self.deposits += event.change

    def check_money(self) -> None:
        """Balances, position values, the fund and the fees together are what was deposited: to the last unit, whatever
        is going on, in 1 / divisor units where positions are valued at their mark prices.
        """
        state = self.venue._state
        cash = sum(account.balances["USD"].total for account in state.accounts.values() if "USD" in account.balances)
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
                assert balance.held >= need
                if not any(one.size for one in account.positions.values()):
                    assert balance.total >= 0, account.id
        for market in state.markets:
            if market.contract is not None:
                longs = sum(max(0, one.size) for one in market.contract.positions.values())
                assert market.contract.open_interest == longs
