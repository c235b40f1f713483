"""The shipped capture as orders: after every message the venue's books are the recorded ones."""

from __future__ import annotations

from random import Random

import pytest

from polyfeed.dialects._base.inbound import BookMessage, InboundTrade, TradeMessage
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.model.commands import CancelAll, PlaceOrder
from polyfeed.model.enums import CloseReason, OrderKind, Refusal, Side, TimeInForce
from polyfeed.model.events import OrderClosed, Trade
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled
from polyfeed.sources.capture_orders import CaptureOrders
from polyfeed.sources.captures import shipped_captures
from polyfeed.sources.demo import FLOW, LIQUIDITY
from polyfeed.sources.pairs import instruments_of, read_pairs
from polyfeed.sources.timeline import Moment, Timeline
from tests.sources.rig import SECOND, START, Rig, any_size, by_symbol

pytestmark = pytest.mark.slow

BURST = 64
Books = dict[tuple[int, Side], dict[int, int]]


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    return list(Timeline(shipped_captures(), KrakenInbound))


@pytest.fixture(scope="module")
def instruments() -> list[Instrument]:
    return any_size(instruments_of(read_pairs()))


@pytest.fixture(scope="module")
def symbols(moments: list[Moment], instruments: list[Instrument]) -> dict[str, Instrument]:
    return by_symbol(instruments, sorted({moment.message.symbol for moment in moments}))


def fold(books: Books, instrument: Instrument, message: BookMessage) -> None:
    """What a naive client that keeps `depth` levels makes of a message."""
    if message.reset:
        books[instrument.id, Side.BUY] = {}
        books[instrument.id, Side.SELL] = {}
    for level in message.levels:
        side = books[instrument.id, level.side]
        price = parse_scaled(level.price, instrument.price_scale)
        size = parse_scaled(level.size, instrument.size_scale)
        side[price] = size
        if not size:
            del side[price]
    for side, worst in ((Side.BUY, min), (Side.SELL, max)):
        while len(book := books[instrument.id, side]) > message.depth:
            del book[worst(book)]


def as_told(instrument: Instrument, trade: InboundTrade) -> tuple[object, ...]:
    price, size = (
        parse_scaled(trade.price, instrument.price_scale),
        parse_scaled(trade.size, instrument.size_scale),
    )
    return instrument.id, price, size, trade.taker_side, trade.taker_kind


def as_made(trade: Trade) -> tuple[object, ...]:
    return trade.instrument, trade.price, trade.size, trade.taker_side, trade.taker_kind


def test_after_each_message_the_books_are_the_recorded_ones(
    moments: list[Moment], instruments: list[Instrument], symbols: dict[str, Instrument]
) -> None:
    rig = Rig(instruments)
    source = rig.source = CaptureOrders(moments, symbols, LIQUIDITY, FLOW, speed=None, loop=False)
    recorded: Books = {}
    told: list[tuple[object, ...]] = []
    compared = 0
    for moment in moments:
        message = moment.message
        instrument = symbols[message.symbol]
        rig.now += 1
        rig.send(source.step(rig.now))
        if isinstance(message, TradeMessage):
            told += [as_told(instrument, trade) for trade in message.trades]
            continue
        while (due := source.due) is not None:
            rig.send(source.step(max(rig.now, due)))
        fold(recorded, instrument, message)
        changed = {level.side for level in message.levels}
        for side in changed:
            book = rig.market.instruments[instrument.id].book.side(side)
            wanted = recorded[instrument.id, side]
            assert len(book) == len(wanted)
            if message.reset or compared % 50 == 0:
                assert rig.levels(instrument.id, side) == wanted
            compared += 1
        for level in message.levels:
            price = parse_scaled(level.price, instrument.price_scale)
            stands = rig.market.instruments[instrument.id].book.side(level.side).get(price)
            assert (stands.size if stands else 0) == recorded[instrument.id, level.side].get(price, 0)
    assert compared == 14_506 + 10 + 1, "both sides of ten snapshots and of one update"
    assert [as_made(trade) for trade in rig.trades] == told
    assert len(told) == 28
    assert rig.refused == []


@pytest.mark.parametrize("speed", [1.0, 100.0])
def test_two_passes_at_a_speed(
    speed: float, moments: list[Moment], instruments: list[Instrument], symbols: dict[str, Instrument]
) -> None:
    """The trades come out twice; the restart trades nothing, crosses nothing and stays small in every step."""
    rig = Rig(instruments)
    source = rig.source = CaptureOrders(moments, symbols, LIQUIDITY, FLOW, speed=speed, burst=BURST)
    length = (moments[-1].ts - moments[0].ts) / speed
    ends: list[CloseReason] = []
    largest = 0
    while len(rig.trades) < 56:
        rig.now = max(rig.now, source.due)
        commands = source.step(rig.now)
        largest = max(largest, len(commands))
        for batch in rig.send(commands):
            ends += [event.reason for event in batch.public if isinstance(event, OrderClosed)]
    first, second = rig.trades[:28], rig.trades[28:]
    assert [as_made(trade) for trade in first] == [as_made(trade) for trade in second]
    assert set(ends) == {CloseReason.USER}
    assert largest <= BURST + 6, "a sweep of seven trades is not cut"
    assert rig.refused == []
    elapsed = rig.now - START
    assert 2 * length < elapsed < 2 * length + 4 * SECOND


def test_the_first_books_stand_within_two_seconds_and_touch_first(
    moments: list[Moment], instruments: list[Instrument], symbols: dict[str, Instrument]
) -> None:
    rig = Rig(instruments)
    rig.source = CaptureOrders(moments, symbols, LIQUIDITY, FLOW)
    ready = {}
    while len(ready) < 10:
        rig.step()
        for symbol, instrument in symbols.items():
            book = rig.market.instruments[instrument.id].book
            if len(book.bids) >= 25 and len(book.asks) >= 25:
                ready.setdefault(symbol, rig.now - START)
    assert max(ready.values()) < 0.2 * SECOND
    recorded: Books = {}
    for moment in moments[:10]:
        fold(recorded, symbols[moment.message.symbol], moment.message)
    while any(rig.levels(number, side) != levels for (number, side), levels in recorded.items()):
        assert not any(isinstance(command, CancelAll) for command in rig.step())
    assert rig.now - START < 2 * SECOND


def test_whatever_users_do_a_snapshot_sets_it_right(
    moments: list[Moment], instruments: list[Instrument], symbols: dict[str, Instrument]
) -> None:
    rig = Rig(instruments)
    snapshots = [Moment(moments[-1].ts + 100 * SECOND, moment.message) for moment in moments[:10]]
    recording = [*moments, *snapshots]
    source = rig.source = CaptureOrders(recording, symbols, LIQUIDITY, FLOW, speed=100.0, loop=False)
    rng = Random(20210405)
    alice = 1001
    while source.due < START + 2 * SECOND:
        rig.now = max(rig.now, source.due)
        commands = source.step(rig.now)
        if rng.random() < 0.5:
            order = anything(rng, alice, rng.choice(list(symbols.values())), rig)
            commands.insert(rng.randrange(len(commands) + 1), order)
        rig.send(commands)
    assert len(rig.trades) > 250
    rig.send([CancelAll(alice)])
    while source.due is not None:
        rig.step()
    recorded: Books = {}
    for moment in snapshots:
        fold(recorded, symbols[moment.message.symbol], moment.message)
    assert {key: rig.levels(*key) for key in recorded} == recorded
    assert {batch.outcome.refusal for _, batch in rig.refused} <= {Refusal.INSUFFICIENT_FUNDS}


def anything(rng: Random, account: int, instrument: Instrument, rig: Rig) -> PlaceOrder:
    """An order of any size near the touch, half of them to be filled at once."""
    side = rng.choice((Side.BUY, Side.SELL))
    book = rig.market.instruments[instrument.id].book
    best = book.side(side).best()
    if best is None:
        return PlaceOrder(account, instrument.id, side, OrderKind.MARKET, instrument.lot)
    price = max(1, best.price // instrument.tick + rng.randint(-20, 20)) * instrument.tick
    tif = rng.choice((TimeInForce.GTC, TimeInForce.IOC))
    return PlaceOrder(account, instrument.id, side, OrderKind.LIMIT, rng.randint(1, 2 * best.size), price, tif)
