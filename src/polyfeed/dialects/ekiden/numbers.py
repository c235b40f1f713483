"""How one instrument's batches are counted (spec/ekiden.md 5, 11).

`seq` of `orderbook.<depth>` counts the batches whose net effect changed the top <depth> of the book. A thousand depths
need no thousand counters: the first rank at which a batch made a side different says which depths it changed, namely
all deeper than that rank. A histogram of these ranks gives the seq of depth N as the sum of its first N entries.

The net effect needs the sizes from before the batch; `_sizes` keeps them. It is made from the market's book when the
numbers begin, so it is no part of a snapshot.
"""

from __future__ import annotations

from typing import NamedTuple

from polyfeed.dialects.ekiden.spec import MAX_DEPTH
from polyfeed.market.book import BookSide
from polyfeed.market.changes import LevelChange
from polyfeed.market.instrument import InstrumentState
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset

UNCHANGED = MAX_DEPTH
"""Rank for a batch that changed nothing that any depth shows."""


class NetChange(NamedTuple):
    """A level before and after a batch; 0 is no level."""

    price: int
    before: int
    after: int


class Numbers:
    """One instrument. `counts[r]` are the batches that changed the book from rank r on.

    Of the last batch that touched the book: `rank` is the best rank it changed, `bids` and `asks` its net changes in
    no order, `reset` whether it brought a whole new book. `stirred` is the time of the last batch with something that
    the ticker shows, `traded` of the last one with a trade; `unnumbered` counts the trades that came without an id.
    `epoch` is the history that its events come from, which need not be the one that listed it (a recording's is not).
    """

    __slots__ = (
        "_sizes",
        "_times",
        "_touched",
        "asks",
        "bids",
        "counts",
        "epoch",
        "rank",
        "reset",
        "state",
        "stirred",
        "traded",
        "unnumbered",
    )

    def __init__(self, state: InstrumentState, times: dict[int, int]) -> None:
        self.state = state
        self.epoch = state.epoch
        self._times = times
        self.counts = [0] * MAX_DEPTH
        self.rank = UNCHANGED
        self.bids: list[NetChange] = []
        self.asks: list[NetChange] = []
        self.reset = False
        self.stirred = 0
        self.traded = 0
        self.unnumbered = 0
        self._sizes = (_sizes(state.book.bids), _sizes(state.book.asks))
        self._touched: tuple[dict[int, int], dict[int, int]] = ({}, {})

    @property
    def now(self) -> int:
        """The time of the last batch of its history (microseconds), which timed channels are told by."""
        return self._times.get(self.epoch, 0)

    def seq(self, depth: int) -> int:
        """How many batches changed the top `depth`."""
        return sum(self.counts[:depth])

    def level(self, change: LevelChange) -> None:
        """Notes a level's change."""
        sizes, price = self._sizes[change.side], change.price
        self._touched[change.side].setdefault(price, sizes.get(price, 0))
        if change.size:
            sizes[price] = change.size
        else:
            sizes.pop(price, None)

    def replace(self, event: BookReset) -> None:
        """Notes a whole new book."""
        self.reset = True
        for side, book in ((Side.BUY, self.state.book.bids), (Side.SELL, self.state.book.asks)):
            sizes, touched, now = self._sizes[side], self._touched[side], _sizes(book)
            for price in (*sizes, *now):
                touched.setdefault(price, sizes.get(price, 0))
            sizes.clear()
            sizes.update(now)

    def settle(self) -> None:
        """Counts the batch that ends."""
        self.bids = self._net(Side.BUY)
        self.asks = self._net(Side.SELL)
        book = self.state.book
        bid = book.bids.rank_of(max(self.bids).price) if self.bids else UNCHANGED
        ask = book.asks.rank_of(min(self.asks).price) if self.asks else UNCHANGED
        self.rank = min(bid, ask, UNCHANGED)
        if self.rank < UNCHANGED:
            self.counts[self.rank] += 1

    def _net(self, side: Side) -> list[NetChange]:
        touched = self._touched[side]
        if not touched:
            return []
        sizes = self._sizes[side]
        net = [
            NetChange(price, before, after)
            for price, before in touched.items()
            if (after := sizes.get(price, 0)) != before
        ]
        touched.clear()
        return net


def _sizes(side: BookSide) -> dict[int, int]:
    return {level.price: level.size for level in side.top(len(side))}
