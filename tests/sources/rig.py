"""A venue, its market and one source, stepped by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, TradeMessage
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Command, Proceed, Stamped
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import Trade
from polyfeed.model.instruments import Instrument
from polyfeed.sources.demo import account_commands, listing_commands
from polyfeed.sources.pairs import currencies_of, instruments_of, read_pairs
from polyfeed.sources.source import Source
from polyfeed.sources.timeline import Moment
from polyfeed.venue.venue import Venue

START = 1_700_000_000_000_000
"""Venue time at which everything begins."""

MS = 1_000
SECOND = 1_000_000


def any_size(instruments: Iterable[Instrument]) -> list[Instrument]:
    """The same without a smallest size: a recording has levels that fills have left smaller than any new order may be."""
    return [msgspec.structs.replace(instrument, min_size=1) for instrument in instruments]


def by_symbol(instruments: Iterable[Instrument], symbols: Iterable[str]) -> dict[str, Instrument]:
    """The instruments that Kraken calls so."""
    found = {instrument.symbols["kraken"]: instrument for instrument in instruments}
    return {symbol: found[symbol] for symbol in symbols}


class Rig:
    """Commands go to the venue one by one, their batches to the market and to the source."""

    def __init__(self, instruments: Sequence[Instrument] | None = None) -> None:
        pairs = read_pairs()
        self.instruments = instruments_of(pairs) if instruments is None else list(instruments)
        self.venue = Venue()
        self.market = Market()
        self.source: Source | None = None
        self.others: list[Source] = []  # these hear, and are stepped by whoever made them
        self.now = START
        self.trades: list[Trade] = []
        self.refused: list[tuple[AnyCommand, Batch]] = []
        currencies = currencies_of(pairs)
        self.send([*listing_commands(currencies, self.instruments), *account_commands(currencies)])

    def send(self, commands: Iterable[Command]) -> list[Batch]:
        """Carries out commands; returns their batches."""
        return [batch for command in commands for batch in self._carry_out(command)]

    def _carry_out(self, command: Command) -> Iterator[Batch]:
        more = True
        while more:
            self.now = max(self.now, self.venue.ts + 1)
            batch = self.venue.apply(Stamped(self.venue.seq + 1, self.now, command))
            self._tell(command, batch)
            yield batch
            command, more = Proceed(), batch.more

    def _tell(self, command: Command, batch: Batch) -> None:
        if not batch.outcome.accepted:
            self.refused.append((command, batch))
        self.trades += [event for event in batch.public if isinstance(event, Trade)]
        for _ in self.market.apply(batch):
            pass
        if self.source is not None:
            self.source.hear(batch)
        for other in self.others:
            other.hear(batch)

    def step(self) -> list[AnyCommand]:
        """Steps the source when it is due, and carries out what it wants."""
        assert self.source is not None
        due = self.source.due
        assert due is not None
        self.now = max(self.now, due)
        commands = self.source.step(self.now)
        self.send(commands)
        return commands

    def run(self, seconds: float) -> list[AnyCommand]:
        """Steps the source for as long as it is due within this time; returns all that it wanted."""
        assert self.source is not None
        until = self.now + int(seconds * SECOND)
        commands: list[AnyCommand] = []
        while (due := self.source.due) is not None and due <= until:
            commands += self.step()
        self.now = until
        return commands

    def levels(self, instrument: int, side: Side) -> dict[int, int]:
        """Sizes by price, best first."""
        book = self.market.instruments[instrument].book.side(side)
        return {level.price: level.size for level in book.top(len(book))}


SYMBOL = "XBT/USD"


def book(ts: int, bids: dict[str, str], asks: dict[str, str], reset: bool = False, symbol: str = SYMBOL) -> Moment:
    """A recorded book message, its levels stamped `ts`."""
    levels = [InboundLevel(Side.BUY, price, size, ts) for price, size in bids.items()]
    levels += [InboundLevel(Side.SELL, price, size, ts) for price, size in asks.items()]
    return Moment(ts, BookMessage(symbol, 1000, reset, levels))


def trades(ts: int, side: Side, *prices_sizes: tuple[str, str], kind: OrderKind = OrderKind.LIMIT) -> Moment:
    """A recorded trade message."""
    return Moment(ts, TradeMessage(SYMBOL, [InboundTrade(price, size, ts, side, kind) for price, size in prices_sizes]))
