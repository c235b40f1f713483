"""What the transcripts cannot show: effects in their order, sizes, settings."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from polyfeed.dialects._base.effects import Close, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.dialects._base.limiter import Limiter
from polyfeed.dialects.kraken import KrakenDialect, KrakenSettings
from polyfeed.market.market import Market
from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.events import InstrumentListed, InstrumentStatusSet
from tests.dialects.kraken.support import client_of, instrument, server, subscribe


def request(event: str, *pairs: str, **subscription: Any) -> str:
    return json.dumps({"event": event, "pair": list(pairs), "subscription": subscription})


def test_all_acknowledgements_come_before_the_first_snapshot() -> None:
    desk = server("XBT/USD", "XBT/EUR")
    client = client_of(desk)
    effects = desk.receive(client, request("subscribe", "XBT/EUR", "XBT/TST", "XBT/USD", name="book", depth=25))
    one, two = FeedKey("book", 1, 25), FeedKey("book", 0, 25)
    assert [type(effect) for effect in effects] == [Send, Join, Send, Send, Join, Snapshot, Snapshot]
    assert [effect.key for effect in effects if isinstance(effect, Join | Snapshot)] == [one, two, one, two]


def test_a_connection_leaves_before_it_is_told() -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    subscribe(desk, client, "XBT/USD", name="book", depth=25)
    effects = desk.receive(client, request("unsubscribe", "XBT/USD", name="book", depth=25))
    assert [type(effect) for effect in effects] == [Leave, Send]


def test_only_pairs_with_a_kraken_symbol_are_listed() -> None:
    desk = server("XBT/USD", instrument(1, "ETH/USD", symbols={"bitstamp": "ethusd"}), "XBT/EUR")
    sent = subscribe(desk, client_of(desk), "ETH/USD", "XBT/EUR", name="trade")
    assert [json.loads(text)["status"] for text in sent] == ["error", "subscribed"]
    assert json.loads(sent[1])["channelID"] == 27, "the second pair of those that Kraken lists"


def test_numbers_that_the_wire_cannot_show_are_not_listed() -> None:
    """More than eight decimals of size, or prices without a point."""
    desk = server(instrument(0, "XBT/USD", size_scale=9), instrument(1, "XBT/JPY", 0), instrument(2, "XBT/EUR"))
    sent = subscribe(desk, client_of(desk), "XBT/USD", "XBT/JPY", "XBT/EUR", name="trade")
    assert [json.loads(text)["status"] for text in sent] == ["error", "error", "subscribed"]


def test_a_pair_that_is_listed_later_is_there_at_once() -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    assert '"error"' in subscribe(desk, client, "XBT/EUR", name="trade")[0]
    desk.publish([InstrumentListed(instrument(1, "XBT/EUR"))])
    assert '"channelID":27' in subscribe(desk, client, "XBT/EUR", name="trade")[0]


def test_halting_ends_every_subscription_of_the_pair_alone() -> None:
    desk = server("XBT/USD", "XBT/EUR")
    client, other = client_of(desk, 1), client_of(desk, 2)
    subscribe(desk, client, "XBT/USD", "XBT/EUR", name="*")
    desk.publish([InstrumentStatusSet(0, InstrumentStatus.HALTED)])
    ended = [json.loads(text) for text in client.take()]
    assert [message["channelName"] for message in ended] == ["ticker", "ohlc-1", "trade", "book-10", "spread"]
    assert {(message["pair"], message["status"]) for message in ended} == {("XBT/USD", "unsubscribed")}
    assert {key.instrument for key in client.joined} == {1}
    assert other.take() == []


def test_ten_thousand_pairs_in_one_message() -> None:
    """Known ones, unknown ones and repetitions: the cost grows with their number, not with its square."""
    pairs = [f"A{number}/USD" for number in range(5_000)]
    desk = server(*pairs)
    took = {}
    for count in (500, 5_000):
        text = request("subscribe", *(pairs[:count] * 2), name="trade")
        took[count] = min(_time_to_answer(desk, text, count) for _ in range(3))
    assert took[5_000] < 40 * took[500] + 0.05


def _time_to_answer(desk: Any, text: str, count: int) -> float:
    client = client_of(desk)
    began = time.perf_counter()
    effects = client.session.receive(desk.now, text)
    took = time.perf_counter() - began
    assert sum(isinstance(effect, Join) for effect in effects) == count
    assert sum(isinstance(effect, Send) for effect in effects) == 2 * count
    return took


def test_replies_cannot_be_made_huge() -> None:
    """Every reply repeats reqid and subscription: those are limited, so the answer is at most some ten times the request."""
    desk = server("XBT/USD")
    client = client_of(desk)
    for subscription in (
        {"name": "x" * 600},
        {"name": "ticker", "x": "\u00e9" * 100},
        {"name": "book", "depth": [[]] * 300},
    ):
        desk.receive(client, request("subscribe", *(["A/B"] * 5_000), **subscription))
        assert client.take() == ['{"errorMessage":"Malformed request","event":"subscriptionStatus","status":"error"}']
    desk.receive(client, json.dumps({"event": "ping", "reqid": "x" * 600}))
    assert "Malformed" in client.take()[0]
    text = request("subscribe", *(["A/B"] * 5_000), name="x" * 400)
    desk.receive(client, text)
    assert sum(map(len, client.take())) < 100 * len(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"event":' + '{"a":' * 50_000,
        '{"event":"ping","x":' + "[" * 200 + "]" * 200 + "}",
        '{"event":"subscribe","subscription":' + '{"name":' * 100 + "1" + "}" * 100 + "}",
        '{"event":"ping","reqid":' + "9" * 5_000 + "}",
        '{"event":"ping","reqid":-Infinity}',
        '{"event":"ping"}{"event":"ping"}',
        "\ufeff" + '{"event":"ping"}',
        "\x00",
        "\ud800",
    ],
)
def test_hostile_texts_are_malformed(text: str) -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    desk.receive(client, text)
    assert client.take() == ['{"errorMessage":"Malformed request","event":"subscriptionStatus","status":"error"}']


def test_nesting_that_is_just_deep_is_read() -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    desk.receive(client, '{"event":"ping","x":' + "[" * 63 + "]" * 63 + ',"y":[[[]]]}')
    assert client.take() == ['{"event":"pong"}']


def test_a_burst_then_the_rate() -> None:
    """40 at once, then 20 a second, and never more than 40 however long the silence was."""
    limiter = Limiter(20, 40)
    now = 5_000_000
    assert [limiter.admits(now) for _ in range(41)] == [True] * 40 + [False]
    assert sum(limiter.admits(now + 50_000 * step // 10) for step in range(1, 201)) == 20
    now += 3_600_000_000
    assert sum(limiter.admits(now) for _ in range(100)) == 40


def test_a_late_timer_sends_one_heartbeat() -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    subscribe(desk, client, "XBT/USD", name="trade")
    assert client.session.expire(desk.now + 10_300_000) == [Send('{"event":"heartbeat"}')]
    assert client.session.deadline == desk.now + 11_000_000


def test_the_close_comes_once() -> None:
    desk = server("XBT/USD")
    client = client_of(desk)
    assert client.session.deadline == desk.now + 60_000_000
    assert client.session.expire(desk.now + 59_999_999) == []
    assert client.session.expire(desk.now + 60_000_000) == [Close(1000, "no subscription")]
    assert client.session.deadline is None


def test_settings_are_checked() -> None:
    for wrong in (
        {"profile": "2.0"},
        {"profile": "1.x", "checksum": False},
        {"profile": "1.x", "heartbeat": "idle"},
        {"message_rate": -1},
        {"burst": 0},
        {"idle_timeout": -1},
        {"heart_beat": "always"},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, KrakenSettings)


def test_a_dialect_without_settings_has_the_defaults() -> None:
    assert KrakenDialect(Market()).limits.max_message_bytes == 65_536
