"""Reading what real servers sent, and writing the same again where that can be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.kraken import wire
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.dialects.kraken.pairs import Pairs
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.numbers import parse_scaled
from tests.dialects.kraken.support import instrument, server

_FILE = Path(__file__).parent / "data" / "observed_messages.jsonl"
OBSERVED = [json.loads(line) for line in _FILE.read_text("utf-8").splitlines()]
SENT = [seen["raw"] for seen in OBSERVED if seen["dir"] == "s2c" and seen["version"] != "0.1.1"]
SENT_BEFORE = [seen["raw"] for seen in OBSERVED if seen["dir"] == "s2c" and seen["version"] == "0.1.1"]


def test_there_are_as_many_as_there_were() -> None:
    assert (len(OBSERVED), len(SENT), len(SENT_BEFORE)) == (93, 70, 6)


@pytest.mark.parametrize("raw", SENT)
def test_every_observed_message_is_understood(raw: str) -> None:
    message = KrakenInbound().receive(raw)
    decoded = json.loads(raw)
    if isinstance(decoded, dict):
        assert message == OtherMessage(raw, decoded.get("errorMessage") or decoded.get("Error") or "")
    elif decoded[-2].startswith("book"):
        assert isinstance(message, BookMessage)
        assert (message.symbol, f"book-{message.depth}") == (decoded[-1], decoded[-2])
    elif decoded[-2] == "trade":
        assert isinstance(message, TradeMessage)
        assert len(message.trades) == len(decoded[1])
    else:
        assert message == OtherMessage(raw)


@pytest.mark.parametrize("raw", [raw for raw in SENT_BEFORE if raw.startswith("[")])
def test_messages_of_0_1_name_no_pair(raw: str) -> None:
    with pytest.raises(ValueError, match="without channelName and pair"):
        KrakenInbound().receive(raw)


@pytest.mark.parametrize("raw", [raw for raw in SENT if raw.startswith("[")])
def test_numbers_are_written_as_they_were(raw: str) -> None:
    """Levels and trades, read as integers and printed again, are the text that was sent."""
    message = KrakenInbound().receive(raw)
    if isinstance(message, OtherMessage):
        return
    rows = message.levels if isinstance(message, BookMessage) else message.trades
    if not rows:
        return
    scale = len(rows[0].price.partition(".")[2])
    (pair,) = Pairs(server(instrument(0, message.symbol, scale)).market, 1)
    for row in rows:
        level = pair.level(parse_scaled(row.price, scale), parse_scaled(row.size, 8), row.ts)
        assert level in raw


def _rebuilt(message: dict[str, Any]) -> str:
    match message:
        case {"event": "systemStatus"}:
            return wire.system_status(message["status"], message["version"], message["connectionID"])
        case {"event": "pong"}:
            return wire.pong(message.get("reqid"))
        case {"event": "subscriptionStatus", "status": "subscribed" | "unsubscribed"}:
            wanted = message["subscription"]
            return wire.subscription_status(
                message["channelID"],
                wanted["name"],
                wanted.get("depth", wanted.get("interval", 0)),
                message["pair"],
                message.get("reqid"),
                message["status"],
                named="channelName" in message,
            )
    return wire.error_status(
        message["errorMessage"],
        event=message["event"],
        pair=message.get("pair"),
        reqid=wire.encode(message["reqid"]) if "reqid" in message else None,
        of=wire.encode(message["subscription"]) if "subscription" in message else None,
    )


_UNLIKE_OURS = ('{"Error"', '"event":"error"', "upcoming_maintenance")


@pytest.mark.parametrize(
    "raw", [raw for raw in SENT if raw.startswith("{") and not any(part in raw for part in _UNLIKE_OURS)]
)
def test_replies_are_written_as_they_were(raw: str) -> None:
    assert _rebuilt(json.loads(raw)) == raw


def test_a_book_update_of_both_sides() -> None:
    message = KrakenInbound().receive(
        '[912,{"a":[["0.46800000","2940.56589429","1608240638.875519","r"]]},'
        '{"b":[["0.46877000","0.00000000","1608240638.875818"]],"c":"751501448"},"book-10","XRP/EUR"]'
    )
    assert message == BookMessage(
        "XRP/EUR",
        10,
        False,
        [
            InboundLevel(Side.SELL, "0.46800000", "2940.56589429", 1608240638875519, True),
            InboundLevel(Side.BUY, "0.46877000", "0.00000000", 1608240638875818),
        ],
        751501448,
    )


def test_trades() -> None:
    message = KrakenInbound().receive(
        '[337,[["37080.10000","0.00015891","1699797222.188887","s","m",""]],"trade","XBT/USD"]'
    )
    trade = InboundTrade("37080.10000", "0.00015891", 1699797222188887, Side.SELL, OrderKind.MARKET)
    assert message == TradeMessage("XBT/USD", [trade])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "42",
        "null",
        "[]",
        "{}",
        "[1,2,3]",
        '[1,2,"book-10"]',
        '[1,{},"candles","XBT/USD"]',
        '[1,{},"book","XBT/USD"]',
        '[1,{"a":[["1"]]},"book-10","XBT/USD"]',
        '[1,{"a":[["1","2","x"]]},"book-10","XBT/USD"]',
        '[1,[["1","2","3"]],"trade","XBT/USD"]',
        '[1,[["1","2","3","x","l",""]],"trade","XBT/USD"]',
        '[1,5,"book-10","XBT/USD"]',
        '[1,"book-10",5,5]',
        '{"\ud800":1}',
        "[" * 100_000,
    ],
)
def test_what_kraken_never_sends_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        KrakenInbound().receive(text)


def test_requests() -> None:
    inbound = KrakenInbound()
    assert inbound.subscribe("book", ["XBT/USD", "XBT/EUR"], 25) == [
        '{"event":"subscribe","pair":["XBT/USD","XBT/EUR"],"subscription":{"depth":25,"name":"book"}}'
    ]
    assert inbound.subscribe("trades", ["XBT/USD"], 0) == [
        '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"trade"}}'
    ]
    with pytest.raises(ValueError, match="depth 20 is not one of 10, 25, 100, 500, 1000"):
        inbound.subscribe("book", ["XBT/USD"], 20)
    with pytest.raises(ValueError, match="'ticker' is not one of book, trades"):
        inbound.subscribe("ticker", ["XBT/USD"], 0)
