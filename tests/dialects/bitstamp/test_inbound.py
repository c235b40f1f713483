"""Server messages read back: frames as they were captured (spec/bitstamp.md 3 and 4)."""

from __future__ import annotations

import pytest

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, OtherMessage, TradeMessage
from polyfeed.dialects.bitstamp.inbound import BitstampInbound
from polyfeed.model.enums import Side

BOOK = '{"data":{"timestamp":"1789457617","microtimestamp":"1789457617906487","bids":[["77188","0.41122"]],"asks":[["77189","0.41124"]]},"channel":"order_book_btcusd-perp","event":"data"}'
DIFF = '{"data":{"timestamp":"1789456316","microtimestamp":"1789456316507635","bids":[["77049","0.00000"]],"asks":[]},"channel":"diff_order_book_btcusd-perp","event":"data"}'
TRADE = '{"data":{"id":629876235,"timestamp":"1788551770","amount":0.00062132,"amount_str":"0.00062132","price":79715.39,"price_str":"79715.39","type":0,"microtimestamp":"1788551770815000","buy_order_id":2046839997059073,"sell_order_id":2046839970762754},"channel":"live_trades_btcusd","event":"trade"}'
ORDER = '{"data":{"id":1},"channel":"live_orders_btcusd","event":"order_created"}'
ERROR = '{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}}'
ACK = '{"event":"bts:subscription_succeeded","channel":"order_book_btcusd","data":{}}'
LEAVE = '{"event":"bts:request_reconnect","channel":"","data":""}'


def test_books() -> None:
    inbound = BitstampInbound()
    ts = 1789457617906487
    levels = [InboundLevel(Side.BUY, "77188", "0.41122", ts), InboundLevel(Side.SELL, "77189", "0.41124", ts)]
    assert inbound.receive(BOOK) == BookMessage("btcusd-perp", 100, True, levels)
    removal = [InboundLevel(Side.BUY, "77049", "0.00000", 1789456316507635)]
    assert inbound.receive(DIFF) == BookMessage("btcusd-perp", 0, False, removal)


def test_trades() -> None:
    trade = InboundTrade("79715.39", "0.00062132", 1788551770815000, Side.BUY, trade_id=629876235)
    assert BitstampInbound().receive(TRADE) == TradeMessage("btcusd", [trade])


def test_everything_else() -> None:
    inbound = BitstampInbound()
    for text in (ORDER, ACK, LEAVE):
        assert inbound.receive(text) == OtherMessage(text)
    assert inbound.receive(ERROR) == OtherMessage(ERROR, "Bad subscription string.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        "x",
        '{"event":"data","channel":"nowhere","data":{}}',
        ERROR.replace("data", "date"),
        "[" * 9999,
        BOOK.replace("bids", "kids"),
        BOOK.replace("1789457617906487", "x"),
        TRADE.replace('"type":0', '"type":7'),
    ],
)
def test_text_that_bitstamp_never_sends(text: str) -> None:
    with pytest.raises(ValueError):
        BitstampInbound().receive(text)


def test_requests() -> None:
    inbound = BitstampInbound()
    assert inbound.subscribe("book", ["btcusd", "ethusd"], 10) == [
        '{"event":"bts:subscribe","data":{"channel":"order_book_btcusd"}}',
        '{"event":"bts:subscribe","data":{"channel":"order_book_ethusd"}}',
    ]
    assert inbound.subscribe("trades", ["btcusd"], 0) == [
        '{"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}'
    ]
    with pytest.raises(ValueError, match="not one of book, trades"):
        inbound.subscribe("ticker", ["btcusd"], 0)
