"""Reading an Ekiden server's messages: the documents' own examples, and what nobody sends."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.ekiden.inbound import EkidenInbound
from polyfeed.model.enums import Side

READER = EkidenInbound()

# sheet 5, orderbook: the documents' example
SNAPSHOT = (
    '{"op":"event","topic":"orderbook.1.BTC-USDC","server_ts_ms":1731541800000,"type":"snapshot","data":{"s":"BTC-USDC",'
    '"ts":"1731541800000","mts":"1731541799990","u":123,"seq":123,"a":[["100200","3"],["100300","2"]],'
    '"b":[["100100","5"],["100000","1"]]}}'
)
# sheet 5, trade
TRADES = (
    '{"op":"event","topic":"trade.BTC-USDC","server_ts_ms":1718000000001,"data":[{"i":"9723498234","s":"BTC-USDC",'
    '"S":"Buy","p":"100200","v":"1","seq":12345,"T":"1718000000000"}]}'
)


def test_a_snapshot() -> None:
    ts = 1_731_541_799_990_000
    assert READER.receive(SNAPSHOT) == BookMessage(
        "BTC-USDC",
        1,
        True,
        [
            InboundLevel(Side.SELL, "100200", "3", ts),
            InboundLevel(Side.SELL, "100300", "2", ts),
            InboundLevel(Side.BUY, "100100", "5", ts),
            InboundLevel(Side.BUY, "100000", "1", ts),
        ],
    )


def test_a_delta() -> None:
    read = READER.receive(SNAPSHOT.replace("snapshot", "delta"))
    assert isinstance(read, BookMessage)
    assert not read.reset


def test_trades() -> None:
    trade = InboundTrade("100200", "1", 1_718_000_000_000_000, Side.BUY, trade_id=9_723_498_234)
    assert READER.receive(TRADES) == TradeMessage("BTC-USDC", [trade])
    # The SDK's later ids are texts: then the sequence number stands for them.
    named = READER.receive(TRADES.replace("9723498234", "a-b"))
    assert isinstance(named, TradeMessage)
    assert named.trades[0].trade_id == 12345


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"op":"subscribed","args":["orderbook.1.BTC-USDC"],"req_id":"100002"}', ""),
        ('{"op":"pong","server_ts":1731541800123000000,"client_ts":1731541800000000000,"req_id":"100004"}', ""),
        ('{"op":"auth","success":true,"user_id":"0x88a70ff","req_id":"200001"}', ""),
        ('{"op":"auth","success":false,"message":"INVALID_TOKEN","req_id":"200001"}', "INVALID_TOKEN"),
        ('{"op":"error","message":"INVALID_TOPIC_FOR_PUBLIC_WS: position"}', "INVALID_TOPIC_FOR_PUBLIC_WS: position"),
        ('{"op":"event","topic":"ticker.BTC-USDC","server_ts_ms":1,"data":{}}', ""),
    ],
)
def test_what_says_nothing_of_a_market(text: str, error: str) -> None:
    assert READER.receive(text) == OtherMessage(text, error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"op":"order"}',
        '{"op":"event"}',
        '{"op":"event","topic":"spread.BTC","data":[]}',
        SNAPSHOT.replace("snapshot", "other"),
        SNAPSHOT.replace(".1.", ".x."),
        TRADES.replace("Buy", "buy"),
    ],
)
def test_what_no_server_sends(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        READER.receive(text)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_anything(text: str) -> None:
    try:
        READER.receive(text)
    except ValueError as error:
        assert str(error)


def test_requests() -> None:
    assert READER.subscribe("book", ["BTC-USDC"], 10) == [
        '{"op":"subscribe","args":["orderbook.10.BTC-USDC"],"req_id":"1"}'
    ]
    many = READER.subscribe("trades", [f"A{number}-USDC" for number in range(150)], 0)
    assert [len(json.loads(one)["args"]) for one in many] == [100, 50]
    with pytest.raises(ValueError, match="depth 1001"):
        READER.subscribe("book", ["BTC-USDC"], 1001)
    with pytest.raises(ValueError, match="channel"):
        READER.subscribe("ticker", ["BTC-USDC"], 0)
