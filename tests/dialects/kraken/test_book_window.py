"""The window of every depth, held against a client that only does as it is told (spec/kraken.md 3.10)."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.market.book import Level
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset, LevelSet, PublicEvent
from tests.desk import Client
from tests.dialects.kraken.naive import NaiveClient
from tests.dialects.kraken.support import START, client_of, instrument, server, subscribe

DEPTHS = (10, 25, 100, 500, 1000)
MIDDLE = 10_000


class Watched:
    """A pair whose prices have one decimal, and clients that are compared with its true book."""

    def __init__(self) -> None:
        self.desk = server(instrument(0, "XBT/USD", 1))
        self.clients: list[tuple[Client, NaiveClient]] = []
        self.ts = START

    def join(self, *depths: int) -> None:
        """A new client subscribes to these depths."""
        client, naive = client_of(self.desk, len(self.clients)), NaiveClient()
        for depth in depths:
            _, snapshot = subscribe(self.desk, client, "XBT/USD", name="book", depth=depth)
            naive.receive(snapshot)
        self.clients.append((client, naive))

    def level(self, side: Side, away: int, size: int) -> LevelSet:
        """A level so many ticks from the middle."""
        self.ts += 7
        price = MIDDLE - away if side is Side.BUY else MIDDLE + away
        return LevelSet(0, side, price, size * 10**8, self.ts)

    def publish(self, events: list[PublicEvent]) -> None:
        """One batch; afterwards every book of every client is the true one, texts and times included."""
        self.desk.publish(events, self.ts)
        book = self.desk.market.instruments[0].book
        for client, naive in self.clients:
            for text in client.take():
                naive.receive(text)
            assert naive.wrong == []
            for shown in naive.books.values():
                assert list(shown.asks.items()) == [_texts(level) for level in book.asks.top(shown.depth)]
                assert list(shown.bids.items()) == [_texts(level) for level in book.bids.top(shown.depth)]


def _texts(level: Level) -> tuple[str, tuple[str, str]]:
    price, size, ts = level
    return f"{price // 10}.{price % 10}", (f"{size // 10**8}.00000000", f"{ts // 10**6}.{ts % 10**6:06d}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [6, 25, 300])
def test_random_books(seed: int, width: int) -> None:
    """Batches of one to forty events; `width` says how far the levels spread, so that the edge of each depth is met."""
    rng, watched = random.Random(seed), Watched()
    watched.join(*DEPTHS)
    for number in range(1_000):
        events: list[PublicEvent] = []
        for _ in range(rng.choice((1, 1, 1, 2, 5, 40))):
            away = min(int(rng.expovariate(1 / width)) + 1, MIDDLE - 1)
            size = 0 if rng.random() < 0.48 else rng.randrange(1, 9)
            events.append(watched.level(rng.choice((Side.BUY, Side.SELL)), away, size))
        watched.publish(events)
        if number in (100, 500):
            watched.join(*DEPTHS)


EVENT = st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 14), st.sampled_from([0, 0, 1, 2]))


@settings(max_examples=300, deadline=None)
@given(start=st.lists(EVENT, max_size=40), batches=st.lists(st.lists(EVENT, min_size=1, max_size=12), max_size=12))
def test_the_edge_of_ten_levels(start: list[tuple[Side, int, int]], batches: list[list[tuple[Side, int, int]]]) -> None:
    """Books of up to 14 levels a side and batches that push levels out, remove them behind the window and shrink it."""
    watched = Watched()
    watched.publish([watched.level(*event) for event in start])
    watched.join(10)
    for batch in batches:
        watched.publish([watched.level(*event) for event in batch])


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(EVENT, min_size=1, max_size=6), min_size=1, max_size=6), place=st.integers(0, 6))
def test_a_reset_heals_every_book(batches: list[list[tuple[Side, int, int]]], place: int) -> None:
    watched = Watched()
    watched.join(10, 25)
    for batch in batches:
        events: list[PublicEvent] = [watched.level(*event) for event in batch]
        whole = BookReset(0, [(9_000, 10**8, START), (8_000, 10**8, START)], [(10_500, 10**8, START)])
        events.insert(min(place, len(events)), whole)
        watched.publish(events)


def test_no_level_is_republished_that_the_client_has() -> None:
    """In single events "r" marks only what is new to the client and behind its worst level (sheet 3.10, rule 4)."""
    rng, watched = random.Random(9), Watched()
    watched.join(10)
    client, naive = watched.clients[0]
    republished = 0
    for _ in range(3_000):
        size = 0 if rng.random() < 0.48 else rng.randrange(1, 9)
        watched.desk.publish([watched.level(rng.choice((Side.BUY, Side.SELL)), rng.randrange(1, 30), size)])
        for text in client.take():
            (_, shown) = next(iter(naive.books.items()))
            known = {"a": set(shown.asks), "b": set(shown.bids)}
            for payload in json.loads(text)[1:-2]:
                for side, rows in payload.items():
                    for price, volume, *_, mark in (row for row in rows if side != "c" and len(row) == 4):
                        assert (mark, price in known[side], volume != "0.00000000") == ("r", False, True)
                        republished += 1
            naive.receive(text)
    assert republished > 200


def test_a_kept_snapshot_is_made_anew_after_a_change() -> None:
    watched = Watched()
    watched.join(10)
    watched.publish([watched.level(Side.BUY, away, 1) for away in range(1, 13)])
    watched.join(10)
    watched.publish([watched.level(Side.BUY, 12, 2)])
    watched.join(10)
    watched.publish([watched.level(Side.BUY, 3, 2)])
    watched.join(10)
    watched.publish([watched.level(Side.BUY, 3, 0)])
