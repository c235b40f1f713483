"""The numbers: a histogram of ranks against a counter for each depth, on random books; and across a restart."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail, MarginMode, OrderKind, Side
from polyfeed.model.events import (
    BookReset,
    CurrencyDefined,
    InstrumentListed,
    LevelSet,
    PositionSet,
    PublicEvent,
    Trade,
)
from polyfeed.model.instruments import Currency

from .rig import instrument

DEPTHS = range(1, 15)
PRICES = range(100, 112)

level = st.builds(
    lambda side, price, size: LevelSet(0, side, price, size),
    st.sampled_from(Side),
    st.sampled_from(PRICES),
    st.sampled_from((0, 0, 1, 2)),
)
rows = st.dictionaries(st.sampled_from(PRICES), st.integers(1, 2)).map(lambda held: [(*row, 0) for row in held.items()])
reset = st.builds(lambda bids, asks: BookReset(0, bids, asks), rows, rows)
batches = st.lists(st.lists(st.one_of(level, level, level, level, reset), max_size=6), max_size=40)


def listed() -> tuple[Market, EkidenProjection]:
    market = Market()
    projection = EkidenProjection(market)
    one = instrument(0, "BTC-USDC", detail=Detail.LEVELS)
    fold(market, projection, 1, [CurrencyDefined(Currency("BTC", 6)), InstrumentListed(one)])
    return market, projection


def fold(market: Market, projection: EkidenProjection, seq: int, events: list[PublicEvent]) -> None:
    batch = Batch(1, seq, 1_000_000 + seq, public=events)
    for change in market.apply(batch):
        projection.fold(batch, change)
    projection.settle(batch)


def tops(market: Market) -> list[object]:
    """What each depth shows of either side, apart: a level that only changes sides is another book."""
    book = market.instruments[0].book
    return [[[(one.price, one.size) for one in side.top(n)] for side in (book.bids, book.asks)] for n in DEPTHS]


@settings(max_examples=300, deadline=None)
@given(batches)
@example([[BookReset(0, [], [(100, 1, 0)])], [BookReset(0, [(100, 1, 0)], [])]])
def test_seq_is_the_number_of_batches_that_changed_the_top(events: list[list[PublicEvent]]) -> None:
    market, projection = listed()
    counters = [0] * len(DEPTHS)
    before = tops(market)
    for place, batch in enumerate(events):
        if place == len(events) // 2:
            restored = EkidenProjection(market)
            restored.restore(projection.snapshot())
            assert restored.snapshot() == projection.snapshot()
            projection = restored
        fold(market, projection, place + 2, batch)
        after = tops(market)
        counters = [count + (old != new) for count, old, new in zip(counters, before, after, strict=True)]
        before = after
        assert [projection.of(0).seq(n) for n in DEPTHS] == counters


def test_what_is_undone_within_a_batch_has_no_number() -> None:
    market, projection = listed()
    up, down = LevelSet(0, Side.BUY, 100, 5), LevelSet(0, Side.BUY, 100, 0)
    fold(market, projection, 2, [up, down])
    assert projection.of(0).seq(1000) == 0
    fold(market, projection, 3, [up])
    fold(market, projection, 4, [down, up])
    assert projection.of(0).seq(1) == projection.of(0).seq(1000) == 1


def test_trades_without_an_id_and_positions_are_counted() -> None:
    market, projection = listed()
    fold(market, projection, 2, [Trade(0, 0, 100, 1, Side.BUY, OrderKind.LIMIT)] * 3)
    fold(market, projection, 3, [Trade(0, 7, 100, 1, Side.BUY, OrderKind.LIMIT)])
    numbers = projection.of(0)
    assert (numbers.unnumbered, numbers.traded, numbers.stirred) == (3, 1_000_003, 1_000_003)
    held = PositionSet(0, 1, 5, 100, 100, 0, 0, 1, MarginMode.CROSS, 0, 0, 0, 0, 0, 0, realised_profit_total=40)
    for seq in (4, 5):
        projection.fold(Batch(1, seq, seq), AccountChange(7, held, None))
    assert projection.position(7, 0) == (2, 5, 40)
    again = EkidenProjection(market)
    again.restore(projection.snapshot())
    assert again.position(7, 0) == (2, 5, 40)
    assert again.snapshot() == projection.snapshot()
