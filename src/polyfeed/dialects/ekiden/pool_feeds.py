"""The public channels `insurance_pool` and `adl_alert`, of a later revision (spec/ekiden.md 5; off by default)."""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Heard, OnLag
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.feeds import ListingFeed
from polyfeed.dialects.ekiden.numbers import Numbers
from polyfeed.dialects.ekiden.pools import Pool
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import encode, event
from polyfeed.model.batches import Batch
from polyfeed.model.events import DeleveragingStateSet, InsuranceFundSet, MarkPriceSet


class PoolFeed(ListingFeed):
    """The insurance fund behind a market, whenever its money or the market's deleveraging changes, and with every mark
    price while it holds a position there.

    The fund is of no one instrument, so the key's is ANY and its parameter the market's number.
    """

    wants = (InsuranceFundSet, DeleveragingStateSet, MarkPriceSet)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.POOL]

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        self._changed = False
        self._revalued = False

    def fold(self, change: Heard) -> None:
        """Notes a change of this fund or of this market."""
        match change:
            case InsuranceFundSet():
                self._changed |= change.currency == self.listing.state.instrument.quote
            case DeleveragingStateSet():
                self._changed |= change.instrument == self.listing.id
            case MarkPriceSet():
                self._revalued |= change.instrument == self.listing.id
            case _:
                pass

    def flush(self, batch: Batch) -> Sequence[str]:
        """The pool after the batch."""
        pool = Pool(self.listing, self.desk)
        told = self._changed or (self._revalued and pool.held is not None)
        self._changed = self._revalued = False
        return (event(self.head, batch.ts, encode(pool.object(batch.ts))),) if told else ()

    def snapshot(self) -> Sequence[str]:
        """The pool as it is."""
        ts = self.numbers.now
        return (event(self.head, ts, encode(Pool(self.listing, self.desk).object(ts))),)


class AdlFeed(ListingFeed):
    """Auto-deleveraging in a market: each time that it begins or ends, also where one batch does both."""

    wants = (DeleveragingStateSet,)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.ADL]

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        self._states: list[DeleveragingStateSet] = []

    def fold(self, change: Heard) -> None:
        """Keeps a state for the end of the batch."""
        if isinstance(change, DeleveragingStateSet):
            self._states.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """An alert for each state."""
        states, self._states = self._states, []
        return [self._text(batch.ts, one.active, one.reason) for one in states]

    def snapshot(self) -> Sequence[str]:
        """The state as it is."""
        perpetual = self.listing.state.perpetual
        return (self._text(self.numbers.now, perpetual.deleveraging, perpetual.deleveraging_reason),)

    def _text(self, ts: int, active: bool, reason: str) -> str:
        return event(self.head, ts, encode(Pool(self.listing, self.desk).alert(ts, active, reason)))
