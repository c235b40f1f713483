"""Whatever events come, as long as their types are right, nothing that is kept loses its form."""

from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch, decode_batch, encode_batch
from polyfeed.model.enums import Detail, Side
from polyfeed.model.events import InstrumentListed, PublicEvent
from polyfeed.model.intervals import INTERVALS
from tests.market.anything import TIMES, event_of
from tests.market.words import RECORDING, VENUE, Driven, instrument

INSTRUMENTS = st.integers(0, 1)
KINDS = [kind for kind in get_args(PublicEvent) if kind is not InstrumentListed]
EVENTS = st.one_of(
    *(
        event_of(kind, **({"instrument": INSTRUMENTS} if "instrument" in kind.__struct_fields__ else {}))
        for kind in KINDS
    )
)
BATCHES = st.lists(
    st.tuples(st.sampled_from((VENUE, RECORDING)), TIMES, st.lists(EVENTS, max_size=8), st.booleans()), max_size=8
)


def assert_sound(state: InstrumentState) -> None:
    for side in Side:
        book = state.book.side(side)
        levels = book.top(len(book))
        prices = [level.price for level in levels]
        assert prices == sorted(set(prices), reverse=side is Side.BUY)
        assert len(levels) == len(book)
        assert all(level.size > 0 for level in levels)
        assert [book.rank_of(price) for price in prices] == list(range(len(prices)))
        if state.orders is not None:
            queued = state.orders.top(side, 10**6)
            assert {price for _, price, _ in queued} <= set(prices)
            assert len({number for number, _, _ in queued}) == len(queued)
            assert all(left > 0 for _, _, left in queued)
    if state.orders is not None:
        assert len(state.orders.resting) == sum(len(state.orders.top(side, 10**6)) for side in Side)
    for interval in INTERVALS:
        starts = [candle.start for candle in state.candles.history(interval, 720)]
        assert starts == sorted(set(starts))
    for window in (state.stats.today, state.stats.rolling):
        assert window.low <= window.open <= window.high
        assert window.count >= 0


@given(BATCHES)
@settings(deadline=None, max_examples=150)
def test_nothing_loses_its_form(batches: list[tuple[int, int, list[Any], bool]]) -> None:
    driven = Driven(instrument(0), instrument(1, Detail.LEVELS))
    for epoch, ts, events, more in batches:
        batch = driven.batch(events, ts, epoch, more)
        for _ in driven.market.apply(batch):
            for state in driven.market.instruments:
                assert_sound(state)
        for state in driven.market.instruments:
            assert_sound(state)
    assert Market.restore(driven.market.snapshot()).snapshot() == driven.market.snapshot()


@given(BATCHES, st.integers(0, 8))
@settings(deadline=None, max_examples=100)
def test_a_restored_market_goes_on_as_the_first_one(
    batches: list[tuple[int, int, list[Any], bool]], restored_at: int
) -> None:
    """Batches that went through their encoding, against those that did not."""
    driven = Driven(instrument(0), instrument(1, Detail.LEVELS))
    other = Market.restore(driven.market.snapshot())
    for number, (epoch, ts, events, more) in enumerate(batches):
        batch: Batch = driven.batch(events, ts, epoch, more)
        if number == restored_at:
            other = Market.restore(driven.market.snapshot())
        again = decode_batch(encode_batch(batch))
        assert list(driven.market.apply(batch)) == list(other.apply(again))
        assert driven.market.state_hash() == other.state_hash()
