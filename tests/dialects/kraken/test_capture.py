"""What Kraken really sent, sent again (spec/kraken.md 6): the same 119 seconds of ten pairs on three connections."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from polyfeed.dialects._base.inbound import BookMessage, TradeMessage
from polyfeed.dialects.kraken import KrakenDialect, KrakenSettings
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.model.enums import Detail
from polyfeed.model.events import BookReset, InstrumentListed, LevelSet, Trade
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled
from polyfeed.sources.captures import read_frames, shipped_captures
from polyfeed.sources.window import DepthWindow
from tests.desk import Client, Desk
from tests.dialects.kraken.naive import NaiveClient

DEPTHS = (10, 25, 100, 500, 1000)


def recorded(channel: str) -> Iterator[str]:
    """The server's messages on the connection of a channel."""
    (path,) = shipped_captures()[0].parent.glob(f"*_{channel}_10pairs.jsonl.gz")
    return (frame.text for frame in read_frames(path) if frame.from_server)


def without_number(text: str) -> str:
    """A data message without its channelID, which differs between servers."""
    return text[text.index(",") :]


class Stage:
    """A server that shows the pairs of the capture, and one client."""

    def __init__(self) -> None:
        self.desk = Desk(lambda market: KrakenDialect(market, KrakenSettings(message_rate=0)), 1_617_666_423_000_000)
        self.instruments = {instrument.symbols["kraken"]: instrument for instrument in _instruments()}
        self.desk.publish([InstrumentListed(instrument) for instrument in self.instruments.values()])
        client = self.desk.connect(1)
        assert isinstance(client, Client)
        self.client = client

    def subscribe(self, **subscription: str | int) -> list[str]:
        """Subscribes to all pairs; returns what comes after the acknowledgements."""
        self.client.take()
        request = {"event": "subscribe", "pair": list(self.instruments), "subscription": subscription}
        self.desk.receive(self.client, json.dumps(request))
        return self.client.take()[len(self.instruments) :]


def _instruments() -> list[Instrument]:
    """The pairs of the capture in the order of its request, with the decimals that their first prices show."""
    found: dict[str, int] = {}
    for text in recorded("book-1000"):
        message = json.loads(text)
        if isinstance(message, list) and message[-1] not in found:
            found[message[-1]] = len(message[1]["as"][0][0].partition(".")[2])
        if len(found) == 10:
            break
    return [
        Instrument(
            id=number,
            name=pair,
            base=pair.split("/")[0],
            quote=pair.split("/")[1],
            price_scale=decimals,
            size_scale=8,
            tick=1,
            lot=1,
            min_size=1,
            detail=Detail.LEVELS,
            symbols={"kraken": pair},
        )
        for number, (pair, decimals) in enumerate(found.items())
    ]


@pytest.mark.slow
def test_books_of_all_depths_from_the_recorded_one() -> None:
    """After every message all five books hash as the real one did, and book-1000 is the real one byte for byte."""
    stage = Stage()
    for depth in DEPTHS:
        stage.subscribe(name="book", depth=depth)
    inbound, naive = KrakenInbound(), NaiveClient()
    windows = {pair: DepthWindow(instrument, 1000) for pair, instrument in stage.instruments.items()}
    snapshots = updates = republished = 0
    for text in recorded("book-1000"):
        message = inbound.receive(text)
        if not isinstance(message, BookMessage):
            continue
        stage.desk.publish(windows[message.symbol].events(message))
        sent = stage.client.take()
        for frame in sent:
            naive.receive(frame)
        whole = [frame for frame in sent if '"book-1000"' in frame]
        assert [without_number(frame) for frame in whole] == [without_number(text)]
        assert naive.wrong == []
        if message.reset:
            snapshots += 1
            continue
        updates += 1
        republished += sum(level.republished for level in message.levels)
        for depth in DEPTHS:
            assert naive.books[f"book-{depth}", message.symbol].checksum() == str(message.checksum), text
    assert (snapshots, updates, republished) == (10, 14_496, 2_535)


def test_recorded_trades_are_sent_as_they_were() -> None:
    stage = Stage()
    assert stage.subscribe(name="trade") == [], "a newcomer gets no trades (spec/kraken.md 3.7)"
    inbound, messages, trades = KrakenInbound(), 0, 0
    for text in recorded("trade"):
        message = inbound.receive(text)
        if not isinstance(message, TradeMessage):
            continue
        stage.desk.publish(list(_trades(stage.instruments[message.symbol], message)))
        assert [without_number(frame) for frame in stage.client.take()] == [without_number(text)]
        messages += 1
        trades += len(message.trades)
    assert (messages, trades) == (12, 28)


def _trades(instrument: Instrument, message: TradeMessage) -> Iterator[Trade]:
    for trade in message.trades:
        price = parse_scaled(trade.price, instrument.price_scale)
        size = parse_scaled(trade.size, instrument.size_scale)
        yield Trade(instrument.id, 0, price, size, trade.taker_side, trade.taker_kind, ts=trade.ts)


def test_a_ticker_per_recorded_trade_batch() -> None:
    """One for each, with the last trade and with the quotes that the trades left behind, as they really were.

    The statistics are of days that the capture does not hold: what its trades add to them is compared.
    """
    stage = Stage()
    stage.subscribe(name="ticker")
    books = _Books(stage)
    ours = []
    for text in recorded("trade"):
        message = KrakenInbound().receive(text)
        if isinstance(message, TradeMessage):
            books.play(message.symbol, message.trades[-1].ts + 1)
            assert stage.client.take() == [], "a ticker comes with trades only"
            stage.desk.publish(list(_trades(stage.instruments[message.symbol], message)))
            ours += [json.loads(frame) for frame in stage.client.take()]
    real = [json.loads(text) for text in recorded("ticker") if text.startswith("[")]
    first = {message[-1]: message[1] for message in real[:10]}
    assert len(ours) == 12
    for mine, theirs in zip(sorted(ours, key=_by_pair), sorted(real[10:], key=_by_pair), strict=True):
        body, other, before = mine[1], theirs[1], first[mine[-1]]
        assert mine[-2:] == theirs[-2:]
        assert list(body) == list(other)
        assert [body[key] for key in "abc"] == [other[key] for key in "abc"]
        assert body["t"][0] == other["t"][0] - before["t"][0]
        assert parse_scaled(body["v"][0], 8) == parse_scaled(other["v"][0], 8) - parse_scaled(before["v"][0], 8)


class _Books:
    """The recorded books, played pair by pair up to a time of the engine."""

    def __init__(self, stage: Stage) -> None:
        self._desk = stage.desk
        self._waiting: dict[str, list[list[LevelSet | BookReset]]] = {pair: [] for pair in stage.instruments}
        windows = {pair: DepthWindow(instrument, 1000) for pair, instrument in stage.instruments.items()}
        for text in recorded("book-1000"):
            message = KrakenInbound().receive(text)
            if isinstance(message, BookMessage):
                self._waiting[message.symbol].append(windows[message.symbol].events(message))

    def play(self, pair: str, until: int) -> None:
        waiting = self._waiting[pair]
        while waiting and all(not isinstance(event, LevelSet) or event.ts <= until for event in waiting[0]):
            self._desk.publish(waiting.pop(0))


def _by_pair(message: list[str]) -> str:
    return message[-1]


def test_the_window_leaves_nothing_beyond_its_depth() -> None:
    """Levels that were pushed out are taken out, so the market never shows a level that nobody vouches for."""
    stage = Stage()
    instrument = stage.instruments["XBT/USD"]
    window = DepthWindow(instrument, 1000)
    for text in recorded("book-1000"):
        message = KrakenInbound().receive(text)
        if isinstance(message, BookMessage) and message.symbol == "XBT/USD":
            events = window.events(message)
            assert all(isinstance(event, LevelSet) for event in events) != message.reset
            stage.desk.publish(events)
            book = stage.desk.market.instruments[instrument.id].book
            assert len(book.asks) <= 1000
            assert len(book.bids) <= 1000
