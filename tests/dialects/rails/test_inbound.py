"""Reading what a Rails server sends, its documents' examples first."""

from __future__ import annotations

import json

import pytest

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.rails.inbound import RailsInbound
from polyfeed.model.enums import Side
from tests.dialects.rails.conversation import conversation


def test_a_delta_of_the_documents() -> None:
    text = (
        '{"resultType":"publicOrderBookDelta","market":"ETH-USD","data":{"orders":[{"orderType":"sell","price":"3181.41",'
        '"quantity":"38.92"},{"orderType":"buy","price":"3181.39","quantity":"0"}],"statusCode":200,"ts":1772576154169}}'
    )
    ts = 1772576154169000
    levels = [InboundLevel(Side.SELL, "3181.41", "38.92", ts), InboundLevel(Side.BUY, "3181.39", "0", ts)]
    assert RailsInbound().receive(text) == BookMessage("ETH-USD", 0, False, levels)


def test_a_snapshot_without_market_and_time() -> None:
    text = '{"resultType":"publicOrderBook","data":{"orders":[],"statusCode":200}}'
    assert RailsInbound().receive(text) == BookMessage("", 0, True, [])


def test_trades_of_the_documents_and_not_their_makers_rows() -> None:
    row = '"matchId":"u","orderType":"buy","price":"3181.41","quantity":"0.01","updatedAt":1767762810250}'
    text = (
        '{"resultType":"publicCompletedOrdersDelta","market":"ETH-USD","data":{"orders":[{"executionType":"taker",'
        + row
        + ',{"executionType":"maker",'
        + row
        + '],"statusCode":200}}'
    )
    trade = InboundTrade("3181.41", "0.01", 1767762810250000, Side.BUY)
    assert RailsInbound().receive(text) == TradeMessage("ETH-USD", [trade])


def test_errors_and_everything_else() -> None:
    reader = RailsInbound()
    text = '{"resultType":"publicOrderBook","data":{"statusCode":403,"body":"subscription required: publicOrderBook"}}'
    assert reader.receive(text) == OtherMessage(text, "subscription required: publicOrderBook")
    text = '{"resultType":"completedOrdersDelta","data":[]}'
    assert reader.receive(text) == OtherMessage(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"resultType":"publicOrderBookDelta","data":{}}',
        '{"resultType":"publicOrderBookDelta","data":{"orders":[{"orderType":"hold","price":"1","quantity":"1"}]}}',
        '{"resultType":"publicOrderBookDelta","data":{"orders":[{"orderType":"buy","price":1,"quantity":"1"}]}}',
        '{"resultType":"publicCompletedOrders","data":{"orders":[7]}}',
        "[" * 100_000,
    ],
)
def test_what_rails_never_sends(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RailsInbound().receive(text)


def test_it_reads_all_that_our_own_server_says() -> None:
    kinds = {type(RailsInbound().receive(json.dumps(message))) for message in conversation().messages}
    assert kinds == {BookMessage, TradeMessage, OtherMessage}


def test_requests() -> None:
    assert RailsInbound().subscribe("book", ["BTC-USD", "ETH-USD"], 10) == [
        '{"message":"subscribe","content":{"subscriptions":["publicOrderBook"]}}',
        '{"message":"emitPublicOrderBook","content":{"market":"BTC-USD"}}',
        '{"message":"emitPublicOrderBook","content":{"market":"ETH-USD"}}',
    ]
    with pytest.raises(ValueError, match="channel 'ticker' is not one of book, trades"):
        RailsInbound().subscribe("ticker", ["BTC-USD"], 10)
