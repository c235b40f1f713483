"""Limits, and what takes too long for a transcript."""

from __future__ import annotations

import json

from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.dialects.ekiden.ids import order_uuid
from polyfeed.model.commands import PlaceOrder, SetKey
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import LevelSet

from .rig import ALICE, Client, Rig, instrument, public_key, sign


def server(**settings: object) -> tuple[Rig, Client]:
    rig = Rig(**settings)
    rig.list(instrument(0, "BTC-USDC"))
    return rig, rig.connect()


def answers(rig: Rig, client: Client, **request: object) -> list[dict[str, object]]:
    client.take()
    rig.receive(client, json.dumps(request))
    return [json.loads(text) for text in client.take()]


def test_other_paths_are_no_sockets() -> None:
    rig, _ = server()
    for path in ("", "/", "/ws", "/ws/", "/ws/public/", "/WS/PUBLIC", "/api/v1/ping"):
        refusal = rig.dialect.connect(rig.now, Peer(1, path))
        assert isinstance(refusal, RestResponse)
        assert refusal.status == 404


def test_at_most_two_hundred_topics() -> None:
    rig, client = server()
    for start in (1, 101):
        (ack, *_) = answers(
            rig, client, op="subscribe", args=[f"orderbook.{n}.BTC-USDC" for n in range(start, start + 100)]
        )
        assert len(ack["args"]) == 100  # type: ignore[arg-type]
    refused, ack, *_ = answers(rig, client, op="subscribe", args=["trade.BTC-USDC", "orderbook.7.BTC-USDC"], req_id=1)
    assert refused == {"op": "error", "message": "TOO_MANY_TOPICS: trade.BTC-USDC", "req_id": 1}
    assert ack["args"] == ["orderbook.7.BTC-USDC"], "what is there already is no new one"
    answers(rig, client, op="unsubscribe", args=["orderbook.7.BTC-USDC"])
    (ack,) = answers(rig, client, op="subscribe", args=["trade.BTC-USDC"])
    assert ack["op"] == "subscribed"


def test_at_most_a_hundred_args() -> None:
    rig, client = server()
    (refused,) = answers(rig, client, op="subscribe", args=["trade.BTC-USDC"] * 101)
    assert refused["message"] == "INVALID_REQUEST: args must have at most 100 topics"


def test_a_topic_named_twice_counts_once() -> None:
    rig, client = server()
    ack, snapshot = answers(rig, client, op="subscribe", args=["orderbook.1.BTC-USDC"] * 2)
    assert ack["args"] == ["orderbook.1.BTC-USDC"]
    assert snapshot["type"] == "snapshot"


def test_who_never_slows_down_is_closed() -> None:
    rig, client = server(message_rate=50)
    for _ in range(50):
        assert answers(rig, client, op="ping")[0]["op"] == "pong"
    for _ in range(100):
        assert answers(rig, client, op="ping")[0]["message"] == "RATE_LIMIT_EXCEEDED"
    rig.receive(client, '{"op":"ping"}')
    assert client.closed == (1008, "rate limit exceeded persistently")


def test_who_slows_down_is_not() -> None:
    rig, client = server(message_rate=50)
    for _ in range(20):
        for _ in range(60):
            rig.receive(client, '{"op":"ping"}')
        rig.now += 2_000_000
    assert client.closed is None


def test_everything_ends_with_the_connection() -> None:
    rig, client = server()
    answers(rig, client, op="subscribe", args=["orderbook.1.BTC-USDC", "ticker.BTC-USDC"])
    assert len(rig.feeds) == 2
    rig.leave(client)
    assert not rig.feeds


def test_nonces_are_forgotten_when_their_timestamps_are_stale() -> None:
    rig, _ = server()
    rig.user(ALICE)
    for number in range(5):
        ms = rig.now // 1000
        body = {
            "public_key": public_key(ALICE),
            "signature": sign(ALICE, f"AUTHORIZE|{ms}|same"),
            "timestamp_ms": ms,
            "nonce": "same",
        }
        assert rig.rest("POST", "/api/v1/authorize", json.dumps(body).encode()).status == 200, number
        assert rig.rest("POST", "/api/v1/authorize", json.dumps(body).encode()).status == 400
        rig.now += 61_000_000


def test_a_key_that_may_only_read() -> None:
    rig, _ = server()
    rig.user(ALICE)
    key = public_key(ALICE)
    rig.must(SetKey(ALICE, key, "ed25519", bytes.fromhex(key), ("read",)))
    ms = rig.now // 1000
    body = {"public_key": key, "signature": sign(ALICE, f"AUTHORIZE|{ms}|1"), "timestamp_ms": ms, "nonce": "1"}
    token = json.loads(rig.rest("POST", "/api/v1/authorize", json.dumps(body).encode()).body)["token"]
    headers = {"authorization": f"Bearer {token}"}
    assert rig.rest("GET", "/api/v1/order/realtime", b"", headers).status == 200
    refused = rig.rest("POST", "/api/v1/order/cancel-all", b"{}", headers)
    assert (refused.status, json.loads(refused.body)["error_message"]) == (403, "the key may not trade")


def logged_in(rig: Rig) -> dict[str, str]:
    """The headers of ALICE's calls."""
    ms = rig.now // 1000
    body = {
        "public_key": public_key(ALICE),
        "signature": sign(ALICE, f"AUTHORIZE|{ms}|1"),
        "timestamp_ms": ms,
        "nonce": "1",
    }
    token = json.loads(rig.rest("POST", "/api/v1/authorize", json.dumps(body).encode()).body)["token"]
    return {"authorization": f"Bearer {token}"}


def test_cancel_all_lists_what_it_cancelled_also_beside_a_recording_of_other_times() -> None:
    rig, _ = server()
    rig.list(instrument(1, "ETH-USDC", detail=Detail.LEVELS))
    rig.user(ALICE)
    headers = logged_in(rig)
    for number in range(2):
        order = rig.command(PlaceOrder(ALICE, 0, Side.BUY, OrderKind.LIMIT, 100, 100 + number)).order_id
        rig.publish([LevelSet(1, Side.BUY, 100, 1 + number)], ts=1_000_000 + number, epoch=2)
        listed = json.loads(rig.rest("POST", "/api/v1/order/cancel-all", b"{}", headers).body)["result"]
        assert [row["order_id"] for row in listed] == [order_uuid(order)]


def test_lists_come_in_pages() -> None:
    rig, _ = server()
    rig.user(ALICE)
    rig.must(*(PlaceOrder(ALICE, 0, Side.BUY, OrderKind.LIMIT, 100, 100 + place) for place in range(5)))
    headers = logged_in(rig)
    prices, cursor = [], ""
    for _ in range(3):
        answer = rig.rest("GET", f"/api/v1/order/realtime?limit=2&cursor={cursor}", b"", headers)
        found = json.loads(answer.body)
        prices.append([row["price"] for row in found["list"]])
        cursor = found["next_page_cursor"]
    assert prices == [["1.04", "1.03"], ["1.02", "1.01"], ["1"]]
    assert cursor == ""


def test_pages_of_any_origin_may_call() -> None:
    answer = Rig().rest("OPTIONS", "/api/v1/authorize")
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
