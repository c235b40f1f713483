"""The slow, obvious twin of `Accounts`: the list of all that happened, searched anew for every question."""

from typing import Any

from polyfeed.model.enums import OrderStatus
from polyfeed.model.events import (
    AccountOpened,
    BalanceSet,
    DepositAddressCreated,
    FundingPaid,
    KeyRevoked,
    KeySet,
    LeverageSet,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PositionSet,
    PositionSettled,
)

ENDED = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED}


class SlowAccounts:
    """All events as (account, time, event)."""

    def __init__(self) -> None:
        self.history: list[tuple[int, int, Any]] = []

    def of(self, account: int, *kinds: type) -> list[Any]:
        return [event for owner, _, event in self.history if owner == account and isinstance(event, kinds)]

    def name(self, account: int) -> str:
        return [event.name for event in self.of(account, AccountOpened)][-1] if self.of(account, AccountOpened) else ""

    def balances(self, account: int) -> dict[str, tuple[int, int]]:
        return {event.currency: (event.total, event.held) for event in self.of(account, BalanceSet)}

    def addresses(self, account: int) -> dict[str, str]:
        return {event.currency: event.address for event in self.of(account, DepositAddressCreated)}

    def positions(self, account: int) -> dict[int, PositionSet]:
        last = {event.instrument: event for event in self.of(account, PositionSet)}
        return {instrument: event for instrument, event in last.items() if event.size}

    def leverages(self, account: int) -> dict[int, LeverageSet]:
        """One for all ends those that were chosen before it."""
        chosen = self.of(account, LeverageSet)
        whole = max((place for place, event in enumerate(chosen) if event.instrument == -1), default=0)
        return {event.instrument: event for event in chosen[whole:]}

    def keys(self) -> dict[str, int]:
        """Whose key each one is: a key belongs to whom it was last set for, until that one's is revoked."""
        owners: dict[str, int] = {}
        for account, _, event in self.history:
            if isinstance(event, KeySet):
                owners[event.key_id] = account
            elif isinstance(event, KeyRevoked) and owners.get(event.key_id) == account:
                del owners[event.key_id]
        return owners

    def fills(self, account: int) -> list[tuple[int, OwnFill]]:
        return self.timed(account, OwnFill)

    def payments(self, account: int) -> list[tuple[int, FundingPaid]]:
        return self.timed(account, FundingPaid)

    def settlements(self, account: int) -> list[tuple[int, PositionSettled]]:
        return self.timed(account, PositionSettled)

    def timed(self, account: int, kind: type) -> list[tuple[int, Any]]:
        return [(ts, event) for owner, ts, event in self.history if owner == account and isinstance(event, kind)]

    def life(self, account: int, order_id: int) -> list[tuple[int, Any]]:
        """What happened to the order since it was last opened."""
        mine = [(ts, event) for owner, ts, event in self.history if owner == account]
        own = [(ts, event) for ts, event in mine if getattr(event, "order_id", None) == order_id]
        opened = [at for at, (_, event) in enumerate(own) if isinstance(event, OwnOrderOpened)]
        return own[opened[-1] :] if opened else []

    def status(self, account: int, order_id: int) -> OrderStatus | None:
        """The order's status; the first that ends it is the last. None when it is not known."""
        status = None
        for _, event in self.life(account, order_id):
            if status in ENDED:
                break
            if isinstance(event, OwnOrderOpened | OwnOrderUpdated):
                status = event.status
            elif isinstance(event, OwnTriggered):
                status = OrderStatus.TRIGGERED if event.active else OrderStatus.UNTRIGGERED
        return status

    def closed_orders(self, account: int) -> dict[int, OrderStatus]:
        """How each order ended that was not opened again since."""
        statuses = {one: self.status(account, one) for one in {e.order_id for e in self.of(account, OwnOrderOpened)}}
        return {number: status for number, status in statuses.items() if status in ENDED}

    def open_orders(self, account: int) -> dict[int, tuple[int, int, int, OrderStatus, int]]:
        """(price, size, left, status, trades) of the open orders."""
        found = {}
        for number in {event.order_id for event in self.of(account, OwnOrderOpened)}:
            status = self.status(account, number)
            if status is None or status in ENDED:
                continue
            events = [event for _, event in self.life(account, number)]
            terms = [event for event in events if isinstance(event, OwnOrderOpened | OwnOrderAmended)][-1]
            lefts = [event for event in events if isinstance(event, OwnOrderUpdated | OwnOrderAmended | OwnFill)]
            left = lefts[-1].left if lefts else events[0].size
            trades = sum(isinstance(event, OwnFill) for event in events)
            found[number] = (terms.price, terms.size, left, status, trades)
        return found
