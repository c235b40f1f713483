"""Over 10^6 random commands a client of each depth holds the engine's book at every `seq`, without a gap or a repeat.

`seq` itself is held against counters, one for each depth, that compare whole books.
"""

from __future__ import annotations

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects.ekiden.book import BookFeed
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.dialects.ekiden.symbols import Listing, Symbols
from polyfeed.market.changes import LevelChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, DefineCurrency, ListInstrument, Proceed, Stamped
from polyfeed.model.enums import Side
from polyfeed.model.instruments import Currency
from polyfeed.venue.venue import Venue

from .flow import Flow, accounts, ladder
from .follower import Follower
from .rig import START, VAULT, instrument

DEPTHS = (1, 10, 50, 200, 1000)
COMMANDS = 1_000_000
SEEDS = 3


class Stand:
    """A venue, its market, the projection, and a feed and a client for each depth."""

    def __init__(self) -> None:
        self.venue = Venue(batch_limit=40)
        self.market = Market()
        self.projection = EkidenProjection(self.market)
        self.feeds: dict[int, BookFeed] = {}
        self.clients: dict[int, Follower] = {}
        self.counters = dict.fromkeys(DEPTHS, 0)
        self.books: dict[int, tuple[dict[int, int], dict[int, int]]] = {}
        self._seq = 0

    def listen(self) -> None:
        listing = Listing(self.market.instruments[0])
        context = Context(self.market, Accounts(), VAULT)
        desk = Desk(context, Symbols(self.market), self.projection, "USDC")
        for depth in DEPTHS:
            feed = BookFeed(FeedKey("orderbook", 0, depth), listing, self.projection.of(0), desk)
            client = Follower(f"orderbook.{depth}.BTC-USDC", 2, 4)
            for text in feed.snapshot():
                client.hear(text)
            self.feeds[depth], self.clients[depth] = feed, client
            self.books[depth] = self.top(depth)
            self.counters[depth] = client.seq or 0

    def top(self, depth: int) -> tuple[dict[int, int], dict[int, int]]:
        book = self.market.instruments[0].book
        bids, asks = book.bids.top(depth), book.asks.top(depth)
        return {price: size for price, size, _ in bids}, {price: size for price, size, _ in asks}

    def command(self, command: AnyCommand) -> int:
        """Decides a command; the number of the order that it made."""
        batch = self._apply(command)
        order_id = batch.outcome.order_id
        while batch.more:
            batch = self._apply(Proceed())
        return order_id

    def _apply(self, command: AnyCommand) -> Batch:
        self._seq += 1
        batch = self.venue.apply(Stamped(self._seq, START + self._seq * 50, command))
        touched = False
        for change in self.market.apply(batch):
            self.projection.fold(batch, change)
            touched |= type(change) is LevelChange
        self.projection.settle(batch)
        if touched:
            for depth, feed in self.feeds.items():
                self._check(depth, feed.flush(batch))
        return batch

    def _check(self, depth: int, texts: object) -> None:
        """The client is told exactly when the top of the book is another, and then has it."""
        client, book = self.clients[depth], self.top(depth)
        changed = book != self.books[depth]
        assert isinstance(texts, tuple) and len(texts) == changed
        if changed:
            self.books[depth] = book
            self.counters[depth] += 1
            client.hear(texts[0])
            assert (client.sides["b"], client.sides["a"]) == book
            assert client.seq == self.counters[depth]


def run(seed: int, commands: int) -> Stand:
    stand, flow = Stand(), Flow(seed)
    stand.command(DefineCurrency(Currency("BTC", 6)))
    stand.command(DefineCurrency(Currency("USDC", 6)))
    stand.command(ListInstrument(instrument(0, "BTC-USDC")))
    for command in accounts():
        stand.command(command)
    for command in ladder():
        flow.opened(stand.command(command))
    stand.listen()
    for _ in range(commands):
        flow.opened(stand.command(flow.command()))
    for depth in DEPTHS:
        assert stand.projection.of(0).seq(depth) == stand.counters[depth]
    return stand


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_fifty_thousand_commands(seed: int) -> None:
    stand = run(seed, 50_000)
    heard = {depth: client.messages for depth, client in stand.clients.items()}
    assert 5_000 < heard[1] < heard[10] < heard[1000], heard
    book = stand.market.instruments[0].book
    assert min(len(book.side(side)) for side in Side) > 600, "deep enough to try windows"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_million_commands(seed: int) -> None:
    stand = run(seed, -(-COMMANDS // SEEDS))
    assert all(client.messages > 30_000 for client in stand.clients.values())
