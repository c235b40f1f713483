"""The REST calls beside the socket, in the shapes of the real ones."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.recent import Recent
from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects.kraken.rest_names import accepted_names, alternate_name, asset_name, pair_name
from polyfeed.model.enums import Detail, InstrumentStatus, OrderKind, Side
from polyfeed.model.events import InstrumentStatusSet, LevelSet, SystemStatusSet, Trade
from tests.asking import informed
from tests.desk import Desk
from tests.dialects.kraken.support import START, instrument, server

SECOND = 1_000_000


def desk() -> Desk:
    """Two pairs; XBT/USD has a book and three trades: two at once, and one a quarter of an hour later."""
    xbt = instrument(
        0, "XBT/USD", tick=10_000, min_size=20_000, min_cost=50_000_000, taker_fee_ppm=2600, maker_fee_ppm=1600
    )
    made = server(xbt, instrument(1, "ADA/XBT", 9, tick=10, detail=Detail.ORDERS))
    made.publish(
        [
            LevelSet(0, Side.BUY, 948_240_000, 183_456_789, START + 1_234_567),
            LevelSet(0, Side.BUY, 948_230_000, 40_000, START + 2_000_000),
            LevelSet(0, Side.SELL, 948_250_000, 1_250_000_000, START + 3_999_999),
            Trade(0, 11, 948_240_000, 100_000_000, Side.SELL, OrderKind.MARKET, ts=START + 4 * SECOND),
            Trade(0, 12, 948_250_000, 50_000_000, Side.BUY, OrderKind.LIMIT, ts=START + 4 * SECOND + 1300),
        ]
    )
    made.publish([Trade(0, 13, 950_000_000, 25_000_000, Side.BUY, OrderKind.LIMIT, ts=START + 904 * SECOND)])
    return made


def call(server: Desk, path: str, query: str = "", method: str = "GET") -> str:
    """The body of an answer, which is always HTTP 200; a POST has the query as its form."""
    if method == "POST":
        request = RestRequest("POST", f"/0/public/{path}", body=query.encode())
    else:
        request = RestRequest(method, f"/0/public/{path}", parse_qs(query))
    response = informed(server.dialect.rest(server.now, request), Recent(server.market, Accounts()).ask)
    assert isinstance(response, RestResponse)
    assert (response.status, response.content_type) == (200, "application/json")
    return response.body.decode()


def result(server: Desk, path: str, query: str = "", method: str = "GET") -> Any:
    body = json.loads(call(server, path, query, method))
    assert body["error"] == []
    return body["result"]


def test_time() -> None:
    made = desk()
    made.now = 1_616_336_594_999_999
    assert (
        call(made, "Time") == '{"error":[],"result":{"unixtime":1616336594,"rfc1123":"Sun, 21 Mar 21 14:23:14 +0000"}}'
    )


def test_system_status() -> None:
    made = desk()
    made.now = 1_616_340_782_000_000
    assert call(made, "SystemStatus") == '{"error":[],"result":{"status":"online","timestamp":"2021-03-21T15:33:02Z"}}'
    made.publish([SystemStatusSet("maintenance")])
    assert result(made, "SystemStatus")["status"] == "maintenance"


def test_assets() -> None:
    made = desk()
    assert list(result(made, "Assets")) == ["ADA", "ZUSD", "XXBT"]
    assert call(made, "Assets", "asset=XBT") == (
        '{"error":[],"result":{"XXBT":{"aclass":"currency","altname":"XBT","decimals":10,"display_decimals":5,"status":"enabled"}}}'
    )
    assert list(result(made, "Assets", "asset=ZUSD,ADA")) == ["ZUSD", "ADA"]
    assert call(made, "Assets", "asset=XYZ") == '{"error":["EQuery:Unknown asset"]}'


def test_asset_pairs() -> None:
    made = desk()
    assert call(made, "AssetPairs", "pair=XBTUSD") == (
        '{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT\\/USD","aclass_base":"currency","base":"XXBT",'
        '"aclass_quote":"currency","quote":"ZUSD","lot":"unit","cost_decimals":5,"pair_decimals":1,"lot_decimals":8,'
        '"lot_multiplier":1,"leverage_buy":[],"leverage_sell":[],"fees":[[0,0.26]],"fees_maker":[[0,0.16]],'
        '"fee_volume_currency":"ZUSD","margin_call":80,"margin_stop":40,"ordermin":"0.0002","costmin":"0.5",'
        '"tick_size":"0.1","status":"online"}}}'
    )
    assert list(result(made, "AssetPairs")) == ["XXBTZUSD", "ADAXBT"]
    other = result(made, "AssetPairs", "pair=ADAXBT")["ADAXBT"]
    assert (other["pair_decimals"], other["tick_size"], other["fees"]) == (8, "0.00000001", [[0, 0]])


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (InstrumentStatus.POST_ONLY, "post_only"),
        (InstrumentStatus.LIMIT_ONLY, "limit_only"),
        (InstrumentStatus.HALTED, "cancel_only"),
    ],
)
def test_the_status_of_a_pair(status: InstrumentStatus, shown: str) -> None:
    made = desk()
    made.publish([InstrumentStatusSet(0, status)])
    assert result(made, "AssetPairs")["XXBTZUSD"]["status"] == shown


def test_ticker() -> None:
    made = desk()
    assert call(made, "Ticker", "pair=XBTUSD") == (
        '{"error":[],"result":{"XXBTZUSD":{"a":["9482.50000","12","12.500"],"b":["9482.40000","1","1.834"],'
        '"c":["9500.00000","0.25000000"],"v":["1.75000000","1.75000000"],"p":["9484.94286","9484.94286"],"t":[3,3],'
        '"l":["9482.40000","9482.40000"],"h":["9500.00000","9500.00000"],"o":"9482.40000"}}}'
    )
    assert list(result(made, "Ticker")) == ["XXBTZUSD", "ADAXBT"]
    assert result(made, "Ticker", "pair=ADAXBT")["ADAXBT"]["a"] == ["0.000000000", "0", "0.000"]


def test_depth() -> None:
    made = desk()
    assert call(made, "Depth", "pair=XBTUSD") == (
        '{"error":[],"result":{"XXBTZUSD":{"asks":[["9482.50000","12.500",1561939203]],'
        '"bids":[["9482.40000","1.834",1561939201],["9482.30000","0.000",1561939202]]}}}'
    )
    assert len(result(made, "Depth", "pair=XBTUSD&count=1")["XXBTZUSD"]["bids"]) == 1


def test_trades() -> None:
    made = desk()
    rows = (
        '["9482.40000","1.00000000",1561939204.000000,"s","m","",11],'
        '["9482.50000","0.50000000",1561939204.001300,"b","l","",12],'
        '["9500.00000","0.25000000",1561940104.000000,"b","l","",13]'
    )
    assert call(made, "Trades", "pair=XBTUSD") == (
        f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"1561940104000000000"}}}}'
    )
    assert [row[6] for row in result(made, "Trades", "pair=XBTUSD&count=2")["XXBTZUSD"]] == [12, 13]
    first = result(made, "Trades", "pair=XBTUSD&since=1561939200&count=1")
    assert [row[6] for row in first["XXBTZUSD"]] == [11]
    second = result(made, "Trades", f"pair=XBTUSD&since={first['last']}")
    assert [row[6] for row in second["XXBTZUSD"]] == [12, 13]
    assert result(made, "Trades", f"pair=XBTUSD&since={second['last']}") == {"XXBTZUSD": [], "last": second["last"]}


def test_candles_of_quiet_intervals_are_there() -> None:
    made = desk()
    answer = result(made, "OHLC", "pair=XBTUSD&interval=5")
    assert answer == {
        "XXBTZUSD": [
            [1561939200, "9482.4", "9482.5", "9482.4", "9482.5", "9482.4", "1.50000000", 2],
            [1561939500, "9482.5", "9482.5", "9482.5", "9482.5", "0.0", "0.00000000", 0],
            [1561939800, "9482.5", "9482.5", "9482.5", "9482.5", "0.0", "0.00000000", 0],
            [1561940100, "9500.0", "9500.0", "9500.0", "9500.0", "9500.0", "0.25000000", 1],
        ],
        "last": 1561939800,
    }
    assert list(answer) == ["XXBTZUSD", "last"]
    later = result(made, "OHLC", f"pair=XBTUSD&interval=5&since={answer['last']}")
    assert [row[0] for row in later["XXBTZUSD"]] == [1561940100]
    assert result(made, "OHLC", f"pair=XBTUSD&interval=5&since={1 << 40}") == later, "the running one is always there"
    assert result(made, "OHLC", "pair=ADAXBT") == {"ADAXBT": [], "last": 0}


def test_at_most_720_candles() -> None:
    made = desk()
    made.publish([LevelSet(0, Side.BUY, 948_230_000, 40_000, START + 100_000 * SECOND)])
    rows = result(made, "OHLC", "pair=XBTUSD")["XXBTZUSD"]
    assert len(rows) == 720
    assert [row[0] for row in rows] == list(range(1561939200 + 100_000 // 60 * 60 - 719 * 60, 1561939200 + 100_000, 60))
    assert result(made, "OHLC", "pair=XBTUSD&since=1561939200")["XXBTZUSD"] == rows, "older ones cannot be had"


def test_spread() -> None:
    assert call(desk(), "Spread", "pair=XBTUSD") == (
        '{"error":[],"result":{"XXBTZUSD":[[1561940104,"9482.40000","9482.50000"]],"last":1561940104}}'
    )


@pytest.mark.parametrize("name", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTCUSD", "BTC/USD", "xbtusd"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pair_has_many_names_and_is_answered_by_one(name: str, method: str) -> None:
    query = f"kwargs=%7B%7D&pair={name.replace('/', '%2F')}"
    assert list(result(desk(), "Ticker", query, method)) == ["XXBTZUSD"]


def test_several_pairs() -> None:
    assert list(result(desk(), "Ticker", "pair=ADA/XBT,XBTUSD")) == ["ADAXBT", "XXBTZUSD"]


@pytest.mark.parametrize(
    ("path", "query", "error"),
    [
        ("Ticker", "pair=XYZUSD", "EQuery:Unknown asset pair"),
        ("Ticker", "pair=XBTUSD,XYZ", "EQuery:Unknown asset pair"),
        ("AssetPairs", "pair=XYZ", "EQuery:Unknown asset pair"),
        ("Depth", "pair=XYZ", "EQuery:Unknown asset pair"),
        ("Depth", "", "EGeneral:Invalid arguments"),
        ("Depth", "pair=XBTUSD&count=many", "EGeneral:Invalid arguments"),
        ("Depth", "pair=XBTUSD&count=-1", "EGeneral:Invalid arguments"),
        ("OHLC", "pair=XBTUSD&interval=2", "EGeneral:Invalid arguments"),
        ("OHLC", "pair=XBTUSD&interval=%C2%B2", "EGeneral:Invalid arguments"),
        ("Trades", "pair=XBTUSD&since=" + "9" * 5000, "EGeneral:Invalid arguments"),
        ("Foo", "", "EGeneral:Unknown method"),
        ("", "", "EGeneral:Unknown method"),
        ("Time/x", "", "EGeneral:Unknown method"),
    ],
)
def test_errors_are_http_200(path: str, query: str, error: str) -> None:
    assert call(desk(), path, query) == f'{{"error":["{error}"]}}'


def test_paths_that_are_not_public() -> None:
    made = desk()
    assert call(made, "Time", method="PUT") == '{"error":["EGeneral:Unknown method"]}'
    private = made.dialect.rest(made.now, RestRequest("POST", "/0/private/Balance"))
    assert (private.status, private.body) == (200, b'{"error":["EAPI:Invalid key"]}')
    assert made.dialect.rest(made.now, RestRequest("GET", "/index.html")).status == 404
    assert made.dialect.rest(made.now, RestRequest("GET", "/")).status == 404


def test_a_form_that_is_no_text() -> None:
    made = desk()
    response = made.dialect.rest(made.now, RestRequest("POST", "/0/public/Ticker", body=b"pair=\xff\x00&&=&%"))
    assert response.body == b'{"error":["EQuery:Unknown asset pair"]}'


def test_names_of_all_shipped_pairs() -> None:
    with (files("polyfeed") / "data" / "kraken" / "pairs.csv").open(encoding="ascii", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 83
    for row in rows:
        assert pair_name(row["wsname"]) == row["rest_name"]
        assert alternate_name(row["wsname"]) == row["altname"]
    names = [name for row in rows for name in accepted_names(row["wsname"])]
    assert len(names) == len(set(names)), "no name stands for two pairs"


def test_names_that_follow_no_rule() -> None:
    assert pair_name("USDT/USD") == "USDTZUSD"
    assert pair_name("XBT/AUD") == "XBTAUD"
    assert pair_name("XBT/JPY") == "XXBTZJPY"
    assert (asset_name("XBT"), asset_name("USD"), asset_name("ADA")) == ("XXBT", "ZUSD", "ADA")
