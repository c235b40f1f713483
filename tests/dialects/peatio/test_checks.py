"""The originals' own black-box checks (spec/peatio.md 6), each under its number or name there, in the matching profile."""

from __future__ import annotations

from typing import Any

import pytest

from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.origins import admits, allowed_hosts
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.dialects.peatio import PeatioSettings
from polyfeed.dialects.peatio.apikeys import signature
from polyfeed.dialects.peatio.handshake import query_streams
from polyfeed.dialects.peatio.rbac import read_roles
from polyfeed.dialects.peatio.spec import PROFILES
from polyfeed.dialects.peatio.store import split
from polyfeed.model.commands import Deposit, SetKey
from tests.dialects.peatio.rig import VAULT, Rig, terms

PROFILE_NAMES = ["2.2", "3.x"]


def relay(profile: str = "3.x", **settings: Any) -> Rig:
    rig = Rig(profile=profile, relay=True, **settings)
    rig.relay._terms = terms("btcusd")
    return rig


def publish_five(rig: Rig) -> None:
    """Five messages: three that the client of the check is to get, one of another user, one of another stream."""
    rig.relayed("private.UIDABC00001.stream_1", '{"key":"stream_1_user_1"}')
    rig.relayed("private.UIDABC00002.stream_1", '{"key":"stream_1_user_2"}')
    rig.relayed("private.UIDABC00001.stream_2", '{"key":"stream_2_user_1"}')
    rig.relayed("private.UIDABC00001.stream_3", '{"key":"stream_3_user_1"}')
    rig.relayed("private.UIDABC00001.stream_2", '{"key":"stream_2_user_1_2"}')


# --- peatio-core: web_socket_spec -----------------------------------------------------------------------------------


def test_1_an_invalid_token_is_refused() -> None:
    assert isinstance(Rig(profile="3.x").connect("/private", "nonsense"), RestResponse)


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_2_a_valid_token_connects(profile: str) -> None:
    rig = Rig(profile=profile)
    rig.client("/private", rig.token())


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_3_ping(profile: str) -> None:
    client = Rig(profile=profile).client()
    client.take()
    assert client.say("ping") == ["pong"]


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_4_own_events_of_the_streams_in_order(profile: str) -> None:
    rig = relay(profile)
    client = rig.client("/?stream=stream_1&stream=stream_2", rig.token(uid="UIDABC00001"))
    client.take()
    publish_five(rig)
    assert client.take() == [
        '{"stream_1":{"key":"stream_1_user_1"}}',
        '{"stream_2":{"key":"stream_2_user_1"}}',
        '{"stream_2":{"key":"stream_2_user_1_2"}}',
    ]


def publish_public(rig: Rig) -> None:
    for key, number in (("btcusd.order", 1), ("ethusd.order", 2), ("btcusd.order", 3), ("btcusd.trade", 4)):
        rig.relayed(f"public.{key}", f'{{"key":{number}}}')
    rig.relayed("public.btcusd.order", '{"key":5}')


THREE = ['{"btcusd.order":{"key":1}}', '{"btcusd.order":{"key":3}}', '{"btcusd.order":{"key":5}}']


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_5_only_that_public_stream_in_order(profile: str) -> None:
    rig = relay(profile)
    client = rig.client("/?stream=btcusd.order")
    client.take()
    publish_public(rig)
    assert client.take() == THREE


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_6_and_7_dynamic_subscribe_then_unsubscribe_then_silence(profile: str) -> None:
    rig = relay(profile)
    client = rig.client()
    client.take()
    assert client.say('{"event":"subscribe","streams":["btcusd.order"]}') == [
        '{"success":{"message":"subscribed","streams":["btcusd.order"]}}'
    ]
    publish_public(rig)
    assert client.take() == THREE
    assert client.say('{"event":"unsubscribe","streams":["btcusd.order"]}') == [
        '{"success":{"message":"unsubscribed","streams":[]}}'
    ]
    publish_public(rig)
    assert client.take() == []


def metric(rig: Rig, name: str) -> str:
    lines = rig.dialect.metrics(one.session for one in rig.fan.connections)
    return next(line.rpartition(" ")[2] for line in lines if line.startswith(name))


def test_8_statistics_without_and_with_two_connections() -> None:
    rig = relay()
    assert metric(rig, "rango_hub_clients_count") == "0"
    rig.client("/?stream=a.b")
    rig.client("/?stream=a.b&stream=order", rig.token())
    assert metric(rig, "rango_hub_clients_count") == "2"
    assert metric(rig, 'rango_hub_subscriptions_count{type="public",topic="a.b"}') == "2"
    assert metric(rig, 'rango_hub_subscriptions_count{type="private",topic="order"}') == "1"
    assert metric(rig, 'ranger_connections_current{auth="private"}') == "1"
    assert metric(rig, 'ranger_subscriptions_current{stream="a.b"}') == "2"


def test_9_nothing_is_left_after_the_last_client() -> None:
    rig = relay()
    clients = [rig.client("/?stream=a.b&stream=btcusd.ob-inc&stream=order", rig.token()) for _ in range(5)]
    assert not rig.fan.idle()
    for client in clients:
        client.leave()
    assert rig.fan.idle()
    assert metric(rig, "rango_hub_clients_count") == "0"


SNAP = '{"asks":[["1","2"]],"bids":[],"sequence":1}'
INC = ['{"asks":["1","3"],"sequence":2}', '{"asks":["1","4"],"sequence":3}']


def test_10_and_11_snapshot_then_increments_then_only_increments() -> None:
    rig = relay()
    rig.relayed("public.btcusd.count-snap", SNAP)
    for body in INC:
        rig.relayed("public.btcusd.count-inc", body)
    client = rig.client("/?stream=btcusd.count-inc")
    assert client.take() == [
        f'{{"btcusd.count-snap":{SNAP}}}',
        *(f'{{"btcusd.count-inc":{body}}}' for body in INC),
        '{"success":{"message":"subscribed","streams":["btcusd.count-inc"]}}',
    ]
    rig.relayed("public.btcusd.count-inc", '{"asks":["1","5"],"sequence":4}')
    rig.relayed("public.btcusd.count-snap", '{"asks":[["1","5"]],"bids":[],"sequence":4}')
    assert client.take() == ['{"btcusd.count-inc":{"asks":["1","5"],"sequence":4}}']


def test_12_increments_before_any_snapshot() -> None:
    rig = relay()
    client = rig.client("/?stream=btcusd.count-inc")
    client.take()
    rig.relayed("public.btcusd.count-inc", INC[0])
    assert client.take() == []
    rig.relayed("public.btcusd.count-snap", SNAP)
    assert client.take() == [f'{{"btcusd.count-snap":{SNAP}}}']


def test_13_predicates_of_suffixes() -> None:
    assert split("btcusd.ob-inc") == ("btcusd.ob", "-inc")
    assert split("btcusd.ob-snap") == ("btcusd.ob", "-snap")
    assert split("btcusd.incremental") == ("btcusd.incremental", "")


# --- Rango's go tests -----------------------------------------------------------------------------------------------


def test_rango_public_single_and_multi() -> None:
    client = Rig(profile="3.x").client()
    client.take()
    assert client.say('{"event":"subscribe","streams":["eurusd.trades"]}') == [
        '{"success":{"message":"subscribed","streams":["eurusd.trades"]}}'
    ]
    assert client.say('{"event":"subscribe","streams":["eurusd.trades","eurusd.updates"]}') == [
        '{"success":{"message":"subscribed","streams":["eurusd.trades","eurusd.updates"]}}'
    ]
    assert client.say('{"event":"unsubscribe","streams":["eurusd.trades"]}') == [
        '{"success":{"message":"unsubscribed","streams":["eurusd.updates"]}}'
    ]


def test_rango_private_of_nobody() -> None:
    rig = relay()
    client = rig.client()
    client.take()
    assert client.say('{"event":"subscribe","streams":["trades"]}') == [
        '{"success":{"message":"subscribed","streams":[]}}'
    ]
    client.leave()
    assert rig.fan.idle()


def test_rango_private_and_mixed() -> None:
    rig = relay()
    client = rig.client("/", rig.token(uid="UIDABC00001"))
    client.take()
    assert client.say('{"event":"subscribe","streams":["trades"]}') == [
        '{"success":{"message":"subscribed","streams":["trades"]}}'
    ]
    assert client.say('{"event":"subscribe","streams":["orders","eurusd.updates"]}') == [
        '{"success":{"message":"subscribed","streams":["eurusd.updates","trades","orders"]}}'
    ]
    assert client.say('{"event":"unsubscribe","streams":["orders"]}') == [
        '{"success":{"message":"unsubscribed","streams":["eurusd.updates","trades"]}}'
    ]


def test_rango_topics() -> None:
    """Private events lose the id, snapshots go to those who asked for increments."""
    rig = relay()
    client = rig.client("/?stream=order&stream=btcusd.ob-inc", rig.token(uid="X"))
    client.take()
    rig.relayed("private.X.order", '{"id":1}')
    rig.relayed("public.btcusd.ob-snap", SNAP)
    assert client.take() == ['{"order":{"id":1}}', f'{{"btcusd.ob-snap":{SNAP}}}']


def test_rango_store_across_two_snapshots() -> None:
    rig = relay()
    rig.relayed("public.btcusd.ob-snap", SNAP)
    for body in INC:
        rig.relayed("public.btcusd.ob-inc", body)
    later = '{"asks":[["1","4"]],"bids":[],"sequence":3}'
    rig.relayed("public.btcusd.ob-snap", later)
    assert rig.client("/?stream=btcusd.ob-inc").take()[:-1] == [f'{{"btcusd.ob-snap":{later}}}']


@pytest.mark.parametrize(
    ("query", "streams"),
    [
        ("", []),
        ("stream=", [""]),
        ("stream=a.x", ["a.x"]),
        ("stream=a.x&stream=b.y", ["a.x", "b.y"]),
        ("stream=a.x,b.y", ["a.x", "b.y"]),
        ("other=1&stream=a.x", ["a.x"]),
        ("other=1?stream=a.x", []),
    ],
)
def test_rango_uri(query: str, streams: list[str]) -> None:
    assert query_streams(Peer(1, "/", {}, {}, query), PROFILES["3.x"]) == streams


def test_rango_origins() -> None:
    none: frozenset[str] = frozenset()
    assert admits(none, True, None, "a.example")
    assert admits(none, True, "http://A.example", "a.example")
    assert not admits(none, True, "http://b.example", "a.example")
    assert admits(none, False, "http://b.example", "a.example")
    hosts = allowed_hosts(" b.example , https://C.example:8443 ")
    assert admits(hosts, True, "https://b.example", "a.example")
    assert admits(hosts, True, "https://c.EXAMPLE:8443", "a.example")
    assert not admits(hosts, True, "http://a.example", "a.example")
    assert not admits(hosts, True, "null", "a.example")
    with pytest.raises(ValueError, match="origin"):
        PeatioSettings(origins="https://")


def test_rango_roles() -> None:
    assert read_roles("admin=superadmin, admin;SYS=root") == {
        "admin": {"superadmin", "admin"},
        "sys": {"root"},
    }
    with pytest.raises(ValueError, match="role"):
        PeatioSettings(rbac="admin")


ACCESS, SECRET = "61d025b8573501c2", "2d0b4979c7fe6986daa8e21d1dc0644f"
NONCE = 1_584_524_005_143
SIGNATURE = "bd42b945e095880e28d046846dbecf655fdf09d95a396a24fe6fe1df42f15d13"


def test_rango_signature_of_an_api_key() -> None:
    assert signature(SECRET.encode(), str(NONCE), ACCESS) == SIGNATURE


def with_api_key(profile: str, permissions: tuple[str, ...] = ("read",)) -> tuple[Rig, dict[str, str]]:
    """A venue whose user has that key, at the nonce's time, and the headers that it signed."""
    rig = Rig(profile=profile, jwt_message=False)
    rig.open(1001, "alice", usd=100)
    rig.command(SetKey(1001, ACCESS, "hmac", VAULT.seal(SECRET.encode(), ACCESS, bytes(12)), permissions))
    rig.now = NONCE * 1000
    return rig, {"x-auth-apikey": ACCESS, "x-auth-nonce": str(NONCE), "x-auth-signature": SIGNATURE}


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_an_api_key_opens_what_a_token_opens(profile: str) -> None:
    """Barong checks these headers in front of a Peatio; here nobody stands in front."""
    rig, headers = with_api_key(profile)
    client = rig.client("/private?stream=balances", headers=headers)
    assert client.take() == ['{"success":{"message":"subscribed","streams":["balances"]}}']
    rig.command(Deposit(1001, "USD", 5 * 10**8))
    assert client.take() == ['{"balances":{"usd":["105.00000000","0.00000000"]}}']


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"x-auth-apikey": "another"}, "no such API key"),
        ({"x-auth-signature": "0" * 64}, "another one"),
        ({"x-auth-signature": "\u00e9"}, "another one"),
        ({"x-auth-nonce": str(NONCE - 5_001)}, "not the time"),
        ({"x-auth-nonce": str(NONCE + 1)}, "another one"),
        ({"x-auth-nonce": "now"}, "not the time"),
        ({"x-auth-nonce": ""}, "not the time"),
    ],
)
def test_api_keys_that_are_refused(changes: dict[str, str], why: str) -> None:
    rig, headers = with_api_key("3.x")
    refusal = rig.connect("/private", headers=headers | changes)
    assert isinstance(refusal, RestResponse)
    assert refusal.status == 401
    assert why in refusal.headers["WWW-Authenticate"]


def test_an_api_key_without_permission() -> None:
    rig, headers = with_api_key("3.x", ("trade",))
    assert isinstance(rig.connect("/private", headers=headers), RestResponse)


# --- better than the originals (sheet 9) ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [249, 250, 255, 256, 1000])
def test_any_number_of_increments_after_a_snapshot(count: int) -> None:
    """Rango closes who subscribes once 255 have gathered."""
    rig = relay()
    rig.relayed("public.btcusd.ob-snap", '{"asks":[["5","1"]],"bids":[],"sequence":0}')
    for number in range(1, count + 1):
        rig.relayed("public.btcusd.ob-inc", f'{{"bids":["{number % 7 + 1}","{number}"],"sequence":{number}}}')
    texts = rig.client("/?stream=btcusd.ob-inc").take()
    assert len(texts) <= 252
    assert f'"sequence":{count}' in texts[-2]
    client = rig.client("/?stream=btcusd.ob-inc")
    client.take()
    rig.relayed("public.btcusd.ob-inc", '{"bids":["1",""],"sequence":9999}')
    assert client.take() == ['{"btcusd.ob-inc":{"bids":["1",""],"sequence":9999}}']


def test_a_folded_snapshot_is_the_book() -> None:
    rig = relay()
    rig.relayed("public.btcusd.ob-snap", '{"asks":[["5","1"],["6","1"]],"bids":[["4","1"]],"sequence":0}')
    for number in range(1, 250):
        rig.relayed("public.btcusd.ob-inc", f'{{"bids":["{number % 4}","{number}"],"sequence":{number}}}')
    rig.relayed("public.btcusd.ob-inc", '{"asks":["5",""],"sequence":250}')
    assert rig.client("/?stream=btcusd.ob-inc").take()[0] == (
        '{"btcusd.ob-snap":{"asks":[["6","1"]],"bids":[["4","1"],["3","247"],["2","246"],["1","249"],["0","248"]],'
        '"sequence":250}}'
    )


def test_messages_over_512_bytes() -> None:
    client = Rig(profile="3.x").client()
    client.take()
    streams = ",".join(f'"m{number:03d}.trades"' for number in range(60))
    assert client.say(f'{{"event":"subscribe","streams":[{streams}]}}') == [
        f'{{"success":{{"message":"subscribed","streams":[{streams}]}}}}'
    ]


def test_a_connection_holds_a_thousand_streams() -> None:
    client = Rig(profile="3.x").client()
    client.take()
    names = ",".join(f'"s{number}.x"' for number in range(1001))
    assert client.say(f'{{"event":"subscribe","streams":[{names}]}}') == [
        '{"error":"Too many streams: a connection holds 1000"}'
    ]
    assert client.say('{"event":"subscribe","streams":["a.b"]}') == [
        '{"success":{"message":"subscribed","streams":["a.b"]}}'
    ]
