"""Short ways to say what a market test needs: instruments, batches, markets that know them."""

from collections.abc import Iterable

from polyfeed.market.changes import Change
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import InstrumentListed, PublicEvent, Trade
from polyfeed.model.instruments import Instrument

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = 1_640_563_200 * SECOND
"""2021-12-27 00:00:00 UTC, a Monday."""

VENUE = 1
RECORDING = 7


def instrument(number: int = 0, detail: Detail = Detail.ORDERS, **symbols: str) -> Instrument:
    return Instrument(number, f"I{number}", "BTC", "USD", 5, 8, 1, 1, 1, detail=detail, symbols=symbols)


def trade(price: int, size: int, ts: int = 0, number: int = 0, side: Side = Side.BUY) -> Trade:
    return Trade(number, 1, price, size, side, OrderKind.LIMIT, ts=ts)


class Driven:
    """A market that is sent batches which count themselves."""

    def __init__(self, *instruments: Instrument, ts: int = 0) -> None:
        self.market = Market()
        self.numbers: dict[int, int] = {}
        self.send(*map(InstrumentListed, instruments), ts=ts)

    def batch(self, events: Iterable[PublicEvent], ts: int = 0, epoch: int = VENUE, more: bool = False) -> Batch:
        seq = self.numbers[epoch] = self.numbers.get(epoch, 0) + 1
        return Batch(epoch, seq, ts, public=list(events), more=more)

    def send(self, *events: PublicEvent, ts: int = 0, epoch: int = VENUE, more: bool = False) -> list[Change]:
        return list(self.market.apply(self.batch(events, ts, epoch, more)))

    def __getitem__(self, number: int):
        return self.market.instruments[number]
