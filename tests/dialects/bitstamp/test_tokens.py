"""Tokens: 32 alphanumerics for 60 s, of one user and one key; whatever is wrong gets 4009 and nothing else."""

from __future__ import annotations

import json

import pytest

from polyfeed.dialects._base.effects import Send
from polyfeed.dialects.bitstamp import BitstampSettings
from polyfeed.dialects.bitstamp.tokens import ALPHABET
from polyfeed.model.commands import RevokeKey
from tests.desk import Client
from tests.dialects.bitstamp.desk import VenueDesk, add_user, key_of, listed
from tests.dialects.bitstamp.signing import post, token

REFUSAL = '{"event":"bts:error","channel":"","data":{"code":4009,"message":"Connection is unauthorized."}}'
ORDERS = "private-my_orders_btcusd-1001"
SECOND = 1_000_000


@pytest.fixture
def desk() -> VenueDesk:
    one = listed()
    add_user(one, 1001, "alice")
    add_user(one, 1002, "bob")
    return one


def ask(desk: VenueDesk, client: Client, auth: object, channel: str = ORDERS) -> str:
    """The one answer to a subscription."""
    effects = client.session.receive(
        desk.now, json.dumps({"event": "bts:subscribe", "data": {"channel": channel, "auth": auth}})
    )
    desk.carry_out(client, effects)
    if effects[0] == Send(REFUSAL):
        assert len(effects) == 1
    (text,) = client.take()
    return text


def test_a_token(desk: VenueDesk) -> None:
    given = post(desk, "alice", "websockets_token/")
    assert list(given) == ["token", "valid_sec", "user_id"]
    assert (given["valid_sec"], given["user_id"]) == (60, 1001)
    assert len(given["token"]) == 32
    assert set(given["token"]) <= set(ALPHABET)
    assert given["token"].isalnum()


def test_a_token_can_be_used_for_sixty_seconds(desk: VenueDesk) -> None:
    """As often as one likes; a subscription outlives it."""
    text = token(desk, "alice")
    client = desk.client()
    assert "succeeded" in ask(desk, client, text)
    desk.advance(desk.now + 60 * SECOND)
    assert "succeeded" in ask(desk, client, text, "private-my_trades_btcusd-1001")
    desk.advance(desk.now + SECOND)
    assert ask(desk, client, text, "private-live_trades_btcusd-1001") == REFUSAL
    assert ask(desk, client, text) == REFUSAL, "also where it is subscribed already"
    post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    assert len(client.take()) == 1, "what was subscribed goes on"


def test_the_window_is_a_setting() -> None:
    desk = listed(BitstampSettings(token_seconds=5))
    add_user(desk, 1001, "alice")
    text = token(desk, "alice")
    desk.advance(desk.now + 6 * SECOND)
    assert ask(desk, desk.client(), text) == REFUSAL


def test_every_change_of_a_token_is_noticed(desk: VenueDesk) -> None:
    """Foreign, malformed, and one with any character changed."""
    good = token(desk, "alice")
    client = desk.client()
    for place in range(32):
        other = ALPHABET[(ALPHABET.index(good[place]) + 1) % 62]
        assert ask(desk, client, good[:place] + other + good[place + 1 :]) == REFUSAL
    for wrong in (None, 0, True, [], {}, "", good[:-1], good + "0", good.lower(), "\u0661" * 32, "-" * 32):
        assert ask(desk, client, wrong) == REFUSAL
    assert ask(desk, client, token(desk, "bob")) == REFUSAL
    for channel in ("private-my_orders_btcusd-1002", "private-my_settlements-0", "private-my_trades_btcusd-99"):
        assert ask(desk, client, good, channel) == REFUSAL
    assert client.joined == {}
    post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    assert client.take() == []


def test_a_revoked_key_ends_its_subscriptions_at_once(desk: VenueDesk) -> None:
    client, other = desk.client("live_trades_btcusd"), desk.client()
    text = token(desk, "alice")
    ask(desk, client, text)
    ask(desk, client, text, "private-my_settlements-1001")
    ask(desk, other, token(desk, "bob"), "private-my_orders_btcusd-1002")
    desk.do(RevokeKey(1001, "alice"))
    assert client.take() == [REFUSAL, REFUSAL]
    assert [key.channel for key in client.joined] == ["live_trades"]
    assert other.take() == []
    assert ask(desk, client, text) == REFUSAL, "its tokens are over too"
    desk.do(key_of(1001, "alice", "another secret"))
    assert ask(desk, client, text) == REFUSAL, "and stay so when the key is set anew"
    assert client.closed is None


def test_a_key_that_may_no_longer_read(desk: VenueDesk) -> None:
    client = desk.client()
    ask(desk, client, token(desk, "alice"))
    desk.do(key_of(1001, "alice", permissions=("trade",)))
    assert client.take() == [REFUSAL]


def test_a_second_token_of_another_key(desk: VenueDesk) -> None:
    """The subscription lives by the last one: revoking the first does not end it, and it is not doubled."""
    desk.do(key_of(1001, "second"))
    client = desk.client()
    ask(desk, client, token(desk, "alice"))
    ask(desk, client, token(desk, "second"))
    desk.do(RevokeKey(1001, "alice"))
    assert client.take() == []
    post(desk, "second", "buy/btcusd/", amount="1", price="100")
    assert len(client.take()) == 1
    desk.do(RevokeKey(1001, "second"))
    assert client.take() == [REFUSAL]
