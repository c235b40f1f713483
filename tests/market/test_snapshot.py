"""A market from a snapshot and the rest of the batches equals one that was built from the start."""

import random

import msgspec
import pytest

from polyfeed.market import image
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail, InstrumentKind, OrderKind, Side
from polyfeed.model.events import (
    BookReset,
    CurrencyDefined,
    FundingSettled,
    IndexPriceSet,
    InsuranceFundSet,
    LevelSet,
    MarkPriceSet,
    OrderOpened,
    SystemStatusSet,
    Trade,
)
from polyfeed.model.instruments import Currency
from tests.market.flow import NaiveVenue
from tests.market.words import DAY, HOUR, MINUTE, MONDAY, RECORDING, SECOND, Driven, instrument, trade


class Flow:
    """Random batches of two matched instruments and a recorded one, over days."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        perpetual = msgspec.structs.replace(instrument(3), kind=InstrumentKind.PERPETUAL)
        listed = instrument(0, kraken="A"), instrument(1), instrument(2, Detail.LEVELS), perpetual
        self.driven = Driven(*listed, ts=MONDAY)
        self.venues = [NaiveVenue(self.rng, number) for number in (0, 1)]
        self.now = MONDAY
        self.recorded = MONDAY - 400 * DAY
        self.entering = 0

    def next(self) -> Batch:
        gap = self.rng.choice((SECOND, SECOND, MINUTE, HOUR, 9 * HOUR))
        if self.rng.random() < 0.3:
            self.recorded += self.rng.randrange(gap)
            return self.driven.batch(self.recording(), self.recorded, RECORDING)
        self.now += self.rng.randrange(gap)
        if self.rng.random() < 0.2:
            price = self.rng.randrange(90, 110)
            events = [IndexPriceSet(3, price), MarkPriceSet(3, price + 1), FundingSettled(3, price, price + 1)]
            return self.driven.batch(self.rng.sample(events, self.rng.randrange(4)), self.now)
        if self.rng.random() < 0.1:
            self.entering += 1
            opened = OrderOpened(0, 10**9 + self.entering, Side.BUY, 1, 5)
            return self.driven.batch([opened], self.now, more=True)
        return self.driven.batch(self.rng.choice(self.venues).step(), self.now)

    def recording(self) -> list[LevelSet | BookReset | Trade]:
        if self.rng.random() < 0.1:
            return [BookReset(2, [(99, 1, 5)], [(101, 2, 6), (102, 3, 7)])]
        side = self.rng.choice(list(Side))
        price, size = self.rng.randrange(90, 110), self.rng.randrange(9)
        return [LevelSet(2, side, price, size), trade(price, size + 1, number=2, side=side)]


@pytest.mark.parametrize("seed", range(6))
def test_restored_at_any_time_it_goes_on_equal_after_every_batch(seed: int) -> None:
    flow = Flow(seed)
    copies: list[Market] = []
    for number in range(300):
        if number % 50 == seed:
            copies.append(Market.restore(flow.driven.market.snapshot()))
        batch = flow.next()
        changes = list(flow.driven.market.apply(batch))
        for copy in copies:
            assert list(copy.apply(batch)) == changes
        assert {copy.state_hash() for copy in copies} <= {flow.driven.market.state_hash()}
        assert all(shown(copy) == shown(flow.driven.market) for copy in copies)
    assert len(copies) == 6


def shown(market: Market) -> list[object]:
    """What is made of the state when somebody looks, and so is not in the hash."""
    return [
        (state.stats.today, state.stats.rolling, state.stats.price_ago(3600), state.stats.price_ago(86400))
        for state in market.instruments
    ]


@pytest.mark.parametrize("seed", range(3))
def test_looking_changes_nothing(seed: int) -> None:
    """Statistics roll when somebody looks; a market that nobody looks at is equal all the same."""
    watched, unwatched = Flow(seed), Flow(seed)
    for _ in range(200):
        list(watched.driven.market.apply(watched.next()))
        list(unwatched.driven.market.apply(unwatched.next()))
        for state in watched.driven.market.instruments:
            assert state.stats.today.count <= state.stats.rolling.count + state.stats.today.count
            state.stats.price_ago(3600)
            state.candles.history(3600, 5)
    assert watched.driven.market.state_hash() == unwatched.driven.market.state_hash()


def test_equal_markets_have_equal_hashes_however_they_came_to_be() -> None:
    one, other = (Driven(instrument(0, Detail.LEVELS, kraken="X", peatio="y"), ts=MONDAY) for _ in range(2))
    levels = [LevelSet(0, side, price, 5, ts=9) for side in Side for price in (100, 101, 102)]
    passing = [LevelSet(0, Side.BUY, 50, 1, ts=9), LevelSet(0, Side.BUY, 50, 0, ts=9)]
    currencies = [CurrencyDefined(Currency(code, 2)) for code in ("USD", "BTC", "ETH")]
    funds = [InsuranceFundSet(code, 2) for code in ("USD", "EUR")]
    one.send(*levels, *currencies, *funds, ts=MONDAY)
    other.send(*reversed(funds), *reversed(currencies), *passing, *reversed(levels), ts=MONDAY)
    assert one.market.snapshot() == other.market.snapshot()
    assert one.market.state_hash() == other.market.state_hash()


def test_a_difference_anywhere_is_a_different_hash() -> None:
    hashes = set()
    for event in (
        LevelSet(0, Side.BUY, 100, 5),
        LevelSet(0, Side.BUY, 100, 6),
        LevelSet(0, Side.BUY, 100, 6, ts=1),
        trade(100, 6),
        trade(100, 6, side=Side.SELL),
        MarkPriceSet(0, 5),
        SystemStatusSet("maintenance"),
        OrderOpened(0, 5, Side.BUY, 100, 6),
    ):
        driven = Driven(instrument(0))
        driven.send(event, ts=7, more=True)
        hashes.add(driven.market.state_hash())
    assert len(hashes) == 8


def test_sums_wider_than_64_bits_are_kept_exactly() -> None:
    driven = Driven(instrument(0), ts=MONDAY)
    big = 2**63 - 1
    for number in range(5):
        driven.send(Trade(0, number, big, big, Side.BUY, OrderKind.LIMIT), ts=MONDAY + number * MINUTE)
    again = Market.restore(driven.market.snapshot()).instruments[0]
    assert again.stats.rolling.value == again.stats.today.value == 5 * big * big
    assert again.stats.rolling.volume == 5 * big
    candle = again.candles.current(86400)
    assert candle is not None
    assert (candle.value, candle.volume, candle.vwap()) == (5 * big * big, 5 * big, big)


def test_names_and_orders_are_found_after_a_restore() -> None:
    driven = Driven(instrument(0, kraken="XBT/USD"), ts=MONDAY)
    opened = OrderOpened(0, 5, Side.BUY, 100, 6)
    driven.send(opened, more=True)
    again = Market.restore(driven.market.snapshot())
    state = again.by_symbol("kraken", "XBT/USD")
    assert state is again.instruments[0]
    assert state.orders is not None
    assert state.orders.terms(5) == opened
    list(again.apply(driven.batch([])))
    assert state.orders.terms(5) is None


@pytest.mark.parametrize("data", [b"", b"\xc0", b"garbage", msgspec.msgpack.encode([1, 2, 3])])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Market.restore(data)


def test_a_snapshot_of_another_form_is_refused() -> None:
    shown = image.decode(Market().snapshot())
    other = msgspec.structs.replace(shown, form=image.FORMAT + 1)
    with pytest.raises(ValueError, match="has form 3, this version reads 2"):
        Market.restore(image.encode(other))
