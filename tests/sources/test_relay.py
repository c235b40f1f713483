"""An upstream's messages as batches: what is passed on, and what the market makes of it."""

from __future__ import annotations

import pytest

from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import OwnFrameRelayed, RelayedFrame
from polyfeed.sources.relay import Relay
from polyfeed.sources.relay_terms import GUESSED_SCALE, Terms, scaled

NOW = 1_588_000_800_000_000
ONE = 10**GUESSED_SCALE


class Room:
    """A relay and the market that it feeds."""

    def __init__(self, **terms: Terms) -> None:
        self.market = Market()
        self.relay = Relay(3, lambda: len(self.market.instruments), terms)
        self.now = NOW

    def fold(self, batch: Batch | None) -> list[str]:
        """The market takes it in; what it announces, by class."""
        if batch is None:
            return []
        return [type(change).__name__ for change in self.market.apply(batch)]

    def say(self, key: str, body: str) -> list[str]:
        self.now += 1000
        return self.fold(self.relay.message(self.now, key, body.encode()))

    def levels(self) -> tuple[dict[int, int], dict[int, int]]:
        """Bids and asks in whole units."""
        book = self.market.instruments[0].book
        bids, asks = ({one.price // ONE: one.size // ONE for one in side.top(999)} for side in (book.bids, book.asks))
        return bids, asks


SNAP = '{"asks":[["12","1"],["14","1"]],"bids":[["11","2"],["10","2"]],"sequence":1}'


def test_a_market_is_guessed_listed_and_kept() -> None:
    room = Room()
    assert room.say("public.btcusd.ob-snap", SNAP) == ["InstrumentListed", "BookReset", "RelayedFrame"]
    instrument = room.market.instruments[0].instrument
    assert (instrument.name, instrument.symbols["kraken"]) == ("BTC-USD", "XBT/USD")
    assert room.levels() == ({11: 2, 10: 2}, {12: 1, 14: 1})
    assert room.say("public.btcusd.ob-inc", '{"asks":["12",""],"sequence":2}') == ["LevelChange", "RelayedFrame"]
    assert room.say("public.btcusd.ob-inc", '{"bids":[["11","5"],["9","1"]],"sequence":3}')[-1] == "RelayedFrame"
    assert room.levels() == ({11: 5, 10: 2, 9: 1}, {14: 1})
    # A snapshot of what is known already changes nothing; another one only what differs.
    known = '{"asks":[["14","1"]],"bids":[["11","5"],["10","2"],["9","1"]],"sequence":3}'
    assert room.say("public.btcusd.ob-snap", known) == ["RelayedFrame"]
    other = '{"asks":[["14","1"]],"bids":[["11","5"],["10","3"]],"sequence":9}'
    assert room.say("public.btcusd.ob-snap", other) == ["LevelChange", "LevelChange", "RelayedFrame"]
    assert room.levels() == ({11: 5, 10: 3}, {14: 1})


def test_trades_make_the_tape() -> None:
    room = Room()
    body = '{"trades":[{"tid":7,"taker_type":"sell","date":1588000798,"price":"1020.5","amount":"0.001"}]}'
    assert room.say("public.btcusd.trades", body) == ["InstrumentListed", "Trade", "RelayedFrame"]
    (entry,) = room.market.instruments[0].tape.recent(5)
    assert (entry.trade_id, entry.price, entry.size) == (7, 102_050_000_000, 100_000)
    assert entry.taker_side is Side.SELL
    assert entry.ts == 1_588_000_798_999_999


def test_update_makes_a_book_too() -> None:
    room = Room()
    room.say("public.btcusd.update", '{"asks":[["12","1"]],"bids":[["11","2"]]}')
    room.say("public.btcusd.update", '{"asks":[["12","3"]],"bids":[["10","2"]]}')
    assert room.levels() == ({10: 2}, {12: 3})
    # From the first increments on it says nothing new.
    room.say("public.btcusd.ob-snap", SNAP)
    assert room.say("public.btcusd.update", '{"asks":[],"bids":[]}') == ["RelayedFrame"]


def test_increments_without_a_snapshot_are_no_book() -> None:
    room = Room()
    assert room.say("public.btcusd.ob-inc", '{"asks":["12","1"],"sequence":2}') == ["InstrumentListed", "RelayedFrame"]
    assert room.levels() == ({}, {})


def test_terms_that_are_configured() -> None:
    room = Room(**Terms.read("btcusd=BTC-USD:2:6, abcdef=AB-CDEF"))
    assert [room.fold(batch) for batch in room.relay.listing(NOW)] == [["InstrumentListed"], ["InstrumentListed"]]
    first, second = (state.instrument for state in room.market.instruments)
    assert (first.price_scale, first.size_scale) == (2, 6)
    assert (second.base, second.quote, second.price_scale) == ("AB", "CDEF", GUESSED_SCALE)
    assert not list(room.relay.listing(NOW))
    for bad in ("btcusd", "btcusd=BTC", "btcusd=BTC-USD:x:2"):
        with pytest.raises(ValueError, match="is not like"):
            Terms.read(bad)


def test_private_messages() -> None:
    room = Room()
    batch = room.relay.message(NOW, "private.IDABC.order", b'{"id":1}')
    assert batch is not None
    assert list(batch.private.values()) == [[OwnFrameRelayed("order", b'{"id":1}')]]


def test_streams_of_routing_keys() -> None:
    relay = Room().relay
    streams = {}
    for key in ("public.a.b", "global.tickers", "public.global.tickers", "admin.a.b", "public.a.b.c", "public.a", "x"):
        batch = relay.message(NOW, key, b"{}")
        frames = [event for event in batch.public if isinstance(event, RelayedFrame)] if batch else []
        streams[key] = frames[0].stream if frames else None
    assert streams == {
        "public.a.b": "a.b",
        "global.tickers": "global.tickers",
        "public.global.tickers": "global.tickers",
        "admin.a.b": "admin.a.b",
        "public.a.b.c": None,
        "public.a": None,
        "x": None,
    }
    assert relay.dropped == {"routing key": 3}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nope", b'{"a":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_dropped(body: bytes) -> None:
    relay = Room().relay
    assert relay.message(NOW, "public.a.b", body) is None
    assert relay.dropped == {"not JSON": 1}


@pytest.mark.parametrize(
    "body",
    [
        '{"asks":5}',
        '{"asks":[["a","b"]],"bids":[]}',
        '{"asks":[["-1","1"]],"bids":[]}',
        '{"asks":[["1e99","1"]],"bids":[]}',
        '{"asks":[["NaN","1"]],"bids":[]}',
        '{"asks":[["1"]],"bids":[]}',
        "null",
        "[]",
    ],
)
def test_odd_bodies_are_passed_on_and_change_no_book(body: str) -> None:
    room = Room()
    room.say("public.btcusd.ob-snap", SNAP)
    assert room.say("public.btcusd.ob-snap", body) == ["RelayedFrame"]
    assert room.levels() == ({11: 2, 10: 2}, {12: 1, 14: 1})


def test_a_gap_empties_the_book_until_there_is_a_snapshot() -> None:
    room = Room()
    room.say("public.btcusd.ob-snap", SNAP)
    assert room.fold(room.relay.interrupted(room.now)) == []
    assert room.say("public.btcusd.ob-inc", '{"asks":["12","7"],"sequence":5}') == [
        "RelayedFrame",
        "BookReset",
        "RelayedFrame",
    ]
    assert room.levels() == ({}, {})
    room.say("public.btcusd.ob-snap", '{"asks":[["12","7"]],"bids":[],"sequence":6}')
    assert room.levels() == ({}, {12: 7})


def test_a_connection_lost_without_loss() -> None:
    room = Room()
    room.say("public.btcusd.ob-snap", SNAP)
    room.relay.interrupted(room.now)
    assert room.say("public.btcusd.ob-inc", '{"asks":["12","7"],"sequence":2}') == ["LevelChange", "RelayedFrame"]


def test_streams_without_numbers_are_interrupted_at_once() -> None:
    room = Room()
    room.say("public.btcusd.ob-snap", '{"asks":[["12","1"]],"bids":[]}')
    assert room.fold(room.relay.interrupted(room.now)) == ["RelayedFrame", "BookReset"]


def test_time_passes_when_nothing_comes() -> None:
    room = Room()
    room.say("public.btcusd.ob-snap", SNAP)
    told = room.relay.clock(room.now + 100_000)
    assert told is not None
    assert room.fold(told) == []
    assert (told.ts, told.public, told.private) == (room.now + 100_000, [], {})
    assert room.relay.clock(room.now + 200_000) is None
    later = room.relay.clock(room.now + 1_100_000)
    assert later is not None
    assert later.seq == told.seq + 1
    room.fold(later)
    room.now += 1_200_000
    room.say("public.btcusd.ob-inc", '{"asks":["12","7"],"sequence":2}')
    assert room.relay.clock(room.now + 1) is not None


def test_numbers() -> None:
    assert [scaled(text, 2) for text in ("1", "1.239", "1e-1", "0")] == [100, 123, 10, 0]
    for bad in ("-1", "x", "1e40", "Infinity"):
        with pytest.raises((ValueError, ArithmeticError)):
            scaled(bad, 2)
