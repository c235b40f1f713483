"""What the transcripts cannot show: effects in their order, sizes, pings, limits."""

from __future__ import annotations

import json

import msgspec
import pytest

from polyfeed.dialects._base.effects import Close, FeedKey, Join, Leave, Ping, Send
from polyfeed.dialects.bitstamp import BitstampSettings
from tests.dialects.bitstamp.desk import START, add_user, listed
from tests.dialects.bitstamp.signing import token

SECOND = 1_000_000


def request(event: str, channel: str, **more: str) -> str:
    return json.dumps({"event": event, "data": {"channel": channel, **more}})


def test_the_acknowledgement_comes_before_the_channel() -> None:
    desk = listed()
    client = desk.client()
    effects = desk.receive(client, request("bts:subscribe", "order_book_ethusd"))
    assert effects[1:] == [Join(FeedKey("order_book", 1))]
    assert isinstance(effects[0], Send)
    effects = desk.receive(client, request("bts:subscribe", "order_book_ethusd"))
    assert [type(effect) for effect in effects] == [Send], "nothing is doubled"
    effects = desk.receive(client, request("bts:unsubscribe", "order_book_ethusd"))
    assert [type(effect) for effect in effects] == [Leave, Send]


def test_private_channels_are_feeds_of_accounts() -> None:
    desk = listed()
    add_user(desk, 1001, "alice")
    add_user(desk, 1011, "robot", parent=1001)
    client = desk.client()
    channel = "private-my_orders_btcusd-1001"
    desk.receive(client, request("bts:subscribe", channel, auth=token(desk, "robot")))
    assert list(client.joined) == [FeedKey("private-my_orders", 0, 0, 1011)]
    desk.receive(client, request("bts:subscribe", channel, auth=token(desk, "alice")))
    assert list(client.joined) == [FeedKey("private-my_orders", 0, 1, 1001), FeedKey("private-my_orders", 0, 1, 1011)]
    client.take()
    add_user(desk, 1012, "later", parent=1001)
    assert list(client.joined)[2:] == [FeedKey("private-my_orders", 0, 1, 1012)]
    assert client.take() == []


def test_a_message_may_have_512_bytes() -> None:
    desk = listed()
    client = desk.client()
    room = 512 - len(heartbeat(""))
    for text in ("a" * room, "\u00e9" * (room // 2)):
        assert [type(effect) for effect in client.session.receive(desk.now, heartbeat(text))] == [Send]
    for text in ("a" * (room + 1), "\u20ac" * (room // 3 + 1)):
        effects = client.session.receive(desk.now, heartbeat(text))
        assert effects == [Close(1009, "read limited at 513 bytes")]


def heartbeat(text: str) -> str:
    return json.dumps({"event": "bts:heartbeat", "x": text}, ensure_ascii=False)


def test_a_thousand_and_twenty_four_channels() -> None:
    """spec/bitstamp.md 7; channels of unknown markets count, as the server holds them."""
    desk = listed()
    client = desk.client()
    for number in range(1024):
        assert len(desk.receive(client, request("bts:subscribe", f"live_trades_x{number}"))) == 1
    desk.receive(client, request("bts:subscribe", "live_trades_x7"))
    assert client.closed is None
    desk.receive(client, request("bts:subscribe", "live_trades_btcusd"))
    assert client.closed == (1001, "too many channels")


def test_pings() -> None:
    """spec/bitstamp.md 1, captured: one every 54.0 s on every socket."""
    desk = listed()
    session = desk.client().session
    assert session.deadline == desk.now + 54 * SECOND
    for number in range(1, 4):
        now = desk.now + number * 54 * SECOND
        assert session.expire(now - 1) == []
        assert session.expire(now) == [Ping()]
        assert session.deadline == now + 54 * SECOND
        session.last_heard = now + 1


def test_who_answers_no_ping_is_closed() -> None:
    """Whose machine has gone without a word is not kept: two pings go unanswered, the third look is the last."""
    desk = listed()
    session = desk.client().session
    looks = [session.expire(desk.now + number * 54 * SECOND) for number in (1, 2, 3)]
    assert looks == [[Ping()], [Ping()], [Close(1001, "no answer to pings")]]


def test_a_reconnect_is_asked_for_once_and_then_the_connection_ends() -> None:
    desk = listed(BitstampSettings(max_age_days=1, reconnect_seconds=3))
    session = desk.client().session
    day = 86_400 * SECOND
    (asked,) = session.expire(START + day)
    assert asked == Send('{"event":"bts:request_reconnect","channel":"","data":""}')
    assert session.drain(START + day + 1) == []
    assert session.deadline == START + day + 3 * SECOND
    assert session.expire(START + day + 3 * SECOND) == [Close(1001, "reconnect")]


def test_settings_are_checked() -> None:
    for wrong in (
        {"max_message": 0},
        {"max_channels": 0},
        {"max_age_days": 0},
        {"reconnect_seconds": -1},
        {"token_seconds": 0},
        {"order_events": 0},
        {"strikt": True},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, BitstampSettings)
