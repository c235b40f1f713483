"""Private channels made from the venue's own events (sheet 4)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.peatio import own_bodies, spec
from polyfeed.dialects.peatio.markets import Markets
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.wire import frames, raw_string
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import OrderKind
from polyfeed.model.events import (
    BalanceSet,
    DepositAddressCreated,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    Trade,
)
from polyfeed.model.numbers import format_scaled


class OwnFeed(Feed):
    """Base: keeps the changes of a batch. Nothing may be missing, so who falls behind is closed."""

    on_lag = OnLag.CLOSE

    def __init__(self, key: FeedKey, profile: Profile, markets: Markets) -> None:
        super().__init__(key)
        self.profile = profile
        self.markets = markets
        self.frame = frames(profile)
        self.changes: list[AccountChange] = []

    def fold(self, change: Heard) -> None:
        """Keeps a change for the end of the batch."""
        if isinstance(change, AccountChange):
            self.changes.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The frames of the batch; one that would only repeat the one before is left out."""
        changes, self.changes = self.changes, []
        texts = [self.frame(self.key.channel, body) for body in self.bodies(batch, changes)]
        return [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]

    @abstractmethod
    def bodies(self, batch: Batch, changes: list[AccountChange]) -> list[str]:
        """What the changes come to."""

    def snapshot(self) -> Sequence[str]:
        """Nothing: newcomers are told of what happens from now on."""
        return ()


class OrderFeed(OwnFeed):
    """`order`: where an order stands, after everything that happens to it; a market order only when it has ended."""

    wants = (OwnOrderOpened, OwnOrderUpdated, OwnOrderAmended, OwnTriggered)
    rank = spec.RANKS[spec.ORDER]

    def bodies(self, batch: Batch, changes: list[AccountChange]) -> list[str]:
        """The orders, one for each change."""
        return [
            own_bodies.order(self.profile.bodies, self.markets.by_id(order.terms.instrument), order)
            for change in changes
            if (order := change.order) is not None
            and self.markets.lists(order.terms.instrument)
            and (order.ended or order.terms.kind is OrderKind.LIMIT)
        ]


class TradeFeed(OwnFeed):
    """`trade`: each match of an own order."""

    wants = (OwnFill,)
    rank = spec.RANKS[spec.TRADE]

    def bodies(self, batch: Batch, changes: list[AccountChange]) -> list[str]:
        """The matches in their order."""
        public = {event.trade_id: event for event in batch.public if isinstance(event, Trade)}
        fills = [change.event for change in changes if isinstance(change.event, OwnFill)]
        return [
            own_bodies.trade(
                self.profile.bodies, self.markets.by_id(fill.instrument), fill, public.get(fill.trade_id), batch.ts
            )
            for fill in fills
            if self.markets.lists(fill.instrument)
        ]


class BalancesFeed(OwnFeed):
    """`balances` (or `balance`): available and locked of the currencies that changed."""

    wants = (BalanceSet,)
    rank = spec.RANKS[spec.BALANCES]

    def __init__(self, key: FeedKey, profile: Profile, markets: Markets, market: Market) -> None:
        super().__init__(key, profile, markets)
        self._currencies = market.currencies

    def bodies(self, batch: Batch, changes: list[AccountChange]) -> list[str]:
        """One body: a currency that changed twice shows how it stands in the end."""
        last = {event.currency: event for change in changes if isinstance(event := change.event, BalanceSet)}
        return [f"{{{','.join(self._text(event) for event in last.values())}}}"]

    def _text(self, event: BalanceSet) -> str:
        currency = self._currencies.get(event.currency)
        scale = currency.scale if currency is not None else 0
        available, locked = (format_scaled(one, scale) for one in (event.total - event.held, event.held))
        return f'{raw_string(event.currency.lower())}:["{available}","{locked}"]'


class AddressFeed(OwnFeed):
    """`deposit_address`."""

    wants = (DepositAddressCreated,)
    rank = spec.RANKS[spec.DEPOSIT_ADDRESS]

    def bodies(self, batch: Batch, changes: list[AccountChange]) -> list[str]:
        """The new addresses."""
        events = [change.event for change in changes if isinstance(change.event, DepositAddressCreated)]
        return [own_bodies.deposit_address(self.profile.bodies, event) for event in events]


def own_feed(key: FeedKey, market: Market, markets: Markets, profile: Profile) -> Feed:
    """The feed of a private channel. Raises KeyError for what is none."""
    if key.channel in (spec.BALANCES, spec.BALANCE):
        return BalancesFeed(key, profile, markets, market)
    kinds: dict[str, type[OrderFeed] | type[TradeFeed] | type[AddressFeed]] = {
        spec.ORDER: OrderFeed,
        spec.TRADE: TradeFeed,
        spec.DEPOSIT_ADDRESS: AddressFeed,
    }
    return kinds[key.channel](key, profile, markets)
