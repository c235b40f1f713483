"""Pages through more than memory holds, by each dialect's own means: each row once, in order, while new ones come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects.ekiden.ids import order_number
from polyfeed.dialects.kraken import KrakenDialect
from polyfeed.dialects.rails.ids import MATCH, order_ulid, uuid_of
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, PlaceOrder, SetIndexPrice
from polyfeed.model.enums import InstrumentKind, OrderKind, Side
from polyfeed.model.events import IndexPriceSet
from polyfeed.model.perpetuals import PerpetualTerms
from polyfeed.store.history.history import History, opener
from tests.asking import informed
from tests.dialects.bitstamp import desk as bitstamp
from tests.dialects.bitstamp.signing import signed
from tests.dialects.ekiden import rig as ekiden
from tests.dialects.rails import rig as rails
from tests.store.history.naive import Naive

pytestmark = pytest.mark.slow

ROUNDS, SWEPT = 1_350, 4
TAKER, MAKER = 1001, 1002


class Past:
    """History of a rig's venue, and the same as lists."""

    def __init__(self, directory: Path, rig: Any, on_batch: str) -> None:
        self.history = History(opener("sqlite", directory)())
        self.batches: list[Batch] = []
        self._written = 0
        original = getattr(rig, on_batch)

        def heard(batch: Batch) -> None:
            self.batches.append(batch)
            original(batch)

        setattr(rig, on_batch, heard)
        rig.ask = self.ask

    def ask(self, query: Any) -> Any:
        """As a server does: the writer comes up with the venue first."""
        self.history.write(self.batches[self._written :])
        self._written = len(self.batches)
        return self.history.ask(query)

    @property
    def naive(self) -> Naive:
        return Naive(self.batches)


def trade(do: Callable[[AnyCommand], Any], rounds: int = ROUNDS) -> None:
    """Rounds of some resting orders and one that takes them all, for which both accounts have the money."""
    for number in range(rounds):
        for _ in range(SWEPT):
            do(PlaceOrder(MAKER, 0, Side.SELL, OrderKind.LIMIT, 10, 100 + number % 7, client_id=f"m{number}"))
        do(PlaceOrder(TAKER, 0, Side.BUY, OrderKind.LIMIT, 10 * SWEPT, 200))


def paged(ask: Callable[[str], tuple[list[Any], str]], more: Callable[[], None]) -> list[Any]:
    """All pages; after each one something more happens."""
    rows: list[Any] = []
    cursor = ""
    while True:
        page, cursor = ask(cursor)
        rows += page
        if not cursor:
            return rows
        more()


def test_rails_completed_orders(tmp_path: Path) -> None:
    rig = rails.Rig(rails.instrument(0, "BTC-USD"))
    past = Past(tmp_path, rig, "publish")
    past.batches += rig.batches
    trade(rig.command)
    expected = [uuid_of(MATCH, row.fill.fill.trade_id) for row in past.naive.fills if row.account == MAKER][::-1]
    assert len(expected) == ROUNDS * SWEPT

    def ask(start: str) -> tuple[list[Any], str]:
        status, body = rig.call("GET", "/api/v1/completed-orders", MAKER, **({"start": start} if start else {}))
        assert status == 200, body
        return body["completedOrders"], body.get("last", "")

    rows = paged(ask, lambda: trade(rig.command, 1))
    assert [row["matchId"] for row in rows] == expected
    oldest = min(one.order.order_id for one in past.naive.ended.values() if one.account == MAKER)
    status, body = rig.call("GET", "/api/v1/order", MAKER, market="BTC-USD", order_id=order_ulid(oldest))
    assert status == 200, (status, body)
    assert body["order"]["orderId"] == order_ulid(oldest), "older than what memory holds"


def test_ekiden(tmp_path: Path) -> None:
    rig = ekiden.Rig()
    past = Past(tmp_path, rig, "on_batch")
    rig.list(ekiden.instrument(0, "BTC-USD"))
    for account in (TAKER, MAKER):
        rig.user(account)
    trade(rig.command)
    account = rig.accounts.get(MAKER)
    assert account is not None
    headers = {"authorization": f"Bearer {rig.dialect.token(rig.now, account)}"}

    def call(path: str, **query: str) -> Any:
        given = "&".join(f"{name}={value}" for name, value in query.items())
        answer = rig.rest("GET", f"/api/v1{path}?{given}", headers=headers)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def pages(path: str, limit: int, **query: str) -> list[Any]:
        def ask(cursor: str) -> tuple[list[Any], str]:
            body = call(path, limit=str(limit), cursor=cursor, **query)
            return body["list"], body["next_page_cursor"]

        return paged(ask, lambda: trade(rig.command, 1))

    naive = past.naive
    fills = [row.fill.fill.trade_id for row in naive.fills if row.account == MAKER][::-1]
    assert [row["seq"] for row in pages("/execution/list", 700)] == fills
    naive = past.naive
    orders = sorted((one.order.order_id for one in naive.ended.values() if one.account == MAKER), reverse=True)
    found = pages("/order/history", 500)
    assert [ekiden_order(row) for row in found] == orders
    assert len(orders) > 5_000
    orders = sorted((one.order.order_id for one in past.naive.ended.values() if one.account == MAKER), reverse=True)
    latest = call("/order/realtime", limit="1000", open_only="false")["list"]
    assert [ekiden_order(row) for row in latest] == orders[:500], "the documents' number"
    assert [ekiden_order(row) for row in pages("/order/history", 1, order_link_id="m3")] == orders[-16:-12]
    assert pages("/order/history", 1, order_status="Rejected") == []


def ekiden_order(row: Any) -> int:
    return order_number(row["order_id"]) or 0


@pytest.fixture
def desk(tmp_path: Path) -> tuple[bitstamp.VenueDesk, Past]:
    one = bitstamp.VenueDesk()
    past = Past(tmp_path, one, "on_batch")
    symbols = {"bitstamp": "btcusd", "kraken": "XBT/USD"}
    for command in bitstamp.setup([bitstamp.instrument(0, "btcusd", "BTC", "USD", symbols=symbols)]):
        one.do(command)
    bitstamp.add_user(one, TAKER, "alice")
    bitstamp.add_user(one, MAKER, "bob")
    trade(one.do)
    return one, past


def test_bitstamp_user_transactions(desk: tuple[bitstamp.VenueDesk, Past]) -> None:
    one, past = desk

    def call(path: str, **form: Any) -> Any:
        return json.loads(one.call(signed(one, "bob", path, form)).body)

    def ask(since: str) -> tuple[list[Any], str]:
        rows = call("user_transactions/btcusd/", sort="asc", since_id=since or "1")
        return rows, str(rows[-1]["id"] + 1) if len(rows) == 1000 else ""

    rows = paged(ask, lambda: trade(one.do, 1))
    expected = [row.fill.fill.trade_id for row in past.naive.fills if row.account == MAKER]
    assert [row["id"] for row in rows] == expected, "those that came meanwhile, too"
    newest = call("user_transactions/btcusd/", offset="5000", limit="3")
    assert [row["id"] for row in newest] == expected[::-1][5000:5003]
    oldest = min(one.order.order_id for one in past.naive.ended.values() if one.account == MAKER)
    status = call("order_status/", id=str(oldest))
    assert (status["status"], len(status["transactions"])) == ("Finished", 1), "older than what memory holds"


def test_bitstamp_transactions_and_candles(desk: tuple[bitstamp.VenueDesk, Past]) -> None:
    one, past = desk
    rows = json.loads(one.get("transactions/btcusd/", time="day").body)
    assert [int(row["tid"]) for row in rows] == [row.trade.trade_id for row in past.naive.trades[0]][::-1]
    for minutes in range(1500):
        one.advance(one.now + 60_000_000)
        if minutes % 3 == 0:
            trade(one.do, 1)
    body = {"step": "60", "limit": "1000"}
    newest = json.loads(one.get("ohlc/btcusd/", **body).body)["data"]["ohlc"]
    before = str(int(newest[0]["timestamp"]) - 1)
    older = json.loads(one.get("ohlc/btcusd/", **body, end=before).body)["data"]["ohlc"]
    whole = [int(row["timestamp"]) for row in (*older, *newest)]
    assert whole == list(range(whole[0], whole[0] + 60 * len(whole), 60))
    assert len(whole) > 1500
    traded = sum(1 for row in (*older, *newest) if float(row["volume"]))
    assert traded == len({row.trade.ts // 60_000_000 for row in past.naive.trades[0]})


def test_kraken_trades(desk: tuple[bitstamp.VenueDesk, Past]) -> None:
    one, past = desk
    dialect = KrakenDialect(one.market)
    expected = expected_of(past)

    def ask(since: str) -> tuple[list[Any], str]:
        query = {"pair": ["XBTUSD"], "since": [since or "1"], "count": ["999"]}
        answer = informed(dialect.rest(one.now, RestRequest("GET", "/0/public/Trades", query)), past.ask)
        assert isinstance(answer, RestResponse)
        result = json.loads(answer.body)["result"]
        rows = result["XXBTZUSD"]
        return rows, result["last"] if rows else ""

    rows = paged(ask, lambda: None)
    assert [row[6] for row in rows] == expected, "pages end in the midst of sweeps, too"
    last = past.batches[-1].ts
    trade(one.do, 1)
    assert [row[6] for row in ask(str(last * 1000 + 999))[0]] == expected_of(past)[-SWEPT:]


def expected_of(past: Past) -> list[int]:
    return [row.trade.trade_id for row in past.naive.trades[0]]


def test_ekiden_funding_and_closed_profit(tmp_path: Path) -> None:
    rig = ekiden.Rig()
    past = Past(tmp_path, rig, "on_batch")
    terms = PerpetualTerms()
    rig.list(ekiden.instrument(0, "BTC-USDC", kind=InstrumentKind.PERPETUAL, perpetual=terms))
    for account in (TAKER, MAKER):
        rig.user(account)
    rig.must(SetIndexPrice(0, 10_000))

    def match(side: Side, size: int, price: int) -> None:
        rig.must(PlaceOrder(MAKER, 0, Side(1 - side), OrderKind.LIMIT, size, price))
        rig.must(PlaceOrder(TAKER, 0, side, OrderKind.LIMIT, size, price, client_id="c"))

    match(Side.BUY, 20_000, 10_000)
    match(Side.SELL, 5_000, 10_100)
    match(Side.SELL, 25_000, 9_900)
    rig.now += terms.funding_interval_us
    rig.must(SetIndexPrice(0, 10_000))
    owner = rig.accounts.get(TAKER)
    assert owner is not None
    headers = {"authorization": f"Bearer {rig.dialect.token(rig.now, owner)}"}

    def rows(path: str) -> Any:
        return json.loads(rig.rest("GET", f"/api/v1{path}", headers=headers).body)["list"]

    told = ("side", "qty", "closed_size", "avg_entry_price", "avg_exit_price", "cum_entry_value", "fill_count")
    assert [tuple(row[name] for name in told) for row in rows("/position/closed-pnl")] == [
        ("Sell", "2.5", "1.5", "100", "99", "150", "1"),
        ("Sell", "0.5", "0.5", "100", "101", "50", "1"),
    ]
    (paid,) = rows("/market/funding/history?symbol=BTC-USDC")
    (settled,) = past.naive.rates[0]
    assert paid == {
        "symbol": "BTC-USDC",
        "funding_rate": "0.000012",
        "funding_time": str(settled.ts // 1000),
    }
    assert rows(f"/market/funding/history?symbol=BTC-USDC&end_time={settled.ts // 1000 - 1}") == []


def test_ekiden_executions_and_closed_profit_of_more_than_memory_holds(tmp_path: Path) -> None:
    rig = ekiden.Rig()
    past = Past(tmp_path, rig, "on_batch")
    terms = PerpetualTerms()
    rig.list(ekiden.instrument(0, "BTC-USDC", kind=InstrumentKind.PERPETUAL, perpetual=terms))
    for account in (TAKER, MAKER):
        rig.user(account)
    rig.must(SetIndexPrice(0, 10_000))

    def match(side: Side, size: int) -> None:
        rig.must(PlaceOrder(MAKER, 0, Side(1 - side), OrderKind.LIMIT, size, 10_000))
        rig.must(PlaceOrder(TAKER, 0, side, OrderKind.LIMIT, size, 10_000))

    def rounds(count: int) -> None:
        for number in range(count):
            match(Side.BUY, 20_000)
            if number % 20 == 0:
                rig.now += terms.funding_interval_us
                rig.must(SetIndexPrice(0, 10_000))
            match(Side.SELL, 20_000)

    rounds(1_050)
    owner = rig.accounts.get(TAKER)
    assert owner is not None
    headers = {"authorization": f"Bearer {rig.dialect.token(rig.now, owner)}"}

    def pages(path: str, limit: int) -> list[Any]:
        def ask(cursor: str) -> tuple[list[Any], str]:
            answer = rig.rest("GET", f"/api/v1{path}?limit={limit}&cursor={cursor}", headers=headers)
            assert answer.status == 200, answer
            body = json.loads(answer.body)
            return body["list"], body["next_page_cursor"]

        return paged(ask, lambda: rounds(1))

    naive = past.naive
    fills = [(row.fill.ts, 1, row.fill.fill.trade_id) for row in naive.fills if row.account == TAKER]
    paid = [(row.ts, 0, row.paid.transaction_id) for row in naive.payments if row.account == TAKER]
    expected = sorted((*fills, *paid), reverse=True)
    assert (len(fills), len(paid)) == (2_100, 53)
    found = pages("/execution/list", 97)
    assert [(row["exec_type"] == "Trade", row["seq"]) for row in found] == [(kind, seq) for _, kind, seq in expected]
    closed = [row.order for row in past.naive.closings.values() if row.account == TAKER]
    numbers = [one.order_id for one in sorted(closed, key=lambda one: (one.updated_ts, one.order_id), reverse=True)]
    assert len(numbers) > 1_050
    assert [ekiden_order(row) for row in pages("/position/closed-pnl", 211)] == numbers


def test_ekiden_mark_and_index_candles_of_more_than_memory_holds(tmp_path: Path) -> None:
    rig = ekiden.Rig()
    past = Past(tmp_path, rig, "on_batch")
    rig.list(ekiden.instrument(0, "BTC-USDC", kind=InstrumentKind.PERPETUAL, perpetual=PerpetualTerms()))
    minute = 60_000_000
    began = rig.now = -(-rig.now // minute) * minute
    for number in range(900):
        rig.must(SetIndexPrice(0, 10_000 + number))
        rig.now += minute

    def rows(path: str, start: int, end: int) -> list[Any]:
        query = f"symbol=BTC-USDC&interval=1m&limit=720&start_time={start // 1000}&end_time={end // 1000}"
        return list(json.loads(rig.rest("GET", f"/api/v1/market/{path}?{query}").body)["list"])

    told = [batch.ts for batch in past.batches if any(isinstance(one, IndexPriceSet) for one in batch.public)]
    assert len(told) == 900
    for path in ("mark-price-kline", "index-price-kline"):
        older, newer = (rows(path, began + at * minute, began + (at + 449) * minute) for at in (0, 450))
        found = [*older, *newer]
        assert [int(row["t"]) for row in found] == [(began + at * minute) // 1000 for at in range(900)]
        assert len({row["c"] for row in found}) > 800
    assert [row["c"] for row in rows("index-price-kline", began, began + minute)] == ["100", "100.01"]
