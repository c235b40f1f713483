"""What a Peatio server's messages say, in every era's form."""

from __future__ import annotations

import pytest

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.peatio.inbound import PeatioInbound
from polyfeed.model.enums import Side

BUY, SELL = Side.BUY, Side.SELL
READ = PeatioInbound().receive
TRADE = InboundTrade("1020.0", "0.001", 1_588_000_798_000_000, BUY, trade_id=7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"btcusd.ob-snap":{"asks":[["12.0","1.0"]],"bids":[["11.0","2.0"]],"sequence":1}}',
            BookMessage("btcusd", 0, True, [InboundLevel(SELL, "12.0", "1.0", 0), InboundLevel(BUY, "11.0", "2.0", 0)]),
        ),
        (
            '{"btcusd.ob-inc":{"asks":["10.0","5.0"],"sequence":2}}',
            BookMessage("btcusd", 0, False, [InboundLevel(SELL, "10.0", "5.0", 0)]),
        ),
        (
            '["btcusd.ob-inc",{"bids":[["10.0",""],["9.0","0.0"]],"sequence":2}]',
            BookMessage("btcusd", 0, False, [InboundLevel(BUY, "10.0", "0", 0), InboundLevel(BUY, "9.0", "0", 0)]),
        ),
        (
            '{"btcusd.update":{"asks":[],"bids":[["1000.0","0.25"]]}}',
            BookMessage("btcusd", 0, True, [InboundLevel(BUY, "1000.0", "0.25", 0)]),
        ),
        (
            '{"btcusd.trades":{"trades":[{"tid":7,"taker_type":"buy","date":1588000798,"price":"1020.0","amount":"0.001"}]}}',
            TradeMessage("btcusd", [TRADE]),
        ),
        (
            '["btcusd.trades",{"trades":[{"tid":7,"type":"buy","date":1588000798,"price":"1020.0","amount":"0.001"}]}]',
            TradeMessage("btcusd", [TRADE]),
        ),
        ("pong", OtherMessage("pong")),
    ],
)
def test_messages(text: str, message: object) -> None:
    assert READ(text) == message


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"success":{"message":"subscribed","streams":[]}}', ""),
        ('{"error":"No streams provided"}', "No streams provided"),
        ('{"error":{"message":"Authentication failed."}}', "Authentication failed."),
        ('{"global.tickers":{}}', ""),
        ('{"order":{"id":1}}', ""),
    ],
)
def test_other_messages(text: str, error: str) -> None:
    assert READ(text) == OtherMessage(text, error)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '"a"', "[1,2,3]", '{"a":1,"b":2}', '{"btcusd.trades":{}}', '{"btcusd.ob-inc":{"asks":5}}'],
)
def test_what_peatio_never_sends(text: str) -> None:
    with pytest.raises(ValueError, match="no message of Peatio's"):
        READ(text)


def test_requests() -> None:
    inbound = PeatioInbound()
    assert inbound.subscribe("book", ["btcusd"], 10) == ['{"event":"subscribe","streams":["btcusd.ob-inc"]}']
    assert inbound.subscribe("trades", ["a", "b"], 0) == ['{"event":"subscribe","streams":["a.trades","b.trades"]}']
    with pytest.raises(ValueError, match="channel"):
        inbound.subscribe("ticker", ["a"], 0)
