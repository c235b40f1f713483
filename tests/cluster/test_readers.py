"""The readers that are under fire notice what is wrong, each by its dialect's own means, and share what they know."""

from __future__ import annotations

import json

import pytest

from tests.cluster.crowd import Feed
from tests.cluster.readers import Kept

DIFF, SHOWN = "diff_order_book_btcusd", "order_book_btcusd"


def bitstamp(channel: str, stamp: int, *bids: list[str]) -> str:
    data = {"timestamp": "1", "microtimestamp": str(stamp), "bids": [*bids], "asks": []}
    return json.dumps({"data": data, "channel": channel, "event": "data"} if channel else data)


def rails(kind: str, price: str, size: str) -> str:
    rows = [{"orderType": "buy", "price": price, "quantity": size}]
    return json.dumps({"resultType": kind, "market": "BTC-USD", "data": {"orders": rows, "statusCode": 200, "ts": 1}})


def ekiden(kind: str, seq: int) -> str:
    return json.dumps({"op": "event", "type": kind, "data": {"seq": seq, "a": [], "b": [[str(seq), "1"]]}})


KRAKEN = '[13,{"as":[],"bs":[["100.00000","1.00000000","1.0"]]},"book-10","XBT/USD"]'
BEGIN = {
    "kraken": [KRAKEN],
    "bitstamp": [bitstamp("", 1, ["100", "1"]), bitstamp(DIFF, 2, ["101", "1"])],
    "peatio": ['{"btcusd.ob-snap":{"asks":[],"bids":[["100.0","1.0"]],"sequence":7}}'],
    "rails": [rails("publicOrderBook", "100", "1")],
    "ekiden": [ekiden("snapshot", 7)],
}
GOES_ON = {
    "kraken": '[13,{"b":[["99.00000","1.00000000","2.0"]],"c":"1571025512"},"book-10","XBT/USD"]',
    "bitstamp": bitstamp(SHOWN, 2, ["101", "1"], ["100", "1"]),
    "peatio": '{"btcusd.ob-inc":{"bids":["99.0","1.0"],"sequence":8}}',
    "rails": rails("publicOrderBook", "100", "1"),
    "ekiden": ekiden("delta", 8),
}
WRONG = {
    "kraken": '[13,{"b":[["99.00000","1.00000000","2.0"]],"c":"1"},"book-10","XBT/USD"]',
    "bitstamp": bitstamp(SHOWN, 2, ["101", "1"]),
    "peatio": '{"btcusd.ob-inc":{"bids":["99.0","1.0"],"sequence":9}}',
    "rails": rails("publicOrderBook", "100", "2"),
    "ekiden": ekiden("delta", 9),
}
TOLD = {
    "kraken": '{"event":"systemStatus","status":"maintenance","version":"0.2.0"}',
    "bitstamp": '{"event":"bts:request_reconnect","channel":"","data":""}',
}


def after(feed: Feed, *frames: str) -> Kept:
    known = feed.start
    for frame in frames:
        known = feed.after(known, frame.encode())
    return known


@pytest.mark.parametrize("dialect", BEGIN)
def test_what_is_right_is_a_book_and_what_is_wrong_is_noticed(dialect: str) -> None:
    feed = Feed(dialect, "busy")
    right = after(feed, *BEGIN[dialect], GOES_ON[dialect])
    assert (right.word, right.wrong) == ("book", "")
    assert WRONG[dialect] in after(feed, *BEGIN[dialect], WRONG[dialect]).wrong


@pytest.mark.parametrize("dialect", TOLD)
def test_the_word_for_a_feed_that_is_behind(dialect: str) -> None:
    known = after(Feed(dialect, "busy"), *BEGIN[dialect], TOLD[dialect])
    assert known.word in {"maintenance", "reconnect"}


@pytest.mark.parametrize("dialect", BEGIN)
def test_who_knows_the_same_shares_it(dialect: str) -> None:
    feed = Feed(dialect, "busy")
    first = after(feed, *BEGIN[dialect], GOES_ON[dialect])
    verified = feed.verified
    assert after(feed, *BEGIN[dialect], GOES_ON[dialect]) is first
    assert feed.verified == verified
